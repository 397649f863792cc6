"""Likeness of sources: the lines that two have in common beside those that were given to all.

What is alike is pointed out, not judged. A line is a statement together with the one before it in the same function:
one alone, such as `return grad * self.mask`, says nothing of who wrote it. Names that a source chooses itself are left
out; numpy's and those that the assignment asks for stay, for they are what is computed. No kept library does this:
copydetect has had no release since March 2024, brings matplotlib along, and compares pair by pair.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

ALIKE = 0.7
"""Two sources are alike if the smaller one shares so many of its own lines."""
FEWEST = 12
"""Own lines in common below which a likeness says nothing: as many as the formulas of one layer take."""
ENOUGH_SOURCES = 5
"""Sources from which on what most of them share is taken for what was given to all, where that is not known."""
_HASH_DIGITS = 8
_UNIMPORTANT = {"annotation", "returns", "type_comment", "ctx", "decorator_list", "simple", "kind", "type_params"}
"""Fields of the syntax tree that can be changed without a change of what is computed."""
_BODIES = ("body", "orelse", "handlers", "finalbody", "cases")


@dataclass(frozen=True)
class Line:
    """A statement, from its first line in the file to the last before another one begins; `row` is its hash."""

    row: str
    first: int
    last: int


@dataclass(frozen=True)
class Pair:
    """Two sources that are alike: how many own lines they share, how many the smaller one has; whether they are all."""

    one: str
    other: str
    common: int
    own: int
    is_whole: bool = False

    @property
    def share(self) -> float:
        """The part of the smaller one's own lines that the other has as well."""
        return self.common / self.own


@dataclass(frozen=True)
class Cluster:
    """Sources of which each is alike another one of them, by `pairs`: the likest first."""

    members: tuple[str, ...]
    pairs: tuple[Pair, ...]


def fingerprint(*sources: str | bytes, asked: tuple[str, ...] = ()) -> str:
    """The hashes of the lines of these sources, in hexadecimal; `asked` are the names that the assignment asks for.

    Equal for sources that differ by the names they choose, spaces, comments, docstrings, annotations, the order of
    their functions and the files in which these stand. A source that does not parse is taken line by line.
    """
    return "".join(sorted({line.row for source in sources for line in lines_of(source, asked)}))


def rows_of(fingerprint: str) -> set[str]:
    """The hashes in a fingerprint."""
    return {fingerprint[at : at + _HASH_DIGITS] for at in range(0, len(fingerprint), _HASH_DIGITS)}


@lru_cache(maxsize=64)
def lines_of(source: str | bytes, asked: tuple[str, ...] = ()) -> Sequence[Line]:
    """The lines of a source that do something, in the order of the syntax tree; kept, since many hand in the same."""
    try:
        tree = ast.parse(source)
        words = _Words(tree, frozenset(asked))
        return [line for statements in _units(tree) for line in _in_context(statements, words)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        numbered = [(number, "".join(line.split("#")[0].split())) for number, line in enumerate(text.splitlines(), 1)]
        said = [(number, line) for number, line in numbered if line]
        return [Line(_hash(before, now), at, at) for (_, before), (at, now) in pairwise(said)]


def given_to_all(fingerprints: Mapping[str, str]) -> set[str]:
    """The lines that most of these sources share, where they are enough to tell; equal ones count as one."""
    distinct = {text for text in fingerprints.values() if text}
    bearers = Counter(row for text in distinct for row in rows_of(text))
    return {row for row, count in bearers.items() if count > len(distinct) / 2 and len(distinct) >= ENOUGH_SOURCES}


def clusters(fingerprints: Mapping[str, str], given: Collection[str] = ()) -> list[Cluster]:
    """The clusters among these fingerprints, by the names of the sources, without the lines that were `given` to all.

    The largest is first.
    """
    same: dict[frozenset[str], list[str]] = {}
    for name, text in fingerprints.items():
        own = frozenset(rows_of(text).difference(given))
        if len(own) >= FEWEST:
            same.setdefault(own, []).append(name)
    distinct = list(same)
    pairs = [Pair(some[0], other, len(own), len(own), True) for own, some in same.items() for other in some[1:]]
    pairs += [Pair(same[distinct[a]][0], same[distinct[b]][0], common, own) for a, b, common, own in _alike(distinct)]
    return joined(pairs)


def joined(pairs: Sequence[Pair]) -> list[Cluster]:
    """The clusters that these pairs make, the largest first."""
    root = {name: name for pair in pairs for name in (pair.one, pair.other)}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = name = root[root[name]]
        return name

    for pair in pairs:
        root[find(pair.other)] = find(pair.one)
    grouped: dict[str, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: (-pair.share, -pair.common, pair.one, pair.other)):
        grouped.setdefault(find(pair.one), []).append(pair)
    found = [
        Cluster(tuple(sorted({name for pair in some for name in (pair.one, pair.other)})), tuple(some))
        for some in grouped.values()
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.members), cluster.members))


def _alike(sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int, int, int]]:
    """Which two of these sets are alike, how many rows they share, and how many the smaller one has."""
    import numpy as np

    bearers = Counter(row for rows in sets for row in rows)
    places = {row: place for place, row in enumerate(row for row, count in bearers.items() if count > 1)}
    matrix = np.zeros((len(sets), len(places)), np.float32)
    for number, rows in enumerate(sets):
        matrix[number, [places[row] for row in rows if row in places]] = 1.0
    sizes = np.array([len(rows) for rows in sets], np.float32)
    for one in range(len(sets)):
        common, smaller = matrix[one + 1 :] @ matrix[one], np.minimum(sizes[one], sizes[one + 1 :])
        for other in np.flatnonzero((common >= ALIKE * smaller) & (common >= FEWEST)):
            yield one, one + 1 + int(other), int(common[other]), int(smaller[other])


def _units(tree: ast.Module) -> Iterator[list[ast.AST]]:
    """The statements of each function and class behind its head, and those outside of any."""
    units: list[list[ast.AST]] = [[tree]]

    def walk(node: ast.AST, unit: list[ast.AST]) -> None:
        for name in _BODIES:
            some = getattr(node, name, ())
            for one in some if isinstance(some, list) else ():
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    units.append([one])
                    walk(one, units[-1])
                elif not _says_nothing(one):
                    unit.append(one)
                    walk(one, unit)

    walk(tree, units[0])
    yield from units


def _in_context(statements: Sequence[ast.AST], words: _Words) -> Iterator[Line]:
    said = [words.of(statement) for statement in statements]
    for before, now, statement in zip(said, said[1:], statements[1:], strict=False):
        inside = [one.lineno for name in _BODIES for one in getattr(statement, name, ()) if hasattr(one, "lineno")]
        first = getattr(statement, "lineno", 0)
        last = min(inside) - 1 if inside else getattr(statement, "end_lineno", first)
        yield Line(_hash(before, now), first, max(first, last))


class _Words:
    """What statements of a source say, without the names that it chooses itself."""

    def __init__(self, tree: ast.Module, asked: frozenset[str]) -> None:
        own: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    own.add(name)
                case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    own.add(name)
                case ast.Import(names=names):
                    own.update(alias.asname or alias.name.partition(".")[0] for alias in names)
                case ast.ExceptHandler(name=str(name)):
                    own.add(name)
        self._own = own - asked

    def of(self, statement: ast.AST) -> str:
        """The words of one statement, without those that stand in it."""
        words: list[str] = []
        keys: set[int] = set()
        unvisited: list[Any] = [statement]
        while unvisited:
            node = unvisited.pop()
            if isinstance(node, ast.AST):
                words.append("Assign" if isinstance(node, ast.AnnAssign) else type(node).__name__)
                if isinstance(node, ast.Constant):
                    says = isinstance(node.value, str) and id(node) not in keys
                    words.append("text" if says else repr(node.value))
                    continue
                if isinstance(node, ast.Subscript):
                    keys.add(id(node.slice))  # `params["W"]` is not `params["b"]`; what is printed may be anything
                left_out = {*_UNIMPORTANT, *(_BODIES if node is statement else ())}
                if node is statement and isinstance(node, ast.FunctionDef | ast.ClassDef):
                    left_out |= {"args", "bases", "keywords"}
                unvisited += [getattr(node, name, None) for name in reversed(node._fields) if name not in left_out]
            elif isinstance(node, list):
                unvisited += reversed(node)
            elif node is not None:
                words.append("name" if node in self._own else str(node))
        return " ".join(words)


def _says_nothing(node: ast.AST) -> bool:
    """Whether it is an import, a docstring, or another statement that does nothing."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def _hash(before: str, now: str) -> str:
    return f"{zlib.crc32(f'{before} / {now}'.encode('utf-8', 'replace')):0{_HASH_DIGITS}x}"
