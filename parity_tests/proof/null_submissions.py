"""Null submissions, which know nothing: what they get right is worth nothing. `python -m` this writes down what it is.

python -m parity_tests.proof.null_submissions mlp
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.proof.judged_variants import records
from parity_tests.proof.variants import Variant, changed, with_changes
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.null import GRADIENT, INPUT, KINDS, NullFunction
from parity_tests.protocol.registry import find
from reports.model.records import Record
from reports.model.verdicts import FAILING

MOST_PER_CENT = 2.0
"""What a null submission may earn, in per cent."""
FILLED = ("zeros", "ones", "a constant", "random numbers", INPUT)
"""The kinds of bodies that give other functions something to work on."""
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
    """Those of an assignment: of one kind throughout, with a form of one part, and mixed of forwards and backwards."""
    nulls = assignment.proof().nulls
    for edition in (nulls.editions or (None,)) if nulls.functions else ():
        for kind in KINDS:
            bodies = {one.function: kind for one in nulls.functions}
            yield _made(assignment, f"{kind} throughout", nulls.functions, bodies, edition, whole=True)
    for name, (part, swaps) in nulls.forms.items():
        yield NullSubmission(changed(assignment, name, swaps), frozenset({part}), None, False)


def mixes(assignment: Assignment) -> Iterator[NullSubmission]:
    """Backwards beside right forwards; and where they are chained, beside such as give them something to work on."""
    nulls = assignment.proof().nulls
    own = [one for one in nulls.functions if one.function not in nulls.apart]
    backwards = [one for one in own if "backward" in one.function]
    edition = next(iter(nulls.editions), None)
    for kind in KINDS:
        bodies = dict.fromkeys((one.function for one in backwards), kind)
        yield _made(assignment, f"backwards alone: {kind}", backwards, bodies, edition, whole=False)
    for forward, backward in product(FILLED, (*FILLED, GRADIENT)) if nulls.chained else ():
        bodies = {one.function: backward if one in backwards else forward for one in own}
        bodies |= {name: "random numbers" for name in bodies if name.endswith("__init__")}
        if forward != backward:
            name = f"forwards: {forward}, backwards: {backward}"
            yield _made(assignment, name, own, bodies, edition, whole=False)


def _made(
    assignment: Assignment,
    name: str,
    functions: Iterable[NullFunction],
    kinds: dict[str, str],
    edition: str | None,
    *,
    whole: bool,
) -> NullSubmission:
    by_file: dict[str, list[Body | Swap]] = {"": [*assignment.proof().nulls.callable]}
    for one in functions:
        if kinds[one.function] not in one.given:
            by_file.setdefault(one.file, []).append(Body(one.function, one.body(kinds[one.function])))
    variant = with_changes(assignment, name if edition is None else f"{name} ({edition})", by_file)
    known = assignment.by_function
    parts = frozenset(known[own] for name in kinds for own in (name, name.partition(".")[0]) if own in known)
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
    assert assignment.null is not None
    found: dict[Quantity, str] = {}
    for null in (*null_submissions(assignment), *mixes(assignment)):
        for key in right_in(null, records_of_null(assignment, null)):
            found.setdefault(key, null.name)
        rows = (f"{check}\t{quantity}\t{by}\n" for (check, quantity), by in sorted(found.items()))
        assignment.null.write_text(HEAD.format(name) + "".join(rows), encoding="utf-8")
        print(f"{len(found):4} {null.name}", flush=True)


if __name__ == "__main__":
    write(sys.argv[1])
