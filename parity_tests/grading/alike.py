"""Who is alike in a class: clusters of submissions that share their own lines, and pairs of them side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice

from parity_tests.grading.folder import GradingFolder, Result
from parity_tests.grading.intake.likeness import (
    Cluster,
    Line,
    Pair,
    clusters,
    fingerprint,
    given_to_all,
    lines_of,
    rows_of,
)
from parity_tests.grading.intake.own_sources import CODE, code_in
from parity_tests.grading.settings import ClassInfo
from reports.html.alike_page import SideBySide, alike_page
from reports.html.cards import Code, CodeLine

SOLUTION = "/"
"""Stands for the assignment's own solution among the submissions, of which none can be called so."""
PAGE = "alike.html"
_Code = Mapping[str, tuple[str, Sequence[Line]]]
_MOST = 60
"""Pairs that are shown side by side."""


def lines_given(results: Sequence[Result], info: ClassInfo, starter: Mapping[str, bytes]) -> set[str]:
    """The lines that were given to all: those of the starter or, where nobody says which that is, what most share.

    The assignment's own solution was given to nobody.
    """
    if starter:
        return rows_of(fingerprint(*starter.values(), asked=info.asked))
    return given_to_all({result.name: result.fingerprint for result in results}) - rows_of(info.solution)


def alike_of(
    results: Iterable[Result], info: ClassInfo, given: Collection[str], worth: Collection[str]
) -> list[Cluster]:
    """The clusters among the submissions that are `worth` a look, and the assignment's own solution."""
    fingerprints = {result.name: result.fingerprint for result in results if result.name in worth}
    return clusters({**fingerprints, SOLUTION: info.solution}, given)


def side_by_side(
    folder: GradingFolder,
    found: Sequence[Cluster],
    info: ClassInfo,
    given: Collection[str],
    called: Mapping[str, str],
) -> str:
    """The page that shows them side by side, "" where nobody is alike: of each submission the pair that is likest.

    `called` is how each submission is named.
    """
    shown = sorted((pair for cluster in found for pair in _telling(cluster)), key=lambda pair: -pair.share)
    read = cache(partial(_read, folder, info))
    pages = (_shown(pair, (read(pair.one), read(pair.other)), given, called) for pair in islice(shown, _MOST))
    pairs = [*filter(None, pages)]
    return alike_page(pairs, left_out=max(0, len(shown) - _MOST)) if pairs else ""


def _read(folder: GradingFolder, info: ClassInfo, name: str) -> _Code:
    """The text and the lines of each file of a submission's own code; none where it cannot be read."""
    try:
        code = code_in((folder.submissions / name / CODE).read_bytes())
    except (OSError, ValueError):
        return {}
    return {file: (text, lines_of(text, info.asked)) for file, text in code.items()}


def _telling(cluster: Cluster) -> list[Pair]:
    """The fewest pairs that hold a cluster together, the likest of them; none with the solution."""
    joined: dict[str, str] = {name: name for name in cluster.members}
    pairs = []
    for pair in cluster.pairs:
        if SOLUTION not in (pair.one, pair.other) and joined[pair.one] != joined[pair.other]:
            pairs.append(pair)
            before, after = joined[pair.other], joined[pair.one]
            joined = {name: after if root == before else root for name, root in joined.items()}
    return pairs


def _shown(
    pair: Pair, codes: tuple[_Code, _Code], given: Collection[str], called: Mapping[str, str]
) -> SideBySide | None:
    if not all(codes):
        return None
    rows = [{line.row for _, lines in code.values() for line in lines} for code in codes]
    common = (rows[0] & rows[1]).difference(given)
    names = called[pair.one], called[pair.other]
    sides = [(name, [*_marked(code, common)]) for name, code in zip(names, codes, strict=True)]
    return SideBySide(sides, pair.common, pair.own)


def _marked(code: _Code, common: Collection[str]) -> Iterator[Code]:
    """The files of one of two, with the common lines marked."""
    for file, (text, lines) in code.items():
        marked = {at for line in lines if line.row in common for at in range(line.first, line.last + 1)}
        yield Code(file, [CodeLine(at, words, at in marked) for at, words in enumerate(text.splitlines(), 1)])
