"""8 GiB arrays. Verdict: memory."""

def forward(self, X):
    return np.zeros((1 << 30,))


relu.forward = forward
