"""What runs in place of a submission's parts while its `main` is watched: the part itself, and a line in the log.

The submission's process loads this file by its path: numpy and the standard library only.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.inside.homework_names import PIXELS, SGD_PARAMETERS
from parity_tests.assignments.mlp.inside.main_log import CLASSES, Log, number, numeric
from parity_tests.assignments.mlp.inside.probe_layers import goes_on

LABEL_CAP = 1000
_GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
INPUTS = {"nonlinear": "L1.forward's output", "loss": "L2.forward's output"}
"""What a forward must be given, by the part; other parts take what the last of those before them returned."""
SGD_ARGUMENTS = {len(parameters): parameters for parameters in SGD_PARAMETERS.values()}
"""The names of SGD's arguments, by how many there are."""


def shrunk(size: Any, pixels: int, most: int) -> Any:
    """The size of a layer where `size` was asked for: of hidden units, so many at most; of MNIST's pixels, the data's.

    A `main` in which the number of pixels is typed is so judged in all else.
    """
    if isinstance(size, (int, np.integer)) and size == PIXELS:
        return pixels
    hidden = isinstance(size, (int, np.integer)) and size not in (pixels, CLASSES)
    return most if hidden and size > most else size


class Hooks:
    """Makes hooks for the parts of one submission; with `stand_ins`, a module of correct parts, they run those.

    Where `main` asks for more than `most_units` hidden units, so many are built, and `built_fewer` says so. A hook is
    made of the part, `declared`, the submission's own method, whose signature calls have, and `run`, the one that runs.
    """

    def __init__(self, stand_ins: Any) -> None:
        self._stand_ins = stand_ins
        self._depth = 0  # of calls from one part into another: only what `main` calls is written down

    def begin(self, log: Log, most_units: int, digits: Mapping[str, Any]) -> None:
        """Begins a run of `main` on these digits."""
        self._log, self._most_units, self._depth, self._digits = log, most_units, 0, digits
        self.built_fewer = False

    # ---- constructors

    def build(self, part: str, class_name: str, declared: Any, run: Any) -> Callable[..., None]:
        """A constructor that names the object, and builds fewer hidden units."""

        def __init__(instance: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            values = in_order(declared, args, kwargs, method=True)
            if not self._depth:
                self._log_built(part, class_name, instance, values)
            if part == "linear":
                values = [self._shrunk(size) for size in values]
                args = tuple(self._shrunk(size) for size in args)
                kwargs = {key: self._shrunk(size) for key, size in kwargs.items()}
            self._run(run, instance, values, args, kwargs)
            if part == "linear" and not self._depth:
                self._log.layers.add_drawn(instance)

        return __init__

    def _log_built(self, part: str, class_name: str, instance: Any, values: list[Any]) -> None:
        if part == "linear":
            sizes = [int(size) if isinstance(size, (int, np.integer)) else None for size in values]
            name = self._log.layers.add_linear(instance, sizes)
            self._log.add("build", name=name, sizes=sizes)
        else:
            rate = number(values[0]) if part == "drop" and values else None
            name = self._log.layers.add(part, instance)
            self._log.add("build", name=name, cls=class_name, rate=rate)
        if self._stand_ins is not None:
            self._stand_ins.NAMES[id(instance)] = name

    def _shrunk(self, size: Any) -> Any:
        """The size that is built where `size` was asked for."""
        built = shrunk(size, self._log.layers.pixels, self._most_units)
        self.built_fewer = self.built_fewer or built is not size
        return built

    def _run(self, run: Any, instance: Any, values: Any, args: Any, kwargs: Any) -> Any:
        """The submission's own method as it was called, or the stand-in with the arguments put in order."""
        self._depth += 1
        try:
            return run(instance, *args, **kwargs) if self._stand_ins is None else run(instance, *values)
        finally:
            self._depth -= 1

    # ---- forwards and backwards

    def method(self, part: str, class_name: str, method: str, declared: Any, run: Any) -> Callable[..., Any]:
        """A forward or backward that is logged."""
        before = self._before_forward if method == "forward" else self._before_backward
        drops = part == "drop" and method == "forward"

        def hook(instance: Any, *args: Any, **kwargs: Any) -> Any:
            values = in_order(declared, args, kwargs, method=True)
            if drops and len(values) == 1:
                values.append(default_of(declared, 1))
            if self._depth:
                return self._run(run, instance, values, args, kwargs)
            layers = self._log.layers
            layers.take_back(instance)
            if layers.is_beside(instance, values):
                return layers.keep_beside(self._run(run, instance, values, args, kwargs))
            name = layers.name_of(instance) or self._name_of_built_before(part, class_name, instance)
            layers.use(name, instance)
            facts = before(part, name, values)
            result = self._run(run, instance, values, args, kwargs)
            copy = numeric(result)
            self._log.dataflow.add_result(f"{name}.{method}'s output", result, copy)
            if drops:
                facts |= self._dropped(instance, name, bool(values[1]), copy)
            self._log.add(f"{name}.{method}", **facts)
            return result

        return hook

    def _name_of_built_before(self, part: str, class_name: str, instance: Any) -> str:
        """Names an object that was built before the log was begun (at import), or a class that needs no object."""
        if part != "linear":
            name = self._log.layers.add(part, instance)
            self._log.add("build", name=name, cls=class_name, rate=None)
            return name
        try:
            sizes = list(np.shape(instance.params["W"]))
        except (AttributeError, TypeError, KeyError):
            sizes = []
        return self._log.layers.add_linear(instance, sizes, copied=True)

    def _before_forward(self, part: str, name: str, values: list[Any]) -> dict[str, Any]:
        log, dataflow, facts, X = self._log, self._log.dataflow, dict[str, Any](), values[0] if values else None
        copy = numeric(X)
        if name == "L1":
            log.layers.used = True
            dataflow.begin(X, copy)
            facts["weights"] = log.weights.store()
            if copy is not None and copy.ndim == 2 and copy.shape[1] == log.layers.pixels:
                facts["rows"] = log.store("X", copy)
            facts["shape"] = list(copy.shape) if copy is not None else None
        else:
            before = dataflow.last("drop", ".forward's output") if part == "linear" else INPUTS.get(part, "")
            wrong = dataflow.wrong_argument("X", X, before or dataflow.last("nonlinear", ".forward's output"))
            if wrong:
                facts["wrong"] = wrong
        dataflow.add_input(name, X, copy)
        if part == "loss" and len(values) > 1:
            labels = numeric(values[1])
            if labels is not None and labels.size <= LABEL_CAP:
                facts["labels"] = labels.reshape(-1).tolist()
        return facts

    def _before_backward(self, part: str, name: str, values: list[Any]) -> dict[str, Any]:
        dataflow = self._log.dataflow
        wrong = dataflow.wrong_X(name, values[0]) if values else []
        if part != "loss" and len(values) > 1:
            wrong += dataflow.wrong_argument("grad", values[1], self._gradient_for(part, name))
        return {"wrong": wrong} if wrong else {}

    def _gradient_for(self, part: str, name: str) -> str:
        """The label of the gradient that a backward must be given."""
        dataflow = self._log.dataflow
        if name == "L2":
            return "loss.backward's output"
        if part == "linear":
            return dataflow.last("nonlinear", ".backward's output")
        through_dropout = part == "nonlinear" and dataflow.last("drop", ".forward's output")
        before = dataflow.last("drop", ".backward's output") if through_dropout else ""
        return before or "L2.backward's output"

    def _dropped(self, instance: Any, name: str, train: bool, after: Any) -> dict[str, Any]:
        """What a forward of dropout did; in training with what it kept, and where that is seen, if both can be."""
        facts: dict[str, Any] = {"train": train}
        before = self._log.dataflow.input_of(name) if train else None
        if before is not None and after is not None and before.shape == after.shape and before.ndim == 2:
            mask = numeric(getattr(instance, "mask", None)) if self._stand_ins is not None else None
            # Where the input is 0, what comes out does not show it.
            kept = (after != 0) | (before == 0) if mask is None else mask != 0
            facts["dropout"] = self._log.store("kept", kept)
            self._log.store("seen", (before != 0) & np.isfinite(before))
        return facts

    # ---- functions

    def maker(self, part: str, class_name: str, made: Callable[[Any], None], run: Any) -> Callable[..., Any]:
        """A hook for a function that makes the objects of a part; `made` is told each, `run` makes it in its place."""

        def hook(original: Any, *args: Any, **kwargs: Any) -> Any:
            values = in_order(original, args, kwargs, method=False)
            if run is not None:
                return run(*values)
            self._depth += 1
            try:
                if part == "linear":
                    args = tuple(self._shrunk(size) for size in args)
                    kwargs = {key: self._shrunk(size) for key, size in kwargs.items()}
                instance = original(*args, **kwargs)
            finally:
                self._depth -= 1
            made(instance)
            if not self._depth:
                self._log_built(part, class_name, instance, values)
                if part == "linear":
                    self._log.layers.add_drawn(instance)
            return instance

        return hook

    def sgd(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """SGD, logged with the weights before and after it, and the rates that it was passed."""
        if self._depth:
            return original(*args, **kwargs)
        values = in_order(original, args, kwargs, method=False)
        self._log.layers.trained = True
        before = self._log.weights.store()
        known = dict(zip(SGD_ARGUMENTS.get(len(values), ("model",)), values, strict=False))
        momentum = known.get("momentum")
        entries = list(momentum.values()) if isinstance(momentum, dict) else []
        state = "none" if momentum is None else "nonzero" if any(np.any(entry) for entry in entries) else "zero"
        rates = {name: number(known[name]) for name in ("lam", "alpha", "eta") if name in known}
        self._depth += 1
        try:
            if self._stand_ins is None:
                result = original(*args, **kwargs)
            else:
                lam, alpha, eta = (rates.get(name) or 0.0 for name in ("lam", "alpha", "eta"))
                result = self._stand_ins.sgd(known.get("model"), momentum, lam, alpha, eta)
        finally:
            self._depth -= 1
        if goes_on(known.get("model"), result):
            self._log.layers.follow(known["model"], result)
        self._log.add("sgd", before=before, after=self._log.weights.store(), momentum=state, **rates)
        return result

    def load(self, original: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The digits of the run in place of what a loader would return, the training set shuffled as the handout's is.

        A handout's loader takes a thousand examples of each class, more than is quick to train on. Raises TypeError
        for arguments that it does not take, FileNotFoundError for a folder that is not there.
        """
        bound = inspect.signature(original).bind(*args, **kwargs)
        bound.apply_defaults()
        places = [value for value in bound.arguments.values() if isinstance(value, (str, os.PathLike))]
        if places and not any(Path(place).exists() for place in places):
            raise FileNotFoundError(f"no folder {os.fspath(places[0])!r}: the data lie in main_params['data_dir']")
        order = np.random.permutation(len(self._digits["train_X"]))
        loaded = [np.array(self._digits[f"{split}_{what}"]) for split in ("train", "valid", "test") for what in "Xy"]
        return tuple([array[order] for array in loaded[:2]] + loaded[2:])

    def replaced_by(self, replacement: Callable[..., Any]) -> Callable[..., Any]:
        """A hook that runs a stand-in for a function, with the arguments put in order."""

        def hook(original: Any, *args: Any, **kwargs: Any) -> Any:
            return replacement(*in_order(original, args, kwargs, method=False))

        return hook


# ---- the arguments of a call in the order in which a function of the submission declares them


def in_order(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, method: bool) -> list[Any]:
    """The arguments of a call in the order in which `function` declares them, whatever it names them."""
    if not kwargs:
        return list(args)
    plain = [*([None] if method else []), *args]
    try:
        order = _order(function, len(plain), tuple(kwargs))
        if order:
            given = [*plain, *kwargs.values()]
            values = [given[index] for index in order]
        else:
            bound = _signature(function).bind(*plain, **kwargs)
            if any(
                one.kind in _GATHERING for name, one in bound.signature.parameters.items() if name in bound.arguments
            ):
                return [*args, *kwargs.values()]
            values = list(bound.arguments.values())
    except (TypeError, ValueError):
        return [*args, *kwargs.values()]
    return values[1 if method else 0 :]


def default_of(method: Any, position: int) -> Any:
    """The default of a method's parameter at `position` (self not counted); True where it has none."""
    try:
        default = list(_signature(method).parameters.values())[position + 1].default
    except (TypeError, ValueError, IndexError):
        return True
    return True if default is inspect.Parameter.empty else default


def accepts(function: Any, *args: Any) -> bool:
    """Whether a function can be called with these arguments."""
    try:
        inspect.signature(function).bind(*args)
    except (TypeError, ValueError):
        return False
    return True


def forget_functions() -> None:
    """Empties the caches, which hold functions of the submission."""
    _signature.cache_clear()
    _order.cache_clear()


@lru_cache(maxsize=64)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


@lru_cache(maxsize=64)
def _order(function: Any, plain: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """Which argument of such a call, with so many `plain` ones and then these by name, comes first, second, … .

    That is the same in every call of its form. () where `function` gathers some of them in one parameter. Raises
    TypeError, ValueError where it cannot be called so.
    """
    given = range(plain + len(names))
    bound = _signature(function).bind(*given[:plain], **dict(zip(names, given[plain:], strict=True)))
    order = tuple(bound.arguments.values())
    return order if all(type(index) is int for index in order) else ()
