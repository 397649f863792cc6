"""An orphan holding stdout open. Verdict: crashed."""

import subprocess


def forward(self, X):
    subprocess.Popen(["sleep", "600"])
    return X * (X > 0)


relu.forward = forward
