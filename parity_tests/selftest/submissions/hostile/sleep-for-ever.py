"""Sleep for ever, and swallow whatever would stop it. Verdict: timeout."""

import time


def forward(self, X):
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass


relu.forward = forward
