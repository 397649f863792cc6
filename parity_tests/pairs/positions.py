"""Inputs by position: what they are called, and a candidate and a reference that take them in that order."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from parity_tests.protocol.errors import UsageError

Function = Callable[..., Any]
TOLERANCES = frozenset(("rtol", "atol", "tol", "tolerance"))
"""What people type elsewhere: an input of such a name is given in `inputs={...}`, as one with an option's is."""


def name_of(function: Any) -> str:
    """What a function is called in reports."""
    plain = function.func if isinstance(function, functools.partial) else function
    return str(getattr(plain, "__name__", "") or type(plain).__name__)


def refuse_value(reference: Any) -> None:
    """Raises UsageError where the reference is no function, but what one returned, say."""
    if not callable(reference):
        raise UsageError(
            f"the reference is a {type(reference).__name__}, not a torch function or module: give what computes it, "
            "such as lambda x: torch.softmax(x, -1), in place of its value."
        )


class Named(NamedTuple):
    """The two sides of a pair, the inputs by the names that both take them by, and further forms of the reference."""

    candidate: Function
    reference: Any
    inputs: dict[str, Any]
    forms: Any = ()


def named(
    candidate: Function,
    reference: Any,
    positional: Sequence[Any],
    by_name: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    forms: Any = (),
) -> Named:
    """The inputs by position, by name and in `inputs`, all by their names.

    Those by position get the reference's names for them, or else the candidate's, or their numbers; a side that calls
    them otherwise, or does not say how, takes them by position all the same, and so do functions among `forms`. Raises
    UsageError where one is given twice, has the name of a tolerance or of no input, where there are more than the
    reference takes, or where that is no function.
    """
    refuse_value(reference)
    if not isinstance(inputs, Mapping | None):
        raise UsageError(f"inputs= is a {type(inputs).__name__}; it is a dict of inputs by name.")
    by_name = by_name or {}
    typed = sorted(TOLERANCES & by_name.keys())
    if typed:
        raise UsageError(f"there is no {typed[0]}=: the error bound of each element is derived; leave it out.")
    found = _in_their_order(candidate, reference, positional)
    given: dict[str, Any] = {}
    for some in (found.inputs, inputs or {}, by_name):
        twice = sorted(given.keys() & some.keys())
        if twice:
            raise UsageError(
                f"{', '.join(twice)} is given twice, by position and by name, or in inputs=; give it once."
            )
        given |= some
    _refuse_other_names(found.reference, given)
    if positional and isinstance(forms, list | tuple):
        forms = [_in_order(form, list(found.inputs)) if callable(form) else form for form in forms]
    return found._replace(inputs=given, forms=forms)


def _in_their_order(candidate: Function, reference: Any, positional: Sequence[Any]) -> Named:
    """Both sides, and the inputs that came by position."""
    theirs, ours = _parameters(reference), _parameters(candidate)
    if theirs is not None and theirs.positional and _hands_on(reference):
        reference = _in_order(reference, theirs.positional)
    if not positional:
        return Named(candidate, reference, {})
    count = len(positional)
    if theirs is not None and not theirs.any_name and not theirs.any_number and len(theirs.positional) < count:
        raise UsageError(f"{name_of(reference)} takes {len(theirs.positional)} inputs; {count} were given.")
    if theirs is not None and len(theirs.positional) >= count:
        called = theirs.positional[:count]
        return Named(_in_order(candidate, called), reference, dict(zip(called, positional, strict=True)))
    if ours is not None and len(ours.positional) >= count:
        called = ours.positional[:count]
    elif theirs is not None and not theirs.any_number:
        raise UsageError("the reference takes its inputs by name alone, as gradients do: give them so (x=x, g=g).")
    else:
        called = [f"input {number}" for number in range(1, count + 1)]
    candidate = _in_order(candidate, called)
    if theirs is None or (theirs.any_number and inspect.isfunction(reference)):  # it does not say what they are called
        reference = _in_order(reference, called)
    return Named(candidate, reference, dict(zip(called, positional, strict=True)))


def _refuse_other_names(reference: Any, inputs: Mapping[str, Any]) -> None:
    """Raises UsageError where a function has no input of a name that is given, or a module takes fewer, by position."""
    is_module = hasattr(reference, "forward")
    parameters = _parameters(reference) if is_module or inspect.isfunction(reference) else None
    if parameters is None or parameters.any_name or parameters.any_number:
        return
    unknown = [name for name in inputs if name not in parameters.all]
    if unknown and (not is_module or len(inputs) > len(parameters.all)):
        raise UsageError(
            f"{name_of(reference)} has no input {unknown[0]}: inputs go to both sides by name, and its are called "
            f"{', '.join(parameters.all)}. Call them so, or give them by position."
        )


class _Parameters(NamedTuple):
    positional: list[str]
    all: list[str]
    any_name: bool
    any_number: bool


def _parameters(function: Any) -> _Parameters | None:
    """How a function, or a module's forward, calls its inputs; None where it does not say."""
    try:
        parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()
    except (TypeError, ValueError):
        return None
    by_position = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    kinds = {p.kind for p in parameters}
    any_name, any_number = inspect.Parameter.VAR_KEYWORD in kinds, inspect.Parameter.VAR_POSITIONAL in kinds
    return _Parameters(by_position, named, any_name, any_number)


def _hands_on(reference: Any) -> bool:
    """Whether a function takes whatever it is given, for another whose names it shows: torch.vmap(f), say."""
    if not inspect.isfunction(reference) or not hasattr(reference, "__wrapped__"):
        return False
    kinds = {p.kind for p in inspect.signature(reference, follow_wrapped=False).parameters.values()}
    return inspect.Parameter.VAR_POSITIONAL in kinds


def _in_order(function: Function, called: Sequence[str]) -> Function:
    """The function, which takes the inputs of these names by position and all others by name."""

    def ordered(**inputs: Any) -> Any:
        first = list(takewhile(inputs.__contains__, called))
        rest = {name: value for name, value in inputs.items() if name not in first}
        return function(*(inputs[name] for name in first), **rest)

    ordered.of = lambda other: _in_order(other, called)  # type: ignore[attr-defined]  # another function, called so
    return functools.update_wrapper(ordered, function)
