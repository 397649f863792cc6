"""`assert_agrees`: arrays that are there already, held against what a torch function says of the same inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from parity_tests.pairs.door import door
from parity_tests.pairs.hold import NAMELESS, RESERVED, hold
from parity_tests.pairs.positions import name_of
from parity_tests.protocol.errors import UsageError

_SAYING_NOTHING = ("<lambda>", "reference")
"""Names of references; the second is that of what `gradients` makes."""


@door
def assert_agrees(actual: Any, reference: Callable[..., Any], /, *positional: Any, **named: Any) -> None:
    """Raises AssertionError, with what differs, unless `actual` agrees with `reference(*inputs)`.

    In place of `torch.testing.assert_close(actual, expected, rtol=…, atol=…)`: the radius of each element is derived.
    In pytest the message is what is wrong first, in one sentence, and whole with `-v`.
    Inputs are given by position or by name; the options are those of `hold`.
    """
    if callable(actual) and not hasattr(actual, "__array__"):
        raise UsageError(f"assert_agrees takes arrays, not the function {name_of(actual)}; hold(…) takes functions.")
    is_bare = not positional and named.keys() <= {*RESERVED} - {"inputs"}
    try:
        _ = is_bare and callable(reference) and inspect.signature(reference).bind()
    except (TypeError, ValueError):  # the latter of those of torch's that have no signature: all take something
        raise UsageError("give the inputs after the function, such as assert_agrees(y, f, x).") from None
    named.setdefault("name", name_of(reference) if name_of(reference) not in _SAYING_NOTHING else NAMELESS)
    result = hold(lambda *_, **__: actual, reference, *positional, **named)
    if not result:
        raise AssertionError(result.message)
