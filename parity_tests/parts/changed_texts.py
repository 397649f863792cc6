"""Changed texts: all single changes of a right text, and the same one at several of its places, each in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import combinations, pairwise, product

from parity_tests.operators.change import Change
from parity_tests.operators.changes import Operator, changes_of
from parity_tests.operators.of_numbers import NUMBER, unknown
from parity_tests.operators.of_texts import FURTHER, of_alike
from parity_tests.operators.scope import Scope
from parity_tests.operators.source import Source
from parity_tests.parts.right_text import RightText

LEFT = frozenset(("axis", "keepdims", "number", "statement", "moved", "assignment", "in place", "product"))
"""Operators that say nothing of a right text: its axes and counts are names, which stand for one another."""
OF_PLACES = frozenset(("name", "left out", "count", "rounding", "operation", "exchanged", "slice", "brackets"))
"""Operators that say something of whole numbers and of what lies where."""
MOST_PLACES = 5
"""At so many places at most one change is tried in pairs."""
MOST_TOGETHER = 8
"""At so many places at most one change is tried of two names that go together."""
RANKS = 7
"""So many ranks there are, from the likeliest changes on."""
OF_ROWS = RANKS - 2
"""The rank of what no operator gives."""
_MOST_TEXTS = 128
_CODE = re.compile(r"`([^`]+)`")
_PLURAL = {"is": "are", "has": "have", "multiplies": "multiply"}
_SINGULAR = ("loss", "class", "bias")
_TWICE = {"the sum in the sum": "the sum", "the mean in the mean": "the mean"}
_TWICE |= {"a mean in the mean in": "a mean in", "a sum in the sum in": "a sum in"}
_TWICE |= {"is left out of the sum in": "is left out of"}
_OF_WHOLE = frozenset(("operation", "factor", "inner factor", "sign", "nothing"))
"""Operators of which the same is said of a part as of the whole."""
_OPERANDS: Mapping[type[ast.AST], str] = {ast.Div: "a divisor", ast.Mult: "a factor", ast.MatMult: "a factor"}
_INDENT = 4


@dataclass(frozen=True)
class ChangedText:
    """A right text with other statements at some places, what is wrong with it in words, and a hint.

    `size` orders those that give the same numbers, the simplest first. `tell` gives words and hint, when first asked
    for: of thousands of changes a few are told.
    """

    statements: tuple[tuple[int, str], ...]
    size: tuple[int, int, int, int]
    tell: Callable[[], tuple[str, str]] = field(compare=False)

    @cached_property
    def _told(self) -> tuple[str, str]:
        return self.tell()

    @property
    def words(self) -> str:
        """What is wrong with it."""
        return self._told[0]

    @property
    def hint(self) -> str:
        """What helps, "" where nothing is known to."""
        return self._told[1]


@dataclass(frozen=True)
class _Single:
    """One change: the statement, what is said of it with {} for the place, and where within the statement it is."""

    statement: int
    said: str
    edits: tuple[tuple[int, int, str], ...]
    rank: int
    within: str


@lru_cache(64)
def _source_of(statements: tuple[str, ...], names: tuple[str, ...]) -> Source:
    body = "\n".join(" " * _INDENT + statement for statement in statements)
    return Source(f"def text({', '.join(names)}):\n{body}\n")


class ChangedTexts:
    """The changes of one right text."""

    def __init__(self, text: RightText, further: Sequence[Operator] = FURTHER) -> None:
        self._text, self._further = text, (*further, *([of_alike(text.alike)] if text.alike else ()))
        self._source = _source_of(tuple(text.statements), (*text.arrays, *text.counts, *text.axes))
        self._lines = [statement.encode() for statement in text.statements]
        self._alone: dict[int, ChangedText] = {}

    def towards(self, result: str) -> list[ChangedText]:
        """Those that may change a result."""
        return [one for ones in self.by_rank(result) for one in ones]

    def by_rank(self, result: str) -> Iterator[list[ChangedText]]:
        """The same in RANKS lists, made when asked for: of a size under 2 (k + 1) none comes after list k."""
        asked = set(self._text.towards(result))
        alike: dict[str, list[_Single]] = {}
        for single in self._singles:
            if single.statement in asked:
                alike.setdefault(single.said, []).append(single)
        ranks = {said: min(RANKS - 1, *(one.rank for one in ones)) for said, ones in alike.items()}
        twins = list(self._of_twins(alike))
        for rank in range(RANKS):
            own = [(said, ones) for said, ones in alike.items() if ranks[said] == rank]
            found = [*(one for said, singles in own for one in self._of(said, singles)), *twins]
            yield [*found, *(self._rows(asked) if rank == OF_ROWS else ())]
            twins = []

    def _rows(self, asked: Collection[int]) -> Iterator[ChangedText]:
        """What no operator gives, in its order, after most of what operators give."""
        for number, (words, values) in enumerate(self._text.rows):
            lines = sorted(
                (self._text.targets.index(target), f"{target} = {value}") for target, value in values.items()
            )
            if all(k in asked for k, _ in lines):
                size = (2 * OF_ROWS + 1, True, 0, number)
                yield ChangedText(tuple(lines), size, partial(self._telling, words))

    def _telling(self, words: str) -> tuple[str, str]:
        return words, self._hint(words)

    def _of_twins(self, alike: Mapping[str, Sequence[_Single]]) -> Iterator[ChangedText]:
        """The same change of one name and of its twin, in places that go together and in all; twins exchanged."""
        words = self._text.words
        twins = {
            words.get(name, name): (k, both) for pair, both in self._text.twins.items() for k, name in enumerate(pair)
        }
        called = re.compile("|".join(map(re.escape, sorted(twins, key=len, reverse=True))) or "(?!)")
        sides: dict[str, tuple[list[_Single], list[_Single]]] = {}
        for said, singles in alike.items():
            found = called.findall(said)
            if "exchanged" not in said and len({twins[name][0] for name in found}) == 1:
                both = called.sub(lambda name: twins[name[0]][1], said)
                sides.setdefault(both, ([], []))[twins[found[0]][0]].extend(singles)
            elif len(found) == 2 and twins[found[0]] == (0, twins[found[1]][1]) and "in place of" in said:
                there = said.replace(found[0], "{0}").replace(found[1], found[0]).replace("{0}", found[1])
                yield from self._exchanged(found[1], found[0], singles, alike.get(there, ()))
        for said, (ones, others) in sides.items():
            yield from self._together(self._in_plural(said), ones, others)

    def _together(self, said: str, ones: Sequence[_Single], others: Sequence[_Single]) -> Iterator[ChangedText]:
        """Changes of both in each place, in each that has a name for several statements, and in all."""
        halves = [(group[: len(group) // 2], group[len(group) // 2 :]) for group in self._text.groups]
        sides = [[(self._text.targets[one.statement], one) for one in side] for side in (ones, others)]
        found: set[tuple[_Single, ...]] = set()
        for places in (*((place, place) for place in self._wholes), *halves):
            first = [one for target, one in sides[0] if target in places[0]]
            second = [one for target, one in sides[1] if target in places[1]] if first else []
            several = (*first, *second)
            if first and second and len(several) <= MOST_TOGETHER and several not in found and not _overlap(several):
                found.add(several)
                yield self._changed(said, several, "")

    @cached_property
    def _wholes(self) -> list[tuple[str, ...]]:
        """The statements that have a name together, each on its own, and all."""
        return [*self._text.groups, *((target,) for target in self._text.targets), tuple(self._text.targets)]

    def _exchanged(
        self, one: str, other: str, ones: Sequence[_Single], others: Sequence[_Single]
    ) -> Iterator[ChangedText]:
        """Two names of which the second stands for the first in some places, and the first for the second in others."""
        units = [self._units(side) for side in (ones, others)]
        if not all(units) or len(units[0]) + len(units[1]) > MOST_PLACES:
            yield from self._together(f"{other} and {one} are exchanged in {{}}", ones, others)
            return
        for picked in product(*(_subsets(list(side)) for side in units)):
            several = [
                single for side, own in zip(units, picked, strict=True) for place in own for single in side[place]
            ]
            targets = tuple(self._text.targets[k] for k in sorted({single.statement for single in several}))
            if _overlap(several):
                continue
            if targets in self._text.groups or len(targets) == 1:
                said = f"{other} and {one} are exchanged in {{}}"
            elif all(len(own) == len(side) for own, side in zip(picked, units, strict=True)):
                said = f"{other} and {one} are exchanged throughout"
            else:
                here, there = (" and ".join(own) for own in picked)
                said = f"{other} in place of {one} in {here}, and {one} in place of {other} in {there}"
            yield self._changed(said, several, "")

    def _units(self, singles: Sequence[_Single]) -> dict[str, list[_Single]]:
        """Changes by their place: by what several statements are called together, where all of these are among them."""
        targets = {self._text.targets[single.statement] for single in singles}
        groups = [(group, place) for group, place in self._text.groups.items() if targets.issuperset(group)]
        found: dict[str, list[_Single]] = {}
        for single in singles:
            target = self._text.targets[single.statement]
            place = next((place for group, place in groups if target in group), self._text.words[target])
            found.setdefault(place, []).append(single)
        return found

    def nothing(self, result: str) -> ChangedText:
        """The one after which a result is 0 everywhere."""
        k = max(k for k, target in enumerate(self._text.targets) if target == result)
        head, equals, value = self._text.statements[k].partition(" = ")
        start, end = (self._start(k) + len(text.encode()) for text in (head + equals, head + equals + value))
        return self._changed("{} is 0 everywhere", [_Single(k, "", ((start, end, f"0 * ({value})"),), 0, "")], "")

    def _of(self, said: str, singles: Sequence[_Single]) -> Iterator[ChangedText]:
        sides: dict[int, set[str]] = {}
        for single in singles:
            sides.setdefault(single.statement, set()).add(single.within)
        for single in singles:
            if (made := self._alone.get(id(single))) is None:  # the same towards each result
                where = single.within if len(sides[single.statement]) > 1 else ""
                made = self._alone[id(single)] = self._changed(said, [single], where)
            yield made
        if 1 < len(singles) <= MOST_PLACES:
            sizes = {2, len(singles)}
            for size in sizes:
                for several in combinations(singles, size):
                    if not _overlap(several):
                        places = {one.statement for one in several}
                        named = self._place([self._text.targets[k] for k in sorted(places)])
                        same = len(places) == 1 or any(named == self._text.words[self._text.targets[k]] for k in places)
                        everywhere = size == len(singles) and not same
                        yield self._changed(said, several, "in both places" if same else "", everywhere=everywhere)
        elif singles and self._text.places:
            for place in self._wholes:
                within = [one for one in singles if self._text.targets[one.statement] in place]
                if 1 < len(within) <= MOST_TOGETHER and not _overlap(within):
                    yield self._changed(said, within, "", everywhere=len(within) == len(singles))

    def _changed(self, said: str, singles: Sequence[_Single], where: str, *, everywhere: bool = False) -> ChangedText:
        edits: dict[int, list[tuple[int, int, str]]] = {}
        for single in singles:
            edits.setdefault(single.statement, []).extend(single.edits)
        numbers = sorted(edits)
        statements = [(k, self._edited(k, edits[k])) for k in numbers]
        unlike = len(numbers) > 1 and tuple(self._text.targets[k] for k in numbers) not in self._text.groups
        rank = 2 * max([single.rank for single in singles]) + len(singles) - 1
        late = 0 if len(numbers) > 1 else -numbers[-1]
        size = (rank, unlike, late, sum([len(line) for _, line in statements]))
        return ChangedText(tuple(statements), size, partial(self._told, said, numbers, where, everywhere))

    def _told(self, said: str, numbers: Sequence[int], where: str, everywhere: bool) -> tuple[str, str]:
        """The words for a change of these statements, and its hint."""
        targets = [self._text.targets[k] for k in numbers]
        if everywhere and tuple(targets) not in self._text.groups and said.endswith(" in {}"):
            said, where = said.removesuffix(" in {}"), "throughout"
        place = self._text.at.get(targets[0], "") if len(targets) == 1 and not said.startswith("{}") else ""
        place = place or self._place(targets)
        unlike = len(targets) > 1 and tuple(targets) not in self._text.groups
        words = self._agreeing(" ".join(filter(None, (said.replace("{}", place), where))), place, unlike)
        for old, new in (*_TWICE.items(), *self._text.said.items()):
            words = words.replace(old, new)
        return words, self._hint(words)

    def _in_plural(self, said: str) -> str:
        """What is said of twins, with their verb in the plural."""
        subject = next((both for both in self._text.twins.values() if said.startswith(f"{both} ")), "")
        verb, _, rest = said[len(subject) + 1 :].partition(" ")
        return f"{subject} {_PLURAL[verb]} {rest}" if subject and verb in _PLURAL else said

    def _agreeing(self, words: str, place: str, joined: bool) -> str:
        """The words with the verb of their subject in the plural, where that is one, as a `joined` place is."""
        own = (place, *self._text.words.values()) if words.startswith(self._subjects) else (place,)
        subject = max((one for one in own if words.startswith(f"{one} ")), key=len, default="")
        verb, _, rest = words[len(subject) + 1 :].partition(" ")
        head = re.split(" of | on | through | with | less | across ", subject)[0]
        several = (joined and subject == place) or (head.endswith("s") and not head.endswith(_SINGULAR))
        if not several or verb not in _PLURAL:
            return words
        return f"{subject} {_PLURAL[verb]} {rest.replace('what it is', 'what they are')}"

    @cached_property
    def _subjects(self) -> tuple[str, ...]:
        return tuple({f"{one} " for one in self._text.words.values()})

    @cached_property
    def _results(self) -> tuple[str, ...]:
        return tuple(f"{self._text.words[target]} " for target in self._text.targets)

    def _place(self, targets: Sequence[str]) -> str:
        words = self._text.words
        if (group := self._text.groups.get(tuple(targets))) is not None:
            return group
        return " and ".join(words[target] for target in targets)

    def _hint(self, words: str) -> str:
        return next((hint for word, hint in self._text.hints.items() if word in words), "")

    def _start(self, k: int) -> int:
        return self._source._starts[k + 1] + _INDENT

    def _edited(self, k: int, edits: Sequence[tuple[int, int, str]]) -> str:
        line, at = self._lines[k], self._start(k)
        for start, end, new in sorted(edits, reverse=True):
            line = line[: start - at] + new.encode() + line[end - at :]
        return line.decode()

    @cached_property
    def _singles(self) -> list[_Single]:
        text, found = self._text, []
        names = (*text.arrays, *text.counts, *text.axes, *text.targets)
        scope = Scope(tuple(name for name in names if not any(name in group for group in text.alike)), text.counts, ())
        left = LEFT | self._text.without | (frozenset() if "@" in self._text.lines else {"transpose"})
        for change in changes_of(self._source, ["text"], self._further, scope):
            k, several = change.line - 2, len(change.edits) > 1 and change.operator == "name"
            fits = self._text.targets[k] not in self._text.places or self._is_of_places(change)
            if fits and change.operator not in left and change.makes and not (several or self._mixes(change)):
                said = self._said(change, k)
                found.append(_Single(k, said, change.edits, self._rank(change, k), self._within(k, change.edits[0][0])))
        return found

    def _rank(self, change: Change, k: int) -> int:
        """How far back a change stands: no name is likelier than another, and only a result is nothing at all.

        Brackets, which a student may not have, come after what can be said without them.
        """
        if change.operator == "brackets":
            return 5
        if change.operator == "name" or (change.operator == "nothing" and not self._is_result[k]):
            return 4
        return change.rank + (change.operator == "exchanged" or self._undoes(change))

    def _undoes(self, change: Change) -> bool:
        """Whether a factor undoes a divisor, which then rather is left out."""
        factor = change.edits[0][2].rpartition(" * ")[2].rstrip(")")
        return change.operator.endswith("factor") and f"/ {factor}" in self._source.text

    @cached_property
    def _is_result(self) -> list[bool]:
        read = frozenset().union(*self._text.reads)
        return [target not in read for target in self._text.targets]

    def _is_of_places(self, change: Change) -> bool:
        """Whether a change is one of where things lie, and of names that are alike."""
        (start, end, new), *_ = change.edits
        old = self._source.bytes[start:end].decode()
        alike = change.operator != "name" or any({old, new}.issubset(group) for group in self._text.alike)
        return change.operator in OF_PLACES and alike

    def _mixes(self, change: Change) -> bool:
        """Whether an axis stands for what is none, or the other way round."""
        axes = set(self._text.axes)
        for start, end, new in change.edits:
            old = self._source.bytes[start:end].decode()
            if (old in axes) != (new in axes):
                return True
            if old not in axes and any(name in new and _count(new, name) > _count(old, name) for name in axes):
                return True
        return False

    def _said(self, change: Change, k: int) -> str:
        value, axes = self._text.statements[k].partition(" = ")[2], self._text.axes
        start, end, new = change.edits[0]
        old = self._source.bytes[start:end].decode().strip()
        if change.operator == "name" and new in axes:
            line = self._text.statements[k]
            word = next((word for part, word in (("max", "maximum"), ("mean", "mean")) if f".{part}(" in line), "sum")
            return f"the {word} in {{}} goes over {self._called(new)}, not {self._called(old)}"

        def called(found: re.Match[str]) -> str:
            own = found[1] in (value, f"({value})")
            return "{}" if own else self._called(found[1]) or ("{}" if change.operator in _OF_WHOLE else part)

        is_out = change.operator == "left out" and new[:3] != "1 /"
        whole = ast.parse(old, mode="eval").body if is_out else None
        part = _OPERANDS.get(type(whole.op), "a term") if isinstance(whole, ast.BinOp) else "a part"
        said = _CODE.sub(called, change.makes)
        if "{}" in said or (change.operator in _OF_WHOLE and said.startswith(self._results)):
            return said
        comma = "," if ", not" in change.makes else ""
        return f"{said}{comma} {'of' if said.endswith('left out') else 'in'} {{}}"

    def _called(self, code: str) -> str:
        """What code is called, by its label; "" where it has none: code is never said as it is written."""
        words = self._text.words
        bare = code[1:-1] if code.startswith("(") and code.endswith(")") and code[1:-1] in words else code
        if bare in words:
            return words[bare]
        if bare.isidentifier() or re.fullmatch(r"[-\d.]+", bare):
            return bare
        if bare.startswith("np."):
            return f"the {bare[3:].partition('(')[0]}"
        return ""

    def _within(self, k: int, at: int) -> str:
        """Where a change lies beside the first sum or mean of a statement."""
        line = self._text.statements[k]
        found = re.search(r"\.(sum|mean)\(", line)
        if found is None:
            return ""
        opened = _opening(line, found.start())
        at -= self._start(k)
        where = "inside" if opened <= at < found.start() else "before" if at < opened else "after"
        return f"{where} the {found[1]}"


def hedged(found: Sequence[tuple[ChangedText, int]], texts: Sequence[RightText]) -> list[tuple[ChangedText, int]]:
    """What may be said where several changes of texts give the same: what they share. A number tells a change's text.

    Where they share nothing there are none.
    """
    if len(found) < 2:
        return list(found)
    for changed, _ in found:
        if all(set(other.statements) <= set(changed.statements) for other, _ in found):
            return [(_saying(one, f"{changed.words}, or in a part of it"), k) for one, k in found]
    text = texts[found[0][1]]
    for both in dict.fromkeys(text.twins.values()):
        pairs = [pair for pair, called in text.twins.items() if called == both]
        own = {both} | {text.words.get(name, name) for pair in pairs for name in pair}
        if all(any(word in changed.words for word in own) for changed, _ in found):
            return [(_saying(one, f"{both} are exchanged, or one is used for the other"), k) for one, k in found]
    return []


def _saying(changed: ChangedText, words: str) -> ChangedText:
    """The same in other words."""
    return replace(changed, tell=lambda: (words, changed.hint))


def _subsets(places: Sequence[str]) -> list[tuple[str, ...]]:
    """Some of them, or all."""
    return [some for size in range(1, len(places) + 1) for some in combinations(places, size)]


_lately: dict[tuple[int, tuple[Operator, ...]], tuple[ChangedTexts, dict[str, _Ranked]]] = {}
"""Of each text, by its identity, its changes and those towards its results: they are the same in every case."""


class _Ranked:
    """Lists of changes rank by rank, made as far as they were asked for."""

    def __init__(self, ranks: Iterator[list[ChangedText]]) -> None:
        self._ranks, self._made = ranks, list[list[ChangedText]]()

    def of(self, rank: int) -> list[ChangedText]:
        while len(self._made) <= rank:
            self._made.append(next(self._ranks))
        return self._made[rank]


def changed_texts(text: RightText, result: str) -> list[ChangedText]:
    """The changes of a text that may change a result."""
    return [one for rank in range(RANKS) for one in texts_of_rank(text, result, rank)]


def texts_of_rank(text: RightText, result: str, rank: int) -> list[ChangedText]:
    """The same of one rank."""
    return _towards(text, FURTHER, result).of(rank)


def numbered_texts(text: RightText, result: str) -> list[ChangedText]:
    """The changes of a text that hold a number of their own, and may change a result."""
    ranked = _towards(text, (unknown,), result)
    return [one for rank in range(RANKS) for one in ranked.of(rank) if NUMBER in one.words]


def _towards(text: RightText, further: tuple[Operator, ...], result: str) -> _Ranked:
    key = id(text), further
    if key not in _lately and len(_lately) >= _MOST_TEXTS:
        _lately.clear()
    changes, towards = _lately.setdefault(key, (ChangedTexts(text, further), {}))
    if result not in towards:
        towards[result] = _Ranked(changes.by_rank(result))
    return towards[result]


def _opening(line: str, end: int) -> int:
    """Where what a method is called on begins."""
    depth = 0
    for at in range(end - 1, -1, -1):
        depth += (line[at] == ")") - (line[at] == "(")
        if depth == 0 and not (line[at].isalnum() or line[at] in "_()"):
            return at + 1
        if depth == 0 and line[at] == "(":
            return at
    return 0


def _count(code: str, name: str) -> int:
    return len(re.findall(rf"(?<![\w=]){name}\b(?!=)|={name}\b", code)) if name in code else 0


def _overlap(several: Sequence[_Single]) -> bool:
    edits = sorted([(start, end) for one in several for start, end, _ in one.edits])
    return any(first[1] > second[0] for first, second in pairwise(edits))
