"""`assert_agrees`: arrays that are there already, held against what a torch function says of the same inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from parity_tests.pairs.hold import RESERVED, hold, name_of
from parity_tests.protocol.errors import UsageError


def assert_agrees(actual: Any, reference: Callable[..., Any], /, *positional: Any, **named: Any) -> None:
    """Raises AssertionError, with what differs, unless `actual` agrees with `reference(*inputs)`.

    In place of `torch.testing.assert_close(actual, expected, rtol=…, atol=…)`: the radius of each element is derived.
    Inputs are given by position or by name; the options are those of `hold`.
    """
    options = {key: named.pop(key) for key in RESERVED if key in named}
    if callable(actual) and not hasattr(actual, "__array__"):
        raise UsageError(f"assert_agrees takes arrays, not the function {name_of(actual)}; hold(…) takes functions.")
    by_position = _by_name(reference, positional)
    twice = sorted(set(by_position) & set(named))
    if twice:
        raise UsageError(f"{', '.join(twice)} is given twice, by position and by name; give it once.")
    inputs = {**options.pop("inputs", {}), **named, **by_position}
    options.setdefault("name", name_of(reference) if name_of(reference) != "<lambda>" else "actual")
    result = hold(lambda **_: actual, reference, inputs=inputs, **options)
    if not result:
        raise AssertionError(str(result))


def _by_name(reference: Callable[..., Any], positional: tuple[Any, ...]) -> dict[str, Any]:
    """The positional inputs by the names of the reference's parameters."""
    if not positional:
        return {}
    function = getattr(reference, "forward", reference)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name_of(reference)} does not say what its inputs are called; give them by name.") from error
    names = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(names) < len(positional):
        raise UsageError(f"{name_of(reference)} takes {len(names)} inputs; {len(positional)} were given.")
    return dict(zip(names, positional, strict=False))
