"""The known functions: torch's counterparts, what they take, and right texts under an assignment's own names.

They stand in the files beside this one. `like` are the names that a function may have ("" for none: it is a text
alone), `takes` what it is given (sizes, what is drawn, or a list of numbers, of which the first is usual), `torch` what
is right. `forward` and `backward` are its right texts, which read `names` beside what is given. In an assignment
`texts.f = "A = relu(Z)"` is the text of relu with x called Z and out called A; `relu_backward` is that of its gradient,
`dx` in x.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from parity_tests.protocol.errors import UsageError

FOLDER = Path(__file__).parent
CALLED = "called.toml"
BACKWARD = "_backward"
REFERENCE = re.compile(r"\w+(, *\w+)* *= *\w+\(.*\)")
"""A text as an assignment names it: `A = relu(Z)`."""


@dataclass(frozen=True)
class Known:
    """A function: the names that it may have, what it takes, torch's lines, and its right texts, "" for none.

    `takes` has what is drawn by name: sizes, an expression, or a list of numbers, the first of which is usual.
    `upstream` is drawn in the place of the gradient that comes in, where its sizes are none of the letters.
    """

    name: str
    takes: Mapping[str, Any]
    torch: str = ""
    like: str = ""
    sizes: Mapping[str, Any] = field(default_factory=dict)
    names: str = ""
    forward: str = ""
    backward: str = ""
    upstream: str = ""
    gives: tuple[str, ...] = ("out",)


@dataclass(frozen=True)
class NamedText:
    """A text under an assignment's names, and the lines that make what it reads of what is given."""

    lines: str
    names: str


@cache
def functions() -> Mapping[str, Known]:
    """All functions that are known, by name."""
    files = (path for path in sorted(FOLDER.glob("*.toml")) if path.name != CALLED)
    told = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files]
    return {name: Known(name, **of_name) for one in told for name, of_name in one.items()}


@cache
def called() -> Mapping[str, re.Pattern[str]]:
    """The names that a parameter may have in a submission, by its name here."""
    told = tomllib.loads((FOLDER / CALLED).read_text(encoding="utf-8"))
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in told.items()}


def text_of(reference: str) -> NamedText:
    """The text that `A = relu(Z)` stands for: that of relu, x called Z and out called A.

    `dZ = relu_backward(Z, dA)` is that of its gradient. A number may stand in the place of a name. Raises UsageError, a
    clause, where there is no such text or it is given too little.
    """
    found = ast.parse(reference).body[0]
    assert isinstance(found, ast.Assign)
    assert isinstance(found.value, ast.Call)
    asked, given = ast.unparse(found.value.func), [ast.unparse(one) for one in found.value.args]
    targets = ast.unparse(found.targets[0]).strip("()").split(", ")
    known = functions().get(asked.removesuffix(BACKWARD))
    lines = "" if known is None else known.backward if asked.endswith(BACKWARD) else known.forward
    if known is None or not lines:
        texts = [one.name for one in functions().values() if one.forward]
        raise UsageError(f"there is no text of {asked!r}; there are {', '.join(texts)}, and {BACKWARD} after most")
    takes = list(known.takes)
    results = list(known.gives)
    if asked.endswith(BACKWARD):
        results = [f"d{one}" for one in takes if f"d{one}" in _assigned(lines)]
        takes += ["dout"] if "dout" in lines else []
    if len(given) != len(takes) or len(targets) != len(results):
        raise UsageError(
            f"{reference!r} does not give what it needs: {', '.join(results)} = {asked}({', '.join(takes)}), "
            "a name or a number in the place of each"
        )
    words = dict(zip([*takes, *results], [*given, *targets], strict=True))
    own = {name: f"{name}_of_{targets[0]}" for name in _assigned(f"{known.names}\n{lines}") if name not in words}
    return NamedText(renamed(lines, words, own), renamed(known.names, words, own))


def _assigned(lines: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"^(\w+) =", lines, re.MULTILINE)))


def renamed(text: str, words: Mapping[str, str], own: Mapping[str, str] | None = None) -> str:
    """A text with other words in the place of whole words, all at once; its `own` names change in its code alone."""
    lines = (line.partition("#") for line in text.split("\n"))
    in_code = {**words, **(own or {})}
    return "\n".join(_with(code, in_code) + sign + _with(label, words) for code, sign, label in lines)


def _with(text: str, words: Mapping[str, str]) -> str:
    if not words:
        return text
    one = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, words))})(?!\w|=[^=])")
    return one.sub(lambda found: words[found[1]], text)
