"""The environment of a run: what it ran on, what its assignment calls its parts, and what reports work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

MARKS = ("format", "schema_version")
"""What a run folder writes among an environment, and what is none of it."""


class Fact(NamedTuple):
    """Whether a student may see a field, and whether pages list it; one that says neither is hidden, and listed."""

    student: bool = False
    listed: bool = True


_TOLD, _WORKED_WITH, _TOLD_WORKED_WITH = Fact(student=True), Fact(listed=False), Fact(student=True, listed=False)


@dataclass(frozen=True)
class ForStudents:
    """What stands in place of the records of guarded cases, by case and quantity: the sentence, the mistake, the place.

    `printed` is how many bytes of the output may be shown.
    """

    told: Mapping[str, Mapping[str, Mapping[str, Any]]]
    printed: int


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What a run says of itself; None is what it does not say. Files and pages have the fields in this order.

    A check, a training trace and a pair of functions each say some of it. `others` is what another version wrote: it is
    kept, and no student sees it. `asked` are the parts of a check that was of some alone, `without_fix` those for which
    a fix was looked for and not found. `seed` and `submission` are the whole class's, and a folder's name.
    """

    assignment: Annotated[str | None, _TOLD] = None
    assignment_title: Annotated[str | None, _TOLD] = None
    exam: Annotated[str | None, _TOLD] = None
    parts: Annotated[Sequence[Mapping[str, str]] | None, _TOLD_WORKED_WITH] = None
    joint_checks: Annotated[Sequence[str] | None, _TOLD_WORKED_WITH] = None
    rubric: Annotated[str | None, _TOLD_WORKED_WITH] = None
    null: Annotated[Sequence[tuple[str, str]] | None, _WORKED_WITH] = None
    setting: Annotated[str | None, _WORKED_WITH] = None
    advice: Annotated[str | None, _WORKED_WITH] = None
    panels: Annotated[Mapping[str, Sequence[str]] | None, _WORKED_WITH] = None
    submission: str | None = None
    edition: Annotated[str | None, _TOLD] = None
    asked: Annotated[Sequence[str] | None, _TOLD_WORKED_WITH] = None
    edition_seen: Annotated[str | None, _TOLD] = None
    seed: int | None = None
    device: Annotated[str | None, _TOLD] = None
    torch_device: Annotated[Mapping[str, Any] | None, _TOLD] = None
    dtypes: Annotated[Sequence[str] | None, _TOLD] = None
    isolation: Annotated[str | None, _TOLD] = None
    radius: str | None = None
    replicas: int | None = None
    seconds: Annotated[float | None, _TOLD] = None
    finished: bool | None = None
    trace: Mapping[str, Any] | None = None
    platform: Annotated[str | None, _TOLD] = None
    processor: Annotated[str | None, _TOLD] = None
    versions: Annotated[Mapping[str, str] | None, _TOLD] = None
    threads: Annotated[Mapping[str, int] | None, _TOLD] = None
    submission_python: Annotated[str | None, _TOLD] = None
    submission_numpy: Annotated[str | None, _TOLD] = None
    source_lines: Annotated[Mapping[str, tuple[str, int]] | None, _TOLD_WORKED_WITH] = None
    excerpts: Annotated[Mapping[str, Mapping[str, Mapping[int, str]]] | None, _TOLD_WORKED_WITH] = None
    hints: Annotated[Mapping[str, str] | None, _TOLD_WORKED_WITH] = None
    for_students: Annotated[ForStudents | None, _TOLD_WORKED_WITH] = None
    drift: Annotated[Mapping[str, Any] | None, _WORKED_WITH] = None
    fixes: Annotated[Sequence[Mapping[str, Any]] | None, _WORKED_WITH] = None
    without_fix: Annotated[Sequence[str] | None, _WORKED_WITH] = None
    cases_refused_by_the_reference: Mapping[str, str] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Environment:
        """What such a document says; a value that is none of its field's is lost.

        Raises ValueError where it is `for_students`: without it a student would be shown all.
        """
        declared, read = _declared(), {}
        for name in declared.keys() & document.keys():
            try:
                read[name] = msgspec.convert(document[name], declared[name][0], str_keys=True)
            except msgspec.ValidationError:
                if name == "for_students":
                    raise
        others = {name: value for name, value in document.items() if name not in declared and name not in MARKS}
        return cls(**read, others=others)

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        said = {name: value for name, (value, _) in self._said().items()}
        return said if self.for_students is None else {**said, "for_students": asdict(self.for_students)}

    def listed(self) -> Iterator[tuple[str, Any]]:
        """The names and the values that pages list."""
        return ((name, value) for name, (value, fact) in self._said().items() if fact.listed)

    def for_student(self) -> Environment:
        """What a student may see of it."""
        hidden = {name: None for name, (_, fact) in _declared().items() if not fact.student}
        return replace(self, **hidden, others={})

    def _said(self) -> dict[str, tuple[Any, Fact]]:
        known = {name: (getattr(self, name), fact) for name, (_, fact) in _declared().items()}
        own = {name: (value, fact) for name, (value, fact) in known.items() if value is not None}
        return own | {name: (value, Fact()) for name, value in self.others.items()}


@cache
def _declared() -> dict[str, tuple[Any, Fact]]:
    """The type of each field but `others`, and whom it is for."""
    hints = get_type_hints(Environment, include_extras=True)
    found = {}
    for name in (one.name for one in fields(Environment) if one.name != "others"):
        of, *facts = get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name],)
        found[name] = (get_args(of)[0], next(iter(facts), Fact()))
    return found
