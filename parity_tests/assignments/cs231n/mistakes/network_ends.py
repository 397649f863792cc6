"""Known mistakes in the end of a network's loss: changed texts of the loss with its penalty, and of each gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds import networks
from parity_tests.assignments.cs231n.kinds.torch_networks import Changed, Tensors, kind_of, number_of
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.flow_answers import Question, predicted
from parity_tests.harness.returned import result_of
from parity_tests.parts.fingerprints import MOST_TRIED, Fingerprints
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.penalty import CHOICES, GRADIENT, LOSS, UNPENALISED
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.observation import Returned
from parity_tests.protocol.quantity import Quantity

TWINS = {"gamma": "beta", "beta": "gamma"}


def _of_loss(params: Params, own: Tensors, right: Tensors) -> dict[str, Any]:
    """The names of the loss's text: what is summed of each parameter, and how often each is chosen."""
    import torch

    w = torch.cat([own[name].reshape(-1) for name in own])
    owner = torch.cat([torch.full((own[name].numel(),), k) for k, name in enumerate(own)])
    members = (owner == torch.arange(len(own))[:, None]).to(w.dtype)
    layers = max(map(number_of, own))
    chosen = {
        choice: torch.tensor([float(counts(kind_of(n), number_of(n), layers)) for n in own], dtype=w.dtype)
        for choice, (counts, _) in CHOICES.items()
    }
    penalty = 0.5 * params["reg"] * sum((own[name] ** 2).sum() for name in own if name[0] == "W")
    further = {"magnitudes": 2 * (members @ abs(w)), "sizes": members.sum(1), "data": right["loss"] - penalty}
    return {**chosen, **further, "counted": chosen["weights"], "w": w, "members": members}


def _of_gradient(name: str, params: Params, own: Tensors, right: Tensors) -> dict[str, Any]:
    """The names of a gradient's text: without a penalty, of gammas and betas that of the other."""
    w, graded = own[name], right[f"d{name}"]
    if name[0] == "W":
        return {"w": w, "graded": graded - params["reg"] * w, "sums": w.sum() + 0 * w, "signs": w / abs(w)}
    return {"w": w, "graded": graded, "twin": right.get(f"d{TWINS.get(kind_of(name), '')}{number_of(name)}", 0 * w)}


def given(result: str, params: Params, own: Tensors, right: Tensors, N: int) -> dict[str, Any]:
    """The names of the text of a result, as tensors, by parameters and right results."""
    of_result = _of_loss(params, own, right) if result == "loss" else _of_gradient(result[1:], params, own, right)
    counts = {"half": 0.5, "reg": params["reg"], "examples": N, "layers": max(map(number_of, own))}
    return {**of_result, **counts, "everything": (0,)}


def ending(kind: str, lines: str) -> Changed:
    """A network of which a text gives the results of a kind: the loss, or "dW", "db" and so on."""

    def ends(params: Params, own: Tensors, right: Tensors, N: int) -> Tensors:
        names = {name: given(name, params, own, right, N) for name in right if kind_of(name) == kind}
        return {name: run_if_torch_can(lines, one)["result"] + 0 * right[name] for name, one in names.items()}

    return Changed(ends=ends)


def changed_ends(part: str, asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes of a text that give the first wrong result of a kind, the simplest first.

    The others of its kind may be right.
    """
    kind = kind_of(quantity.key.name)
    for case in asked if kind != "scores" else ():
        if case.dtype == "float64" and case.name in seen:
            arrays = networks.with_masks(case, draw(case), seen[case.name])
            questions = networks.questions(case, arrays)
            for question, q in ((one, q) for one in questions for q in one.quantities if kind_of(q.key.name) == kind):
                got = result_of(seen[case.name], q.key)
                if not isinstance(got, Returned) or got.array is None:
                    continue
                found = _giving(case, arrays, question, q, got.array)
                if found is not None:
                    yield from found
                    return


def _giving(case: Case, arrays: Arrays, question: Question, q: Quantity, got: Any) -> list[Wrong] | None:
    """The changes that give a result, what is left out before what else would give the same; None where it is right."""
    import torch

    values, kind = predicted(case, question.forms[0]), kind_of(q.key.name)
    right = {one.key.name: torch.from_numpy(np.asarray(values[one.name])) for one in question.quantities}
    own = {name: torch.from_numpy(np.asarray(arrays[name])) for name in case.params["parameters"]}
    names = given(q.key.name, case.params, own, right, case.params["numbers"][q.key.call])
    text = LOSS if kind == "loss" else GRADIENT if kind == "dW" else UNPENALISED
    known = Fingerprints(text, {name: getattr(one, "numpy", lambda one=one: one)() for name, one in names.items()})
    if known.is_right("result", got):
        return None
    found = [one for one in known.matching("result", got) if "what is penalised" not in one.words]
    found.sort(key=lambda one: (one.size[0], "left out" not in one.words, one.size))
    make = partial(Wrong, q.part, "network", whole=False)
    told = [(one, text.whole(one.statements)) for one in found[:MOST_TRIED]]
    return [make(one.words, one.hint, ending(kind, lines), lines=f"{kind}: {lines}") for one, lines in told]
