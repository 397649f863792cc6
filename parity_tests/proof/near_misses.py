"""Which names near misses get: wrong forms beside known mistakes, which have no right to some names."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from parity_tests.proof.editions import edition_for, functions
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.mutants import Mutant
from parity_tests.proof.variants import Variant, changed, rewritten, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Body, NearMiss
from reports.model.records import Record


@dataclass(frozen=True)
class Called:
    """What a near miss was called, and the first sentence about it; "" where it was not caught."""

    near: NearMiss
    names: tuple[str, ...]
    sentence: str

    @property
    def good(self) -> bool:
        """Whether it was caught, and got no false name."""
        return bool(self.sentence) and not set(self.names) & set(self.near.false)


def called(assignment: Assignment, near: NearMiss, seed: int = 0, dtypes: Sequence[str] = DTYPES) -> Called:
    """Checks a near miss."""
    variant = rewritten(assignment, near.form)
    edition = edition_for(assignment, variant)
    return called_in(near, records(assignment, variant, seed=seed, edition=edition, dtypes=dtypes))


def called_in(near: NearMiss, judged: Sequence[Record]) -> Called:
    """What a near miss is called in the records of a check of it."""
    failed = failures(judged)
    names = tuple(sorted({record.diagnosis for record in failed if record.diagnosis}))
    return Called(near, names, failed[0].message if failed else "")


def partly(assignment: Assignment, slip: Mutant, value: str) -> Variant:
    """A near miss of a slip: its function gives `value`, in which {right} and {wrong} stand for the two results."""
    own: dict[str, ast.FunctionDef] = {}
    for name, files in (("right", unchanged(assignment).files), ("wrong", slip.variant.files)):
        own[name] = dict(functions(ast.parse(files[slip.file])))[slip.function]
        own[name].name = name
    given = ", ".join(one.arg for one in own["right"].args.args)
    returned = value.format(**{name: f"{name}({given})" for name in own})
    statements = "\n".join([*map(ast.unparse, own.values()), f"return {returned}"])
    return changed(assignment, f"{slip.name}: {value}", [Body(slip.function, statements)], slip.file)
