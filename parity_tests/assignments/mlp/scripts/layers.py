"""Scripts of layers, which are called in turns: the linear layer, tanh and relu, dropout, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.mlp.kinds.dropout import is_evaluation, rate_of
from parity_tests.assignments.mlp.kinds.linear import HELD
from parity_tests.assignments.mlp.kinds.turns import BACKWARD, EVALUATION
from parity_tests.harness.draft import Draft
from parity_tests.harness.failing_case import Arrays, FailingCase, differentiated, fewer_calls, passed
from parity_tests.harness.script_maker import Shown
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key


@dataclass(frozen=True)
class Layer:
    """One layer: its class and what that is made with, what its methods take, and torch's expression of it.

    `tensors` are the arrays that the expression names, with numbers of their input or, for those in `own`, the object.
    """

    made: str
    forward: Sequence[str]
    backward: Sequence[str]
    torch: str
    own: Sequence[str] = ()


CROSS_ENTROPY = "F.cross_entropy(X, torch.tensor({Y}.ravel()).long())"
LAYERS = {
    "linear": Layer("linear_layer({D}, {M})", ("X",), ("X", "grad"), "F.linear(X, W.T, b.flatten())", ("W", "b")),
    "tanh": Layer("tanh()", ("X",), ("X", "grad"), "torch.tanh(X)"),
    "relu": Layer("relu()", ("X",), ("X", "grad"), "torch.relu(X)"),
    "dropout": Layer("dropout({r})", ("q",), ("q", "grad"), "q * torch.tensor(s != 0) / (1 - {r})"),
    "loss": Layer("softmax_cross_entropy()", ("X", "Y"), ("X", "Y"), CROSS_ENTROPY),
}  # fmt: skip
RESULTS = {"output": "out", "loss": "out", "gradient of X": "back"}
"""What a script calls the results; the gradients of a linear layer's weights it looks up."""


def _drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls as far as the failing one, on objects that are made by their constructors, or around them."""
    modules = ("nn", "utils") if failing.case.probe == "loss" else ("nn",)
    for module in modules:
        for around in (False, True):
            yield _Turns(failing, module, around).draft()


class _Turns:
    """The calls of a case as lines."""

    def __init__(self, failing: FailingCase, module: str, around: bool) -> None:
        self._failing, self._params, self._around = failing, failing.case.params, around
        self._name = str(self._params.get("layer", failing.case.probe))
        self._layer, self._module = LAYERS[self._name], module
        self._k, self._word = failing.key.call, failing.key.name.removesuffix(HELD)
        self._calls = [tuple(call) for call in self._params["calls"]]
        backward = self._word.startswith("gradient")
        at = next(n for n, (how, _, k) in enumerate(self._calls) if k == self._k and (how == BACKWARD) == backward)
        self._own = self._calls[at][1]
        if not failing.key.name.endswith(HELD):
            self._calls = self._calls[: at + 1]

    def draft(self) -> Draft:
        """The draft, with torch's line for the call that fails."""
        X = self._array(self._layer.forward[0], self._k)
        expected = self._expected(X)
        ask = ["import utils"] if self._module == "utils" else []
        for i in dict.fromkeys(self._variable(i) for _, i, _ in sorted(self._calls, key=lambda call: call[1])):
            ask += self._made(i)
        given: set[int] = set()
        for method, i, k in self._calls:
            if i not in given and self._layer.own:
                given.add(i)
                ask += [
                    f'{self._variable(i)}.params["W"], {self._variable(i)}.params["b"] = W_{i}.copy(), b_{i}.copy()'
                ]
            ask += [self._call(method, i, k)]
        ask += [f"actual = {RESULTS.get(self._word) or f'{self._variable(self._own)}.gradient[{self._word[-1]!r}]'}"]
        keeps = ["s"] if any("(s " in line for line in expected) else []
        if keeps:
            ask = [line.replace("out = ", "s = out = ") for line in ask]
            ask += ["s = np.array(s)"] if self._word == "output" else []
        return self._failing.draft(ask, expected, *keeps, flat=self._word.endswith("b"))

    def _variable(self, i: int) -> str:
        return "layer" if i == self._own or "one_layer" in self._params else f"other_{i}" if i > 1 else "other"

    def _made(self, variable: str) -> list[str]:
        rates = self._params.get("rates", ())
        i = next((i for _, i, _ in self._calls if self._variable(i) == variable), 0)
        r = rates[i] if rates else 0
        made = f"{self._module}.{self._layer.made}".format(**{**self._params, "r": r})
        if not self._around:
            return [f"{variable} = {made}"]
        cls = made.partition("(")[0]
        lines = [f"{variable} = {cls}.__new__({cls})  # its constructor is another matter"]
        lines += [f"{variable}.params, {variable}.gradient = {{}}, {{}}"] if self._layer.own else []
        return lines + ([f"{variable}.r = {r}"] if rates else [])

    def _array(self, name: str, k: int) -> str:
        """The array of an input; a further backward has that of the one before."""
        return f"{name}_{self._params['inputs'][k].get('as', k)}"

    def _call(self, method: str, i: int, k: int) -> str:
        names = self._layer.backward if method == BACKWARD else self._layer.forward
        memory = self._params["inputs"][k]["memory"]
        arguments = [passed(self._array(name, k), memory) for name in names]
        if self._name == "dropout" and method != BACKWARD:
            arguments.append(str(method != EVALUATION))
        own = i == self._own and self._array("", k) == self._array("", self._k)
        result = {True: "back = ", False: "out = "}[method == BACKWARD] if own else ""
        return f"{result}{self._variable(i)}.{BACKWARD if method == BACKWARD else 'forward'}({', '.join(arguments)})"

    def _expected(self, X: str) -> list[str]:
        """torch's lines."""
        layer, failing = self._layer, self._failing
        upstream = "" if self._name == "loss" else self._array("grad", self._k)
        if self._name == "dropout":
            r, array = rate_of(failing.case, self._k), upstream if self._word != "output" else X
            if failing.comparison.arrays is None or r == 0 or is_evaluation(failing.case, self._k):
                return [f"expected = {array}  # nothing is dropped"]
            return differentiated(layer.torch.format(r=r), {"q": X}, "q" * (self._word != "output"), upstream)
        arrays = {layer.forward[0]: X} | {name: f"{name}_{self._own}" for name in layer.own}
        if self._params.get("one_layer"):
            i = next(i for _, i, k in self._calls if k == self._k)
            arrays |= {name: f"{name}_{i}" for name in layer.own}
        expression = layer.torch.format(Y=self._array("Y", self._k))
        return differentiated(expression, arrays, self._word[-1] if self._word.startswith("gradient") else "", upstream)


# ---- smaller cases


def _smaller(
    sizes: Callable[[Params], Iterator[Params]],
) -> Callable[[Params, Arrays, Key], Iterator[tuple[Params, Arrays]]]:
    """With as few calls as may do, those of the failing input, or of its object; in memory as numpy lays it first."""

    def smaller(params: Params, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
        inputs, calls = params["inputs"], params["calls"]
        same = {key.call, inputs[key.call].get("as", key.call)}
        objects = {i for _, i, k in calls if k == key.call}
        plain = [{**given, "memory": given["memory"] if given["memory"] == "one" else "usual"} for given in inputs]
        some = [c for c in calls if c[2] in same], [c for c in calls if c[1] in objects]
        fewer = [{**params, "calls": kept} for kept in fewer_calls(calls, *some)]
        laid = [{**params, "inputs": own} for own in (plain, *([inputs] * (plain != inputs)))]
        for one in fewer:
            for other in laid:
                yield from (({**one, "inputs": other["inputs"], **size}, {}) for size in sizes({**one, **other}))
        yield from ((one, {}) for one in fewer)

    return smaller


def _inputs(params: Params, size: str, first: Any, other: Any) -> dict[str, Any]:
    """The inputs of a size like the first one's, and of others."""
    own = params["inputs"][0][size]
    return {"inputs": [{**given, size: first if given[size] == own else other} for given in params["inputs"]]}


def _of_linear(params: Params) -> Iterator[Params]:
    for N, D, M in ((1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 2, 1), (2, 2, 2), (2, 1, 3), (2, 3, 1), (1, 3, 2), (3, 2, 4)):
        yield {"D": D, "M": M, **_inputs(params, "N", N, N + 1)}


def _of_shapes(params: Params) -> Iterator[Params]:
    ndim = len(params["inputs"][0]["shape"])
    for last in (1, 2, 3, 6):
        for rows in (1, 2) if ndim > 1 else (1,):
            inner = [1] * (ndim - 2)
            yield _inputs(
                params, "shape", [*[rows] * (ndim > 1), *inner, last], [*[rows + 1] * (ndim > 1), *inner, last]
            )


def _of_loss(params: Params) -> Iterator[Params]:
    for N, K in ((1, 2), (2, 2), (2, 3), (3, 4)):
        yield {"K": K, **_inputs(params, "N", N, N + 1)}


KINDS = {
    "linear": Shown(_drafts, _smaller(_of_linear)),
    "elementwise": Shown(_drafts, _smaller(_of_shapes)),
    "dropout": Shown(_drafts, _smaller(_of_shapes)),
    "loss": Shown(_drafts, _smaller(_of_loss)),
}
