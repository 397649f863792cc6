"""Known mistakes in the end of a network's loss: changed texts of its penalty, in the loss and in some gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.kinds import networks
from parity_tests.assignments.cs231n.kinds.torch_networks import Changed, Tensors, kind_of, number_of
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.flow_answers import predicted
from parity_tests.harness.returned import result_of
from parity_tests.parts.fingerprints import Fingerprints
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.penalty import CHOICES as PENALISED
from parity_tests.parts.penalty import GRADIENTS, LOSS
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Observation, Returned

MOST_PAIRS = 4
"""So many changes of the loss are tried with as many of the gradients."""
Choice = Callable[[str, int, int], float]
"""How often a parameter counts, by its kind, the number of its layer, and the number of layers."""
CHOICES: Mapping[str, Choice] = {
    "weights": lambda kind, n, L: kind == "W",
    "last": lambda kind, n, L: kind == "W" and n == L,
    "first": lambda kind, n, L: kind == "W" and n == 1,
    "not_last": lambda kind, n, L: kind == "W" and n < L,
    "not_first": lambda kind, n, L: kind == "W" and n > 1,
    "second": lambda kind, n, L: kind == "W" and n == 2 < L,
    "outer": lambda kind, n, L: kind == "W" and n in (1, L),
    "inner": lambda kind, n, L: kind == "W" and 1 < n < L,
    "firsts": lambda kind, n, L: L * (kind == "W" and n == 1),
    "lasts": lambda kind, n, L: L * (kind == "W" and n == L),
    "moved": lambda kind, n, L: (kind == "W") * (1 + (n == 1) - (n == L)),
    "biases": lambda kind, n, L: kind == "b",
    "last_bias": lambda kind, n, L: kind == "b" and n == L,
    "first_bias": lambda kind, n, L: kind == "b" and n == 1,
    "gammas": lambda kind, n, L: kind == "gamma",
    "scales": lambda kind, n, L: kind in ("gamma", "beta"),
    "others": lambda kind, n, L: kind != "W",
    "every": lambda kind, n, L: True,
}
"""What is penalised, or has a wrong gradient, by its name in the texts."""


def _chosen(params: Params, choice: str) -> list[float]:
    """How often each parameter is chosen."""
    layers = max(number_of(name) for name in params["parameters"])
    return [float(CHOICES[choice](kind_of(n), number_of(n), layers)) for n in params["parameters"]]


def _names(params: Params, own: Tensors, among: Sequence[str], N: int) -> dict[str, Any]:
    """The names of both texts, for these of the parameters one after the other, as tensors."""
    import torch

    w = torch.cat([own[name].reshape(-1) for name in among])
    owner = torch.cat([torch.full((own[n].numel(),), k) for k, n in enumerate(own) if n in among])
    layers = max(number_of(name) for name in params["parameters"])
    counts = {"half": 0.5, "reg": params["reg"], "examples": N, "layers": layers, "everything": (0,)}
    choices = {choice: torch.tensor(_chosen(params, choice), dtype=w.dtype) for choice in CHOICES}
    return {**counts, **choices, "w": w, "members": (owner == torch.arange(len(own))[:, None]).to(w.dtype)}


def _of_loss(params: Params, own: Tensors, loss: Any, N: int) -> dict[str, Any]:
    """The names of the loss's text: what is summed of each parameter."""
    names = _names(params, own, list(own), N)
    penalty = 0.5 * params["reg"] * sum((own[name] ** 2).sum() for name in own if name[0] == "W")
    further = {"magnitudes": 2 * (names["members"] @ abs(names["w"])), "data": loss - penalty}
    return {**names, **further, "counted": names["weights"], "sizes": names["members"].sum(1)}


def _of_gradients(params: Params, own: Tensors, right: Tensors, among: Sequence[str], N: int) -> dict[str, Any]:
    """The names of the gradients' text: numbers of each parameter."""
    import torch

    names = _names(params, own, among, N)
    names |= {choice: names[choice] @ names["members"] for choice in CHOICES}
    graded = [(right[f"d{n}"] - params["reg"] * own[n] * (n[0] == "W")).reshape(-1) for n in among]
    sums = [(own[n].sum() + 0 * own[n]).reshape(-1) for n in among]
    further = {"graded": torch.cat(graded), "sums": torch.cat(sums), "signs": names["w"] / abs(names["w"])}
    return {**names, **further, "counted": names["weights"]}


@dataclass(frozen=True)
class Ended:
    """One end: of the loss, or of the gradients of those parameters that are chosen by `of`; nothing without lines."""

    of: str = ""
    lines: str = ""
    words: str = ""
    hint: str = ""


def ending(loss: Ended, gradients: Ended) -> Changed:
    """A network whose loss and gradients end so."""

    def ends(params: Params, own: Tensors, right: Tensors, N: int) -> Tensors:
        found: dict[str, Any] = {}
        if loss.lines:
            found["loss"] = run_if_torch_can(loss.lines, _of_loss(params, own, right["loss"], N))["loss"]
        if among := _graded(params, gradients.of, right) if gradients.lines else []:
            names = _of_gradients(params, own, right, among, N)
            parts = run_if_torch_can(gradients.lines, names)["whole"].split([own[name].numel() for name in among])
            found |= {f"d{n}": part.reshape(own[n].shape) for n, part in zip(among, parts, strict=True)}
        return found

    return Changed(ends=ends)


def _graded(params: Params, choice: str, right: Mapping[str, Any]) -> list[str]:
    """Those of the chosen parameters whose gradients are asked."""
    chosen = zip(params["parameters"], _chosen(params, choice), strict=True)
    return [name for name, count in chosen if count and f"d{name}" in right]


def changed_ends(part: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes of the texts that give loss and gradients of the case in which most is wrong, the simplest first."""
    cases = [case for case in asked if case.dtype == "float64" and case.name in seen]
    told = [one for case in cases if (one := _told(case, draw, seen[case.name])) is not None]
    ends = max(told, key=lambda one: (len({kind_of(name) for name in one.wrong}), len(one.wrong)), default=None)
    if ends is None or not ends.wrong:
        return
    for loss, gradients in product(ends.of_loss(), ends.of_gradients()):
        lines = f"{loss.lines}; {gradients.of}: {gradients.lines}"
        name, hint = _together(loss.words, gradients.words), loss.hint or gradients.hint
        yield Wrong(part, "network", name, hint, ending(loss, gradients), lines=lines)


FAR = 1e-7
"""What part of the largest number no rounding of a right network comes near."""


@dataclass(frozen=True)
class Told:
    """Of a case's first call with labels the parameters, the right results, those that came, and how many examples."""

    params: Params
    own: Tensors
    right: Mapping[str, Any]
    got: Mapping[str, Any]
    N: int

    @cached_property
    def wrong(self) -> list[str]:
        """The results that are not right."""
        found = []
        for name, got in self.got.items():
            right = self.right[name].numpy()
            if not (abs(got.reshape(right.shape) - right) < FAR * max(float(abs(right).max()), 1e-3)).all():
                found.append(name)
        return found

    def of_loss(self) -> list[Ended]:
        """The ends that give the loss."""
        if "loss" not in self.wrong:
            return [Ended()]
        names = _of_loss(self.params, self.own, self.right["loss"], self.N)
        return [Ended("loss", *one) for one in _matching(LOSS, names, "loss", self.got["loss"])]

    def of_gradients(self) -> list[Ended]:
        """The ends that give the gradients, of those parameters whose gradients are wrong."""
        graded = [name for name in self.own if f"d{name}" in self.wrong]
        if not graded:
            return [Ended()]
        got = np.concatenate([np.ravel(self.got[f"d{name}"]) for name in graded])
        names = _of_gradients(self.params, self.own, self.right, graded, self.N)
        changes = _matching(GRADIENTS, names, "whole", got)
        chosen = [of for of in CHOICES if _graded(self.params, of, self.right) == graded]
        return [Ended(of, lines, _of_which(words, of), hint) for of in chosen for lines, words, hint in changes]


def _matching(text: RightText, names: Mapping[str, Any], result: str, got: Any) -> list[tuple[str, str, str]]:
    """The changes of a text that give a result, the simplest first: lines, words and hints.

    What is left out comes before what else would give the same.
    """
    given = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in names.items()}
    found = [one for one in Fingerprints(text, given).matching(result, got) if "what is penalised" not in one.words]
    found.sort(key=lambda one: (one.size[0], "left out" not in one.words, one.size))
    return [(text.whole(one.statements), one.words, one.hint) for one in found[:MOST_PAIRS]]


def _told(case: Case, draw: Draw, seen: Observation) -> Told | None:
    """What is told of a case; None where a result is missing."""
    import torch

    arrays = networks.with_masks(case, draw(case), seen)
    k = case.params["labelled"].index(True)
    question = networks.questions(case, arrays)[k]
    values = predicted(case, question.forms[0])
    right = {q.key.name: torch.from_numpy(np.asarray(values[q.name], np.float64)) for q in question.quantities}
    results = {q.key.name: result_of(seen, q.key) for q in question.quantities}
    got = {
        name: np.asarray(one.array, np.float64)
        for name, one in results.items()
        if isinstance(one, Returned) and one.array is not None and one.array.size == right[name].numel()
    }
    own = {name: torch.from_numpy(np.asarray(arrays[name], np.float64)) for name in case.params["parameters"]}
    return None if len(got) < len(results) else Told(case.params, own, right, got, case.params["numbers"][k])


def _of_which(words: str, place: str) -> str:
    """What is wrong with the gradients, of which parameters."""
    whose = f" of {PENALISED[place]}"
    return re.sub(r"the (penalty's |data's )?gradient\b", lambda found: found[0] + whose, words, count=1)


def _together(loss: str, gradients: str) -> str:
    if loss.removesuffix(" in the loss") == gradients.removesuffix(" in the gradients"):
        return f"{loss.removesuffix(' in the loss')}, in loss and gradients"
    return ", and ".join(filter(None, (loss, gradients)))
