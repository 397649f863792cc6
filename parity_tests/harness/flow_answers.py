"""torch's answers to a case, value ± radius by the flow, and the verdicts on what a submission returned for it."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.judge_flow import judge_returned, may_pass, prepared
from parity_tests.harness.kept_answers import KeptAnswers, described_whole, is_told_by_the_state
from parity_tests.harness.returned import result_of
from parity_tests.harness.sandbox.runtime_files import user_cache
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Judged
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reference.answer import Answer
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING

if TYPE_CHECKING:
    from parity_tests.harness.wire.frames import Message
    from parity_tests.protocol.assignment import Assignment
    from reference.flow import Flowed
    from reference.flow.evaluate import Answer as Computed

Array = NDArray[Any]
Reference = Callable[..., Mapping[str, Any]]
"""A torch function of a case's arrays, by name, that returns tensors by the names of quantities."""


@dataclass(frozen=True)
class Form:
    """One right way to compute a case: its reference, and the note that a match with it carries.

    `rounded` are further functions of the same inputs that compute the same and round it more. `written` is the text
    that the reference runs, where an assignment's file has it: another file may ask another one under the same name.
    """

    reference: Reference
    inputs: Mapping[str, Any]
    note: str = ""
    rounded: Sequence[Reference] = ()
    written: str = ""


@dataclass(frozen=True)
class Question:
    """Quantities of a case that are answered together, and the right forms of their answer, the usual one first."""

    quantities: Sequence[Quantity]
    forms: Sequence[Form]


class Answers:
    """torch's answers by the names of quantities, and the same in float64 where the case is in float32.

    What is sampled is sampled when it is first asked for: most of what is wrong is over the bound. What is `kept` of an
    earlier run is computed only where more is asked of it than was then.
    """

    def __init__(self, case: Case, form: Form, device: str, kept: Message | None = None) -> None:
        self._case, self._form, self._device = case, form, device
        self._answer: Computed | None = None
        self._computed: Mapping[str, Flowed] = {}
        self._prepared: dict[str, Answer] = {}
        if kept is None:
            self._is_bounded = True
            self._known = self._again()
        else:
            from reference.flow import from_arrays

            self._is_bounded = bool(kept.header["bounded"])
            self._known = from_arrays(kept.header, kept.arrays, self._again)

    def _again(self) -> Mapping[str, Flowed]:
        """What is known, computed in this process."""
        if self._answer is None:
            from reference.flow import asked

            self._answer = asked(self._form.reference, self._form.inputs, self._device, REPLICAS, self._form.rounded)
            self._computed = self._answer.bounded()
            if not self._is_bounded:
                self._computed = self._answer.flowed(self._computed)
        return self._computed

    @property
    def flowed(self) -> Mapping[str, Flowed]:
        """By name, each with its radius."""
        if self._is_bounded:
            if any(one.kind == "sample" for one in self._known.values()):
                self._again()
                assert self._answer is not None
                self._known = self._computed = self._answer.flowed(self._computed)
                self._prepared.clear()
            self._is_bounded = False
        return self._known

    @property
    def bounded(self) -> Mapping[str, Flowed]:
        """By name, each with its radius where that is known, else with a bound of it."""
        return self._known

    def to_keep(self) -> tuple[dict[str, Any], dict[str, Array]] | None:
        """What was computed in this process, as `kept` is given to the next; None where there is nothing new."""
        from reference.flow import to_arrays

        found = None if self._answer is None or self._device != "cpu" else to_arrays(self._computed, self._answer)
        return None if found is None else ({**found[0], "bounded": self._is_bounded}, found[1])

    def exact(self, name: str) -> Callable[[], Array] | None:
        """What gives one in float64, where the case is in float32: only of what is wrong it is asked whose side is."""
        wide = partial(predicted, self._case, self._form, self._device, wide=True)
        return (lambda: wide()[name]) if self._case.dtype == "float32" else None

    def prepared(self, name: str) -> Answer:
        """What judging needs of one of them, as far as it is known: a class holds many results against it."""
        if name not in self._prepared:
            self._prepared[name] = prepared(self._known[name], self.exact(name))
        return self._prepared[name]


REPLICAS = 8
"""Half the usual number takes half the time; Student's factor for fewer keeps the probability at 1e-8 an element.

38 of the 1,103 radii of `parity check --assignment cs231n --shipped` are sampled (`radius_kind`).
"""
_KEPT = 4096
_answers: OrderedDict[tuple[str, ...], Answers] = OrderedDict()


def answers(case: Case, form: Form, device: str) -> Answers:
    """torch's answers to one form; they are kept, since a class asks for the same ones again and again."""
    key = _key(case, form, device)
    if key not in _answers:
        _answers[key] = Answers(case, form, device, _kept_as(key, form))
        while len(_answers) > _KEPT:
            _answers.popitem(last=False)
    return _answers[key]


_kept: list[KeptAnswers] = []
"""Where answers of earlier processes are, while they are asked for."""
_texts: dict[tuple[str, ...], str] = {}
"""The texts under which what is asked meanwhile is kept."""


@contextmanager
def kept_between_processes(assignment: Assignment) -> Iterator[KeptAnswers | None]:
    """What is answered meanwhile is known to the next process that asks it; gives where it is kept.

    Of Parity's own assignments alone: what another folder says of its references, also one in Parity's checkout, no
    state of Parity tells.
    """
    if not is_told_by_the_state(assignment.solution):
        yield None
        return
    _kept.append(KeptAnswers(user_cache() / "answers"))
    try:
        yield _kept[-1]
        found = [(text, _answers[key].to_keep()) for key, text in _texts.items() if key in _answers]
        found += [(text, ({}, _predicted[key])) for key, text in _texts.items() if key in _predicted]
        _kept[-1].add((text, *new) for text, new in found if new is not None)
    finally:
        _texts.clear()
        _kept.pop().close()


def _kept_as(key: tuple[str, ...], form: Form) -> Message | None:
    """What an earlier process has kept of this; a function that no text describes is not kept."""
    described = described_whole([form.reference, *form.rounded]) if _kept else None
    if described is None:
        return None
    _texts[key] = "\n".join((*key, described))
    return _kept[-1].get(_texts[key])


def _key(case: Case, form: Form, device: str) -> tuple[str, ...]:
    return case.name, form.note, form.written, device, _digest(form.inputs)


_KEPT_BYTES = 2**25
"""The most that predictions take; what was predicted first goes."""
_predicted: OrderedDict[tuple[str, ...], dict[str, Array]] = OrderedDict()
_sizes: list[int] = [0]


def predicted(case: Case, form: Form, device: str = "cpu", *, wide: bool = False) -> Mapping[str, Array]:
    """The values of one form alone, without radii; kept as well, since they refute nearly every known mistake.

    With `wide` they are computed in float64, whatever the case is in.
    """
    import torch

    from reference.flow import plain

    key = (*_key(case, form, device), "float64" if wide else case.dtype)
    if key not in _predicted:
        kept = _kept_as(key, form)
        if kept is None:
            found = plain(form.reference, form.inputs, device=device, dtype=torch.float64 if wide else None)
            values = {name: value.cpu().numpy() for name, value in found.items()}
        else:
            values = kept.arrays
        _predicted[key] = values
        _sizes[0] += _bytes(values)
        while _sizes[0] > _KEPT_BYTES and len(_predicted) > 1:
            _sizes[0] -= _bytes(_predicted.popitem(last=False)[1])
    return _predicted[key]


def _bytes(values: Mapping[str, Array]) -> int:
    """What arrays take, and about what an entry does beside them."""
    return sum(value.nbytes + 256 for value in values.values())


def _digest(inputs: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, value in inputs.items():
        digest.update(f"{name} {getattr(value, 'shape', value)}".encode())
        if isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def judge_all(case: Case, seen: Observation, questions: Sequence[Question], device: str) -> Judged:
    """A comparison for each quantity of these questions."""
    judged: Judged = {}
    for question in questions:
        judged |= _judged(case, seen, question, device)
    return judged


def _judged(case: Case, seen: Observation, question: Question, device: str) -> Judged:
    """A comparison for each quantity: under the first form that all of its part's agree with, else under the first.

    Of the forms after the first none is held against what lies nearer to another that does not agree.
    """
    judged: Judged = {}
    for part in dict.fromkeys(q.part for q in question.quantities):
        own = [q for q in question.quantities if q.part == part]
        first, *others = question.forms
        found = _under(case, seen, own, first, device)
        if others and not _passes(found):
            near = _nearest(case, seen, own, question.forms, device)
            if near and _agrees(case, seen, own, question.forms[near], device):
                form = next(form for form in others if _agrees(case, seen, own, form, device))
                found = _under(case, seen, own, form, device)
        judged |= found
    return judged


def _under(case: Case, seen: Observation, own: Sequence[Quantity], form: Form, device: str) -> Judged:
    known = answers(case, form, device)
    return {
        q.name: compared(result_of(seen, q.key), known, q.name).noting(form.note, kind=NoteKind.READING) for q in own
    }


def is_refuted(
    case: Case, seen: Observation, questions: Sequence[Question], own: Collection[Quantity], device: str
) -> bool:
    """Whether bounds alone say that one of these quantities does not pass, as most that are wrong do not."""
    for question in questions:
        for part in dict.fromkeys(q.part for q in question.quantities):
            whole = [q for q in question.quantities if q.part == part]
            asked = [q for q in whole if q in own]
            first, *others = question.forms
            if not asked or _may_agree(case, seen, asked, first, device):
                continue
            near = _nearest(case, seen, whole, question.forms, device) if others else None
            if not near or not _may_agree(case, seen, whole, question.forms[near], device):
                return True
    return False


def _may_agree(case: Case, seen: Observation, own: Sequence[Quantity], form: Form, device: str) -> bool:
    known = answers(case, form, device)
    return all(may_agree(result_of(seen, q.key), known, q.name) for q in own)


def _agrees(case: Case, seen: Observation, own: Sequence[Quantity], form: Form, device: str) -> bool:
    """Whether all of these quantities pass under a form."""
    return _may_agree(case, seen, own, form, device) and _passes(_under(case, seen, own, form, device))


def _passes(found: Judged) -> bool:
    return all(comparison.verdict in PASSING for comparison in found.values())


def _nearest(case: Case, seen: Observation, own: Sequence[Quantity], forms: Sequence[Form], device: str) -> int | None:
    values = [predicted(case, form, device, wide=True) for form in forms]  # without radii, which are what takes time
    return nearest([result_of(seen, q.key) for q in own], [[one[q.name] for q in own] for one in values], case.dtype)


ALIKE = 1 + 1e-6
"""What is farther by no more than this factor lies as near: forms of one value are rounded each in its own way."""
FAR = {"float64": 1e-3, "float32": 1e-1}
"""What part of the largest number no rounding comes near, by the dtype: what is off by more needs no radius."""


def nearest(got: Sequence[Returned | Failure | None], forms: Sequence[Sequence[Array]], dtype: str) -> int | None:
    """The number of the form whose values lie nearest to what was returned; of several that lie as near the last.

    None where that has other sizes, or is far from all, in a case of this dtype.
    """
    arrays = [one.array if isinstance(one, Returned) else None for one in got]
    gaps = []
    for values in forms:
        gap = 0.0
        for array, value, usual in zip(arrays, values, forms[0], strict=True):
            if array is None or array.size != value.size:
                return None
            with np.errstate(all="ignore"):
                apart = np.abs(array.reshape(value.shape) - value).max(initial=0.0) / np.abs(usual).max(initial=1e-300)
            gap = max(gap, float(np.nan_to_num(apart, nan=np.inf)))
        gaps.append(gap)
    if FAR[dtype] < min(gaps) < np.inf:
        return None
    return max(k for k, gap in enumerate(gaps) if gap <= ALIKE * min(gaps))


def compared(got: Returned | Failure | None, known: Answers, name: str) -> Comparison:
    """The comparison of one result. One of another shape that holds the same numbers is taken, with a note."""
    flowed = known.flowed[name]
    got, note = _in_shape(got, tuple(flowed.value.shape))
    found = judge_returned(got, flowed, known.exact(name), known.prepared(name)).comparison
    if found.verdict not in PASSING:  # of what is wrong it is no form that some elements agree at a kink
        found = replace(found, notes=tuple(one for one in found.notes if one.kind is not NoteKind.KINK))
    return found.noting(note, kind=NoteKind.SHAPE)


def may_agree(got: Returned | Failure | None, known: Answers, name: str) -> bool:
    """Whether a result is not refuted by the bound of the answer's radius, which is sooner known than the radius."""
    bounded = known.bounded[name]
    got, _ = _in_shape(got, tuple(bounded.value.shape))
    return may_pass(got, bounded, known.prepared(name))


def _in_shape(got: Returned | Failure | None, want: tuple[int, ...]) -> tuple[Returned | Failure | None, str]:
    """A result in the shape that is asked, where its own differs by ones alone, with a note on that.

    A row is no column, nor the other way round: with one the other makes a matrix.
    """
    if isinstance(got, Returned) and got.array is not None and got.kind in ("array", "scalar"):
        shape = got.array.shape
        alike = got.array.size == math.prod(want) and _squeezed(shape) == _squeezed(want)
        is_row = alike and len(want) == 2 and math.prod(np.broadcast_shapes(shape, want)) != math.prod(want)
        if shape != want and alike and not is_row:
            return replace(got, array=got.array.reshape(want)), (
                f"has shape {shape}, where {want} is usual" if want else ""
            )
    return got, ""


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
