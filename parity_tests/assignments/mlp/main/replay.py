"""Turns the log of one `main` into a frozen description of its run.

It judges nothing. Rows of X are looked up in the digits, so that any way of drawing an order is understood, and calls
are told by what they are, not by names, helpers or loops of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.main.run import SPLITS, Array, Built, Call, Dropped, Pass, Run, Update
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key


def _stack(observation: Observation, name: str) -> list[Array]:
    """The arrays of a ragged stack."""
    returned = observation.values.get(Key(name))
    shapes = observation.facts.get(f"{name}_shapes", [])
    if returned is None or returned.array is None:
        return []
    flat, at, arrays = returned.array, 0, []
    for shape in shapes:
        size = int(np.prod(shape))
        arrays.append(flat[at : at + size].reshape(shape))
        at += size
    return arrays


def _array(observation: Observation, name: str) -> Array:
    returned = observation.values.get(Key(name))
    return np.zeros(0) if returned is None or returned.array is None else returned.array.astype(np.float64)


def _rows(X: Array, known: Mapping[bytes, tuple[str, int]]) -> tuple[str, tuple[int, ...]]:
    """The one split that all rows belong to, and their indices; "" where there is none."""
    rows = [known.get((row + 0.0).tobytes(), ("", -1)) for row in np.ascontiguousarray(X)]
    splits = {split for split, _ in rows}
    return (splits.pop() if len(splits) == 1 else ""), tuple(index for _, index in rows)


class _Reader:
    """Walks over the log once."""

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
        """Reads all events; `last` is the index of the last weights."""
        for index, event in enumerate(events):
            kind = event["event"]
            if kind == "build":
                self._built(event)
            elif kind == "malformed":
                self.malformed = str(event["text"])
            elif kind == "sgd":
                self._changed(int(event["before"]), index)
                rates = {name: event[name] for name in ("lam", "alpha", "eta") if event.get(name) is not None}
                self._update(int(event["after"]), index, rates, str(event["momentum"]))
            else:
                if kind == "L1.forward":
                    self._changed(int(event["weights"]), index)
                    self._pass(event, index)
                self._call(event)
        self._changed(last, len(events))

    def _built(self, event: Mapping[str, Any]) -> None:
        sizes = tuple(event.get("sizes", ()))
        self.built.append(Built(event["name"], event.get("cls", "linear_layer"), sizes, event.get("rate")))

    def _pass(self, event: Mapping[str, Any], index: int) -> None:
        split, rows = "", tuple[int, ...]()
        kept = event.get("rows")
        if kept is not None and kept < len(self.X):
            split, rows = _rows(self.X[kept], self.known)
        shape = event.get("shape")
        self.passes.append(
            {
                "split": split,
                "rows": rows,
                "shape": None if shape is None else tuple(shape),
                "weights": int(event["weights"]),
                "started": index,
                "calls": [],
                "drops": [],
                "labels": None,
            }
        )

    def _call(self, event: Mapping[str, Any]) -> None:
        name = event["event"]
        self.used.add(name.split(".")[0])
        call = Call(name, tuple((a, b, c) for a, b, c in event.get("wrong", [])))
        self.calls.append(call)
        if not self.passes:
            return
        current = self.passes[-1]
        current["calls"].append(call)
        if name.startswith("drop") and name.endswith(".forward"):
            index = int(event.get("dropout", -1))
            kept, seen = None, None
            if 0 <= index < len(self.after):
                before, after = self.before[index], self.after[index]
                kept, seen = np.asarray((after != 0) | (before == 0)), np.asarray((before != 0) & np.isfinite(before))
            current["drops"].append(Dropped(bool(event["train"]), kept, seen))
        if name == "loss.forward" and "labels" in event:
            current["labels"] = tuple(event["labels"])

    def _changed(self, weights: int, index: int) -> None:
        """Weights that differ from those last seen were changed without SGD."""
        if weights <= self.weights:
            return
        if self.updates and self.pending == len(self.passes) and self.updates[-1]["momentum"]:
            self.updates[-1]["after"] = self.weights = weights  # after SGD, before any forward: still the same step
        else:
            self._update(weights, index - 1, {}, "")

    def _update(self, after: int, index: int, rates: dict[str, float], momentum: str) -> None:
        if self.updates and not self.updates[-1]["momentum"] and self.pending == len(self.passes) and momentum:
            # Changed before SGD was called, after the same forward: one step.
            self.updates[-1].update(after=after, rates=rates, momentum=momentum, ended=index)
        else:
            self.updates.append(
                {
                    "pass": self._owner(),
                    "before": self.weights,
                    "after": after,
                    "rates": rates,
                    "momentum": momentum,
                    "calls": tuple(self.calls),
                    "ended": index,
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
    epochs_of, epoch = [], 0
    for index, update in enumerate(reader.updates):
        if index and any(reader.updates[index - 1]["ended"] < at < update["ended"] for at in valid):
            epoch += 1
        epochs_of.append(epoch)
    return epochs_of if epoch else [index // max(steps, 1) for index in range(count)]


def replay(observation: Observation, digits: Mapping[str, Array], *, epochs: int, batch: int) -> Run:
    """The run that the log in `observation` holds, of a `main` asked for `epochs` epochs of batches of `batch` rows.

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
    evaluations = []
    for epoch in range(updates[-1].epoch + 1):
        inside = [update for update in updates if update.epoch == epoch]
        later = [update.pass_.started for update in updates if update.epoch > epoch and update.pass_ is not None]
        start = max((update.ended for update in inside), default=0)
        end = min(later, default=1 << 60)
        evaluations.append(tuple(p for p in passes if start < p.started < end and id(p) not in training))
    return tuple(evaluations)
