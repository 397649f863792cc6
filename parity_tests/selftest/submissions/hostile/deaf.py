"""Loop for ever, deaf to every signal. Verdict: timeout."""

import signal


def forward(self, X):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        pass


relu.forward = forward
