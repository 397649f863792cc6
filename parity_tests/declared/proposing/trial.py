"""Tries a proposal before it is written: whether torch can do its lines with what is drawn, in each way of sizes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from parity_tests.declared import judging
from parity_tests.declared.cases import draw, plan
from parity_tests.declared.declaration import FILE, read
from parity_tests.declared.proposing.proposal import Proposal
from parity_tests.declared.proposing.writing import Plan, declaration
from parity_tests.protocol.errors import UsageError


def what_fails(proposal: Proposal) -> str:
    """What torch, or the drawing, says of the first case that cannot be answered, "" where all can."""
    whole = Plan("trial", "trial", "a trial", False, (), (), (), {})
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        Path(folder, FILE).write_text(declaration(whole, [proposal]), encoding="utf-8")
        try:
            declared = read(Path(folder))
            (question,) = declared.questions
            cases = plan(declared, "", ("float64",), 0)
            told = (
                judging.what_fails(question, one, draw(question, one.params, np.random.default_rng(0))) for one in cases
            )
            return next(filter(None, told), "")
        except UsageError as error:
            return str(error).replace(f"{folder}/", "").rstrip(".")
