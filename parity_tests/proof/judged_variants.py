"""Checks variants of an assignment's solution, as `parity check` does."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from parity_tests.harness.check import check
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.proof.variants import Variant
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from reports.model.records import Record
from reports.model.verdicts import FAILING

CASE_SECONDS = 5.0
"""What a case may take."""


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
            cache=_cache(),
        )
    return run.records


def failures(records: Iterable[Record]) -> list[Record]:
    """Those that fail of causes of their own."""
    return [record for record in records if record.verdict in FAILING and not record.explained_by]


# One of each for all variants that a process checks, as in a class.


@cache
def fork_servers() -> ForkServers:
    """What the processes of all variants are forked off."""
    servers = ForkServers()
    atexit.register(servers.close)
    return servers


@cache
def _cache() -> JudgementCache:
    return JudgementCache()
