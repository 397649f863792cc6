"""What torch says of a declared question, and the verdict on each result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

from parity_tests.declared.cases import AGAIN
from parity_tests.declared.declaration import Question
from parity_tests.harness.flow_answers import Form, judge_all
from parity_tests.harness.flow_answers import Question as Asked
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.observation import Observation
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

SPOILED = (Verdict.MISMATCH, Verdict.CRASHED)
"""How a part that is there may fail of what it is handed."""
Reference = Callable[..., dict[str, Any]]


def judge(question: Question, case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Each result against torch's, value ± radius, which flows along torch's own operations."""
    asked = [
        Asked(
            [q for q in case.quantities if q.key.call == k],
            [Form(reference(question, case, k), inputs(case, arrays, k))],
        )
        for k in range(len(case.params["sizes"]))
    ]
    return _noting_causes(question, case, judge_all(case, seen, asked, context.device))


def _noting_causes(question: Question, case: Case, judged: Judged) -> Judged:
    """The same; of what fails it is noted which part that fails as well hands it its inputs."""
    failing = {(q.part, q.key.call) for q in case.quantities if judged[q.name].verdict not in PASSING}
    found = dict(judged)
    for q in case.quantities:
        cause = next((one for one in question.works_on[q.part] if (one, q.key.call) in failing), "")
        if cause and judged[q.name].verdict in SPOILED:
            found[q.name] = judged[q.name].noting(
                f"works on what {cause} hands on, which is wrong", kind=NoteKind.OWN_FORWARD
            )
    return found


def inputs(case: Case, arrays: Arrays, k: int) -> dict[str, Any]:
    """The inputs of a copy by the names that lines know them by."""
    return {name: arrays[f"{name}_{k}"] for name in case.params["given"]}


def constants(case: Case, k: int) -> dict[str, Any]:
    """The sizes of a copy, and what is given and is no array."""
    return {**case.params["sizes"][k], **case.params["constants"][k]}


def reference(question: Question, case: Case, k: int) -> Reference:
    """Torch's lines as a function of the inputs that gives the results by the names of their quantities."""
    code = compile(question.torch, f"{question.name}: torch", "exec")
    return results_of(code, constants(case, k), [name for name, _ in question.results], AGAIN[k])


def results_of(code: CodeType, known: Mapping[str, Any], results: Sequence[str], suffix: str) -> Reference:
    """A function of tensors by name that runs lines of torch, in which `grad` takes derivatives."""
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name

    from reference.flow.backward import gradients_from

    def grad(output: Any, of: Any, given: Any = None) -> Any:
        leaves = list(of) if isinstance(of, tuple | list) else [of]
        found = gradients_from([output], None if given is None else [given], leaves)
        full = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
        return full if isinstance(of, tuple | list) else full[0]

    @torch.enable_grad()
    def run(**tensors: Any) -> dict[str, Any]:
        own = {
            name: x.detach().requires_grad_() if torch.is_tensor(x) and x.is_floating_point() else x
            for name, x in tensors.items()
        }
        names: dict[str, Any] = {"torch": torch, "F": F, "grad": grad, **known, **own}
        exec(code, names)
        return {f"{name}{suffix}": names[name].detach() for name in results}

    return run
