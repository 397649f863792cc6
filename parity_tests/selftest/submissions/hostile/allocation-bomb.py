"""Allocation bomb. Verdict: memory."""

def forward(self, X):
    hoard = []
    while True:
        hoard.append(np.zeros(1 << 24))


relu.forward = forward
