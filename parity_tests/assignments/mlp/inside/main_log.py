"""The log of one run of `main`: the calls that it made, the arrays that went through them, and the weights.

It does not know what would have been right: who reads the log judges it. The submission's process loads this file by
its path: numpy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.inside.homework_names import BESIDE, PIXELS, WEIGHT_NAMES

CLASSES = 10
ONCE = f"{BESIDE} the network, which took it first for "
"""How the name of a layer begins whose place another one of the same sizes has taken."""
EVENT_CAP = 20_000
"""About twenty times what the longest run asked for makes."""
BYTE_CAP = 64_000_000
"""Bytes that are stored: some hundred times the weights of 1,000 hidden units for a few pixels."""
BATCH = "the mini-batch"
Array = NDArray[Any]
FLOAT64 = np.dtype(np.float64)
Value = tuple[Any, Array | None]
"""An object that went through a call, and a copy of its numbers that was made at once."""


class Log:
    """Everything that is written down during one run of `main`: events in order, and the arrays that they point at.

    `pixels` is the width of an example. The log is `full` where a run does not end in time.
    """

    def __init__(self, pixels: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.arrays: dict[str, list[NDArray[Any]]] = {}
        self.full = False
        self._bytes = 0
        self.layers = Layers(pixels, self._forget)
        self.dataflow = Dataflow()
        self.weights = Weights(self, self.layers.linear)

    def add(self, event: str, **facts: Any) -> None:
        """Writes an event down, with what is known of it."""
        if len(self.events) >= EVENT_CAP or self._bytes >= BYTE_CAP:
            self.full = True
            return
        self.events.append({"event": event, **facts})

    def store(self, name: str, copy: NDArray[Any]) -> int:
        """Appends a copy, which nobody changes any more, to the stack `name`; its index there."""
        stack = self.arrays.setdefault(name, [])
        if not self.full:
            stack.append(copy)
            self._bytes += copy.nbytes
        return len(stack) - 1

    def _forget(self, name: str) -> None:
        """Strikes out what was done so far with a layer that turns out to be none of the network's.

        With L1 a pass begins, so that all before it goes; a new L2 leaves the pass that it is met in.
        """
        begun = [event for event in self.events if event["event"] in ("L1.forward", "build")]
        if name == "L1":
            self.events = [event for event in begun if event["event"] == "build"]
            self.arrays.clear()
            self.layers.used = False
        else:
            self.events = [event for event in self.events if not event["event"].startswith("L2.")]
        for weight in WEIGHT_NAMES:
            self.arrays.pop(weight, None)
        self.weights = Weights(self, self.layers.linear)
        if name == "L2" and begun[-1:] and begun[-1]["event"] == "L1.forward":
            begun[-1]["weights"] = self.weights.store()


class Layers:
    """What the objects that `main` builds are called: L1, L2, nonlinear1, drop1, loss."""

    def __init__(self, pixels: int, forget: Callable[[str], None]) -> None:
        self.pixels, self._forget = pixels, forget
        self.linear: dict[str, Any] = {}
        self._sizes: dict[str, Sequence[Any]] = {}
        self._beside: dict[int, Any] = {}  # by their ids, which stay theirs
        self.used = False  # whether any L1.forward was called yet
        self.trained = False  # whether SGD was
        self._drawn: dict[int, dict[str, Array]] = {}  # what constructors drew, by the ids of their layers
        self._built: dict[str, int] = {}  # the ids of L1 and L2 as they were built
        self._taken_back: set[str] = set()  # the places that nobody takes over any more
        self._names: dict[int, str] = {}
        self._objects: list[Any] = []  # keeps the ids of `_names` alive

    def name_of(self, instance: Any) -> str:
        """The name of an object, "" where it has none yet."""
        return self._names.get(id(instance), "")

    def add(self, part: str, instance: Any) -> str:
        """Names an object as the next of its part."""
        taken = sum(1 for known in self._names.values() if known.rstrip("0123456789") == part)
        return self._keep(part if part == "loss" and not taken else f"{part}{taken + 1}", instance)

    def add_linear(self, instance: Any, sizes: Sequence[Any], *, copied: bool = False) -> str:
        """L1 is the linear layer that takes the pixels, L2 the one that gives the classes, in any order of building.

        One that is built anew before any was trained takes the name over; one that was not built, but `copied`, before
        any was used. One that fits neither place, nor to a layer that does, or goes from the pixels to the classes
        alone, stands BESIDE the network: a gradient is checked on such.
        """
        taken = self.used if copied else self.trained
        if sizes == [self.pixels, CLASSES]:
            return self.add(BESIDE, instance)
        if sizes[1:2] == [CLASSES] and ("L2" not in self.linear or not taken):
            name = "L2"
        elif sizes[:1] in ([self.pixels], [PIXELS]) and ("L1" not in self.linear or not taken):
            name = "L1"
        elif self._fits_another(sizes):
            free = [free for free in ("L1", "L2") if free not in self.linear]
            name = free[0] if free else f"L{len(self.linear) + 1}"
        else:
            return self.add(BESIDE, instance)
        if name in self._taken_back:
            return self.add(BESIDE, instance)
        self._sizes[name] = sizes
        if not copied:
            self._built[name] = id(instance)
        return self._take(name, instance)

    def _take(self, name: str, instance: Any) -> str:
        """Gives a layer its place in the network, which another may have had; that one was a throwaway."""
        before, self.linear[name] = self.linear.get(name), instance
        self._keep(name, instance)
        if before is not None:
            self._names[id(before)] = f"{ONCE}{name}"
            self._forget(name)
        return name

    def take_back(self, instance: Any) -> None:
        """A layer whose place was taken by a throwaway of the same sizes has it again as soon as it is used."""
        name = self.name_of(instance)
        place = name.removeprefix(ONCE)
        if place != name and not self.trained and place not in self._taken_back:
            self._taken_back.add(place)
            self._built[place] = id(instance)
            self._take(place, instance)

    def follow(self, model: Mapping[str, Any], copy: Mapping[str, Any]) -> None:
        """Calls the objects of a copy of the network by the names of those that they are copies of."""
        for module, copied in zip(model.values(), copy.values(), strict=True):
            name = self.name_of(module)
            if name and copied is not module:
                self._keep(name, copied)
                self.use(name, copied)

    def use(self, name: str, instance: Any) -> None:
        """Takes the weights of L1 and L2 from the objects that are used under these names: SGD may have made copies."""
        if name in self.linear:
            self.linear[name] = instance

    def is_beside(self, instance: Any, arguments: Sequence[Any]) -> bool:
        """Whether a call is of a layer beside the network, or is given what came out of such a call."""
        if self.name_of(instance).startswith(BESIDE):
            return True
        return bool(self._beside) and any(id(value) in self._beside for value in arguments)

    def keep_beside(self, result: Any) -> Any:
        """Remembers an array that came out of a call beside the network; returns it, as anything else."""
        if isinstance(result, np.ndarray):
            self._beside[id(result)] = result
        return result

    def _fits_another(self, sizes: Sequence[Any]) -> bool:
        """Whether a layer of these sizes gives what one of the network takes, or takes what one gives."""
        return any(sizes[1:2] == other[:1] or sizes[:1] == other[1:2] for other in self._sizes.values())

    def add_drawn(self, instance: Any) -> None:
        """Remembers the parameters of a linear layer that was just built."""
        values = {key: parameter(instance, key) for key in ("W", "b")}
        self._drawn[id(instance)] = {key: value for key, value in values.items() if value is not None}

    @property
    def drawn(self) -> dict[str, Array]:
        """What the constructors of L1 and L2 drew, by WEIGHT_NAMES."""
        drawn = {}
        for place in self._built:
            for key, value in self._drawn.get(self._built[place], {}).items():
                drawn[f"{place}_{key}"] = value.reshape(1, -1) if value.ndim == 1 else value
        return drawn

    def _keep(self, name: str, instance: Any) -> str:
        self._names[id(instance)] = name
        self._objects.append(instance)
        return name


def parameter(layer: Any, key: str) -> Array | None:
    """A float64 copy of a parameter of a layer, None where that cannot be."""
    params = getattr(layer, "params", None)
    try:
        return numeric(params[key])  # type: ignore[index]  # what has no keys raises TypeError
    except (TypeError, KeyError, IndexError):
        return None


class Dataflow:
    """Which array came out of which call of a forward pass, so that an argument can be told by where it came from."""

    def __init__(self) -> None:
        self._results: dict[str, Value] = {}
        self._results_before: dict[str, Value] = {}
        self._inputs: dict[str, Value] = {}

    def begin(self, X: Any, copy: Array | None) -> None:
        """A new forward pass starts with L1.forward(X)."""
        self._results_before, self._inputs = self._results, {}
        self._results = {BATCH: (X, copy)}

    def add_input(self, name: str, value: Any, copy: Array | None) -> None:
        """Remembers what a part's forward was given."""
        self._inputs[name] = (value, copy)

    def input_of(self, name: str) -> Array | None:
        """The numbers that a part's last forward was given."""
        return self._inputs[name][1]

    def add_result(self, label: str, value: Any, copy: Array | None) -> None:
        """Remembers a result of this pass; a later one of the same label takes the place of the first."""
        self._results.pop(label, None)
        self._results[label] = (value, copy)

    def last(self, prefix: str, suffix: str) -> str:
        """The label of the newest result of a part whose name starts so, "" where this pass has none."""
        for label in reversed(self._results):
            if label.startswith(prefix) and label.endswith(suffix):
                return label
        return ""

    def label_of(self, value: Any) -> str:
        """Which result of this pass, or of the one before, `value` is: identity first, else equal numbers."""
        for label, (known, _) in self._results.items():
            if known is value:
                return label
        for label, (_, copy) in self._results.items():
            if same(value, copy):
                return label
        for label, (known, copy) in self._results_before.items():
            if known is value or same(value, copy):
                return "the mini-batch before" if label == BATCH else f"an earlier {label}"
        return "an array that no part returned"

    def wrong_argument(self, what: str, value: Any, expected: str) -> list[list[str]]:
        """[[argument, what was passed, what belongs there]] where `value` is not what `expected` names."""
        if not expected:
            return []
        known = self._results.get(expected)
        if known is not None and (known[0] is value or same(value, known[1])):
            return []
        return [[what, self.label_of(value), expected]]

    def wrong_X(self, name: str, value: Any) -> list[list[str]]:  # noqa: N802 - the mathematics' name
        """The same for the X of a backward, which must be what the forward of the same part was given."""
        if name not in self._inputs:
            return []
        known, copy = self._inputs[name]
        if known is value or same(value, copy):
            return []
        return [["X", self.label_of(value), self.label_of(known)]]


class Weights:
    """The weights of L1 and L2, stored whenever they are such as were not stored before."""

    def __init__(self, log: Log, linear: Mapping[str, Any]) -> None:
        self._log, self._linear = log, linear
        self._last: dict[str, Array] | None = None
        self._stored: dict[bytes, int] = {}  # where weights of this content are
        self._now = -1
        self._read: list[tuple[str, str, tuple[int, ...], bytes]] = []  # layer, key, shape and bytes of each
        self._malformed = ""
        self.flat_bias = False

    def store(self) -> int:
        """The index of the present weights in the stacks, stored where they are new; −1 where there are none."""
        if self._malformed:
            return -1
        if self._unchanged():
            return self._now
        present = self._present()
        if present is None:
            if self._malformed:
                self._log.add("malformed", text=self._malformed)
            return -1
        self._last = present
        content = sha256(b"".join(present[name].tobytes() for name in WEIGHT_NAMES)).digest()
        if content not in self._stored:
            if self._log.full:
                self._read = []
                return -1
            at = [self._log.store(name, present[name]) for name in WEIGHT_NAMES]
            self._stored[content] = at[0]
        self._now = self._stored[content]
        return self._now

    def _unchanged(self) -> bool:
        """Whether the weights are to the byte those that were read last, as they mostly are: nothing need be copied."""
        if self._last is None or len(self._read) < len(WEIGHT_NAMES):
            return False
        for layer, key, shape, content in self._read:
            try:
                value = self._linear[layer].params[key]
            except (AttributeError, TypeError, KeyError, IndexError):
                return False
            if type(value) is not np.ndarray or value.dtype != FLOAT64 or value.shape != shape:
                return False
            if value.tobytes() != content:
                return False
        return True

    def _present(self) -> dict[str, Array] | None:
        """The four parameters as float64 copies, None where that cannot be; then `_malformed` may say why."""
        if not {"L1", "L2"} <= set(self._linear):
            return None
        present: dict[str, Array] = {}
        self._read = []
        for name in WEIGHT_NAMES:
            layer, _, key = name.partition("_")
            value = self._parameter(layer, key)
            if value is None:
                return None
            present[name] = value
        return present

    def _parameter(self, layer: str, key: str) -> Array | None:
        """A float64 copy of one parameter, b as 1×M; None, and `_malformed` says why, where it is none."""
        value = parameter(self._linear[layer], key)
        if value is not None:
            self._read.append((layer, key, value.shape, value.tobytes()))
        if value is not None and key == "b" and value.ndim == 1:
            self.flat_bias = True
            value = value.reshape(1, -1)
        problem = self._problem(value, None if self._last is None else self._last[f"{layer}_{key}"].shape)
        if problem:
            self._malformed = self._malformed or f"{layer}.params['{key}'] {problem}"
        return None if problem else value

    def _problem(self, value: Array | None, before: tuple[int, ...] | None) -> str:
        """Why a parameter, which had the shape `before` at the step before, cannot be logged; "" where it can."""
        if value is None:
            return "is not a numeric array"
        if before is not None and value.shape != before:
            return f"has the shape {value.shape} after an update and had {before} before"
        return "" if value.ndim == 2 else f"has the shape {value.shape}"


# ---- numbers, of whatever a submission handles


def numeric(value: Any) -> Array | None:
    """A float64 copy of a numeric array or list, else None."""
    if type(value) is np.ndarray and value.dtype == FLOAT64:
        return value.copy()
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def number(value: Any) -> float | None:
    """A rate as a Python float, or None where it is no single number."""
    array = numeric(value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def same(one: Any, other: Any) -> bool:
    """Whether two arrays hold equal numbers, labels as a column or flat alike."""
    one, other = numeric(one), numeric(other)
    if one is None or other is None or one.size != other.size:
        return False
    if one.shape != other.shape and (1 not in one.shape[1:] and 1 not in other.shape[1:]):
        return False
    return equal(one.reshape(-1), other.reshape(-1))


def equal(one: Array, other: Array) -> bool:
    """Whether two float64 arrays of the same shape hold equal numbers, NaN equal to NaN."""
    return one.tobytes() == other.tobytes() or bool(np.all((one == other) | (np.isnan(one) & np.isnan(other))))
