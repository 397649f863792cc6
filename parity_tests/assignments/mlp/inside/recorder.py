"""Runs a submission's `main` on a few small digits and writes down what it did, beside it in the worker.

Numpy and the standard library only. Nothing here knows what would have been right: the parent replays the tape.
Methods are patched in place on the submission's own classes, which survives class tables, aliases and helpers;
functions have their code swapped, which survives every other name they are bound to.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES, SGD_PARAMETERS, WEIGHT_NAMES
else:
    from homework_names import SGD_NAMES, SGD_PARAMETERS, WEIGHT_NAMES

Array = NDArray[Any]
FLOAT64 = np.dtype(np.float64)

INPUT_FILE = "mnist_subset.json"
HIDDEN_BUILT = 16  # what is built where `main` asks for 1,000: cheap even for nested loops
CLASSES = 10
EVENT_CAP = 20_000  # about twenty times what the longest run asked for makes
NUMBER_CAP = 4_000_000  # of recorded numbers: 32 MB
FILE_CAP = 1 << 20

# What a forward must be given, by the part; other parts take what the last of those before them returned.
INPUTS = {"nonlinear": "L1.forward's output", "loss": "L2.forward's output"}
# The names of SGD's arguments, by how many there are.
SGD_ARGUMENTS = {len(parameters): parameters for parameters in SGD_PARAMETERS.values()}
# part → the classes that play it
PARTS = {
    "linear": ("linear_layer",),
    "nonlinear": ("relu", "tanh"),
    "drop": ("dropout",),
    "loss": ("softmax_cross_entropy",),
}


def write_digits(arrays: Mapping[str, Array], path: Path) -> None:
    """The homework's JSON file: {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, labels whole numbers."""
    content = {
        name: [arrays[f"{name}_X"].tolist(), [int(label) for label in arrays[f"{name}_y"].reshape(-1)]]
        for name in ("train", "valid", "test")
    }
    path.write_text(json.dumps(content))


def _numeric(value: Any) -> Array | None:
    """A float64 copy of a numeric array or list, else None."""
    if type(value) is np.ndarray and value.dtype == FLOAT64:
        return value.copy()
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _same(one: Any, other: Any) -> bool:
    """Whether two arrays hold equal numbers, labels as a column or flat alike."""
    one, other = _numeric(one), _numeric(other)
    if one is None or other is None or one.size != other.size:
        return False
    if one.shape != other.shape and (1 not in one.shape[1:] and 1 not in other.shape[1:]):
        return False
    return _equal(one.reshape(-1), other.reshape(-1))


def _equal(one: Array, other: Array) -> bool:
    """Whether two float64 arrays of the same shape hold equal numbers, NaN equal to NaN."""
    return one.tobytes() == other.tobytes() or bool(np.all((one == other) | (np.isnan(one) & np.isnan(other))))


@lru_cache(maxsize=64)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


def _bind(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, method: bool) -> list[Any]:
    """The arguments of a call in the order in which `function` declares them, whatever it names them."""
    if not kwargs:
        return list(args)
    plain = [*([None] if method else []), *args]
    try:
        order = _order(function, len(plain), tuple(kwargs))
        if order:
            given = [*plain, *kwargs.values()]
            values = [given[place] for place in order]
        else:
            values = list(_signature(function).bind(*plain, **kwargs).arguments.values())
    except (TypeError, ValueError):
        return [*args, *kwargs.values()]
    return values[1 if method else 0 :]


@lru_cache(maxsize=64)
def _order(function: Any, plain: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """Which argument of such a call, with so many `plain` ones and then these by name, comes first, second, … .

    That is the same in every call of its form. () where `function` gathers some of them in one parameter. Raises
    TypeError, ValueError where it cannot be called so.
    """
    given = range(plain + len(names))
    bound = _signature(function).bind(*given[:plain], **dict(zip(names, given[plain:], strict=True)))
    order = tuple(bound.arguments.values())
    return order if all(type(place) is int for place in order) else ()


def _default(function: Any, position: int) -> Any:
    """The default of a method's parameter at `position` (self not counted); True where it has none."""
    try:
        default = list(_signature(function).parameters.values())[position + 1].default
    except (TypeError, ValueError, IndexError):
        return True
    return True if default is inspect.Parameter.empty else default


def _number(value: Any) -> float | None:
    """A rate as a Python float, or None where it is no single number."""
    array = _numeric(value)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


def leaves(value: Any, key: str = "", depth: int = 0) -> list[tuple[str, Array]]:
    """Every sequence of numbers in what was returned or written: (where it stood, the numbers), in order.

    A record may be a list, a tuple, an array, or stand inside a dict; a sequence of single numbers is one record.
    """
    array = _numeric(value) if isinstance(value, (list, tuple, np.ndarray)) else None
    if array is not None and array.size and (array.ndim == 1 or array.size == max(array.shape)):
        return [(key, array.reshape(-1))]
    if depth > 4:
        return []
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, (list, tuple, np.ndarray)) and np.ndim(array if array is not None else [0]) > 0:
        pairs = [(str(index), inner) for index, inner in enumerate(value)]
    else:
        return []
    found: list[tuple[str, Array]] = []
    for name, inner in pairs[:100]:
        found += leaves(inner, f"{key}.{name}" if key else name, depth + 1)
    return found[:40]


class Tape:
    """Everything that is written down during one run of `main`: events in order, and the arrays they point at."""

    def __init__(self, width: int) -> None:
        self.width = width  # pixels of an example
        self.events: list[dict[str, Any]] = []
        self.arrays: dict[str, list[Array]] = {}
        self.numbers = 0
        self.full = False
        self.layers: dict[str, Any] = {}  # "L1", "L2" → the object
        self.names: dict[int, str] = {}  # id of an object → its name in sentences
        self.objects: list[Any] = []  # keeps the ids of `names` alive
        self.weights: dict[str, Array] | None = None
        # The weights as they were found: layer, key, shape and bytes of each.
        self.read: list[tuple[str, str, tuple[int, ...], bytes]] = []
        self.malformed = ""
        self.flat_bias = False
        self.used = False  # whether any L1.forward was called yet
        # What this pass's parts returned, by labels, and were given: the object itself and a copy made at once.
        self.chain: dict[str, tuple[Any, Array | None]] = {}
        self.earlier: dict[str, tuple[Any, Array | None]] = {}
        self.given: dict[str, tuple[Any, Array | None]] = {}

    def event(self, kind: str, **facts: Any) -> None:
        """Writes an event down, with what is known of it."""
        if len(self.events) >= EVENT_CAP or self.numbers >= NUMBER_CAP:
            self.full = True
            return
        self.events.append({"e": kind, **facts})

    def store(self, name: str, copy: Array) -> int:
        """Appends a copy, which nobody changes any more, to the stack `name`; its index there."""
        stack = self.arrays.setdefault(name, [])
        if not self.full:
            stack.append(copy)
            self.numbers += copy.size
        return len(stack) - 1

    # -- objects -------------------------------------------------------------------------------------------

    def name(self, part: str, instance: Any) -> str:
        """Names an object as the next of its part: nonlinear1, drop1, loss."""
        taken = sum(1 for known in self.names.values() if known.rstrip("0123456789") == part)
        name = part if part == "loss" and not taken else f"{part}{taken + 1}"
        return self._keep_name(name, instance)

    def name_linear(self, instance: Any, sizes: Sequence[Any]) -> str:
        """L1 is the linear layer that takes the pixels, L2 the one that gives the classes, in any order of building.

        One that is built anew before any was used takes the name over.
        """
        name = ""
        if sizes[1:2] == [CLASSES] and ("L2" not in self.layers or not self.used):
            name = "L2"
        elif sizes[:1] == [self.width] and ("L1" not in self.layers or not self.used):
            name = "L1"
        else:
            free = [free for free in ("L1", "L2") if free not in self.layers]
            name = free[0] if free else f"L{len(self.layers) + 1}"
        if name in self.layers:
            self.names[id(self.layers[name])] = f"an unused {name}"
        self.layers[name] = instance
        return self._keep_name(name, instance)

    def _keep_name(self, name: str, instance: Any) -> str:
        self.names[id(instance)] = name
        self.objects.append(instance)
        return name

    # -- provenance ----------------------------------------------------------------------------------------

    def begin(self, X: Any, copy: Array | None) -> None:
        """A new forward pass starts with L1.forward(X)."""
        self.earlier, self.given = self.chain, {}
        self.chain = {"the mini-batch": (X, copy)}
        self.used = True

    def returned(self, label: str, value: Any, copy: Array | None) -> None:
        """Remembers an output of this pass; a later one of the same name takes the place of the first."""
        self.chain.pop(label, None)
        self.chain[label] = (value, copy)

    def last(self, prefix: str, suffix: str) -> str:
        """The label of the newest output of a part whose name starts so, "" where this pass has none."""
        for label in reversed(self.chain):
            if label.startswith(prefix) and label.endswith(suffix):
                return label
        return ""

    def label(self, value: Any) -> str:
        """Which output of this pass, or of the one before, `value` is: identity first, else equal numbers."""
        for label, (known, _) in self.chain.items():
            if known is value:
                return label
        for label, (_, copy) in self.chain.items():
            if _same(value, copy):
                return label
        for label, (known, copy) in self.earlier.items():
            if known is value or _same(value, copy):
                return "the mini-batch before" if label == "the mini-batch" else f"an earlier {label}"
        return "an array that no part returned"

    def wrong(self, what: str, value: Any, expected: str) -> list[list[str]]:
        """[[argument, what was passed, what belongs there]] where `value` is not what `expected` names."""
        if not expected:
            return []
        entry = self.chain.get(expected)
        if entry is not None and (entry[0] is value or _same(value, entry[1])):
            return []
        return [[what, self.label(value), expected]]

    def wrong_input(self, name: str, value: Any) -> list[list[str]]:
        """The same for the X of a backward, which must be what the forward of the same part was given."""
        if name not in self.given:
            return []
        known, copy = self.given[name]
        if known is value or _same(value, copy):
            return []
        return [["X", self.label(value), self.label(known)]]

    # -- weights -------------------------------------------------------------------------------------------

    def read_weights(self) -> dict[str, Array] | None:
        """The four parameters as float64 copies, or None with `malformed` saying why."""
        found: dict[str, Array] = {}
        if not {"L1", "L2"} <= set(self.layers):
            return None
        self.read = []
        for name in ("L1", "L2"):
            for key in ("W", "b"):
                params = getattr(self.layers.get(name), "params", None)
                try:
                    value = _numeric(params[key])  # type: ignore[index]
                except (TypeError, KeyError, IndexError):
                    value = None
                if value is None:
                    self.malformed = self.malformed or f"{name}.params['{key}'] is not a numeric array"
                    return None
                self.read.append((name, key, value.shape, value.tobytes()))
                if key == "b" and value.ndim == 1:
                    self.flat_bias = True
                    value = value.reshape(1, -1)
                if self.weights is not None and value.shape != self.weights[f"{name}_{key}"].shape:
                    was = self.weights[f"{name}_{key}"].shape
                    self.malformed = self.malformed or (
                        f"{name}.params['{key}'] has the shape {value.shape} after an update and had {was} before"
                    )
                    return None
                if value.ndim != 2:
                    self.malformed = self.malformed or f"{name}.params['{key}'] has the shape {value.shape}"
                    return None
                found[f"{name}_{key}"] = value
        return found

    def unchanged(self) -> bool:
        """Whether the weights are to the byte those that were read last, as they mostly are: nothing need be copied."""
        if self.weights is None or len(self.read) < len(WEIGHT_NAMES):
            return False
        for name, key, shape, content in self.read:
            try:
                value = self.layers[name].params[key]
            except (AttributeError, TypeError, KeyError, IndexError):
                return False
            if type(value) is not np.ndarray or value.dtype != FLOAT64 or value.shape != shape:
                return False
            if value.tobytes() != content:
                return False
        return True

    def snapshot(self) -> int:
        """The index of the present weights in the stacks, stored anew where they changed; −1 where there are none."""
        if self.malformed:
            return -1
        if self.unchanged():
            return len(self.arrays["L1_W"]) - 1
        present = self.read_weights()
        if present is None:
            if self.malformed:
                self.event("malformed", text=self.malformed)
            return -1
        count = len(self.arrays.get("L1_W", []))
        if self.weights is not None and all(_equal(self.weights[key], present[key]) for key in WEIGHT_NAMES):
            return count - 1
        if self.full:
            self.read = []
            return -1
        self.weights = present
        for key in WEIGHT_NAMES:
            self.store(key, present[key])
        return count


class Recorder:
    """Patches one submission's parts so that a tape runs along; with `parts`, the correct ones are swapped in."""

    def __init__(self, submission: Any, tape: Tape, parts: Any) -> None:
        self.modules = [module for module in (submission.module, submission.support) if module is not None]
        self.tape = tape
        self.parts = parts
        self.inside = 0  # depth of calls from one part into another: only what `main` calls is written down

    # -- patching ------------------------------------------------------------------------------------------

    def patch(self) -> None:
        """Wraps (or replaces, or injects) every part."""
        for part, class_names in PARTS.items():
            for name in class_names:
                for cls in self._find(name, type):
                    self._patch_class(part, name, cls)
        for name in SGD_NAMES:
            for function in self._find(name, types.FunctionType):
                self._patch_function(function, self._sgd)
        if self.parts is not None:
            for name in ("add_momentum", "predict_label"):
                for function in self._find(name, types.FunctionType):
                    self._patch_function(function, self._swap(getattr(self.parts, name)))

    def _find(self, name: str, kind: type) -> list[Any]:
        """The distinct objects of this name in the submission's modules; an empty one for a stand-in to fill."""
        values = [vars(module)[name] for module in self.modules if isinstance(vars(module).get(name), kind)]
        found = [value for index, value in enumerate(values) if value not in values[:index]]
        if found or self.parts is None:
            return found
        if kind is type:
            made: Any = type(name, (), {"__module__": "submission"})
        else:

            def made(*args: Any) -> None:
                """The place of a function that the submission does not define."""

        setattr(self.modules[0], name, made)
        return [made]

    def _patch_class(self, part: str, name: str, cls: type) -> None:
        for method in ("__init__", "forward", "backward"):
            own = getattr(cls, method, None)
            run = own if self.parts is None else vars(getattr(self.parts, name))[method]
            if run is None:
                continue
            declared = run if own in (None, object.__init__) else own
            hook = self._build if method == "__init__" else self._method
            setattr(cls, method, hook(part, method if method != "__init__" else name, declared, run))

    def _patch_function(self, function: types.FunctionType, hook: Callable[..., Any]) -> None:
        """Swaps a function's code for a call of `hook(what it was, *args, **kwargs)`, under all its names at once."""
        code = function.__code__
        if code.co_name == "trampoline":
            return  # the second name of a function that is done
        original = types.FunctionType(
            code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        original.__kwdefaults__ = function.__kwdefaults__

        def hooked(*args: Any, **kwargs: Any) -> Any:
            return hook(original, *args, **kwargs)

        if code.co_freevars:  # a decorated function: its code cannot be swapped, its names can
            for module in self.modules:
                for name, value in list(vars(module).items()):
                    if value is function:
                        setattr(module, name, hooked)
            return

        def trampoline(*args: Any, **kwargs: Any) -> Any:
            target: Any = "HOOKED"  # replaced below: swapped code may have constants, but no free variables
            return target(*args, **kwargs)

        constants = tuple(hooked if value == "HOOKED" else value for value in trampoline.__code__.co_consts)
        function.__code__ = trampoline.__code__.replace(co_consts=constants)
        function.__defaults__ = function.__kwdefaults__ = None

    def _swap(self, replacement: Callable[..., Any]) -> Callable[..., Any]:
        def hook(original: Any, *args: Any, **kwargs: Any) -> Any:
            return replacement(*_bind(original, args, kwargs, method=False))

        return hook

    # -- hooks ---------------------------------------------------------------------------------------------

    def _shrunk(self, size: Any) -> Any:
        """The size that is built where `size` was asked for."""
        known = isinstance(size, (int, np.integer)) and size not in (self.tape.width, CLASSES)
        return HIDDEN_BUILT if known and size > HIDDEN_BUILT else size

    def _build(self, part: str, name: str, declared: Any, run: Any) -> Callable[..., None]:
        def __init__(instance: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            asked = _bind(declared, args, kwargs, method=True)
            if not self.inside:
                if part == "linear":
                    sizes = [int(size) if isinstance(size, (int, np.integer)) else None for size in asked]
                    called = self.tape.name_linear(instance, sizes)
                    self.tape.event("build", name=called, sizes=sizes)
                else:
                    rate = _number(asked[0]) if part == "drop" and asked else None
                    called = self.tape.name(part, instance)
                    self.tape.event("build", name=called, cls=name, rate=rate)
                if self.parts is not None:
                    instance.part_name = called
            if part == "linear":
                asked = [self._shrunk(size) for size in asked]
                args = tuple(self._shrunk(size) for size in args)
                kwargs = {key: self._shrunk(size) for key, size in kwargs.items()}
            self._run(run, instance, asked, args, kwargs)

        return __init__

    def _run(self, run: Any, instance: Any, values: Any, args: Any, kwargs: Any) -> Any:
        """The submission's own method as it was called, or the stand-in with the arguments put in order."""
        self.inside += 1
        try:
            return run(instance, *args, **kwargs) if self.parts is None else run(instance, *values)
        finally:
            self.inside -= 1

    def _method(self, part: str, method: str, declared: Any, run: Any) -> Callable[..., Any]:
        before = self._before_forward if method == "forward" else self._before_backward
        drops = part == "drop" and method == "forward"
        names = self.tape.names

        def hook(instance: Any, *args: Any, **kwargs: Any) -> Any:
            values = _bind(declared, args, kwargs, method=True) if kwargs else list(args)
            if drops and len(values) == 1:
                values.append(_default(declared, 1))
            if self.inside:
                return self._run(run, instance, values, args, kwargs)
            name = names.get(id(instance)) or self._found(part, instance)
            facts = before(part, name, values)
            result = self._run(run, instance, values, args, kwargs)
            self._after(drops, name, method, values, result, facts)
            return result

        return hook

    def _found(self, part: str, instance: Any) -> str:
        """Names an object that was built before the tape ran (at import)."""
        if part != "linear":
            return self.tape.name(part, instance)
        try:
            sizes = list(np.shape(instance.params["W"]))
        except (AttributeError, TypeError, KeyError):
            sizes = []
        return self.tape.name_linear(instance, sizes)

    def _before_forward(self, part: str, name: str, values: list[Any]) -> dict[str, Any]:
        tape, facts, X = self.tape, dict[str, Any](), values[0] if values else None
        rows = _numeric(X)
        if name == "L1":
            tape.begin(X, rows)
            facts["w"] = tape.snapshot()
            if rows is not None and rows.ndim == 2 and rows.shape[1] == tape.width:
                facts["x"] = tape.store("X", rows)
            facts["shape"] = list(rows.shape) if rows is not None else None
        else:
            before = tape.last("drop", ".forward's output") if part == "linear" else INPUTS.get(part, "")
            wrong = tape.wrong("X", X, before or tape.last("nonlinear", ".forward's output"))
            if wrong:
                facts["wrong"] = wrong
        tape.given[name] = (X, rows)
        if part == "loss" and len(values) > 1:
            labels = _numeric(values[1])
            if labels is not None and labels.size <= 1000:
                facts["y"] = labels.reshape(-1).tolist()
        return facts

    def _before_backward(self, part: str, name: str, values: list[Any]) -> dict[str, Any]:
        tape, facts = self.tape, dict[str, Any]()
        wrong = tape.wrong_input(name, values[0]) if values else []
        if part != "loss" and len(values) > 1:
            before = ""
            if part == "linear":
                before = "loss.backward's output" if name == "L2" else tape.last("nonlinear", ".backward's output")
            elif part == "nonlinear" and tape.last("drop", ".forward's output"):
                before = tape.last("drop", ".backward's output")
            if part != "linear":
                before = before or "L2.backward's output"
            wrong += tape.wrong("grad", values[1], before)
        if wrong:
            facts["wrong"] = wrong
        return facts

    def _after(
        self, drops: bool, name: str, method: str, values: list[Any], result: Any, facts: dict[str, Any]
    ) -> None:
        tape, after = self.tape, _numeric(result)
        tape.returned(f"{name}.{method}'s output", result, after)
        if drops:
            facts["train"] = bool(values[1])
            before = tape.given[name][1]
            if before is not None and after is not None and before.shape == after.shape and before.ndim == 2:
                facts["m"] = tape.store("drop_in", before)
                tape.store("drop_out", after)
        tape.event(f"{name}.{method}", **facts)

    def _sgd(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        values = _bind(original, args, kwargs, method=False)
        if self.inside:
            return original(*args, **kwargs)
        before = self.tape.snapshot()
        known = dict(zip(SGD_ARGUMENTS.get(len(values), ("model",)), values, strict=False))
        momentum = known.get("momentum")
        entries = list(momentum.values()) if isinstance(momentum, dict) else []
        state = "none" if momentum is None else "nonzero" if any(np.any(entry) for entry in entries) else "zero"
        rates = {name: _number(known[name]) for name in ("lam", "alpha", "eta") if name in known}
        self.inside += 1
        try:
            if self.parts is None:
                result = original(*args, **kwargs)
            else:
                lam, alpha, eta = (rates.get(name) or 0.0 for name in ("lam", "alpha", "eta"))
                result = self.parts.sgd(known.get("model"), momentum, lam, alpha, eta)
        finally:
            self.inside -= 1
        self.tape.event("sgd", before=before, after=self.tape.snapshot(), momentum=state, **rates)
        return result


def _files(folder: Path) -> list[tuple[str, str, Array]]:
    """(file, key, numbers) of every record in the JSON files that `main` left in the working folder."""
    found: list[tuple[str, str, Array]] = []
    for path in sorted(folder.rglob("*"))[:100]:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > FILE_CAP or path.name == INPUT_FILE:
            continue
        try:
            content = json.loads(path.read_text())
        except (ValueError, OSError, RecursionError):
            continue
        found += [(path.name, key, numbers) for key, numbers in leaves(content)]
    return found[:40]


def _insist(action: Callable[..., Any], *args: Any) -> None:
    """Does something although `main`'s time limit has struck, or strikes meanwhile: what is recorded must get out."""
    for _ in range(2):
        try:
            action(*args)
        except BaseException as error:
            if type(error).__name__ != "OutOfTime":
                raise
        else:
            return


def _flush(tape: Tape, recorder: Any) -> None:
    """Hands the tape over: stacked arrays, with the sizes of what is ragged, and the list of events."""
    _insist(tape.snapshot)
    for name, stack in tape.arrays.items():
        if name in WEIGHT_NAMES:
            _insist(lambda name=name, stack=stack: recorder.keep(name, np.stack(stack)))
        else:
            _insist(lambda name=name, stack=stack: recorder.keep(name, np.concatenate([a.reshape(-1) for a in stack])))
            _insist(recorder.add_fact, f"{name}_shapes", [list(array.shape) for array in stack])
    for key in ("events", "full", "flat_bias"):
        _insist(recorder.add_fact, key, getattr(tape, key))


def record_main(submission: Any, recorder: Any, params: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Runs `main(params["main_params"])` on the digits in `arrays`, and hands over what it did.

    arrays: train_X, valid_X, test_X (rows of pixels) and train_y, valid_y, test_y. With params["stand_ins"] the
    correct parts are swapped in. What `main` returns is kept as "returned/0", … (sequences of numbers), records in
    the JSON files it wrote as "file/0", …; a failure of `main` is kept under "main".
    """
    folder = Path.cwd()
    write_digits(arrays, folder / INPUT_FILE)
    parts = import_module("stand_ins") if params["stand_ins"] else None  # bound for one worker only
    tape = Tape(arrays["train_X"].shape[1])
    try:
        main = submission.get("main")
    except Exception as missing:
        recorder.fail("main", missing)
        return
    Recorder(submission, tape, parts).patch()
    main_params = {**params["main_params"], "input_file": INPUT_FILE}
    try:
        accepts = inspect.signature(main).bind(main_params, "minibatch_sgd") is not None
    except (TypeError, ValueError):
        accepts = False
    try:
        result = recorder.call("main", main, main_params, *(["minibatch_sgd"] if accepts else []))
        if result is not recorder.FAILED:
            recorder.add_fact("returned_kind", type(result).__name__)
            records = leaves(result)
            recorder.add_fact("returned", [key for key, _ in records])
            for index, (_, numbers) in enumerate(records):
                recorder.keep(f"returned/{index}", numbers)
    finally:
        _flush(tape, recorder)
        for cache in (_signature, _order):
            cache.cache_clear()  # it holds functions of the submission
    written = _files(folder)
    recorder.add_fact("files", [[file, key] for file, key, _ in written])
    for index, (_, _, numbers) in enumerate(written):
        recorder.keep(f"file/{index}", numbers)
