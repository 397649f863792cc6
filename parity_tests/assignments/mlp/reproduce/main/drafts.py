"""Drafts for a record of main: it is asked smaller until it no longer fails in the same way, the smallest run first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from parity_tests.assignments.mlp.reproduce.draft import Draft
from parity_tests.assignments.mlp.reproduce.main.alike import causes, fails_alike, words
from parity_tests.assignments.mlp.reproduce.main.batches import batches, number_of_steps, shuffle
from parity_tests.assignments.mlp.reproduce.main.evaluations import accuracy, losses
from parity_tests.assignments.mlp.reproduce.main.layers import dropout, layers
from parity_tests.assignments.mlp.reproduce.main.runs import Mains, Small, longer, plainer
from parity_tests.assignments.mlp.reproduce.main.scene import Scene, scenes
from parity_tests.assignments.mlp.reproduce.main.weights import learning_rate, weights
from parity_tests.protocol.case import Case
from reports.model.records import Record

MATCHING = 5
"""In how many sizes runs that fail in the same way are tried for a script."""
MOST = 2
"""How many of them, with and without dropout and so on, in each size."""


def main_drafts(mains: Mains, record: Record, case: Case, edition: str, seed: int) -> Iterator[tuple[Draft, str]]:
    """Drafts for a record of main, with what is wrong in words, the smallest run first."""

    def fails(small: Small) -> bool:
        return fails_alike(record, mains.judged(case, small))

    def of(small: Small, quantity: str) -> Iterator[tuple[Draft, str]]:
        found = mains.judged(case, small)[quantity]
        for scene in scenes(small, found, case, edition):
            for draft in _drafts(scene, quantity):
                yield draft, words(quantity, found)

    others: list[tuple[Small, str]] = []
    matching = 0
    for run in longer(case, edition, record.quantity, seed):
        if not fails(run):
            continue
        matching += 1
        for small in [small for small in plainer(run, record.quantity) if fails(small)][:MOST]:
            others += [(small, quantity) for quantity in causes(record, mains.judged(case, small))]
            yield from of(small, record.quantity)
        if matching == MATCHING:
            break
    for small, quantity in others[:MATCHING]:
        yield from of(small, quantity)


def _drafts(scene: Scene, quantity: str) -> Iterator[Draft]:
    """What shows a quantity; a main that does not come to its end shows that whatever is asked of it."""
    return _KINDS[quantity](scene) if scene.found.verdict == "mismatch" else _run(scene)


def _run(scene: Scene) -> Iterator[Draft]:
    verdict = scene.found.verdict
    ask = [*scene.build_as_tried(), "got = nn.main(params)"]
    if verdict in ("crashed", "missing"):
        yield scene.draft(ask, lambda left: (), verdict="crashed")
    if verdict == "missing":
        judge = ['print("got: ", got, "\\nwant: two records of losses")', "agrees = got is not None"]
        yield scene.draft(ask, lambda left: judge)
    if verdict in ("timeout", "mismatch"):
        yield scene.draft(ask, lambda left: (), verdict="timeout")
    if verdict == "mismatch":
        yield from number_of_steps(scene)


_KINDS: Mapping[str, Callable[[Scene], Iterator[Draft]]] = {
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
