"""Everything at once, at import. Verdict: crashed."""

import os

os.fork()
