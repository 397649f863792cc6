"""The proof: what an assignment brings so that the harness's power on its submissions can be measured."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parity_tests.protocol.mistake import Rewrite
from parity_tests.protocol.null import Nulls

Patterns = Sequence[tuple[str, str, str]]
"""Slips that are excused: patterns of the whole name of a function and of its line, "before → after"; the reason."""


def excuse(patterns: Patterns) -> Callable[[str, str, str], str]:
    """What gives the reason why a slip (function, line before, line after) is excused, "" where it is not."""

    def reason(function: str, before: str, after: str) -> str:
        slip = f"{before} → {after}"
        known = (why for name, line, why in patterns if re.fullmatch(name, function) and re.search(line, slip))
        return next(known, "")

    return reason


@dataclass(frozen=True)
class Proof:
    """What is known of variants of the solution, beside the mistakes of the diagnosis.

    `honest` are rewrites, which must match, and `evasions` are such as were written to pass though they are wrong,
    which must not; `nulls` know nothing and must earn nothing.
    `equivalent(function, before, after)` is the reason why a changed line gives the same numbers as the solution's for
    every input, "" where it does not; the lines are as `ast.unparse` writes them. `unasked(function, before, after)` is
    the reason why the assignment does not ask for what a changed line does otherwise, "" where it does. `not_asked` are
    functions that no case looks at. Further `solutions`, right ones in another form, are proved as the first is.
    `defaults` are the usual values of what the solution is given, by the name of the parameter, attribute or key.
    """

    honest: Sequence[Rewrite] = ()
    evasions: Sequence[Rewrite] = ()
    nulls: Nulls = field(default_factory=Nulls)
    equivalent: Callable[[str, str, str], str] = lambda function, before, after: ""
    unasked: Callable[[str, str, str], str] = lambda function, before, after: ""
    not_asked: tuple[str, ...] = ()
    solutions: tuple[Path, ...] = ()
    defaults: Mapping[str, float | str] = field(default_factory=dict)
