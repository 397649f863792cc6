"""Daemon by setsid, which outlives its parent. Verdict: crashed."""

import os
import time


def forward(self, X):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    return X * (X > 0)


relu.forward = forward
