"""What torch says of a declared question, and the verdict on each result."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from types import CodeType
from typing import Any

import numpy as np

from parity_tests.declared.cases import AGAIN, AND, draw, plan
from parity_tests.declared.declaration import FILE, BuiltOf, Declaration, Question
from parity_tests.harness.flow_answers import Form, answers, judge_all
from parity_tests.harness.flow_answers import Question as Asked
from parity_tests.harness.returned import result_of
from parity_tests.protocol.assignment import Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import left_open, unjudged
from parity_tests.protocol.errors import AssignmentError
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from reports.model.verdicts import PASSING, Verdict

SPOILED = (Verdict.MISMATCH, Verdict.CRASHED)
"""How a part that is there may fail of what it is handed."""
SEEDS = range(8)
"""Those whose sizes torch's lines are tried on: of two letters each is the larger one in some."""
Reference = Callable[..., dict[str, Any]]
Instead = Mapping[str, Callable[[Mapping[str, Any]], Any]]
"""By name, what a changed text makes of the inputs, as tensors."""


def judge(question: Question, case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Each result against torch's, value ± radius, which flows along torch's own operations."""
    if "unknown" in case.params:
        problem = f"is not judged, because {question.asks[0]} is written in no form that is known"
        return {q.name: unjudged(problem, total=1, undecided=1) for q in case.quantities}
    arrays = with_read(case, arrays, seen)
    asked = [
        Asked([q for q in case.quantities if q.key.call == k], _forms(question, case, arrays, k))
        for k in range(len(case.params["sizes"]))
    ]
    try:
        found = judge_all(case, seen, asked, context.device)
        known = [one for each in asked for one in answers(case, each.forms[0], context.device).bounded.values()]
    except Exception as error:  # also of torch's lines, on what is drawn and not read of the submission
        _refuse_what_fails(question, case, arrays, error)
        raise
    if any(bool(one.value.isnan().any()) for one in known):
        _refuse_what_fails(question, case, arrays)
    return found


def _refuse_what_fails(question: Question, case: Case, arrays: Arrays, error: Exception | None = None) -> None:
    if not case.params["read"] and (failing := what_fails(question, case, arrays)):
        raise AssignmentError(f"{FILE}, question {question.name!r}: torch's {failing[0]}") from error


@cache
def refuse_other_sizes(declared: Declaration) -> None:
    """Raises AssignmentError where torch's lines fail in sizes of some seed that may be drawn as well."""
    if failing := failing_question(declared):
        raise AssignmentError(f"{FILE}, question {failing[0]!r}: torch's {failing[1]}")


def failing_question(declared: Declaration) -> tuple[str, str, Exception | None] | None:
    """The first question whose lines fail in sizes of some seed, what is said of that, and the error; None for none."""
    questions = {question.name: question for question in declared.questions}
    for seed in SEEDS:
        for case in plan(declared, AND.join(declared.editions), ("float64",), seed):
            question = questions[case.params["question"]]
            arrays = {} if case.params["read"] else draw(question, case.params, np.random.default_rng(seed))
            if arrays and (failing := what_fails(question, case, arrays)):
                return question.name, *failing
    return None


def what_fails(question: Question, case: Case, arrays: Arrays) -> tuple[str, Exception | None] | None:
    """What is said of torch's lines that raise this on what is drawn, or give no number (None); None for nothing."""
    import torch

    for k in range(len(case.params["sizes"])):
        given, told, hint = inputs(case, arrays, k), "", ""
        raised: Exception | None = None
        try:
            found = reference(question, case, k)(**{name: torch.as_tensor(value) for name, value in given.items()})
        except Exception as error:  # lines that somebody wrote: whatever they raise is told
            raised, first = error, str(error).strip().partition("\n")[0].rstrip(".")
            told = f"lines raise {type(error).__name__}, {first}"
            is_float = any(np.ndim(value) == 1 and value.dtype.kind == "f" for value in given.values())
            hint = '; labels are drawn by "rng.integers(0, C, N)"' * is_float
        else:
            for name, off in ((name, value.isnan()) for name, value in found.items() if value.isnan().any()):
                told = f"{name} is NaN at {int(off.sum())} of {off.numel()} elements, where nothing is tested"
        if told:
            of = ", ".join(f"{name} of {value.shape}" for name, value in given.items())
            return f"{told}, for {of}{hint}", raised
    return None


def _forms(question: Question, case: Case, arrays: Arrays, k: int) -> list[Form]:
    """All that is right of a copy, the usual first."""
    others = [(replace(question, torch=f"{question.torch}\n{more}"), note) for note, more in question.either.items()]
    given = inputs(case, arrays, k)
    return [Form(reference(one, case, k), given, note, written=one.torch) for one, note in ((question, ""), *others)]


def with_read(case: Case, arrays: Arrays, seen: Observation) -> Arrays:
    """The inputs, and of a submission's results what torch's lines must know, as `own_NAME`; ones where it has none."""
    found = dict(arrays)
    for name, like in case.params["read"].items():
        for k in range(len(case.params["sizes"])):
            shape = arrays[f"{like}_{k}"]
            got = result_of(seen, Key(name, k))
            array = got.array if isinstance(got, Returned) else None
            found[f"own_{name}_{k}"] = np.ones_like(shape)
            if array is not None and array.shape == shape.shape and array.dtype.kind in "fiu":
                is_finite = bool(np.isfinite(array).all())  # what follows of NaN is NaN, whatever is done
                found[f"own_{name}_{k}"] = np.asarray(array, shape.dtype) if is_finite else np.ones_like(shape)
    return found


def blamed(
    questions: Mapping[str, Question], reading: Callable[[], BuiltOf], plan: Sequence[Case], judged: Verdicts
) -> Verdicts:
    """The same; what a wrong part hands its results to is open: nobody sees what it makes of right ones."""
    found = {name: dict(one) for name, one in judged.items()}
    wrong = {q.part: None for case in plan for q in case.quantities if judged[case.name][q.name].verdict not in PASSING}
    built_of = reading() if wrong else {}
    for case in plan:
        question = questions[case.params["question"]]
        works_on = question.works_on
        failing = {(q.part, q.key.call) for q in case.quantities if judged[case.name][q.name].verdict not in PASSING}
        for q in case.quantities:
            comparison = judged[case.name][q.name]
            inner = question.built_of(q.part, built_of)
            is_backward = q.part.endswith(".backward")  # on which no other hangs
            causes = (one for one in wrong if is_backward or not one.endswith(".backward"))
            cause = next((one for one in causes if one.partition(".")[0] in inner), "")
            cause = cause or next((one for one in works_on[q.part] if (one, q.key.call) in failing), "")
            if cause and comparison.verdict in SPOILED:
                problem = f"is not judged, because its input is the output of {cause}, which is wrong"
                found[case.name][q.name] = left_open(comparison, cause, problem)
    return found


def inputs(case: Case, arrays: Arrays, k: int) -> dict[str, Any]:
    """The inputs of a copy by the names that lines know them by."""
    names = (*case.params["given"], *(f"own_{name}" for name in case.params["read"]))
    return {name: arrays[f"{name}_{k}"] for name in names}


def constants(case: Case, k: int) -> dict[str, Any]:
    """The sizes of a copy, and what is given and is no array."""
    return {**case.params["sizes"][k], **case.params["constants"][k]}


@lru_cache(256)
def _lines(name: str, torch: str) -> Sequence[CodeType]:
    return [compile(ast.Module([node], []), f"{name}: torch", "exec") for node in ast.parse(torch).body]


def reference(question: Question, case: Case, k: int, instead: Instead | None = None) -> Reference:
    """Torch's lines as a function of the inputs that gives the results by the names of their quantities.

    In the lines `grad` takes derivatives. What is given `instead` stands for a name from the line on that gives it.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name

    from reference.flow.backward import gradients_from

    text, known = (question.name, question.torch), constants(case, k)
    results = {f"{name}{AGAIN[k]}": name for name, _ in question.results}

    def grad(output: Any, of: Any, given: Any = None) -> Any:
        leaves = list(of) if isinstance(of, tuple | list) else [of]
        found = gradients_from([output], None if given is None else [given], leaves, again=True)
        full = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
        return full if isinstance(of, tuple | list) else full[0]

    @torch.enable_grad()
    def run(**tensors: Any) -> dict[str, Any]:
        own = {
            name: x.detach().requires_grad_() if torch.is_tensor(x) and x.is_floating_point() else x
            for name, x in tensors.items()
        }
        names: dict[str, Any] = {"torch": torch, "F": F, "grad": grad, **known, **own}
        left = dict(instead or {})
        for line in _lines(*text):
            exec(line, names)
            for name in [one for one in left if one in names]:
                names[name] = left.pop(name)(own)
        return {label: names[name].detach() for label, name in results.items()}

    return run  # an answer is kept by all that this closes over
