"""Runs the self-proof on all cores: negative controls, single slips, honest rewrites; its rows make a frame."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.harness.machine import cores
from parity_tests.proof.mistakes import Outcome, control
from parity_tests.proof.mutants import mutants, trial
from parity_tests.proof.variants import forms
from reports.model.records import Record

Progress = Callable[[int, int, str], None]
KINDS = ("mistakes", "honest", "slips")


@dataclass(frozen=True)
class Row:
    """One variant and what the harness answered. `good` is what it must answer; `detail` says what it did."""

    kind: str
    part: str
    name: str
    outcome: str
    good: bool
    detail: str


@dataclass(frozen=True)
class Task:
    """One variant to ask: which of its kind, and the seed that inputs are drawn from."""

    kind: str
    number: int
    seed: int = 0


def tasks(kinds: Sequence[str] = KINDS, seeds: Sequence[int] = (0,)) -> list[Task]:
    """All variants of some kinds; honest ones for each seed. What takes longest comes first."""
    found = []
    if "honest" in kinds:
        found += [Task("honest", number, seed) for seed in seeds for number in range(len(forms()))]
    if "slips" in kinds:
        found += [Task("slips", number) for number in range(len(mutants()))]
    if "mistakes" in kinds:
        found += [Task("mistakes", number) for number in range(len(MISTAKES))]
    return found


def run(task: Task) -> tuple[Task, list[dict[str, Any]]]:
    """The rows of one task, as dicts (it travels between processes); of honest ones those of each quantity too."""
    if task.kind == "mistakes":
        return task, [asdict(_of_mistake(task.number))]
    if task.kind == "slips":
        return task, [asdict(_of_slip(task.number))]
    return task, _of_honest(task.number, task.seed)


def prove(
    wanted: Sequence[Task], *, jobs: int | None = None, progress: Progress | None = None
) -> Iterator[tuple[Task, list[dict[str, Any]]]]:
    """The rows of all tasks, as they are done, from as many processes as there are cores (or `jobs`)."""
    # A fresh interpreter each: torch does not survive a fork.
    context = multiprocessing.get_context("spawn")
    workers = jobs or cores()
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


def _of_mistake(number: int) -> Row:
    mistake = MISTAKES[number]
    found = control(mistake)
    good = found.outcome is Outcome.NAMED
    return Row("mistakes", mistake.part, mistake.name, str(found.outcome), good, " | ".join(found.claimed))


def _of_slip(number: int) -> Row:
    found = trial(mutants()[number])
    return Row("slips", "", found.mutant.name, found.outcome, found.outcome != "survived", found.detail)


def _is_promoted(record: Record) -> bool:
    """Whether a result has more digits than its case's dtype holds."""
    narrow = record.dtype == "float32" and record.got is not None and float(np.float32(record.got)) != record.got
    return narrow or "promoted" in record.note


def _of_honest(number: int, seed: int) -> list[dict[str, Any]]:
    from parity_tests.proof.judged_variants import records

    variant = forms()[number]
    is_main = variant.name.startswith("main")
    found = records(variant, lambda case: (case.check == "main") == is_main, seed, names=False)
    wrong = [record for record in found if record.verdict != "match"]
    undecided = all(record.verdict == "undecided" for record in wrong)
    outcome = "match" if not wrong else "undecided" if undecided else "false alarm"
    detail = "; ".join(record.message for record in wrong[:3])
    row = asdict(Row("honest", "", variant.name, outcome, undecided, detail))
    compared = [
        {
            "name": variant.name, "seed": seed, "check": record.check, "case": record.case, "quantity": record.quantity,
            "dtype": record.dtype, "gap": record.gap, "radius": record.radius, "ratio": record.ratio,
            "elements": record.total, "promoted": _is_promoted(record),
        }
        for record in found
        if record.ratio is not None
    ]  # fmt: skip
    return [row, *compared]
