"""Loop for ever. Verdict: timeout."""

def forward(self, X):
    while True:
        pass


relu.forward = forward
