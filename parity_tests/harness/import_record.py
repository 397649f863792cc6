"""The record of whether a submission's files can be imported at all, with what was lent to it and left out of it."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch

from parity_tests.harness.make_records import Setting, record_of
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import failed, matched
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.observation import Hello
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import Note, NoteKind
from reports.model.phrases import listed
from reports.model.records import Record


def import_record(
    setting: Setting,
    assignment: Assignment,
    hello: Hello,
    notes: Iterable[Note] = (),
    parts: frozenset[str] | None = None,
) -> Record:
    """The record, which costs no points of its own, with what is noted of the submission as a whole.

    It stands with the first of the `parts` that were asked for, where not all were.
    """
    ids = [part.id for part in assignment.parts if parts is None or part.id in parts]
    usual = assignment.import_part
    case = Case("import", "import", "import", "", "", {}, ())
    failure = hello.import_failure or hello.support_failure
    comparison = matched() if failure is None else failed(failure)
    quantity = Quantity("module", usual if usual in ids else ids[0])
    return record_of(setting, case, quantity, comparison, None).with_notes(notes)


def notes_on(hello: Hello, assignment: Assignment, *, told_by_files: bool) -> Iterator[Note]:
    """What a submission lacked, what stood in for it, and what was left out of it.

    Also by which edition it was judged, and why, where its files told that and it is not the usual one.
    """
    shown, layout = hello.edition_seen, assignment.layout
    if told_by_files and shown != assignment.editions.default:
        why = assignment.editions.because.get(shown, "")
        taken = f"{shown}, for {why}" if why else f"{hello.edition}, the usual one, for its files do not tell"
        yield Note(NoteKind.EDITION, f"is judged as of edition {taken}: --edition asks for another")
    own = [name for name in hello.fixtures if any(fnmatch(name, one) for one in (layout.support, *layout.lent))]
    given = [file_of(name) for name in own]
    silent = [name for name in hello.fixtures if name not in own]
    sentences = []
    if given:
        that = " that runs" * bool(layout.lent)  # of others nothing was tried that was handed in
        sentences.append(f"no {' and no '.join(given)}{that} was handed in: Parity's was used")
    if silent:
        sentences.append(f"{listed(silent)} did nothing here, where a stand-in replaced what is not used")
    if sentences:
        yield Note(NoteKind.LENT, ", and ".join(sentences))
    if hello.left_out:
        where = f"line {hello.left_out} of {layout.file}"
        why = (
            f"runs {layout.entry} as soon as it is imported ({where}), which is left out here: "
            f'such code belongs under `if __name__ == "__main__":`'
        )
        yield Note(NoteKind.LEFT_OUT, why)
