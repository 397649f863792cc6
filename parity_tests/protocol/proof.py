"""The proof: what an assignment brings so that the harness's power on its submissions can be measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parity_tests.protocol.mistake import Rewrite

LEAST_MEDIAN = 0.01
"""The least median of gap/radius over honest comparisons of sums of a few dozen terms: such a bound is tight enough."""


class Group(NamedTuple):
    """Comparisons that are counted together: their part, their quantity, and the least median of their gap/radius."""

    part: str
    quantity: str
    least_median: float


@dataclass(frozen=True)
class Proof:
    """What is known of variants of the solution, beside the mistakes of the diagnosis.

    `honest` are rewrites, which must match. `equivalent(function, before, after)` is the reason why no case can tell a
    changed line from the solution's, "" where one must; the lines are as `ast.unparse` writes them. `not_asked` are
    functions that no case looks at. `group(check, quantity)` says which honest comparisons are counted together.
    """

    honest: Sequence[Rewrite] = ()
    equivalent: Callable[[str, str, str], str] = lambda function, before, after: ""
    not_asked: tuple[str, ...] = ()
    group: Callable[[str, str], Group] = lambda check, quantity: Group(check, quantity, LEAST_MEDIAN)
