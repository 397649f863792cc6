"""Shadowing numpy.py or importing torch. Verdict: match."""

for _name in ("torch", "scipy", "pandas", "reference.answers", "parity_tests.checking", "reports", "_pytest", "pip"):
    try:
        __import__(_name)
    except (ImportError, OSError):
        continue
    print("BREACH: imported", _name)
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__name__ == "Guard"]
for _name in ("torch", "pandas", "reference", "parity_tests"):
    try:
        __import__(_name)
    except (ImportError, OSError):
        continue
    print("BREACH: imported, past the guard,", _name)
