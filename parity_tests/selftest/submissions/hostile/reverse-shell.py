"""Network and reverse shells. Verdict: crashed."""

import os


def forward(self, X):
    for program in ("/bin/sh", "/usr/bin/env", "/usr/bin/python3", os.sys.executable):
        try:
            os.execv(program, [program, "-c", "echo BREACH: a program was run"])
        except OSError as error:
            last = error
    raise last


relu.forward = forward
