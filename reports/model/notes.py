"""The note: something worth knowing and not wrong. What follows from it follows from its kind, never from its words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest


class NoteKind(StrEnum):
    """What a note is about. An unknown kind, as a run of another version may hold it, is UNKNOWN."""

    UNKNOWN = ""
    """Nobody said; it costs, as most do."""
    PROMOTED = "promoted"
    """A result in a wider dtype than asked for. It never costs."""
    DTYPE = "dtype"
    """A result in another dtype than asked for."""
    MEASURED = "measured"
    """What a result hangs on, such as a condition number, or an error that was declared. It never costs."""
    SHAPE = "shape"
    """A result in another shape that holds the same numbers."""
    OVERWRITES = "overwrites"
    """A call wrote over what it was given, or what another call had returned."""
    WARNS = "warns"
    """A Python warning was raised inside the submission."""
    FLOAT64_ONLY = "float64_only"
    """It works in float64 only, and crashes over another dtype."""
    FORM = "form"
    """The rounding of another honest form would explain a gap."""
    KINK = "kink"
    """Another value at a nondifferentiable point, which is as right."""
    READING = "reading"
    """Another reading of the assignment, which is as right."""
    UNFED = "unfed"
    """What it gives of inputs that the assignment never feeds is wrong."""
    UNGRADED = "ungraded"
    """A part that nobody grades is not written, or not judged because of another."""
    UNGRADED_WRONG = "ungraded_wrong"
    """A part that nobody grades is wrong."""
    OWN_FORWARD = "own_forward"
    """Right, or wrong, by what the submission's own forward computed or handed on."""
    RESOLUTION = "resolution"
    """Only large changes would have been noticed."""
    AGAIN = "again"
    """It answers differently when it is asked again."""
    UNSEEN = "unseen"
    """Something of it could not be seen, or the check would not see something."""
    LENT = "lent"
    """Something that is not there was lent to it, or put in its place."""
    LEFT_OUT = "left_out"
    """Something of its code was left out."""
    FAULT = "fault"
    """Something of Parity's own broke: the verdict stands, and its name may be lacking."""
    EDITION = "edition"
    """By which edition of the assignment it was judged."""

    @classmethod
    def _missing_(cls, value: object) -> NoteKind:
        return cls.UNKNOWN

    @property
    def costs(self) -> bool:
        """Whether such a note is a discrepancy under `--strict`."""
        return self not in (NoteKind.PROMOTED, NoteKind.MEASURED)

    @property
    def measures(self) -> bool:
        """Whether such notes on a part differ by the numbers in them alone."""
        return self in (NoteKind.SHAPE, NoteKind.FORM, NoteKind.UNFED, NoteKind.RESOLUTION, *UNGRADED)


UNGRADED = (NoteKind.UNGRADED, NoteKind.UNGRADED_WRONG)


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a kind, in words."""

    kind: NoteKind
    text: str

    def told_once_of(self, part: str) -> tuple[str, str]:
        """The same for notes of which the first tells all: those that are equal, or measure the same of a part."""
        return self.kind, part if self.kind.measures else self.text


_JOINT = "; "


def noted(notes: Iterable[Note]) -> tuple[str, str]:
    """The two columns of a record that keep these notes: their words and their kinds, each joined in the same order."""
    kept = [note for note in notes if note.text]
    return _JOINT.join(note.text.replace(_JOINT, ", ") for note in kept), _JOINT.join(note.kind for note in kept)


def notes_in(note: str, note_kinds: str) -> tuple[Note, ...]:
    """The notes that `noted` made such columns of. Words whose kind is not there are of UNKNOWN kind."""
    if not note:
        return ()
    pairs = zip_longest(note.split(_JOINT), note_kinds.split(_JOINT), fillvalue="")
    return tuple(Note(NoteKind(kind), text) for text, kind in pairs if text)


def kinds_of_schema_2(note: str) -> str:
    """The kinds of the notes of a record of schema 2, which kept words alone: only what promotes costs nothing."""
    return _JOINT.join(NoteKind.PROMOTED if "promoted" in text else "" for text in note.split(_JOINT)) if note else ""
