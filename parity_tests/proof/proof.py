"""Runs the self-proof on all cores: slips, evasions, honest rewrites, null ones; its rows make a frame."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from parity_tests.harness.machine import cores, import_torch
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import Row, first_failure, records
from parity_tests.proof.mutants import mutants, trial
from parity_tests.proof.near_misses import called, near_misses
from parity_tests.proof.null_submissions import (
    MOST_PER_CENT,
    NullSubmission,
    null_submissions,
    points_of,
    records_of_null,
)
from parity_tests.proof.variants import Variant, rewritten
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Rewrite
from parity_tests.protocol.registry import find
from reports.model.verdicts import Verdict


@dataclass(frozen=True)
class Kind:
    """Variants of one kind: those of an assignment, and the row of one with the inputs of a seed."""

    of: Callable[[Assignment], Iterable[Any]]
    judged: Callable[[Assignment, Any, int], Row]


def _of_null(assignment: Assignment, null: NullSubmission, seed: int) -> Row:
    earned = points_of(assignment, records_of_null(assignment, null, seed))
    good = earned <= MOST_PER_CENT
    return Row("nulls", "", null.name, "caught" if good else "survived", good, f"{earned:g} of 100")


def _of_evasion(assignment: Assignment, evasion: Rewrite, seed: int) -> Row:
    variant = rewritten(assignment, evasion)
    own, edition = changed_parts(assignment, variant), edition_for(assignment, variant)
    found = first_failure(assignment, variant, own, edition, seed, DTYPES)
    return Row("evasions", "", evasion.name, "caught" if found else "survived", bool(found), found)


def _of_honest(assignment: Assignment, variant: Variant, seed: int) -> Row:
    judged = records(assignment, variant, seed=seed, edition=edition_for(assignment, variant), named=False)
    wrong = [record for record in judged if record.verdict != Verdict.MATCH]
    undecided = all(record.verdict == Verdict.UNDECIDED for record in wrong)
    outcome = "match" if not wrong else "undecided" if undecided else "false alarm"
    ratios = [record.ratio for record in judged if record.ratio is not None]
    elements, largest = sum(record.total or 0 for record in judged), max(ratios, default=0.0)
    agree = f"{elements:,} elements, the largest difference {largest:.2g} of its error bound"
    return Row("honest", "", variant.name, outcome, undecided, "; ".join(r.message for r in wrong[:3]) or agree)


VARIANTS = {
    "nulls": Kind(null_submissions, _of_null),
    "honest": Kind(correct_variants, _of_honest),
    "nearmisses": Kind(near_misses, called),
    "evasions": Kind(lambda assignment: assignment.proof().evasions, _of_evasion),
    "slips": Kind(mutants, trial),
}
"""By name what is proved, what takes longest first; near misses where they are asked for alone."""
KINDS = tuple(kind for kind in VARIANTS if kind != "nearmisses")


@dataclass(frozen=True)
class Task:
    """One variant to ask: of which assignment (by its name or module:NAME), which of its kind, and the inputs' seed."""

    assignment: str
    kind: str
    number: int
    seed: int = 0


def tasks(assignment: str, kinds: Sequence[str] = KINDS, seeds: Sequence[int] = (0,), share: int = 1) -> list[Task]:
    """All variants of some kinds, for each seed; of each kind one in `share`."""
    return [
        Task(assignment, kind, number, seed)
        for kind in VARIANTS
        if kind in kinds
        for seed in seeds
        for number in range(seed % share, len(_variants(assignment, kind)), share)
    ]


@cache
def _variants(assignment: str, kind: str) -> list[tuple[Assignment, Any]]:
    """Those of all solutions, each with the assignment as that one is asked."""
    usual = find(assignment)
    others = (replace(usual.in_folder(folder), solution=folder) for folder in usual.proof().solutions)
    return [(asked, variant) for asked in (usual, *others) for variant in VARIANTS[kind].of(asked)]


def run(task: Task) -> tuple[Task, Row]:
    """A task and its row."""
    asked, variant = _variants(task.assignment, task.kind)[task.number]
    return task, VARIANTS[task.kind].judged(asked, variant, task.seed)


def prove(wanted: Sequence[Task], *, jobs: int | None = None) -> Iterator[tuple[Task, Row]]:
    """The rows of all tasks, as they are done, from as many processes as there are cores (or `jobs`); one is this."""
    workers = min(jobs or cores(), len(wanted))
    if workers < 2:
        yield from map(run, wanted)
        return
    # A fresh interpreter each: torch does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=import_torch) as pool:
        futures = [pool.submit(run, task) for task in wanted]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
