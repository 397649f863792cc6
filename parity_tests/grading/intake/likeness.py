"""Likeness of sources: fingerprints that names, spaces and order leave unchanged, and clusters of those that agree.

What is alike is pointed out, not judged. The fingerprints are those of Schleimer, Wilkerson and Aiken, "Winnowing:
Local Algorithms for Document Fingerprinting" (SIGMOD 2003), taken over the syntax tree. No kept library does this:
copydetect has had no release since March 2024, brings matplotlib along, and compares pair by pair.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORDS = 10
"""Words of the syntax tree in a row that are compared as one: two statements, about."""
WINDOW = 4
"""Of so many rows after one another, one is kept: whatever agrees over WORDS + WINDOW - 1 words is found."""
SMALLEST = 30
"""Kept rows below which a likeness says nothing."""
ALIKE = 0.5
"""Two sources are alike if so much of the smaller one is in the other. Of two solutions of the same homework that were
written apart, a tenth is."""
LARGE_CLASS = 8
"""Sources from which on what most of them share is taken for the course's own starting point, and not compared."""
_HASH_DIGITS = 8
_UNIMPORTANT = {"annotation", "returns", "type_comment", "ctx", "decorator_list", "simple", "kind"}
"""Fields of the syntax tree that can be changed without a change of what is computed."""
_SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Cluster:
    """Sources of which each is alike another one of them; `lowest` and `highest` are the shares of code in common."""

    members: tuple[str, ...]
    lowest: float
    highest: float


def fingerprint(*sources: str | bytes) -> str:
    """The hashes that stand for these sources, in hexadecimal; "" for what is too small to say anything.

    Equal for sources that differ by the names they choose, spaces, comments, docstrings, annotations, the order of
    their functions and the files in which these stand. A source that does not parse is taken as far as it can be read.
    """
    distinct = sorted({row for source in sources for row in _rows(source)})
    return "".join(f"{row:0{_HASH_DIGITS}x}" for row in distinct) if len(distinct) >= SMALLEST else ""


def _rows(source: str | bytes) -> list[int]:
    try:
        return [row for unit in _units(ast.parse(source)) for row in _kept(unit)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
        return list(_kept(_tokens(text)))


def clusters(fingerprints: Mapping[str, str], given: str = "") -> list[Cluster]:
    """The clusters among these fingerprints, by the names of the sources; the largest first.

    `given` is the name of one that is nobody's: it does not count towards what most have in common, and what most
    have from it is theirs all the same.
    """
    same: dict[str, list[str]] = {}
    for name, text in fingerprints.items():
        if text:
            same.setdefault(text, []).append(name)
    distinct = list(same)
    joined = list(range(len(distinct)))
    shares: dict[int, list[float]] = {}

    def root(number: int) -> int:
        while joined[number] != number:
            joined[number] = joined[joined[number]]
            number = joined[number]
        return number

    edges = list(_alike(distinct, [names != [given] for names in same.values()]))
    for one, other, _ in edges:
        joined[root(other)] = root(one)
    for one, _, share in edges:
        shares.setdefault(root(one), []).append(share)
    groups: dict[int, list[str]] = {}
    for number, text in enumerate(distinct):
        groups.setdefault(root(number), []).extend(same[text])
        if len(same[text]) > 1:
            shares.setdefault(root(number), []).append(1.0)
    found = [
        Cluster(tuple(sorted(names)), min(shares[number]), max(shares[number]))
        for number, names in groups.items()
        if len(names) > 1
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.members), cluster.members))


def _alike(texts: Sequence[str], counted: Sequence[bool]) -> Iterator[tuple[int, int, float]]:
    """Which two of these fingerprints are alike, and how much of the smaller one the other holds."""
    import numpy as np

    sets = [{text[at : at + _HASH_DIGITS] for at in range(0, len(text), _HASH_DIGITS)} for text in texts]
    bearers: dict[str, int] = {}
    students: dict[str, int] = {}
    for rows, counts in zip(sets, counted, strict=True):
        for row in rows:
            bearers[row] = bearers.get(row, 0) + 1
            students[row] = students.get(row, 0) + counts
    most = sum(counted) / 2 if sum(counted) >= LARGE_CLASS else len(texts)
    own = [{row for row in rows if students[row] <= most} for rows in sets]
    places = {row: place for place, row in enumerate(row for row, count in bearers.items() if count > 1)}
    matrix = np.zeros((len(texts), len(places)), np.float32)
    for number, rows in enumerate(own):
        matrix[number, [places[row] for row in rows if row in places]] = 1.0
    sizes = np.array([len(rows) for rows in own], np.float32)
    for one in range(len(texts)):
        smaller = np.minimum(sizes[one], sizes[one + 1 :])
        share = (matrix[one + 1 :] @ matrix[one]) / np.maximum(smaller, 1.0)
        for other in np.flatnonzero((share >= ALIKE) & (smaller >= SMALLEST / 2)):
            another = one + 1 + int(other)
            if counted[one] and counted[another]:
                yield one, another, float(share[other])
    for nobodys in (number for number, counts in enumerate(counted) if not counts):
        for number, rows in enumerate(sets):
            share_of_it = len(rows & sets[nobodys]) / min(len(rows), len(sets[nobodys]))
            if number != nobodys and share_of_it >= ALIKE:
                yield nobodys, number, share_of_it


def _kept(words: Sequence[str]) -> Iterator[int]:
    """The hashes of rows of words that winnowing keeps: the least in each window, the last of equal ones."""
    rows = [zlib.crc32("\0".join(words[at : at + WORDS]).encode("utf-8", "replace")) for at in _starts(words, WORDS)]
    for at in _starts(rows, WINDOW) if len(rows) >= WINDOW else range(bool(rows)):
        yield min(rows[at : at + WINDOW])


def _starts(items: Sequence[Any], length: int) -> range:
    return range(len(items) - length + 1)


def _units(tree: ast.Module) -> Iterable[list[str]]:
    """The words of each function, and those outside of any, in the order of the syntax tree."""
    units: list[list[str]] = [[]]
    unvisited: list[tuple[Any, list[str]]] = [(tree, units[0])]
    while unvisited:
        node, words = unvisited.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            words = []
            units.append(words)
        if isinstance(node, ast.AST):
            words.append("Assign" if isinstance(node, ast.AnnAssign) else type(node).__name__)
            values = [(name, getattr(node, name, None)) for name in node._fields if name not in _UNIMPORTANT]
            if isinstance(node, ast.Constant):
                words.append("text" if isinstance(node.value, str) else repr(node.value))
                values = []
            unvisited += [(value, words) for _, value in reversed(values) if value is not None]
        elif isinstance(node, list):
            unvisited += [(item, words) for item in reversed(node) if not _says_nothing(item)]
        elif isinstance(node, str):
            words.append("name")
    return units


def _says_nothing(node: Any) -> bool:
    """Whether it is an import, a docstring, or another statement that does nothing."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def _tokens(source: str) -> list[str]:
    words: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _SKIPPED:
                is_name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
                words.append("name" if is_name else token.string)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass  # what came before the fault is compared
    return words
