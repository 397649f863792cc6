"""Null submissions, which know nothing: what they get right is worth nothing. `python -m` this writes down what it is.

python -m parity_tests.proof.null_submissions mlp
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from inspect import getsource
from itertools import product

from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.proof import null_function
from parity_tests.proof.judged_variants import records
from parity_tests.proof.variants import Variant, changed, functions, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.null import FILLED, KINDS, LAST_INPUT
from parity_tests.protocol.registry import find
from reports.model.records import Record
from reports.model.verdicts import FAILING

MOST_PER_CENT = 2.0
"""What a null submission may earn, in per cent."""
FUNCTION = getsource(null_function).partition('"""\n\n')[2]
"""What makes a function null, as text."""
Quantity = tuple[str, str]
"""A quantity by its check and its name."""
HEAD = (
    "# What null submissions get right: check, quantity, and the first of them that does. Nothing is earned by it.\n"
    "# Made by `python -m parity_tests.proof.null_submissions {}`.\n"
)


@dataclass(frozen=True)
class NullSubmission:
    """A null submission: the parts that are null in it, the edition it is asked in, and whether all parts are null."""

    variant: Variant
    parts: frozenset[str]
    edition: str | None
    whole: bool

    @property
    def name(self) -> str:
        """What it is called."""
        return self.variant.name


def null_submissions(assignment: Assignment) -> Iterator[NullSubmission]:
    """Those of an assignment: of one kind throughout; and the further forms that it brings."""
    nulls = assignment.proof().nulls
    for edition in nulls.editions or (None,):
        for kind in KINDS:
            yield _made(assignment, f"{kind} throughout", dict.fromkeys(_own(assignment), kind), edition, whole=True)
    for name, (part, swaps) in nulls.forms.items():
        yield NullSubmission(changed(assignment, name, swaps), frozenset({part}), None, False)


def mixes(assignment: Assignment) -> Iterator[NullSubmission]:
    """Backwards beside right forwards; and where they are chained, beside such as give them something to work on."""
    nulls = assignment.proof().nulls
    own = [name for name in _own(assignment) if name not in {stub.function for stub in nulls.stubs}]
    backwards = [name for name in own if "backward" in name]
    edition = next(iter(nulls.editions), None)
    for kind in KINDS if backwards else ():
        yield _made(assignment, f"backwards alone: {kind}", dict.fromkeys(backwards, kind), edition, whole=False)
    for forward, backward in product(FILLED, (*FILLED, LAST_INPUT)) if nulls.chained else ():
        kinds = {name: backward if name in backwards else forward for name in own}
        if forward != backward:
            yield _made(assignment, f"forwards: {forward}, backwards: {backward}", kinds, edition, whole=False)


def _own(assignment: Assignment) -> dict[str, str]:
    """The functions and methods that students write and that are null, each with its file."""
    right, lent = assignment.proof().nulls.right, assignment.layout.lent
    return {
        name: file
        for file, source in unchanged(assignment).files.items()
        if not any(fnmatch(file, f"{module}.py") for module in lent)
        for name in functions(source)
        if name in assignment.by_function and name not in right
    }


def _made(
    assignment: Assignment, name: str, kinds: dict[str, str], edition: str | None, *, whole: bool
) -> NullSubmission:
    nulls, files = assignment.proof().nulls, _own(assignment)
    sources = dict(changed(assignment, "", [stub for stub in nulls.stubs if stub.function in kinds]).files)
    for file in set(files.values()):
        lines = [
            f"{one} = null_of({one}, {kind!r}, _right)\n"
            for one, kind in kinds.items()
            if files[one] == file and kind not in nulls.given.get(one, ())
        ]
        own, main, script = sources[file].partition("\nif __name__ ==")
        sources[file] = f"{own}\n\n{FUNCTION}\n\n_right = dict(globals())\n{''.join(lines)}{main}{script}"
    parts = frozenset(assignment.by_function[one] for one in kinds)
    variant = Variant(name if edition is None else f"{name} ({edition})", sources)
    return NullSubmission(variant, parts, edition, whole)


def records_of_null(assignment: Assignment, null: NullSubmission, seed: int = 0) -> list[Record]:
    """The records of a null submission, of the parts that are null in it.

    They are of one precision, and no names are looked for: both take long, and the points do not hang on them.
    """
    parts = None if null.whole else null.parts
    unnamed = replace(assignment, diagnosis=None)
    return records(unnamed, null.variant, seed=seed, edition=null.edition, parts=parts, dtypes=DTYPES[:1])


def right_in(null: NullSubmission, judged: Iterable[Record]) -> set[Quantity]:
    """The quantities of its null parts that a null submission gets right in all cases."""
    right: dict[Quantity, bool] = {}
    for record in judged:
        if record.check != "import":
            key = record.check, record.quantity
            fails = record.verdict in FAILING or record.part not in null.parts
            right[key] = right.get(key, True) and not fails
    return {key for key, good in right.items() if good}


def points_of(assignment: Assignment, judged: Iterable[Record]) -> float:
    """The per cent of the usual points that these records earn."""
    rubric = parse_rubric(assignment.rubric_text, "the usual rubric", Vocabulary.of(assignment))
    return score(judged, rubric).per_cent or 0.0


def write(name: str) -> None:
    """Writes the file of what null submissions of this assignment get right, and who does, as far as it is known."""
    assignment = find(name)
    path = assignment.null or assignment.solution.parent / "null.tsv"
    found: dict[Quantity, str] = {}
    for null in (*null_submissions(assignment), *mixes(assignment)):
        for key in right_in(null, records_of_null(assignment, null)):
            found.setdefault(key, null.name)
        rows = (f"{check}\t{quantity}\t{by}\n" for (check, quantity), by in sorted(found.items()))
        path.write_text(HEAD.format(name) + "".join(rows), encoding="utf-8")
        print(f"{len(found):4} {null.name}", flush=True)


if __name__ == "__main__":
    write(sys.argv[1])
