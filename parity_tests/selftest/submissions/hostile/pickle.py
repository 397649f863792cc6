"""Pickles. Verdict: mismatch."""

class Pickled:
    def __reduce__(self):
        return print, ("BREACH: unpickled",)


def forward(self, X):
    return np.array([Pickled()], dtype=object)


relu.forward = forward
