"""Object, complex, NaN, masked, matrix, list or None results. Verdict: mismatch."""

_odd = [
    lambda X: X.astype(object),
    lambda X: X * 1j,
    lambda X: X * np.nan,
    lambda X: np.ma.masked_all_like(X),
    lambda X: np.matrix(np.atleast_2d(X)[:1]),
    lambda X: X.tolist(),
    lambda X: None,
    lambda X: np.recarray((1,), dtype="f8,i4"),
    lambda X: X.astype("U9"),
    lambda X: np.full(X.shape, "1970-01-01", "M8[D]"),
    lambda X: iter(X),
    lambda X: -np.inf,
]


def forward(self, X):
    return _odd[int(np.random.randint(len(_odd)))](X)


relu.forward = forward
