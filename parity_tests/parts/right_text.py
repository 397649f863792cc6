"""The right text: a part in plain numpy, one statement a line, with a label for each name that students may read."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import CodeType

FAILS = (ValueError, TypeError, IndexError, ArithmeticError, AttributeError, NameError)
"""What a changed text raises, as a division by a rate of 0: nobody wrote it as it is."""


class BeyondError(ValueError):
    """What a text raises for what lies beyond an array: who wrote it has calls that fail so."""


def names_in(statement: str) -> frozenset[str]:
    """The names that a statement reads."""
    nodes = ast.walk(ast.parse(statement))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


@cache
def compiled(lines: str) -> CodeType:
    """Statements of a text, to be run."""
    return compile(lines, "<text>", "exec")


@dataclass(frozen=True)
class RightText:
    """A part's statements, each `name = expression  # what the name stands for`, and what is said of all else.

    `arrays`, `counts` and `axes` are the names that it is given. `labels` say a name, or an expression, in words.
    `groups` name several of the statements' results at once, and `at` what something in a statement is wrong in, where
    that is not the statement's label. `hints` go by a word of what is said; the first that fits is taken. `without` are
    operators that say nothing of it, and `said` gives plainer words for some of what is said. `twins` are pairs of
    names of which a mistake is easily made of both at once, each with what both are called. `alike` are groups of names
    that stand for one another alone, and `places` the statements of whole numbers and of what lies where, in which no
    others do and no factor is too much. `rows` are what no operator gives: its words, and the statements' other values.
    """

    lines: str
    arrays: tuple[str, ...]
    counts: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    said: Mapping[str, str] = field(default_factory=dict)
    twins: Mapping[tuple[str, str], str] = field(default_factory=dict)
    alike: tuple[tuple[str, ...], ...] = ()
    places: frozenset[str] = frozenset()
    rows: tuple[tuple[str, Mapping[str, str]], ...] = ()

    def ending_in(self, *endings: str) -> list[RightText]:
        """The same with each of these further lines: ways to write its end."""
        return [replace(self, lines=self.lines.rstrip() + ending) for ending in endings]

    def beside(
        self, labels: Mapping[str, str], hints: Mapping[str, str] | None = None, said: Mapping[str, str] | None = None
    ) -> RightText:
        """The same with further names that may stand for others, and hints that go before its own."""
        return replace(
            self,
            arrays=(*self.arrays, *labels),
            labels={**self.labels, **labels},
            hints={**(hints or {}), **self.hints},
            said={**self.said, **(said or {})},
        )

    def in_words(self, words: Mapping[str, str], *arrays: str, **labels: str) -> RightText:
        """The same in an assignment's `words` for the names that labels and hints hold, and with its own `arrays`."""
        one = re.compile(rf"(?<![A-Za-z_])({'|'.join(sorted(words, key=len, reverse=True))})(?![A-Za-z_])")

        def said(text: str) -> str:
            return one.sub(lambda found: words[found[1]], text)

        told = {name: said(label) for name, label in self.labels.items()}
        lines = [line.partition("#") for line in self.lines.strip().splitlines()]
        return replace(
            self,
            lines="\n".join(f"{code}{sign}{said(label)}" for code, sign, label in lines),
            arrays=arrays or self.arrays,
            labels={name: words.get(name, name) for name in arrays or self.arrays} | told | labels,
            hints={said(word): said(hint) for word, hint in self.hints.items()},
            said={said(old): said(new) for old, new in self.said.items()},
            rows=tuple((said(words), values) for words, values in self.rows),
        )

    @cached_property
    def statements(self) -> list[str]:
        """The statements without their labels."""
        return [line.partition("#")[0].strip() for line in self.lines.strip().splitlines()]

    @cached_property
    def targets(self) -> list[str]:
        """The name that each statement defines."""
        return [statement.partition(" = ")[0] for statement in self.statements]

    @cached_property
    def words(self) -> dict[str, str]:
        """What each name or expression is called: a whole right side by its result."""
        found = dict(self.labels)
        for line, statement, target in zip(self.lines.strip().splitlines(), self.statements, self.targets, strict=True):
            found[target] = line.partition("#")[2].strip() or found.get(target, target)
            value = statement.partition(" = ")[2]
            found[value] = found.get(value, value) if value.isidentifier() else found[target]
        return found

    @cached_property
    def reads(self) -> list[frozenset[str]]:
        """The names that each statement reads."""
        return [names_in(statement) for statement in self.statements]

    @property
    def results(self) -> list[str]:
        """The names that no statement reads."""
        read = frozenset().union(*self.reads)
        return [target for target in self.targets if target not in read]

    def whole(self, changed: Sequence[tuple[int, str]], numbers: Sequence[int] | None = None) -> str:
        """The statements of these numbers, or all, with some `changed`, as one text."""
        lines = dict(changed)
        wanted = range(len(self.statements)) if numbers is None else numbers
        return "\n".join(lines.get(k, self.statements[k]) for k in wanted)

    def towards(self, result: str, changed: Sequence[tuple[int, str]] = ()) -> list[int]:
        """The statements that results, with spaces between them, hang on, in their order; of some `changed` ones."""
        wanted, found = set(result.split()), []
        others = {k: names_in(line) for k, line in changed}
        for k in reversed(range(len(self.statements))):
            if self.targets[k] in wanted:
                found.append(k)
                wanted |= others.get(k, self.reads[k])
        return found[::-1]
