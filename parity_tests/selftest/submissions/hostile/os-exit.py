"""os._exit(0). Verdict: crashed."""

import os


def forward(self, X):
    os._exit(0)


relu.forward = forward
