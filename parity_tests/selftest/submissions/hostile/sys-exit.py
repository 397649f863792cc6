"""sys.exit(0). Verdict: crashed."""

import sys


def forward(self, X):
    sys.exit(0)


relu.forward = forward
