"""Tries a proposal before it is written: whether torch can do its lines with what is drawn, in sizes of each order."""

from __future__ import annotations

import tempfile
from pathlib import Path

from parity_tests.declared.declaration import FILE, not_compared, read
from parity_tests.declared.judging import failing_question
from parity_tests.declared.proposing.proposal import Proposal
from parity_tests.declared.proposing.writing import Plan, declaration
from parity_tests.protocol.errors import UsageError


def what_fails(proposal: Proposal) -> tuple[str, bool] | None:
    """What torch, or the drawing, says of the first case that cannot be answered, None where all can.

    And whether no other draw would help. The proposal is told what it does not compare.
    """
    whole = Plan("trial", "trial", "a trial", False, (), (), (), {})
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        Path(folder, FILE).write_text(declaration(whole, [proposal]), encoding="utf-8")
        try:
            declared = read(Path(folder))
            proposal.not_compared = [*dict.fromkeys((*proposal.not_compared, *not_compared(declared.questions[0])))]
            _, said, error = failing_question(declared) or ("", "", None)
            return (f"of what is drawn torch's {said}", isinstance(error, AttributeError | NameError)) if said else None
        except UsageError as error:
            return str(error).replace(f"{folder}/", "").rstrip("."), True
