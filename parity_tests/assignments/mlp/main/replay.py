"""Turns the log of one `main` into a frozen description of its run.

It judges nothing. Rows of X are looked up in the digits, so that any way of drawing an order is understood, and calls
are told by what they are, not by names, helpers or loops of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.foreign_rows import told
from parity_tests.assignments.mlp.main.run import SPLITS, Array, Built, Call, Dropped, Pass, Run, Update
from parity_tests.assignments.mlp.main.spans import SgdCall, Span
from parity_tests.assignments.mlp.main.updates import training_spans, updates_of
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key

Records = tuple[tuple[str, Array], ...]
"""Sequences of numbers, and where each stood."""


@dataclass(frozen=True)
class _Kept:
    """What an observation keeps of one of the runs that were made."""

    observation: Observation
    number: int

    def fact(self, name: str, default: Any) -> Any:
        """A fact of this run."""
        return self.observation.facts.get(f"{name} {self.number}", default)

    def value(self, name: str) -> Returned | None:
        """A value of this run."""
        return self.observation.values.get(Key(name, self.number))


def _stack(kept: _Kept, name: str) -> list[Array]:
    """The arrays of a ragged stack."""
    returned = kept.value(name)
    shapes = kept.fact(f"{name}_shapes", [])
    if returned is None or returned.array is None:
        return []
    flat, at, arrays = returned.array, 0, []
    for shape in shapes:
        size = int(np.prod(shape))
        arrays.append(flat[at : at + size].reshape(shape))
        at += size
    return arrays


def _array(kept: _Kept, name: str) -> Array:
    returned = kept.value(name)
    return np.zeros(0) if returned is None or returned.array is None else returned.array.astype(np.float64)


def _rows(X: Array, known: Mapping[bytes, tuple[str, int]]) -> tuple[set[str], tuple[int, ...]]:
    """The splits that the rows belong to, "" for those of none, and their indices."""
    rows = [known.get(content, ("", -1)) for content in _contents(X)]
    return {split for split, _ in rows}, tuple(index for _, index in rows)


def _contents(X: Array) -> list[bytes]:
    """The bytes of each row of float64 numbers; zeros of either sign are the same."""
    rows = np.ascontiguousarray(X, dtype=np.float64) + 0.0
    return [] if rows.size == 0 else rows.view(f"V{rows.itemsize * rows.shape[1]}").reshape(-1).tolist()


class _Reader:
    """Walks over the log once."""

    def __init__(self, kept: _Kept, digits: Mapping[str, Array]) -> None:
        self.X, self.digits = _stack(kept, "X"), digits
        self.kept, self.seen = _stack(kept, "kept"), _stack(kept, "seen")
        self.known = {
            content: (split, index)
            for split in reversed(SPLITS)
            for index, content in enumerate(_contents(digits[f"{split}_X"]))
        }
        self.built: list[Built] = []
        self.used: set[str] = set()
        self.spans: list[Span] = []
        self.malformed = ""

    def read(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Reads all events."""
        for index, event in enumerate(events):
            kind = event["event"]
            if kind == "build":
                self._built(event)
            elif kind == "malformed":
                self.malformed = str(event["text"])
            elif kind == "sgd":
                self._sgd(event, index)
            else:
                self._call(event, index)

    def _built(self, event: Mapping[str, Any]) -> None:
        sizes = tuple(event.get("sizes", ()))
        self.built.append(Built(event["name"], event.get("cls", "linear_layer"), sizes, event.get("rate")))

    def _begin(self, event: Mapping[str, Any], index: int) -> None:
        splits, rows, foreign = {""}, tuple[int, ...](), None
        kept = event.get("rows")
        if kept is not None and kept < len(self.X):
            splits, rows = _rows(self.X[kept], self.known)
            # Told once: a main that changes its pixels does so in every batch.
            if (len(splits) > 1 or "" in splits) and not any(span.foreign for span in self.spans):
                foreign = told(self.X[kept], self.digits, splits)
        split = splits.pop() if len(splits) == 1 else ""
        shape, forward = event.get("shape"), event["event"] == "L1.forward"
        weights = int(event["weights"]) if forward else -1
        self.spans.append(
            Span(split, rows, None if shape is None else tuple(shape), weights, index, forward, foreign=foreign)
        )

    def _sgd(self, event: Mapping[str, Any], index: int) -> None:
        if not self.spans:
            self._begin(event, index)
        rates = {name: event[name] for name in ("lam", "alpha", "eta") if event.get(name) is not None}
        span = self._updated()
        call = SgdCall(index, int(event["before"]), int(event["after"]), rates, str(event["momentum"]))
        span.sgd.append(call)

    def _updated(self) -> Span:
        """The span whose gradients SGD is given: the newest that went backward, though main may have looked at others.

        A part of main that looks at the network between backward and update makes spans of its own.
        """
        since = next((number for number, span in enumerate(reversed(self.spans)) if span.sgd), len(self.spans))
        for span in self.spans[len(self.spans) - since :][::-1]:
            if span.backward is not None:
                return span
        return self.spans[-1]

    def _call(self, event: Mapping[str, Any], index: int) -> None:
        name = event["event"]
        if name == "L1.forward" or not self.spans:
            self._begin(event, index)
        self.used.add(name.split(".")[0])
        span = self.spans[-1]
        span.calls.append((index, Call(name, tuple((a, b, c) for a, b, c in event.get("wrong", [])))))
        if name.startswith("drop") and name.endswith(".forward"):
            at = int(event.get("dropout", -1))
            known = 0 <= at < min(len(self.kept), len(self.seen))
            kept, seen = (self.kept[at] != 0, self.seen[at] != 0) if known else (None, None)
            span.drops.append(Dropped(bool(event["train"]), kept, seen))
        if name == "loss.forward" and "labels" in event:
            span.labels = tuple(event["labels"])


def results_of(observation: Observation, number: int) -> tuple[Records, Records]:
    """The records that the run of this number returned and that it wrote, with where they stood."""
    kept = _Kept(observation, number)
    returned, written = enumerate(kept.fact("returned", [])), enumerate(kept.fact("records", []))
    return (
        tuple((str(key), _array(kept, f"returned/{index}")) for index, key in returned),
        tuple((str(key), _array(kept, f"file/{index}")) for index, (_, key) in written),
    )


def replay(observation: Observation, digits: Mapping[str, Array], *, epochs: int, batch: int, number: int = 0) -> Run:
    """The run of this `number` that the log in `observation` holds, asked for `epochs` epochs of batches of `batch`.

    digits: train_X (N×D), valid_X, test_X as the worker was given them, rows distinct.
    """
    kept = _Kept(observation, number)
    weights = {name: _array(kept, name) for name in WEIGHT_NAMES}
    reader = _Reader(kept, digits)
    reader.read(kept.fact("events", []))
    passes = {span.started: span.finished() for span in reader.spans if span.forward}
    steps = len(digits["train_X"]) // batch
    updates = updates_of(reader.spans, passes, weights, kept.fact("end", -1), epochs=epochs, steps=steps)
    returned = enumerate(kept.fact("returned", []))
    records = enumerate(kept.fact("records", []))
    training = [span.started for span in training_spans(reader.spans)]
    return Run(
        built=tuple(reader.built),
        used=frozenset(reader.used),
        passes=tuple(passes.values()),
        updates=updates,
        evaluations=_evaluations(passes, updates, training),
        weights=weights,
        returned=tuple((key, _array(kept, f"returned/{index}")) for index, key in returned),
        written=tuple((file, key, _array(kept, f"file/{index}")) for index, (file, key) in records),
        files=tuple((file, problem) for file, problem in kept.fact("files", [])),
        drawn={name: _array(kept, f"drawn/{name}") for name in WEIGHT_NAMES if kept.value(f"drawn/{name}") is not None},
        malformed=reader.malformed,
        endless=bool(kept.fact("full", False)),
        flat_bias=bool(kept.fact("flat_bias", False)),
        changes_params=bool(kept.fact("changes_params", False)),
        seeded=tuple(int(number) for number in kept.fact("seeded", [])),
    )


def _evaluations(
    passes: Mapping[int, Pass], updates: Sequence[Update], training: Sequence[int]
) -> tuple[tuple[Pass, ...], ...]:
    """For each epoch, the passes after its last update and before the next one that trains; `training` start those."""
    evaluations = []
    for epoch in range(updates[-1].epoch + 1 if updates else 0):
        ended = max((update.ended for update in updates if update.epoch == epoch), default=0)
        end = min((started for started in training if started > ended), default=1 << 60)
        evaluations.append(tuple(one for started, one in passes.items() if ended < started < end))
    return tuple(evaluations)
