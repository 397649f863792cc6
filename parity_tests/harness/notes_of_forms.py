"""Takes notes off a part that is wrong elsewhere, of which they say nothing more: on its form, a dtype, odd inputs.

What is wrong shows as a small difference, too, where its effect is small: which form a right function has says nothing
there. It is wrong for inputs that are never fed as well. And which dtype is asked for follows, where that is not
float64 from the start, from what other parts return.
"""

from collections.abc import Sequence
from dataclasses import replace

from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import Case
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING


def without_forms_of_what_is_wrong(plan: Sequence[Case], verdicts: Verdicts) -> Verdicts:
    """The same verdicts, with such notes on parts alone that have no failure of their own."""
    judged = [(case, q, verdicts[case.name][q.name]) for case in plan for q in case.quantities]
    wrong = {c.part or q.part for _, q, c in judged if c.verdict not in PASSING and not c.explained_by}
    found = {name: dict(comparisons) for name, comparisons in verdicts.items()}
    for case, q, comparison in judged:
        if q.part in wrong:
            vain = {NoteKind.FORM, NoteKind.UNFED, *([NoteKind.DTYPE] if case.dtype != "float64" else [])}
            kept = tuple(note for note in comparison.notes if note.kind not in vain)
            found[case.name][q.name] = replace(comparison, notes=kept)
    return found
