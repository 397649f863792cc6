"""Drafts for a record of main: smaller runs that fail in the same way, the smallest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.scripts.main.batches import batches, number_of_steps, shuffle
from parity_tests.assignments.mlp.scripts.main.evaluations import accuracy, losses
from parity_tests.assignments.mlp.scripts.main.layers import dropout, layers
from parity_tests.assignments.mlp.scripts.main.runs import RunCache, SmallerRun, longer, plainer
from parity_tests.assignments.mlp.scripts.main.same_failure import causes, fails_alike, words
from parity_tests.assignments.mlp.scripts.main.scripted_run import ScriptedRun, scripted_runs
from parity_tests.assignments.mlp.scripts.main.weights import learning_rate, weights
from parity_tests.harness.draft import Draft
from parity_tests.harness.script_maker import Told
from parity_tests.protocol.case import Case
from parity_tests.protocol.reproduction import Networks
from reports.model.records import Record
from reports.model.verdicts import Verdict

MATCHING = 5
"""In how many sizes runs that fail in the same way are tried for a script."""
MOST = 2
"""How many of them, with and without dropout and so on, in each size."""


def main_drafts(networks: Networks, edition: str, seed: int) -> Callable[[Record, Case], Told]:
    """What makes the drafts for a record of main, with what is wrong in words, the smallest run first."""
    runs = RunCache(networks.submission)
    return lambda record, case: _of_record(runs, record, case, edition, seed)


def _of_record(runs: RunCache, record: Record, case: Case, edition: str, seed: int) -> Told:

    def fails(small: SmallerRun) -> bool:
        return fails_alike(record, runs.judged(case, small))

    def of(small: SmallerRun, quantity: str) -> Iterator[tuple[Draft, str]]:
        comparison = runs.judged(case, small)[quantity]
        for run in scripted_runs(small, comparison, case, edition):
            for draft in _drafts(run, quantity):
                yield draft, words(quantity, comparison)

    others: list[tuple[SmallerRun, str]] = []
    matching = 0
    for longest in longer(case, record.quantity, seed):
        if not fails(longest):
            continue
        matching += 1
        for small in [small for small in plainer(longest, record.quantity) if fails(small)][:MOST]:
            others += [(small, quantity) for quantity in causes(record, runs.judged(case, small))]
            yield from of(small, record.quantity)
        if matching == MATCHING:
            break
    for small, quantity in others[:MATCHING]:
        yield from of(small, quantity)


def _drafts(run: ScriptedRun, quantity: str) -> Iterator[Draft]:
    """What shows a quantity; a main that does not come to its end, or makes no step, shows that whatever is asked."""
    if run.comparison.verdict != Verdict.MISMATCH:
        return _run(run)
    return number_of_steps(run) if run.comparison.finding == Found.NO_STEP_SEEN else _KINDS[quantity](run)


def _run(run: ScriptedRun) -> Iterator[Draft]:
    verdict = run.comparison.verdict
    ask = [*run.build_as_tried(), "actual = nn.main(params)"]
    if verdict in (Verdict.CRASHED, Verdict.MISSING):
        yield run.draft(ask, (), verdict=Verdict.CRASHED)
    if verdict == Verdict.MISSING:
        judge = ['print("actual:    ", actual, "\\nwant: two records of losses")', "agrees = actual is not None"]
        yield run.draft(ask, judge)
    if verdict in (Verdict.TIMEOUT, Verdict.MISMATCH):
        yield run.draft(ask, (), verdict=Verdict.TIMEOUT)
    if verdict == Verdict.MISMATCH:
        yield from number_of_steps(run)


_KINDS: Mapping[str, Callable[[ScriptedRun], Iterator[Draft]]] = {
    "run": _run,
    "layers": layers,
    "batches": batches,
    "shuffle": shuffle,
    "number of steps": number_of_steps,
    "dropout": dropout,
    "learning rate": learning_rate,
    "weights": weights,
    "training losses": partial(losses, split="train"),
    "validation losses": partial(losses, split="valid"),
    "training accuracy": partial(accuracy, split="train"),
    "validation accuracy": partial(accuracy, split="valid"),
}
