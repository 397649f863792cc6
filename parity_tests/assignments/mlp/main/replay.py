"""Turns the log of one `main` into a frozen description of its run.

It judges nothing. Rows of X are looked up in the digits, so that any way of drawing an order is understood, and calls
are told by what they are, not by names, helpers or loops of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.run import SET, SPLITS, Array, Built, Call, Dropped, Pass, Run, SgdCall, Update
from parity_tests.assignments.mlp.main.updates import training_passes, updates_of
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key

Records = tuple[tuple[str, Array], ...]
"""Sequences of numbers, and where each stood."""
CHANGED = Said("every pixel is changed in the same way", Found.CHANGED_PIXELS)
ALIKE = 1e-9
"""How near, in units of the largest pixel, an affine change must come to what was given."""


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
        self.passes: list[Pass] = []
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
            if (len(splits) > 1 or "" in splits) and not any(one.foreign for one in self.passes):
                foreign = _foreign(self.X[kept], self.digits, splits)
        split = splits.pop() if len(splits) == 1 else ""
        shape, forward = event.get("shape"), event["event"] == "L1.forward"
        weights = int(event["weights"]) if forward else -1
        shape = None if shape is None else tuple(shape)
        self.passes.append(Pass(split, rows, shape, weights, index, forward, foreign))

    def _sgd(self, event: Mapping[str, Any], index: int) -> None:
        if not self.passes:
            self._begin(event, index)
        rates = {name: event[name] for name in ("lam", "alpha", "eta") if event.get(name) is not None}
        call = SgdCall(index, int(event["before"]), int(event["after"]), rates, str(event["momentum"]))
        self._updated().sgd.append(call)

    def _updated(self) -> Pass:
        """The pass whose gradients SGD is given: the newest that went backward, though main may have looked at others.

        A part of main that looks at the network between backward and update makes passes of its own.
        """
        since = next((number for number, one in enumerate(reversed(self.passes)) if one.sgd), len(self.passes))
        for one in self.passes[len(self.passes) - since :][::-1]:
            if one.backward is not None:
                return one
        return self.passes[-1]

    def _call(self, event: Mapping[str, Any], index: int) -> None:
        name = event["event"]
        if name == "L1.forward" or not self.passes:
            self._begin(event, index)
        self.used.add(name.split(".")[0])
        now = self.passes[-1]
        now.calls.append(Call(index, name, tuple((a, b, c) for a, b, c in event.get("wrong", []))))
        if name.startswith("drop") and name.endswith(".forward"):
            at = int(event.get("dropout", -1))
            known = 0 <= at < min(len(self.kept), len(self.seen))
            kept, seen = (self.kept[at] != 0, self.seen[at] != 0) if known else (None, None)
            now.drops.append(Dropped(bool(event["train"]), kept, seen))
        if name == "loss.forward" and "labels" in event:
            now.labels = tuple(event["labels"])


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
    passes = tuple(one for one in reader.passes if one.forward)
    steps = len(digits["train_X"]) // batch
    updates = updates_of(reader.passes, weights, kept.fact("end", -1), epochs=epochs, steps=steps)
    returned = enumerate(kept.fact("returned", []))
    records = enumerate(kept.fact("records", []))
    training = [one.started for one in training_passes(reader.passes)]
    return Run(
        built=tuple(reader.built),
        used=frozenset(reader.used),
        passes=passes,
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
    passes: Sequence[Pass], updates: Sequence[Update], training: Sequence[int]
) -> tuple[tuple[Pass, ...], ...]:
    """For each epoch, the passes after its last update and before the next one that trains; `training` start those."""
    evaluations = []
    for epoch in range(updates[-1].epoch + 1 if updates else 0):
        ended = max((update.ended for update in updates if update.epoch == epoch), default=0)
        end = min((started for started in training if started > ended), default=1 << 60)
        evaluations.append(tuple(one for one in passes if ended < one.started < end))
    return tuple(evaluations)


# ---- what rows are that do not all belong to one set


def _foreign(X: Array, digits: Mapping[str, Array], splits: set[str]) -> Said | None:
    """What these rows, which are of `splits`, are; None where nothing that is known explains all of them."""
    if splits <= set(SPLITS):
        sets = " and the ".join(SET[split] for split in SPLITS if split in splits)
        return Said(f"rows of the {sets} set together")
    known = np.concatenate([np.asarray(digits[f"{split}_X"], np.float64) for split in SPLITS])
    X = np.asarray(X, np.float64)
    if X.ndim != 2 or X.shape[1:] != known.shape[1:] or not np.isfinite(X).all():
        return None
    if all(((known == row) | (row == 0)).all(axis=1).any() for row in X) and X.any():
        return Said("rows of which some pixels are set to 0 (is dropout called on them, or do you leave pixels out?)")
    return CHANGED if _changed_alike(X, known) else None


def _changed_alike(X: Array, known: Array) -> bool:
    """Whether one scale and one shift make known rows of all of these."""
    row = X[int(np.argmax(np.ptp(X, axis=1)))]
    size = np.abs(X).max()
    for scale, shift in _scales_and_shifts(row, known, size):
        gaps = np.abs(scale * known[None] + shift - X[:, None]).max(axis=2).min(axis=1)
        if (gaps <= ALIKE * size).all():
            return True
    return False


def _scales_and_shifts(row: Array, known: Array, size: float) -> set[tuple[float, float]]:
    """Those that make this row of a known one."""
    centred = known - known.mean(axis=1, keepdims=True)
    sizes = (centred**2).sum(axis=1)
    with np.errstate(all="ignore"):
        scales = centred @ (row - row.mean()) / sizes
    shifts = row.mean() - scales * known.mean(axis=1)
    gaps = np.abs(scales[:, None] * known + shifts[:, None] - row).max(axis=1)
    return {(float(a), float(b)) for a, b, gap in zip(scales, shifts, gaps, strict=True) if a and gap <= ALIKE * size}
