"""Names for mistakes in a declared assignment: the change of a right text that gives a part's numbers in all cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from parity_tests.declared.cases import AGAIN
from parity_tests.declared.declaration import Declaration, Question
from parity_tests.declared.judging import constants, inputs
from parity_tests.harness.flow_answers import Form, judge_all
from parity_tests.harness.flow_answers import Question as Asked
from parity_tests.harness.returned import result_of
from parity_tests.parts.changed_texts import ChangedText
from parity_tests.parts.fingerprints import MOST_TRIED, fitted, of_values
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import FAILS, RightText
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Arrays, Diagnosis, Draw, Seen
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Quantity
from reports.model.verdicts import PASSING


def diagnosis(declared: Declaration) -> Diagnosis:
    """What is known of an assignment's mistakes: all changes of the texts that its questions name."""
    hints: dict[str, str] = {}
    questions = {question.name: question for question in declared.questions}
    return Diagnosis((), experiments=partial(_named, questions, hints), further_hints=hints)


def _named(
    questions: Mapping[str, Question],
    hints: dict[str, str],
    plan: Sequence[Case],
    case: Case,
    quantity: Quantity,
    seen: Seen,
    draw: Draw,
) -> Sequence[str]:
    """The name of the simplest change that gives a result wherever it was asked; its hint is kept."""
    question = questions[case.params["question"]]
    text, result = question.texts.get(quantity.part), quantity.key.name
    if text is None or result not in text.targets:
        return ()
    asked = [one for one in plan if one.params["question"] == question.name and one.name in seen]
    for changed in _fitting(question, text, result, asked, seen, draw):
        if all(_gives(question, text, changed, one, draw(one), seen[one.name], result) for one in asked):
            hints[changed.words] = changed.hint
            return (changed.words,)
    return ()


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
            known = of_values(text, _in_numpy(text, question, case, draw(case), k))
            if not known.is_right(result, array):
                yield from [*known.matching(result, array), *known.numbered(result, array)][:MOST_TRIED]
                return


def _in_numpy(text: RightText, question: Question, case: Case, arrays: Arrays, k: int) -> dict[str, Any]:
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
    exec(question.names, {"__builtins__": {"float": float}}, known)
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
    lines = text.whole(changed.statements, text.towards(result, changed.statements))
    lines = lines.replace(".max(axis", ".amax(axis").replace(".min(axis", ".amin(axis")
    for k in range(len(case.params["sizes"])):
        own = [q for q in case.quantities if (q.key.name, q.key.call) == (result, k)]
        got = result_of(seen, own[0].key) if own else None
        if not isinstance(got, Returned) or got.array is None:
            return False
        shape = got.array.shape

        def run(k: int = k, shape: Sequence[int] = shape, **tensors: Any) -> dict[str, Any]:
            value = run_if_torch_can(lines, _names(text, question, case, k, tensors))[result]
            return {f"{result}{AGAIN[k]}": 1 * fitted(value, shape)}

        try:
            asked = Asked(own, [Form(run, inputs(case, arrays, k), f"{changed.words}: {lines}")])
            judged = judge_all(case, seen, [asked], "cpu")
        except (*FAILS, RuntimeError):
            return False
        if any(one.verdict not in PASSING for one in judged.values()):
            return False
    return True
