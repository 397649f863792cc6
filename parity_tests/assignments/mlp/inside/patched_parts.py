"""Puts hooks into every part of a submission while its `main` is watched, however the part is written.

Methods are patched in place on the submission's own classes, which survives class tables, aliases and helpers;
functions have their code swapped, which survives every other name that they are bound to. Nothing is written on the
submission's objects. The submission's process loads this file by its path: the standard library only.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from parity_tests.assignments.mlp.inside.homework_names import PLAIN, SGD_NAMES

if TYPE_CHECKING:
    from parity_tests.assignments.mlp.inside.main_hooks import Hooks
    from parity_tests.harness.inside.submission import Submission

CLASSES_OF = {
    "linear": ("linear_layer",),
    "nonlinear": ("relu", "tanh"),
    "drop": ("dropout",),
    "loss": ("softmax_cross_entropy",),
}
"""The classes that play each part."""
SUPPORT_FUNCTIONS = ("add_momentum", "predict_label")
LOADER = "data_loader_mnist"
"""With SUPPORT_FUNCTIONS, what stand-ins take the place of, whether it stands in utils.py or elsewhere."""
DATA = "DataSplit"
"""The class of utils.py that no part is made of: only with stand-ins is another one put in its place."""
KEPT = {"linear": ("params", "gradient"), "nonlinear": ("mask",), "drop": ("r", "mask"), "loss": ("prob", "labels")}
"""The attributes in which a stand-in keeps what it must."""


def patch(submission: Submission, hooks: Hooks, stand_ins: Any) -> None:
    """Wraps every part of the submission; with stand-ins, these run in its place, or where it lacks one.

    What it defines under a name that is nearly a part's, which it lacks, is taken for that part: `main` may use it so.
    """
    modules = [module for module in (submission.module, submission.support) if module is not None]
    meant = {name: submission.meant_as(name, type) for names in CLASSES_OF.values() for name in names}
    sgd_names: tuple[str, ...] = SGD_NAMES
    if not any(_objects(modules, name, callable) for name in SGD_NAMES):
        sgd_names += tuple(submission.meant_as(name, types.FunctionType) for name in SGD_NAMES)
    for part, class_names in CLASSES_OF.items():
        for name in class_names:
            found = _objects(modules, name, callable) or _made(modules, name, _new_class, stand_ins)
            near = [] if meant[name] == name else _objects(modules, meant[name], callable)
            for one in [*found, *near]:
                if isinstance(one, type):
                    _patch_class(hooks, part, name, one, stand_ins)
                else:
                    _swap(one, _maker(hooks, part, name, stand_ins), modules)
    for name in dict.fromkeys(sgd_names):
        for function in _functions(modules, name, stand_ins):
            _swap(function, hooks.sgd, modules)
    for function in _objects(modules, LOADER, callable) if submission.edition == PLAIN else ():
        _swap(function, hooks.load, modules)
    # What edition 2022-23 loads is looked at in another way, and is the handout's anyway.
    replaced = SUPPORT_FUNCTIONS if submission.edition == PLAIN else (*SUPPORT_FUNCTIONS, LOADER)
    for name in replaced if stand_ins is not None else ():
        for function in _functions(modules, name, stand_ins):
            _swap(function, hooks.replaced_by(getattr(stand_ins, name)), modules)
    if stand_ins is not None:
        _replace_class(modules, DATA, getattr(stand_ins, DATA))


def _replace_class(modules: list[Any], name: str, right: type) -> None:
    """Has the submission make objects of the right class, by whatever name it knows its own."""

    def make(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return right(*args, **kwargs)  # of no class of the submission's, so that no constructor of its own is run

    for own in _objects(modules, name, callable):
        if isinstance(own, type):
            type.__setattr__(own, "__new__", staticmethod(make))
        for module in modules:
            for other, value in list(vars(module).items()):
                if value is own:
                    setattr(module, other, right)
    setattr(modules[0], name, right)


def _functions(modules: list[Any], name: str, stand_ins: Any) -> list[Any]:
    return _objects(modules, name, lambda value: callable(value) and not isinstance(value, type)) or _made(
        modules, name, _new_function, stand_ins
    )


def _objects(modules: list[Any], name: str, wanted: Callable[[Any], bool]) -> list[Any]:
    """The distinct objects of this name in the submission's modules that are wanted."""
    values = [vars(module)[name] for module in modules if name in vars(module) and wanted(vars(module)[name])]
    return [value for index, value in enumerate(values) if not any(value is other for other in values[:index])]


def _made(modules: list[Any], name: str, make: Callable[[str], Any], stand_ins: Any) -> list[Any]:
    """An empty object of this name, put into the submission for a stand-in to fill; none without stand-ins."""
    if stand_ins is None:
        return []
    made = make(name)
    setattr(modules[0], name, made)
    return [made]


def _new_class(name: str) -> type:
    return type(name, (), {"__module__": "submission"})


def _new_function(name: str) -> Callable[..., None]:
    def made(*args: Any) -> None:
        """The place of a function that the submission does not define."""

    return made


def _swap(function: Any, hook: Callable[..., Any], modules: list[Any]) -> None:
    """Runs the hook in place of a function, or of any other object that is called as one."""
    if isinstance(function, types.FunctionType):
        swap(function, hook, modules)
        return

    def hooked(*args: Any, **kwargs: Any) -> Any:
        return hook(function, *args, **kwargs)

    for module in modules:
        for name, value in list(vars(module).items()):
            if value is function:
                setattr(module, name, hooked)


# ---- what makes the objects of a part


def _maker(hooks: Hooks, part: str, name: str, stand_ins: Any) -> Callable[..., Any]:
    """The hook of a function under the name of a class: the class of what it returns is patched when it is known."""
    patched: list[type] = []

    def made(instance: Any) -> None:
        cls = type(instance)
        if cls not in patched and hasattr(cls, "forward"):
            patched.append(cls)
            for method in ("forward", "backward"):
                _patch_method(hooks, part, name, cls, cls, method, None)

    run = None
    if stand_ins is not None:
        run = type(name, (getattr(stand_ins, name),), {"__module__": "submission"})
        _patch_class(hooks, part, name, run, stand_ins)
    return hooks.maker(part, name, made, run)


# ---- classes


def _patch_class(hooks: Hooks, part: str, name: str, cls: type, stand_ins: Any) -> None:
    source = None if stand_ins is None else getattr(stand_ins, name)
    patched = cls if stand_ins is None or _keeps_anything(cls, KEPT[part]) else _replaced(cls, KEPT[part])
    for method in ("forward", "backward"):
        _patch_method(hooks, part, name, cls, patched, method, source)
    own = getattr(cls, "__init__")  # noqa: B009 - of a class, which mypy takes for unsound
    run = vars(source)["__init__"] if source is not None else own
    if run is object.__init__:
        run = _nothing
    declared = run if own is object.__init__ else own
    type.__setattr__(patched, "__init__", hooks.build(part, name, declared, run))


def _nothing(instance: Any, *args: Any, **kwargs: Any) -> None:
    """The constructor of a class that has none."""


def _patch_method(hooks: Hooks, part: str, name: str, cls: type, patched: type, method: str, source: Any) -> None:
    """Puts the hook of a method of `cls` on `patched`, under all names that the method has there."""
    raw = inspect.getattr_static(cls, method, None)
    own = getattr(cls, method, None)
    of_class = isinstance(raw, (staticmethod, classmethod))
    if of_class:
        own = _as_method(own)
    run = own if source is None else vars(source)[method]
    if run is None:
        return
    hook: Any = hooks.method(part, name, method, run if own is None else own, run)
    hook = _Bound(hook) if of_class else hook
    names = [other for base in cls.__mro__ for other, value in vars(base).items() if raw is not None and value is raw]
    for attribute in {method, *names}:
        type.__setattr__(patched, attribute, hook)
        if of_class:  # it may be called by its class alone
            type.__setattr__(cls, attribute, hook)


def _as_method(function: Any) -> Callable[..., Any]:
    """A static method as a function that takes an object first."""

    def method(_: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    first = inspect.Parameter("_", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [first, *inspect.signature(function).parameters.values()]
    method.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for
    return method


class _Bound:
    """A function that is given its object, or the class by which it is called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __get__(self, instance: Any, owner: type) -> Any:
        return types.MethodType(self._function, owner if instance is None else instance)


def _keeps_anything(cls: type, names: tuple[str, ...]) -> bool:
    """Whether objects of a class can be given these attributes."""
    guarded = any(getattr(cls, name) is not getattr(object, name) for name in ("__setattr__", "__getattribute__"))
    static = [inspect.getattr_static(cls, name, None) for name in names]
    computed = any(hasattr(type(value), "__set__") and not inspect.ismemberdescriptor(value) for value in static)
    return cls.__dictoffset__ != 0 and not guarded and not computed


def _replaced(cls: type, names: tuple[str, ...]) -> type:
    """A subclass of a class whose objects it makes from now on, and that can be given these attributes."""
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    members |= {"__setattr__": object.__setattr__, "__getattribute__": object.__getattribute__}
    members |= {name: None for name in names if isinstance(inspect.getattr_static(cls, name, None), property)}
    metaclass: Any = type(cls)
    made: type = type.__new__(metaclass, cls.__name__, (cls,), members)
    plain: Any = next(base for base in cls.__mro__ if not base.__flags__ & 1 << 9)  # the built-in type that it extends

    def __new__(kind: type, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        instance = plain.__new__(made)
        if not issubclass(made, kind):  # nobody else runs its constructor
            instance.__init__(*args, **kwargs)
        return instance

    type.__setattr__(cls, "__new__", staticmethod(__new__))
    return made


# ---- functions


def swap(function: types.FunctionType, hook: Callable[..., Any], modules: Sequence[types.ModuleType]) -> None:
    """Swaps a function's code for a call of `hook(what it was, *args, **kwargs)`; a second time for the same, nothing.

    A decorated function's code cannot be swapped: it is replaced under its names in `modules`.
    """
    code = function.__code__
    if code.co_name == "trampoline":
        return
    original = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__

    def hooked(*args: Any, **kwargs: Any) -> Any:
        return hook(original, *args, **kwargs)

    if code.co_freevars:
        for module in modules:
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
