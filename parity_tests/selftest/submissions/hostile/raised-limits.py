"""Allocation bomb, after raising the limits. Verdict: memory."""

import resource


def forward(self, X):
    for what in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        for limit in (resource.RLIM_INFINITY, 1 << 40):
            try:
                resource.setrlimit(what, (limit, limit))
                print("BREACH: a limit was raised")
            except (ValueError, OSError):
                pass
    return np.ones(1 << 30)


relu.forward = forward
