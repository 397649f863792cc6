"""Names for mistakes in a declared assignment: the change of a right text that gives a part's numbers in all cases."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.declared.by_solution import BySolution
from parity_tests.declared.cases import AGAIN
from parity_tests.declared.declaration import RIGHT, Declaration, Question
from parity_tests.declared.judging import Instead, constants, inputs, judge, reference, with_read
from parity_tests.harness.flow_answers import Form, judge_all
from parity_tests.harness.flow_answers import Question as Asked
from parity_tests.harness.returned import result_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, fitted, of_values
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import FAILS, RightText
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.diagnosis import Arrays, Diagnosis, Draw, Seen
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import PASSING

OWN_FORWARD = Note(NoteKind.OWN_FORWARD, "is the derivative of its own forward, which is what is wrong")
HANDED_ON = Note(NoteKind.OWN_FORWARD, "is correct for what your forward hands on: the error is in the forward")


STALE = "what the object keeps of an earlier call is used again"


def diagnosis(declared: Declaration) -> Diagnosis:
    """What is known of an assignment's mistakes: all changes of the texts that its questions name."""
    hints: dict[str, str] = {}
    changes = _Changes({question.name: question for question in declared.questions})
    of = {one.name: by_solution_of(declared, declared.solution_of(one.dialect)) for one in declared.questions}
    named, reopened = partial(_named, changes, of, hints), partial(_reopened, changes, of)
    return Diagnosis(experiments=named, reopened=reopened, hints=hints)


class _Changes:
    """The changes that the last submission's results show, each looked for once: every failing row asks again."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.questions = questions
        self._of: Seen | None = None
        self._found: dict[tuple[str, str, str], ChangedText | None] = {}

    def of(
        self, question: Question, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw
    ) -> ChangedText | None:
        """The simplest change of a part's text that gives a result wherever it was asked."""
        if self._of is not seen:
            self._of, self._found = seen, {}
        key = f"{question.name} {quantity.part in question.texts}", quantity.part, quantity.key.name
        if key not in self._found:
            self._found[key] = None
            # Of one part no text can be made: others have names. What a changed one warns of is nobody's business.
            with suppress(*FAILS, LookupError, RuntimeError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                either = question.either.values() if not question.texts else ()
                forms = [
                    question,
                    *(replace(question, torch=f"{question.torch}\n{more}") for more in either),
                    *(one for one in self.questions.values() if question.open and _is_form(one, question)),
                ]
                found = (_change(form, question.name, plan, quantity, seen, draw) for form in forms)
                self._found[key] = min(filter(None, found), key=lambda one: one.size, default=None)
        return self._found[key]


def _is_form(one: Question, question: Question) -> bool:
    """Whether a question asks, in a dialect, what an open one takes in any."""
    return one.of == question.of and not one.open


@lru_cache(16)
def by_solution_of(declared: Declaration, folder: Path) -> BySolution:
    """What is known by a solution of an assignment, which its runs share."""
    return BySolution(declared, folder)


def _named(
    changes: _Changes,
    solutions: Mapping[str, BySolution],
    hints: dict[str, str],
    plan: Sequence[Case],
    case: Case,
    quantity: Quantity,
    seen: Seen,
    draw: Draw,
) -> Sequence[str]:
    """The name of the simplest change that gives a result wherever it was asked; its hint is kept.

    What the solution shows says more than what the result itself does, where a part has no text of its own.
    """
    question = changes.questions[case.params["question"]]
    by_solution = solutions[question.name]
    by_text = quantity.part in question.texts
    changed = changes.of(question, plan, quantity, seen, draw) if by_text else None
    name = "" if changed else by_solution.name(question, plan, quantity, seen, draw)
    if changed is None and (not name or name in by_solution.vague):
        changed = changes.of(replace(question, texts={}), plan, quantity, seen, draw)
    if changed is None:
        if not name and _is_stale(question, plan, case, quantity, seen, draw):
            return (STALE,)
        is_clear = name and name not in by_solution.vague
        return (() if is_clear else by_solution.ends(question, plan, quantity, seen, draw)) or ((name,) if name else ())
    hints[changed.words] = changed.hint
    return (changed.words,)


def _is_stale(question: Question, plan: Sequence[Case], case: Case, quantity: Quantity, seen: Seen, draw: Draw) -> bool:
    """Whether a part is right wherever it is asked of a new object, and here of one that was asked before."""
    if not case.params["again"] or quantity.key.call == 0:
        return False
    for one in (one for one in plan if one.params["question"] == case.params["question"]):
        new = [q for q in one.quantities if q.part == quantity.part and not (one.params["again"] and q.key.call)]
        judged = judge(question, replace(one, quantities=tuple(new)), draw(one), seen[one.name], Context())
        if any(comparison.verdict not in PASSING for comparison in judged.values()):
            return False
    return True


def _change(
    question: Question, asked_as: str, plan: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw
) -> ChangedText | None:
    """The simplest change of a part's text that gives a result wherever it was asked."""
    text, result = question.text_of(quantity.part), quantity.key.name
    if result not in text.targets:
        return None
    asked = [one for one in plan if one.params["question"] == asked_as and one.name in seen]
    fitting = (one for one in _fitting(question, text, result, asked, seen, draw) if RIGHT not in one.words)
    return next(
        (
            changed
            for changed in fitting
            if all(
                _gives(question, text, changed, one, with_read(one, draw(one), seen[one.name]), seen[one.name], result)
                for one in asked
            )
        ),
        None,
    )


def _reopened(
    changes: _Changes,
    solutions: Mapping[str, BySolution],
    plan: Sequence[Case],
    case: Case,
    quantity: Quantity,
    comparison: Comparison,
    seen: Seen,
    draw: Draw,
) -> Comparison | None:
    """What is open behind a wrong part, settled where that part's change is known.

    It matches where it is the derivative of the changed part, which torch takes; and it is wrong where a change of its
    own text gives it from right inputs, which is not the change that it is handed. So it is by changes of the solution.
    """
    question, k = changes.questions[case.params["question"]], quantity.key.call
    if comparison.explained_by not in question.works_on.get(quantity.part, ()):
        return None  # it is built of the wrong part, and shares its change
    instead: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
    handed_on = set()
    for before in case.quantities:
        if before.part == comparison.explained_by and before.key.call == k:
            changed, text = changes.of(question, plan, before, seen, draw), question.text_of(before.part)
            if changed is not None and not question.open:  # of which the change may be of another form's text
                handed_on.add(changed.words)
                instead[before.key.name] = partial(_by_text, question, text, changed, before.key.name, case, k)
    if instead and _is_derivative(question, case, quantity, comparison.explained_by, instead, seen, draw):
        return matched(OWN_FORWARD)
    changed = changes.of(question, plan, quantity, seen, draw)
    if changed is not None and changed.words not in handed_on:
        return mismatched(f"is wrong by itself: {changed.words}")
    said = solutions[question.name].behind(question, plan, case, quantity, comparison.explained_by, seen, draw)
    if said is None:
        return None
    return mismatched(f"is wrong by itself: {said}") if said else matched(HANDED_ON)


def _is_derivative(
    question: Question, case: Case, quantity: Quantity, cause: str, instead: Instead, seen: Seen, draw: Draw
) -> bool:
    """Whether a result is what torch's lines give of a changed part."""
    run = reference(question, case, quantity.key.call, instead)
    given = inputs(case, with_read(case, draw(case), seen[case.name]), quantity.key.call)
    said = f"as {cause} gives {', '.join(instead)}"
    return _passes(case, seen[case.name], [quantity], Form(run, given, said, written=question.torch))


def _passes(case: Case, seen: Observation, asked: Sequence[Quantity], form: Form) -> bool:
    """Whether results agree with a form of what is right."""
    try:
        judged = judge_all(case, seen, [Asked(asked, [form])], "cpu")
    except (*FAILS, RuntimeError):
        return False
    return all(one.verdict in PASSING for one in judged.values())


def _by_text(
    question: Question, text: RightText, changed: ChangedText, result: str, case: Case, k: int, own: Mapping[str, Any]
) -> Any:
    """What a changed text makes of a copy's inputs, as tensors."""
    lines = text.whole(changed.statements, text.towards(result, changed.statements))
    return run_if_torch_can(lines, _names(text, question, case, k, own))[result]


def _fitting(
    question: Question, text: RightText, result: str, asked: Sequence[Case], seen: Seen, draw: Draw
) -> Iterator[ChangedText]:
    """The changes that give the numbers of the first result that tells them apart from the right text."""
    for case in asked:
        if case.dtype != "float64":
            continue
        for k in range(len(case.params["sizes"])):
            own = next((q for q in case.quantities if (q.key.name, q.key.call) == (result, k)), None)
            got = None if own is None else result_of(seen[case.name], own.key)
            array = got.array if isinstance(got, Returned) else None
            if array is None or array.dtype.kind != "f" or not np.isfinite(array).all():
                continue
            if f"{RIGHT}{result}" in text.arrays and array.size == 1 and array.item().is_integer():
                continue  # a count, of which half may come of anything
            known = of_values(
                text, names_in_numpy(text, question, case, with_read(case, draw(case), seen[case.name]), k)
            )
            if not known.is_right(result, array):
                found = (looked_up(result, array) for looked_up in (known.matching, known.numbered))
                yield from islice(chain.from_iterable(found), MOST_TRIED)
                return


def names_in_numpy(text: RightText, question: Question, case: Case, arrays: Arrays, k: int) -> dict[str, Any]:
    """The values of a text's names for a copy of the inputs."""
    import torch

    tensors = {
        name: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
        for name, value in inputs(case, arrays, k).items()
    }
    names = _names(text, question, case, k, tensors)
    return {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in names.items()}


def _names(text: RightText, question: Question, case: Case, k: int, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a text's names: what the question gives, and what its lines of `names` make of that."""
    known: dict[str, Any] = {**constants(case, k), **tensors}
    if RIGHT in question.names or any(name.startswith(RIGHT) for name in text.arrays):
        right = reference(question, case, k)(**tensors)
        known |= {f"{RIGHT}{name}": right[f"{name}{AGAIN[k]}"] for name, _ in question.results}
    exec(question.names, {"__builtins__": {"float": float, "__import__": __import__}}, known)  # torch's imports, too
    wanted = {*text.arrays, *text.counts, *text.axes}
    return {name: value for name, value in known.items() if name in wanted}


def _gives(
    question: Question,
    text: RightText,
    changed: ChangedText,
    case: Case,
    arrays: Arrays,
    seen: Observation,
    result: str,
) -> bool:
    """Whether a changed text gives a result in a case, each number within its error bound."""
    for k in range(len(case.params["sizes"])):
        own = [q for q in case.quantities if (q.key.name, q.key.call) == (result, k)]
        got = result_of(seen, own[0].key) if own else None
        if not isinstance(got, Returned) or got.array is None:
            return False
        shape = got.array.shape

        def run(k: int = k, shape: Sequence[int] = shape, **tensors: Any) -> dict[str, Any]:
            value = _by_text(question, text, changed, result, case, k, tensors)
            return {f"{result}{AGAIN[k]}": 1 * fitted(value, shape)}

        said = f"{result} by {changed.words}: {changed.statements}"
        if not _passes(case, seen, own, Form(run, inputs(case, arrays, k), said, written=question.torch)):
            return False
    return True
