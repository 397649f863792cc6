"""Runs the self-proof on all cores: mistakes, slips, evasions, honest rewrites, null ones; its rows make a frame."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from parity_tests.harness.machine import cores
from parity_tests.proof.editions import changed_parts, edition_for
from parity_tests.proof.forms import correct_variants
from parity_tests.proof.judged_variants import Row, first_failure, records
from parity_tests.proof.mistakes import control, known_mistakes
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
from reports.model.notes import NoteKind
from reports.model.records import Record
from reports.model.verdicts import Verdict

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Kind:
    """Variants of one kind: those of an assignment, and what becomes of one with the inputs of a seed.

    That is its row; of an honest one further rows as dicts, one for each comparison.
    """

    of: Callable[[Assignment], Iterable[Any]]
    judged: Callable[[Assignment, Any, int], Row | list[dict[str, Any]]]


def _of_null(assignment: Assignment, null: NullSubmission, seed: int) -> Row:
    earned = points_of(assignment, records_of_null(assignment, null, seed))
    good = earned <= MOST_PER_CENT
    return Row("nulls", "", null.name, "caught" if good else "survived", good, f"{earned:g} of 100")


def _of_evasion(assignment: Assignment, evasion: Rewrite, seed: int) -> Row:
    variant = rewritten(assignment, evasion)
    own, edition = changed_parts(assignment, variant), edition_for(assignment, variant)
    found = first_failure(assignment, variant, own, edition, seed, DTYPES)
    return Row("evasions", "", evasion.name, "caught" if found else "survived", bool(found), found)


def _is_promoted(record: Record) -> bool:
    """Whether a result has more digits than its case's dtype holds."""
    narrow = (
        record.dtype == "float32" and record.actual is not None and float(np.float32(record.actual)) != record.actual
    )
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


VARIANTS = {
    "nulls": Kind(null_submissions, _of_null),
    "honest": Kind(correct_variants, of_honest),
    "nearmisses": Kind(near_misses, called),
    "evasions": Kind(lambda assignment: assignment.proof().evasions, _of_evasion),
    "slips": Kind(mutants, trial),
    "mistakes": Kind(known_mistakes, control),
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
def _variants(assignment: str, kind: str) -> list[Any]:
    return list(VARIANTS[kind].of(find(assignment)))


def run(task: Task) -> tuple[Task, list[dict[str, Any]]]:
    """The rows of one task, as dicts (it travels between processes); of honest ones those of each quantity too."""
    variant = _variants(task.assignment, task.kind)[task.number]
    judged = VARIANTS[task.kind].judged(find(task.assignment), variant, task.seed)
    return task, [asdict(judged)] if isinstance(judged, Row) else judged


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
