"""Known mistakes in the end of a network's loss: changed texts of the loss with its penalty, and of each gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds import networks
from parity_tests.assignments.cs231n.kinds.torch_networks import Changed, Tensors, kind_of, number_of
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.flow_answers import predicted
from parity_tests.harness.returned import result_of
from parity_tests.parts.fingerprints import MOST_TRIED, Fingerprints
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.penalty import CHOICES, GRADIENT, LOSS, UNPENALISED
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Params
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


def ending(result: str, lines: str) -> Changed:
    """A network of which a text gives this result."""

    def ends(params: Params, own: Tensors, right: Tensors, N: int) -> Tensors:
        if result not in right:
            return {}
        return {result: run_if_torch_can(lines, given(result, params, own, right, N))["result"] + 0 * right[result]}

    return Changed(ends=ends)


def changed_ends(part: str, asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes of a result's text that give it in the first case in which it is wrong, the simplest first."""
    import torch

    result = quantity.key.name
    text = LOSS if result == "loss" else GRADIENT if result.startswith("dW") else UNPENALISED
    for case in asked:
        k = case.params["labelled"].index(True)
        q = next((q for q in case.quantities if (q.key.name, q.key.call) == (result, k)), None)
        got = None if q is None or case.name not in seen else result_of(seen[case.name], q.key)
        if case.dtype != "float64" or result == "scores" or not isinstance(got, Returned) or got.array is None:
            continue
        arrays = networks.with_masks(case, draw(case), seen[case.name])
        question = networks.questions(case, arrays)[k]
        values = predicted(case, question.forms[0])
        right = {q.key.name: torch.from_numpy(np.asarray(values[q.name])) for q in question.quantities}
        own = {name: torch.from_numpy(np.asarray(arrays[name])) for name in case.params["parameters"]}
        names: Mapping[str, Any] = given(result, case.params, own, right, case.params["numbers"][k])
        known = Fingerprints(text, {n: one.numpy() if hasattr(one, "numpy") else one for n, one in names.items()})
        if not known.is_right("result", got.array):
            found = [one for one in known.matching("result", got.array) if "what is penalised" not in one.words]
            for one in sorted(found, key=lambda one: (one.size[0], "left out" not in one.words, one.size))[:MOST_TRIED]:
                lines = text.whole(one.statements)
                ends, told = ending(result, lines), f"{result}: {lines}"
                yield Wrong(part, "network", one.words, one.hint, ends, whole=False, lines=told)
            return
