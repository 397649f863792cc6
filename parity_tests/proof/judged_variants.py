"""Checks variants of an assignment's solution, as `parity check` does; what became of one is a row of the proof."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from parity_tests.harness.check import check
from parity_tests.harness.judgement_cache import cache_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.proof.variants import Variant
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from reports.model.notes import UNGRADED
from reports.model.records import Record
from reports.model.verdicts import FAILING

CASE_SECONDS = 5.0
"""What a case may take."""
SEPARATOR = " | "
"""What stands between the names that a variant got."""


@dataclass(frozen=True)
class Row:
    """One variant and what the harness answered. `good` is what it must answer; `detail` says what it did.

    Of a mistake and of a near miss `detail` are the names that it got, and `sentence` is one that was said: of a
    mistake with another name than its own.
    """

    kind: str
    part: str
    name: str
    outcome: str
    good: bool
    detail: str
    sentence: str = ""


def records(
    assignment: Assignment,
    variant: Variant,
    *,
    parts: Iterable[str] | None = None,
    seed: int = 0,
    edition: str | None = None,
    dtypes: Sequence[str] = DTYPES,
    named: bool = True,
) -> list[Record]:
    """The records of a check of this variant: of all cases, or of those with a quantity of these parts.

    Names of mistakes are not looked for where it is not to be `named`: verdicts do not hang on them.
    """
    assignment = assignment if named else replace(assignment, diagnosis=None)
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        variant.write(Path(folder))
        run = check(
            assignment,
            Path(folder),
            name="variant",
            parts=None if parts is None else frozenset(parts),
            seed=seed,
            edition=edition,
            dtypes=dtypes,
            timeout=CASE_SECONDS,
            servers=fork_servers(),
            cache=cache_of(assignment.solution),
        )
    return run.records


def failures(records: Iterable[Record]) -> list[Record]:
    """Those that fail of causes of their own."""
    return [record for record in records if record.verdict in FAILING and not record.explained_by]


def names_in(records: Iterable[Record]) -> list[str]:
    """The names that those which fail of causes of their own got, each once."""
    return sorted({name for record in failures(records) for name in record.diagnosis.split("; ") if name})


def first_failure(
    assignment: Assignment, variant: Variant, own: Iterable[str], edition: str | None, seed: int, dtypes: Sequence[str]
) -> str:
    """Where a variant fails first: in the cases of its own parts, else in any; "" where in none.

    An ungraded part that is noted to be wrong fails here.
    """
    own = frozenset(own)
    for parts in (own, None) if own else (None,):
        found = records(assignment, variant, parts=parts, seed=seed, edition=edition, dtypes=dtypes, named=False)
        failed = failures(found) or [one for one in found if any(note.kind in UNGRADED for note in one.notes)]
        if failed:
            return f"{failed[0].case}, {failed[0].quantity}"
    return ""


# One of each for all variants that a process checks, as in a class.


@cache
def fork_servers() -> ForkServers:
    """What the processes of all variants are forked off."""
    servers = ForkServers()
    atexit.register(servers.close)
    return servers
