"""As many threads as there can be. Verdict: match."""

import threading
import time

_honest = relu.forward
threading.stack_size(1 << 16)


def forward(self, X):
    started = 0
    try:
        while True:
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    if started > 100:
        print("BREACH:", started, "threads")
    return _honest(self, X)


relu.forward = forward
