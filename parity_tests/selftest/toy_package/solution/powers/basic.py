"""X²."""


def square(X):
    return X * X
