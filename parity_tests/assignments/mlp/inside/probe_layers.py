"""Makes the layers that probes call, gives them weights however they keep them, and watches what a call writes over.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES, SGD_PARAMETERS
from parity_tests.harness.inside import asking

if TYPE_CHECKING:
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission

Arrays = Mapping[str, np.ndarray]
Params = Mapping[str, Any]
READ_ONLY, ONE = "read-only", "one"
REFUSALS = {READ_ONLY: "read-only", "whole": "Cannot cast ufunc"}
"""What numpy says to who writes over an input that is read-only, or of whole numbers."""
_LARGE = 1 << 16
"""Bytes of an array from which on it is not copied to be compared."""


def construct(cls: Any, *sizes: Any) -> Any:
    """An object of `cls`; one without its constructor's work where that raises (init is a case of its own)."""
    is_class = isinstance(cls, type)
    try:
        return cls(*sizes)
    except Exception:
        if not is_class:
            raise
        return cls.__new__(cls)


class Module:
    """Stands for a class that the submission lacks, or of which no object can be made."""


def bare(submission: Submission, name: str) -> Any:
    """An object of the submission's class `name`, its constructor not run; of a class of ours where there is none."""
    cls: Any = getattr(submission.module, name, Module)
    try:
        return cls.__new__(cls)
    except Exception:
        return Module()


def method_of(submission: Submission, layer: Any, name: str) -> Any:
    """The layer's method; where its class defines none, a function that says so when it is called."""
    method = getattr(layer, name, None)
    return method if method is not None else lambda *_: submission.get(f"{type(layer).__name__}.{name}")


def linear_with(submission: Submission, W: np.ndarray, b: np.ndarray) -> Any:
    """The submission's linear layer with the given weights."""
    layer = construct(submission.get("linear_layer"), *W.shape)
    for attribute in ("params", "gradient"):
        own(layer, attribute)
    set_weights(layer, W, b)
    if not isinstance(getattr(layer, "gradient", None), MutableMapping):
        set_attribute(layer, "gradient", {"W": np.zeros_like(W), "b": np.zeros_like(b)})
    return layer


def bare_linear(submission: Submission, W: np.ndarray, b: np.ndarray) -> Any:
    """A linear layer with these weights and gradients of 0, if possible without what its constructor does."""
    for make in (
        lambda: bare(submission, "linear_layer"),
        lambda: construct(submission.get("linear_layer"), *W.shape),
        Module,
    ):
        try:
            layer = make()
            for attribute in ("params", "gradient"):
                own(layer, attribute)
            done = [put(layer, "params", key, array) for key, array in (("W", W), ("b", b))]
            done += [put(layer, "gradient", key, np.zeros_like(array)) for key, array in (("W", W), ("b", b))]
            if all(done):
                return layer
        except Exception:  # whatever its class does: it is asked in another way
            continue
    return layer


def set_attribute(layer: Any, name: str, value: Any) -> None:
    """Set an attribute of a layer, where it lets that be done."""
    with suppress(AttributeError, TypeError):
        setattr(layer, name, value)


def keep_gradients(recorder: CallRecorder, layer: Any, back: Any, call: int, prefix: str = "") -> None:
    """Keep gradient['W'] and gradient['b'] after a backward that returned `back` (FAILED: they are not looked at)."""
    for key in ("W", "b"):
        recorder.call(f"{prefix}gradient of {key}", lambda _, key=key: layer.gradient[key], back, call=call)


def sgd_function(submission: Submission) -> Callable[..., Any]:
    """The submission's SGD function, under either name."""
    for name in SGD_NAMES:
        if hasattr(submission.module, name):
            function: Callable[..., Any] = getattr(submission.module, name)
            return function
    missing: Callable[..., Any] = submission.get(SGD_NAMES[0])
    return missing


def sgd_arguments(edition: str, momentum: Any, params: Params, eta: float) -> tuple[Any, ...]:
    """What follows `model` in a call, in the order that the edition's signature has."""
    arguments = {"momentum": momentum, "lam": params["lam"], "alpha": params["alpha"], "eta": eta}
    return tuple(arguments[name] for name in SGD_PARAMETERS[edition][1:])


class Watch:
    """Arrays that calls were given or have returned, by labels, and what they held when they were last looked at."""

    def __init__(self, submission: Submission, recorder: CallRecorder, refused: list[list[Any]] | None = None) -> None:
        self._submission, self._recorder = submission, recorder
        self._refused = refused if refused is not None else []
        self._arrays: dict[str, tuple[Any, np.ndarray]] = {}
        self._ones: dict[str, np.ndarray] = {}

    def add(self, label: str, array: Any) -> Any:
        """Remember how `array` looks now, in place of another one of this label; returns it."""
        if isinstance(array, np.ndarray) and array.dtype != object:
            self._arrays[label] = (array, np.array(array, order="C"))
        return array

    def look(self, name: str, call: int = 0) -> None:
        """Record which of the arrays the call of this name and number has changed; remember them as they are now."""
        changed = []
        for label, (array, before) in list(self._arrays.items()):
            same = array.shape == before.shape and array.dtype == before.dtype
            if not (same and (_equal_bytes(array, before) or _alike(array, before))):
                changed.append(label)
                self.add(label, array)
        if changed:
            self._recorder.add_overwritten(name, call, changed)

    def ask(self, layer: Any, method: str, name: str, call: int, memory: str, given: Arrays, *more: Any) -> Any:
        """Call a layer's method with copies of arrays, by labels, that lie in memory like this; keep what it returns.

        One that writes over an array that is read-only, or writes floats over whole numbers, and so is refused, is
        asked again with arrays that it may write to.
        """
        function = method_of(self._submission, layer, method)
        result = self._recorder.call(name, function, *self._copies(given, memory), *more, call=call)
        if result is self._recorder.FAILED and memory in REFUSALS:
            failure = self._recorder.failures.get((name, call))
            if failure is not None and REFUSALS[memory] in failure["text"]:
                writable = {
                    label: array.astype(float) if memory == "whole" else array for label, array in given.items()
                }
                result = self._recorder.call(name, function, *self._copies(writable, ""), *more, call=call)
                self._refused.append([name, call])
                self._recorder.add_fact("refused_to_write", self._refused)
        self.look(name, call)
        return result

    def _copies(self, given: Arrays, memory: str) -> list[Any]:
        return [self.add(label, self._laid_out(label, array, memory)) for label, array in given.items()]

    def _laid_out(self, label: str, array: np.ndarray, memory: str) -> np.ndarray:
        """A copy as it is to lie in memory; of the arrays that are to lie in one, all of a label do."""
        if memory != ONE:
            return laid_out(array, memory)
        one = self._ones.setdefault(label, array.copy())
        one[...] = array
        return one


def take_turns(
    submission: Submission,
    recorder: CallRecorder,
    params: Params,
    layers: Sequence[Any],
    given: Callable[[str, int], tuple[Arrays, tuple[Any, ...]]],
    after_backward: Callable[[Any, Any, int], None] = lambda layer, back, k: None,
    output: str = "output",
) -> None:
    """Call layers in the order that `params` say; keep each "output" and "gradient of X" under the input's number.

    `given(method, k)` are the arrays that a method is called with, by labels, and what follows them. After a backward
    `after_backward` is told the layer, what it returned, and k. An "evaluation" is a forward.
    """
    refused: list[list[Any]] = []
    watches = {id(layer): Watch(submission, recorder, refused) for layer in layers}
    for method, i, k in params["calls"]:
        arrays, more = given(method, k)
        memory = params["inputs"][k]["memory"]
        if method == "backward":
            back = watches[id(layers[i])].ask(layers[i], method, "gradient of X", k, memory, arrays, *more)
            after_backward(layers[i], back, k)
        else:
            watch = watches[id(layers[i])]
            watch.add("output", watch.ask(layers[i], "forward", output, k, memory, arrays, *more))


def laid_out(array: np.ndarray, memory: str) -> np.ndarray:
    """A copy that lies in memory as `asking.laid_out` says, or is not writable."""
    copy = asking.laid_out(array, memory)
    copy.flags.writeable = memory != READ_ONLY
    return copy


def _equal_bytes(array: np.ndarray, before: np.ndarray) -> bool:
    """Whether an array holds the bytes of another of its shape; a large one is not copied to be compared."""
    if array.nbytes < _LARGE or array.nbytes % 8 or not array.flags.c_contiguous:
        return array.tobytes() == before.tobytes()
    return np.array_equal(array.reshape(-1).view(np.uint64), before.reshape(-1).view(np.uint64))


def _alike(array: np.ndarray, before: np.ndarray) -> bool:
    """Whether all elements are the same, whatever their bytes: zeros of either sign, and any NaN."""
    return np.array_equal(array, before, equal_nan=array.dtype.kind == "f")


# ---- what a layer keeps, in dicts, slots or attributes behind a property


def parameter(layer: Any, key: str) -> Any:
    """params[key] of a layer; None where there is none."""
    return _entry(layer, "params", key)


def set_weights(layer: Any, W: np.ndarray, b: np.ndarray) -> None:
    """Give the layer these weights (b 1×M, or flat where its own constructor made a flat one)."""
    own = parameter(layer, "b")
    flat = isinstance(own, np.ndarray) and own.shape == (b.size,)
    put(layer, "params", "W", W)
    put(layer, "params", "b", b.reshape(-1) if flat else b)


def own(layer: Any, attribute: str) -> None:
    """Give the layer a dict of its own where its class holds the one that it has, for all layers together."""
    entries = getattr(layer, attribute, None)
    held = (value for base in type(layer).__mro__ for value in vars(base).values())
    if type(entries) is dict and any(value is entries for value in held):
        with suppress(AttributeError, TypeError):
            setattr(layer, attribute, dict(entries))


def goes_on(model: Any, returned: Any) -> bool:
    """Whether SGD returned another model, of the same modules by name, with which its caller may go on."""
    if returned is model or not isinstance(returned, Mapping):
        return False
    return list(returned) == list(model) and all(type(returned[name]) is type(model[name]) for name in model)


def shared(one: Any, other: Any, attribute: str) -> bool:
    """Whether two layers have one dict under this attribute, or an array in common in theirs."""
    entries = [getattr(layer, attribute, None) for layer in (one, other)]
    if entries[0] is entries[1]:
        return entries[0] is not None
    arrays = [
        [value for value in entry.values() if isinstance(value, np.ndarray)]
        if isinstance(entry, MutableMapping)
        else []
        for entry in entries
    ]
    return any(np.may_share_memory(mine, yours) for mine in arrays[0] for yours in arrays[1])


def put(layer: Any, attribute: str, key: str, array: np.ndarray) -> bool:
    """Let layer.<attribute>[key] be `array`, and so all else in which the layer keeps the very same array.

    Returns whether it is: where the layer gives no way to put it there, its numbers are put into the array there.
    """
    entries = getattr(layer, attribute, None)
    if not isinstance(entries, MutableMapping):
        entries = {}
        with suppress(AttributeError, TypeError):
            setattr(layer, attribute, entries)
    old = entries.get(key)
    with suppress(TypeError):
        entries[key] = array
    for name, value in list(_attributes(layer)):
        if old is not None and value is old:
            with suppress(AttributeError):
                setattr(layer, name, array)
    now = _entry(layer, attribute, key)
    if now is not array and isinstance(now, np.ndarray) and now.shape == array.shape:
        now[...] = array
    return bool(now is array)


def _entry(layer: Any, attribute: str, key: str) -> Any:
    entries = getattr(layer, attribute, None)
    return entries.get(key) if isinstance(entries, MutableMapping) else None


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that the layer itself keeps, in its dict and in its slots."""
    yield from getattr(layer, "__dict__", {}).items()
    for cls in type(layer).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            with suppress(AttributeError):
                yield name, getattr(layer, name)
