"""The comparison: the verdict on one quantity of one case, with its figures."""

from dataclasses import dataclass, replace
from typing import Any, overload

from numpy.typing import NDArray

from parity_tests.protocol.finding import Said
from parity_tests.protocol.observation import Failure
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import Verdict

PROVED, ECHO = "proved", "echo"
"""What bears out that another failure explains one: `Comparison.excuse`."""


@dataclass(frozen=True)
class Comparison:
    """One quantity's verdict and figures. `problem` is the predicate of a sentence, "" for a match.

    `verdict` is "undecided" where rounding alone cannot tell right from wrong at some elements, and "unjudged" where
    the submission left no value to expect, which fails.
    gap, radius, ulps, got and want are those of the element with the largest ratio = gap/radius, which lies at `where`;
    `bad` of `total` elements have a ratio over 1; `undecided` of them have no radius that could tell. `radius_kind`
    says where the radii come from, `resolution` which relative change of an element would be noticed (their median).
    `part` is the part that is to blame where it is not the quantity's own; `explained_by` is the part whose failure
    explains this one. What bears that out, only the harness says in `excuse`: it is PROVED where the same is right with
    Parity's own part in place of that one, and an ECHO where a part that fails its own cases fails in others again.
    Of what is left open `instead` is what holds where nothing reopens it: it fails beside right parts as well.
    """

    verdict: str
    gap: float | None = None
    radius: float | None = None
    ratio: float | None = None
    ulps: float | None = None
    bad: int | None = None
    total: int | None = None
    where: str = ""
    got: float | None = None
    want: float | None = None
    blame: str = ""
    radius_kind: str = ""
    undecided: int | None = None
    resolution: float | None = None
    problem: str = ""
    notes: tuple[Note, ...] = ()
    file: str = ""
    line: int | None = None
    step: int | None = None
    explained_by: str = ""
    excuse: str = ""
    diagnosis: str = ""
    part: str = ""
    sentence: bool = False
    """Whether `problem` is a whole sentence, with a subject of its own."""
    failure: Failure | None = None
    """How the call did not return, where that is the problem."""
    finding: str = ""
    """What was found, as a word that other rooms may know it by; "" where its sentence alone tells."""
    arrays: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
    """got, want and radius, kept of what did not match."""
    instead: "Comparison | None" = None

    @overload
    def noting(self, *notes: Note) -> "Comparison": ...
    @overload
    def noting(self, *notes: Note | str, kind: NoteKind) -> "Comparison": ...
    def noting(self, *notes: Note | str, kind: NoteKind = NoteKind.UNKNOWN) -> "Comparison":
        """The same with further notes, each once, empty ones left out; words alone are a note of this kind."""
        typed = (Note(kind, note) if isinstance(note, str) else note for note in notes)
        further = [note for note in typed if note.text]
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *further)))) if further else self


@overload
def matched(*notes: Note) -> Comparison: ...
@overload
def matched(*notes: Note | str, kind: NoteKind) -> Comparison: ...
def matched(*notes: Note | str, kind: NoteKind = NoteKind.UNKNOWN) -> Comparison:
    """A match without figures: of something that is yes or no."""
    return Comparison(Verdict.MATCH).noting(*notes, kind=kind)


def mismatched(problem: str | Said, **figures: Any) -> Comparison:
    """A mismatch without elements: of something that is yes or no."""
    said = Said(problem, figures.pop("finding", "")) if isinstance(problem, str) else problem
    return Comparison(Verdict.MISMATCH, problem=said.text, finding=said.found, **figures)


def unjudged(problem: str, **figures: Any) -> Comparison:
    """What cannot be judged, because the submission left no value to expect: it fails. `problem` says what was seen."""
    return Comparison(Verdict.UNJUDGED, problem=problem, **figures)


def left_open(comparison: Comparison, cause: str, problem: str) -> Comparison:
    """What leaves open whether a part is right, because the part `cause` is wrong; nothing is earned by it."""
    total = comparison.total or 1
    return Comparison(
        Verdict.UNDECIDED,
        total=total,
        undecided=total,
        problem=problem,
        notes=comparison.notes,
        explained_by=cause,
        failure=comparison.failure,
    )


def failed(failure: Failure) -> Comparison:
    """The verdict on a call that did not return."""
    line = failure.line or None
    return Comparison(failure.kind, problem=failure.text, sentence=True, failure=failure, file=failure.file, line=line)
