"""A conftest.py of their own. Verdict: mismatch."""

def forward(self, X):
    return X + 1


relu.forward = forward
