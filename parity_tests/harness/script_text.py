"""The text of a script that a draft makes: what it imports, both halves, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parity_tests.harness.draft import Draft
from reports.model.verdicts import Verdict


def script_of(
    draft: Draft,
    judge: Sequence[str],
    words: str,
    title: str,
    modules: Sequence[str],
    start: Sequence[str],
    seconds: float,
) -> str:
    """The script, with its docstring `title`; `words` say what is wrong.

    `modules` are those of the standard library that `start` needs: its lines import the submission. `seconds` is what a
    call may take.
    """
    needed = {"sys", *draft.imports, *modules, *(("os", "signal") if draft.verdict == Verdict.TIMEOUT else ())}
    lines = [title, f"import {', '.join(sorted(needed))}", "", "import numpy as np"]
    lines += ["import torch"] if any("torch" in line for line in judge) else []
    lines += [""]
    if draft.verdict == Verdict.TIMEOUT:
        whole = int(np.ceil(seconds))
        late = f"It fails: after {whole} seconds it has not come back."
        lines += ["def late(signum, frame):", f'    print("{late}", flush=True)', "    os._exit(1)"]
        lines += ["signal.signal(signal.SIGALRM, late)", f"signal.alarm({whole})"]
    lines += [*start, "", *draft.given]
    if draft.verdict == Verdict.CRASHED:
        lines += ["# Here it raises: what Python prints is the failure.", "try:"]
        lines += [f"    {line}" for line in draft.ask]
        lines += ["except SystemExit:", '    sys.exit("It fails: it ends the program.")']
        lines += ['print("It agrees: nothing is raised.")']
    elif draft.verdict == Verdict.TIMEOUT:
        lines += [*draft.ask, "signal.alarm(0)", 'print("It agrees: it comes back.")']
    else:
        lines += [*draft.ask, "", *judge, f'print("It agrees." if agrees else {f"It fails: {words}."!r})']
        lines += ["sys.exit(0 if agrees else 1)"]
    return "\n".join(lines) + "\n"
