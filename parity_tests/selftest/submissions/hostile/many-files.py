"""A million empty files. Verdict: timeout or crashed."""

def forward(self, X):
    number = 0
    while True:
        number += 1
        open("file" + str(number), "x").close()


relu.forward = forward
