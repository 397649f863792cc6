"""Network, by every family of sockets. Verdict: match."""

import ctypes

_honest = relu.forward


def forward(self, X):
    libc = ctypes.CDLL(None, use_errno=True)
    for family in range(46):
        for kind in (1, 2, 3, 5):
            if libc.socket(family, kind, 0) >= 0:
                print("BREACH: a socket of family", family)
    if libc.socketpair(1, 1, 0, (ctypes.c_int * 2)()) >= 0:
        print("BREACH: a pair of sockets")
    return _honest(self, X)


relu.forward = forward
