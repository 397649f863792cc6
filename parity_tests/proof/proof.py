"""Runs the self-proof on all cores: mistakes, slips, evasions, honest rewrites, null ones; its rows make a frame."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from parity_tests.harness.machine import cores
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.mistakes import Outcome, control, known_mistakes
from parity_tests.proof.mutants import Mutant, mutants, trial
from parity_tests.proof.near_misses import NearMiss, called, near_misses
from parity_tests.proof.null_submissions import (
    MOST_PER_CENT,
    NullSubmission,
    null_submissions,
    points_of,
    records_of_null,
)
from parity_tests.proof.variants import Variant, rewritten
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import Rewrite
from parity_tests.protocol.registry import find
from reports.model.notes import NoteKind
from reports.model.records import Record
from reports.model.verdicts import Verdict

Progress = Callable[[int, int, str], None]
KINDS = ("mistakes", "honest", "slips", "evasions", "nulls")
NEAR_MISSES = "nearmisses"
"""A further kind, which is proved where it is asked for."""
SEPARATOR = " | "
"""What stands between the names that a mistake got."""


@dataclass(frozen=True)
class Row:
    """One variant and what the harness answered. `good` is what it must answer; `detail` says what it did.

    Of a mistake `detail` are the names that it got, and `sentence` is what was said with another name than its own.
    """

    kind: str
    part: str
    name: str
    outcome: str
    good: bool
    detail: str
    sentence: str = ""


@dataclass(frozen=True)
class Task:
    """One variant to ask: of which assignment (by its name or module:NAME), which of its kind, and the inputs' seed."""

    assignment: str
    kind: str
    number: int
    seed: int = 0


def tasks(assignment: str, kinds: Sequence[str] = KINDS, seeds: Sequence[int] = (0,), share: int = 1) -> list[Task]:
    """All variants of some kinds, for each seed; of each kind one in `share`. What takes longest comes first."""
    slowest_first = [
        kind for kind in ("nulls", "honest", NEAR_MISSES, "evasions", "slips", "mistakes") if kind in kinds
    ]
    return [
        Task(assignment, kind, number, seed)
        for kind in slowest_first
        for seed in seeds
        for number in range(seed % share, _count(assignment, kind), share)
    ]


def _count(assignment: str, kind: str) -> int:
    """How many variants there are of a kind."""
    asked = find(assignment)
    if kind == "nulls":
        return len(_nulls(assignment))
    if kind == "slips":
        return len(_mutants(assignment))
    if kind == NEAR_MISSES:
        return len(_near_misses(assignment))
    if kind == "mistakes":
        return len(known_mistakes(asked))
    return len(asked.proof().evasions) if kind == "evasions" else len(_correct(assignment))


@cache
def _mutants(assignment: str) -> list[Mutant]:
    return mutants(find(assignment))


@cache
def _near_misses(assignment: str) -> list[NearMiss]:
    return near_misses(find(assignment))


@cache
def _correct(assignment: str) -> list[Variant]:
    return list(correct_variants(find(assignment)))


@cache
def _nulls(assignment: str) -> list[NullSubmission]:
    return list(null_submissions(find(assignment)))


def run(task: Task) -> tuple[Task, list[dict[str, Any]]]:
    """The rows of one task, as dicts (it travels between processes); of honest ones those of each quantity too."""
    assignment = find(task.assignment)
    if task.kind == "mistakes":
        return task, [asdict(_of_mistake(assignment, task.number, task.seed))]
    if task.kind == "slips":
        return task, [asdict(_of_slip(assignment, _mutants(task.assignment)[task.number], task.seed))]
    if task.kind == NEAR_MISSES:
        return task, [asdict(_of_near_miss(assignment, _near_misses(task.assignment)[task.number], task.seed))]
    if task.kind == "nulls":
        return task, [asdict(_of_null(assignment, _nulls(task.assignment)[task.number], task.seed))]
    if task.kind == "evasions":
        return task, [asdict(_of_evasion(assignment, assignment.proof().evasions[task.number], task.seed))]
    return task, of_honest(assignment, _correct(task.assignment)[task.number], task.seed)


def prove(
    wanted: Sequence[Task], *, jobs: int | None = None, progress: Progress | None = None
) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    """The rows of all tasks, as they are done, from as many processes as there are cores (or `jobs`); one is this."""
    workers = min(jobs or cores(), len(wanted))
    if workers < 2:
        for done, task in enumerate(wanted, 1):
            _, rows = run(task)
            if progress is not None:
                progress(done, len(wanted), rows[0]["name"])
            yield task, rows
        return
    # A fresh interpreter each: torch does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        futures = [pool.submit(run, task) for task in wanted]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                task, rows = future.result()
                if progress is not None:
                    progress(done, len(futures), rows[0]["name"])
                yield task, rows
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _of_mistake(assignment: Assignment, number: int, seed: int) -> Row:
    mistake = known_mistakes(assignment)[number]
    result = control(assignment, mistake, seed)
    good, names = result.outcome is Outcome.NAMED, SEPARATOR.join(result.claimed)
    return Row("mistakes", mistake.part, mistake.name, str(result.outcome), good, names, result.sentence)


def _of_slip(assignment: Assignment, mutant: Mutant, seed: int) -> Row:
    result = trial(assignment, mutant, seed)
    return Row("slips", "", mutant.name, result.outcome, result.outcome != "survived", result.detail)


def _of_near_miss(assignment: Assignment, near: NearMiss, seed: int) -> Row:
    result = called(assignment, near, seed)
    outcome = "caught" if result.good else "false name" if result.sentence else "survived"
    names = SEPARATOR.join(result.names)
    return Row(NEAR_MISSES, near.part, near.variant.name, outcome, result.good, names, result.sentence)


def _of_null(assignment: Assignment, null: NullSubmission, seed: int) -> Row:
    earned = points_of(assignment, records_of_null(assignment, null, seed))
    good = earned <= MOST_PER_CENT
    return Row("nulls", "", null.name, "caught" if good else "survived", good, f"{earned:g} of 100")


def _of_evasion(assignment: Assignment, evasion: Rewrite, seed: int) -> Row:
    variant = rewritten(assignment, evasion)
    edition, own = edition_for(assignment, variant), changed_parts(assignment, variant)
    failed: list[Record] = []
    for parts in (own, None) if own else (None,):  # most show where they are made
        if not failed:
            failed = failures(records(assignment, variant, parts=parts, seed=seed, edition=edition, named=False))
    detail = f"{failed[0].case}, {failed[0].quantity}" if failed else ""
    return Row("evasions", "", evasion.name, "caught" if failed else "survived", bool(failed), detail)


def _is_promoted(record: Record) -> bool:
    """Whether a result has more digits than its case's dtype holds."""
    narrow = record.dtype == "float32" and record.got is not None and float(np.float32(record.got)) != record.got
    return narrow or any(note.kind is NoteKind.PROMOTED for note in record.notes)


def of_honest(assignment: Assignment, variant: Variant, seed: int) -> list[dict[str, Any]]:
    """The rows of a correct variant: its own, then one for each comparison."""
    judged = records(assignment, variant, seed=seed, edition=edition_for(assignment, variant), named=False)
    wrong = [record for record in judged if record.verdict != Verdict.MATCH]
    undecided = all(record.verdict == Verdict.UNDECIDED for record in wrong)
    outcome = "match" if not wrong else "undecided" if undecided else "false alarm"
    detail = "; ".join(record.message for record in wrong[:3])
    compared = [record for record in judged if record.ratio is not None]
    row = asdict(Row("honest", "", variant.name, outcome, undecided, detail))
    return [row, *(_compared(assignment, variant.name, seed, record) for record in compared)]


def _compared(assignment: Assignment, name: str, seed: int, record: Record) -> dict[str, Any]:
    """A row of the table of honest comparisons."""
    part, quantity, least_median = assignment.proof().group(record.check, record.quantity)
    return {
        "name": name,
        "seed": seed,
        "part": part,
        "quantity": quantity,
        "dtype": record.dtype,
        "gap": record.gap,
        "radius": record.radius,
        "ratio": record.ratio,
        "elements": record.total,
        "promoted": _is_promoted(record),
        "least_median": least_median,
    }
