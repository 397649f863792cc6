"""Writes what the assignments ask and do not ask, from their plans: `python -m parity_tests.examples.asked FOLDER`.

The documentation is built with these pages, so they are never older than the plans.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from parity_tests.grading.rubric import Item, Vocabulary, parse_rubric
from parity_tests.proof.mutants import Mutant, mutants
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES, Case
from parity_tests.protocol.part import Part
from parity_tests.protocol.registry import find_all

FEW = 12
"""So many quantities of a case are named one by one."""


def page(assignment: Assignment) -> str:
    """The page of one assignment, in Markdown."""
    default = assignment.editions.default
    cases = assignment.cases(default, DTYPES[:1])
    both = assignment.cases(default, DTYPES)
    count = sum(len(case.quantities) for case in both)
    lines = [
        f"# What `{assignment.name}` is asked",
        "",
        f"{assignment.title[0].upper()}{assignment.title[1:]}: {len(assignment.parts)} parts, handed in as "
        f"{_code(assignment.layout.sources)}. Asked are {len(both)} cases with {count} quantities in float64 and "
        f"float32{f', in the edition {default}' if default else ''}; whether it can be imported is one more. Sizes and "
        "settings are drawn from the seed of the exam; what is asked is the same for each.",
        "",
    ]
    own = [case for case in cases if case.check not in assignment.joint_checks]
    for part in assignment.parts:
        lines += _part(part, own)
    joint = [case for case in cases if case.check in assignment.joint_checks]
    if joint:
        lines += ["## Where parts work together", "", *_table(("question", "compared"), map(_row, joint)), ""]
    lines += _editions(assignment)
    lines += _points(assignment)
    lines += _not_asked(assignment)
    return "\n".join(lines)


def _part(part: Part, cases: Iterable[Case]) -> list[str]:
    """The questions of one part, those in which it works with others aside."""
    rows = [_row(case, part.id) for case in cases if any(q.part == part.id for q in case.quantities)]
    title = part.label if part.label == part.title else f"{part.label}: {part.title}"
    table = _table(("question", "compared"), rows) if rows else ["Asked together with others, or in another edition."]
    return [f"## {title}", "", *table, ""]


def _row(case: Case, part: str | None = None) -> tuple[str, str]:
    names = [q.name for q in case.quantities if part in (None, q.part)]
    shown = "; ".join(names if len(names) <= FEW else [*names[:FEW], f"{len(names) - FEW} more"])
    return f"{case.title}{' (costs a note only)' if case.lenient else ''}", shown


def _editions(assignment: Assignment) -> list[str]:
    """Which parts each edition asks, where there are several."""
    if len(assignment.editions.names) < 2:
        return []
    asked = {
        edition: {q.part for case in assignment.cases(edition, DTYPES[:1]) for q in case.quantities}
        for edition in assignment.editions.names
    }
    rows = [
        (edition, ", ".join(part.label for part in assignment.parts if part.id not in parts) or "nothing")
        for edition, parts in asked.items()
    ]
    return ["## Editions", "", *_table(("edition", "parts that it does not ask"), rows), ""]


def _points(assignment: Assignment) -> list[str]:
    """The usual rubric, and the checks that no item counts."""
    rubric = parse_rubric(assignment.rubric_text, f"the rubric of {assignment.name}", Vocabulary.of(assignment))
    rows = [(item.name, f"{item.points:g}", _counted(item)) for item in rubric.items]
    free = [part.label for part in assignment.parts if part.id in rubric.free]
    said = [f"Nothing costs points in {', '.join(free)}.", ""] if free else []
    return ["## Usual points", "", *_table(("item", "points", "what it counts"), rows), "", *said]


def _counted(item: Item) -> str:
    without = f", without {'; '.join(sorted(item.without))}" if item.without else ""
    return f"{', '.join((*item.checks, *item.parts))}{without}"


def _not_asked(assignment: Assignment) -> list[str]:
    """The reasons why single slips of the solution are not held against anybody, each with a slip."""
    proof = assignment.proof()
    slips = mutants(assignment)
    sections = (
        ("What is not asked", "A solution that is changed in these places is as right.", proof.unasked),
        (
            "What gives the same numbers",
            "These changes of the solution make no difference to any input.",
            proof.equivalent,
        ),
    )
    lines = []
    for title, said, reason_of in sections:
        examples: dict[str, Mutant] = {}
        for slip in slips:
            reason = reason_of(slip.function, slip.before, slip.after)
            if reason:
                examples.setdefault(reason, slip)
        rows = [(reason, f"{_code([slip.before])} → {_code([slip.after])}") for reason, slip in examples.items()]
        if rows:
            lines += [f"## {title}", "", said, "", *_table(("why", "for instance"), rows), ""]
    if proof.not_asked:
        lines += [f"No case looks at {_code(proof.not_asked)}.", ""]
    return lines


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table in Markdown."""
    for row in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def write_pages(folder: Path) -> list[Path]:
    """Writes the page of each installed assignment, and returns the files; those that are current are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for assignment in find_all():
        path, text = folder / f"{assignment.name}.md", page(assignment)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Writes the pages into a folder."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.asked", description=__doc__)
    parser.add_argument("folder", type=Path)
    print("\n".join(map(str, write_pages(parser.parse_args(arguments).folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
