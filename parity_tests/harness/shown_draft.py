"""Says whether a draft of a script shows a record: on the submission it fails, and on the solution it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from parity_tests.harness.draft import Draft, Outcome, Unfit, lines_for, run
from parity_tests.protocol.reproduction import Networks
from reports.model.records import Record
from reports.model.verdicts import Verdict

WORDS: dict[str, str] = {
    Verdict.CRASHED: "it crashes",
    Verdict.MISSING: "it is missing",
    Verdict.TIMEOUT: "it does not come back",
}
MEMORY = "it needs more memory than a submission may have, and a script would take that from the machine it runs on"


def shown(draft: Draft, record: Record, networks: Networks) -> tuple[Draft, Sequence[str]] | None:
    """The draft, if need be with another verdict, and its second half, where both sides do as they should."""
    try:
        outcome = run(draft, networks.submission)
    except Unfit:
        return None
    if outcome.failure is not None:
        kind = outcome.failure.kind
        raised = (
            record.verdict in (Verdict.CRASHED, Verdict.MISSING)
            and kind in (Verdict.CRASHED, Verdict.MISSING)
            and not outcome.results
        )
        if raised and draft.verdict in (Verdict.CRASHED, Verdict.MISMATCH) and _same_place(outcome, record):
            final: Draft = replace(draft, verdict=Verdict.CRASHED)
            judged: Sequence[str] = ()
        elif kind == "timeout" and draft.verdict == "timeout":
            final, judged = draft, ()
        else:
            return None
    elif draft.verdict == Verdict.MISMATCH and not outcome.agrees:
        final, judged = draft, lines_for(draft, outcome.results)
    else:
        return None
    try:
        silent = run(final, networks.solution, judged)
    except Unfit:
        return None
    return (final, judged) if silent.agrees and silent.failure is None else None


def _same_place(outcome: Outcome, record: Record) -> bool:
    failure = outcome.failure
    return failure is not None and (failure.line or None) == (record.line or None)
