"""What is compared and how: the root package, which imports the other three.

`check` holds a submission of an assignment against torch; `hold` and `assert_agrees` hold anything against any torch
function. Nothing slow is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity_tests.api.check import check as check
    from parity_tests.pairs.agrees import assert_agrees as assert_agrees
    from parity_tests.pairs.hold import hold as hold
    from parity_tests.pairs.opcheck import opcheck as opcheck
    from parity_tests.pairs.pair import between as between
    from parity_tests.pairs.pair import labels as labels
    from parity_tests.pairs.pair import pair as pair
    from parity_tests.pairs.pair import positive as positive
    from parity_tests.pairs.radius import radius as radius
    from reference.flow import gradients as gradients
    from reference.flow import replay as replay
    from reference.flow import rule as rule

_HOMES = {
    "check": "parity_tests.api.check",
    "hold": "parity_tests.pairs.hold",
    "assert_agrees": "parity_tests.pairs.agrees",
    "opcheck": "parity_tests.pairs.opcheck",
    "pair": "parity_tests.pairs.pair",
    "between": "parity_tests.pairs.pair",
    "labels": "parity_tests.pairs.pair",
    "positive": "parity_tests.pairs.pair",
    "radius": "parity_tests.pairs.radius",
    "gradients": "reference.flow",
    "replay": "reference.flow",
    "rule": "reference.flow",
}
"""Where each public name lives."""
__all__ = [
    "assert_agrees",
    "between",
    "check",
    "gradients",
    "hold",
    "labels",
    "opcheck",
    "pair",
    "positive",
    "radius",
    "replay",
    "rule",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
