"""Turns the tape of one `main` into a frozen description of its run: passes, steps, epochs, masks, weights.

It judges nothing. Rows of X are looked up in the digits, so that any way of drawing an order is understood, and calls
are told by what they are, not by names, helpers or loops of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key

Array = NDArray[Any]
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Call:
    """A call that `main` made to a part. `wrong`: (argument, what was passed, what belongs there)."""

    name: str
    wrong: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Dropped:
    """One forward of dropout: whether it was told to train, what it kept, and where that was seen (its input not 0).

    Where it was not seen, `kept` is True.
    """

    train: bool
    kept: NDArray[np.bool_] | None
    seen: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Pass:
    """One forward through the network, from its L1.forward to the next one, and the backwards that followed.

    `split` is "train", "valid", "test", or "" where the rows are not all of one of them; `rows` are indices in it,
    `weights` an index in Run.weights (−1: unknown), `labels` what the loss was given, `started` its place on the tape.
    """

    split: str
    rows: tuple[int, ...]
    shape: tuple[int, ...] | None
    weights: int
    started: int
    calls: tuple[Call, ...]
    drops: tuple[Dropped, ...]
    labels: tuple[float, ...] | None

    @property
    def dropped(self) -> Dropped | None:
        """The last forward of dropout that was told to train."""
        return next((drop for drop in reversed(self.drops) if drop.train), None)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """What the last training dropout kept."""
        return None if self.dropped is None else self.dropped.kept

    @property
    def training(self) -> bool:
        """Whether dropout was told to train."""
        return any(drop.train for drop in self.drops)


@dataclass(frozen=True)
class Update:
    """One change of the weights: the pass it belongs to, the weights around it, and what SGD was passed.

    `rates` are SGD's lam, alpha and eta. `momentum` is "none", "zero" or "nonzero" (velocities before the step), and ""
    where the update was made without calling SGD. `calls` are those since the update before.
    """

    epoch: int
    pass_: Pass | None
    before: int
    after: int
    rates: Mapping[str, float]
    momentum: str
    calls: tuple[Call, ...]
    ended: int


@dataclass(frozen=True)
class Built:
    """An object that `main` built: its name, its class, and the sizes or the rate asked for."""

    name: str
    cls: str
    sizes: tuple[int | None, ...] = ()
    rate: float | None = None


@dataclass(frozen=True)
class Run:
    """What one `main` did, in order. `evaluations[t]` are the passes between the updates of epochs t and t + 1."""

    built: tuple[Built, ...]
    used: frozenset[str]
    passes: tuple[Pass, ...]
    updates: tuple[Update, ...]
    evaluations: tuple[tuple[Pass, ...], ...]
    weights: Mapping[str, Array]
    returned: tuple[tuple[str, Array], ...]
    written: tuple[tuple[str, str, Array], ...]
    malformed: str
    endless: bool
    flat_bias: bool

    def at(self, index: int) -> dict[str, Array]:
        """The four parameters at an index of the tape."""
        return {name: self.weights[name][index] for name in WEIGHT_NAMES}


def _stack(observation: Observation, name: str) -> list[Array]:
    """The arrays of a ragged stack."""
    returned = observation.values.get(Key(name))
    shapes = observation.facts.get(f"{name}_shapes", [])
    if returned is None or returned.array is None:
        return []
    flat, at, found = returned.array, 0, []
    for shape in shapes:
        size = int(np.prod(shape))
        found.append(flat[at : at + size].reshape(shape))
        at += size
    return found


def _array(observation: Observation, name: str) -> Array:
    returned = observation.values.get(Key(name))
    return np.zeros(0) if returned is None or returned.array is None else returned.array.astype(np.float64)


def _rows(X: Array, known: Mapping[bytes, tuple[str, int]]) -> tuple[str, tuple[int, ...]]:
    """The one split that all rows belong to, and their indices; "" where there is none."""
    found = [known.get((row + 0.0).tobytes(), ("", -1)) for row in np.ascontiguousarray(X)]
    splits = {split for split, _ in found}
    return (splits.pop() if len(splits) == 1 else ""), tuple(index for _, index in found)


class _Reader:
    """Walks over the tape once."""

    def __init__(self, observation: Observation, digits: Mapping[str, Array]) -> None:
        self.X = _stack(observation, "X")
        self.before, self.after = _stack(observation, "drop_in"), _stack(observation, "drop_out")
        self.known = {
            (row + 0.0).tobytes(): (split, index)
            for split in reversed(SPLITS)
            for index, row in enumerate(np.ascontiguousarray(digits[f"{split}_X"], dtype=np.float64))
        }
        self.built: list[Built] = []
        self.used: set[str] = set()
        self.passes: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.calls: list[Call] = []  # since the last update
        self.pending = 0  # passes[pending:] started since the last update
        self.weights = 0
        self.malformed = ""

    def read(self, events: Sequence[Mapping[str, Any]], last: int) -> None:
        for place, event in enumerate(events):
            kind = event["e"]
            if kind == "build":
                self._built(event)
            elif kind == "malformed":
                self.malformed = str(event["text"])
            elif kind == "sgd":
                self._changed(int(event["before"]), place)
                rates = {name: event[name] for name in ("lam", "alpha", "eta") if event.get(name) is not None}
                self._update(int(event["after"]), place, rates, str(event["momentum"]))
            else:
                if kind == "L1.forward":
                    self._changed(int(event["w"]), place)
                    self._pass(event, place)
                self._call(event)
        self._changed(last, len(events))

    def _built(self, event: Mapping[str, Any]) -> None:
        sizes = tuple(event.get("sizes", ()))
        self.built.append(Built(event["name"], event.get("cls", "linear_layer"), sizes, event.get("rate")))

    def _pass(self, event: Mapping[str, Any], place: int) -> None:
        split, rows = "", tuple[int, ...]()
        index = event.get("x")
        if index is not None and index < len(self.X):
            split, rows = _rows(self.X[index], self.known)
        shape = event.get("shape")
        self.passes.append(
            {
                "split": split,
                "rows": rows,
                "shape": None if shape is None else tuple(shape),
                "weights": int(event["w"]),
                "started": place,
                "calls": [],
                "drops": [],
                "labels": None,
            }
        )

    def _call(self, event: Mapping[str, Any]) -> None:
        name = event["e"]
        self.used.add(name.split(".")[0])
        call = Call(name, tuple((a, b, c) for a, b, c in event.get("wrong", [])))
        self.calls.append(call)
        if not self.passes:
            return
        current = self.passes[-1]
        current["calls"].append(call)
        if name.startswith("drop") and name.endswith(".forward"):
            index = int(event.get("m", -1))
            kept, seen = None, None
            if 0 <= index < len(self.after):
                before, after = self.before[index], self.after[index]
                kept, seen = np.asarray((after != 0) | (before == 0)), np.asarray((before != 0) & np.isfinite(before))
            current["drops"].append(Dropped(bool(event["train"]), kept, seen))
        if name == "loss.forward" and "y" in event:
            current["labels"] = tuple(event["y"])

    def _changed(self, weights: int, place: int) -> None:
        """Weights that differ from those last seen were changed without SGD."""
        if weights <= self.weights:
            return
        if self.updates and self.pending == len(self.passes) and self.updates[-1]["momentum"]:
            self.updates[-1]["after"] = self.weights = weights  # after SGD, before any forward: still the same step
        else:
            self._update(weights, place - 1, {}, "")

    def _update(self, after: int, place: int, rates: dict[str, float], momentum: str) -> None:
        if self.updates and not self.updates[-1]["momentum"] and self.pending == len(self.passes) and momentum:
            # Changed before SGD was called, after the same forward: one step.
            self.updates[-1].update(after=after, rates=rates, momentum=momentum, ended=place)
        else:
            self.updates.append(
                {
                    "pass": self._owner(),
                    "before": self.weights,
                    "after": after,
                    "rates": rates,
                    "momentum": momentum,
                    "calls": tuple(self.calls),
                    "ended": place,
                }
            )
        self.calls, self.pending = [], len(self.passes)
        if after >= 0:
            self.weights = after

    def _owner(self) -> int | None:
        """The pass whose gradient an update should use: the last that trained dropout, else that went backward."""
        fresh = list(range(self.pending, len(self.passes)))
        trained = [i for i in fresh if any(drop.train for drop in self.passes[i]["drops"])]
        backward = [i for i in fresh if any(call.name.endswith(".backward") for call in self.passes[i]["calls"])]
        chosen = (trained or backward or fresh)[-1:]
        return chosen[0] if chosen else self.updates[-1]["pass"] if self.updates else None


def _epochs(reader: _Reader, epochs: int, steps: int) -> list[int]:
    """The epoch of each update: by counting where the number is right, else parted by passes over validation data."""
    count = len(reader.updates)
    if count == epochs * steps:
        return [index // steps for index in range(count)]
    valid = [entry["started"] for entry in reader.passes if entry["split"] == "valid"]
    found, epoch = [], 0
    for index, update in enumerate(reader.updates):
        if index and any(reader.updates[index - 1]["ended"] < at < update["ended"] for at in valid):
            epoch += 1
        found.append(epoch)
    return found if epoch else [index // max(steps, 1) for index in range(count)]


def replay(observation: Observation, digits: Mapping[str, Array], *, epochs: int, batch: int) -> Run:
    """The run that the tape in `observation` holds, of a `main` asked for `epochs` epochs of batches of `batch` rows.

    digits: train_X (N×D), valid_X, test_X as the worker was given them, rows distinct.
    """
    weights = {name: _array(observation, name) for name in WEIGHT_NAMES}
    reader = _Reader(observation, digits)
    reader.read(observation.facts.get("events", []), len(weights["L1_W"]) - 1)
    passes = tuple(
        Pass(**{**entry, "calls": tuple(entry["calls"]), "drops": tuple(entry["drops"])}) for entry in reader.passes
    )
    epoch_of = _epochs(reader, epochs, len(digits["train_X"]) // batch)
    updates = tuple(
        Update(
            epoch=epoch,
            pass_=None if entry["pass"] is None else passes[entry["pass"]],
            before=entry["before"],
            after=entry["after"],
            rates=entry["rates"],
            momentum=entry["momentum"],
            calls=entry["calls"],
            ended=entry["ended"],
        )
        for epoch, entry in zip(epoch_of, reader.updates, strict=True)
    )
    returned = tuple(
        (key, _array(observation, f"returned/{index}"))
        for index, key in enumerate(observation.facts.get("returned", []))
    )
    written = tuple(
        (file, key, _array(observation, f"file/{index}"))
        for index, (file, key) in enumerate(observation.facts.get("files", []))
    )
    return Run(
        built=tuple(reader.built),
        used=frozenset(reader.used),
        passes=passes,
        updates=updates,
        evaluations=_evaluations(passes, updates),
        weights=weights,
        returned=returned,
        written=written,
        malformed=reader.malformed,
        endless=bool(observation.facts.get("full", False)),
        flat_bias=bool(observation.facts.get("flat_bias", False)),
    )


def _evaluations(passes: tuple[Pass, ...], updates: tuple[Update, ...]) -> tuple[tuple[Pass, ...], ...]:
    """For each epoch, the passes after its last update and before the first pass that trains in the next one."""
    if not updates:
        return ()
    training = {id(update.pass_) for update in updates}
    found = []
    for epoch in range(updates[-1].epoch + 1):
        inside = [update for update in updates if update.epoch == epoch]
        later = [update.pass_.started for update in updates if update.epoch > epoch and update.pass_ is not None]
        start = max((update.ended for update in inside), default=0)
        end = min(later, default=1 << 60)
        found.append(tuple(p for p in passes if start < p.started < end and id(p) not in training))
    return tuple(found)
