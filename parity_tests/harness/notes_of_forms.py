"""Takes the note that a form's rounding would explain a gap off what matches of a part that is wrong elsewhere.

What is wrong shows as a small gap, too, where its effect is small: which form a right function has says nothing there.
"""

from collections.abc import Sequence
from dataclasses import replace

from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import Case
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING


def without_forms_of_what_is_wrong(plan: Sequence[Case], verdicts: Verdicts) -> Verdicts:
    """The same verdicts, with such notes on parts alone that have no failure of their own."""
    judged = [(case.name, q, verdicts[case.name][q.name]) for case in plan for q in case.quantities]
    wrong = {c.part or q.part for _, q, c in judged if c.verdict not in PASSING and not c.explained_by}
    found = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    for name, q, comparison in judged:
        if q.part in wrong:
            kept = tuple(note for note in comparison.notes if note.kind is not NoteKind.FORM)
            found[name][q.name] = replace(comparison, notes=kept)
    return found
