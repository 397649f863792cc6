"""Scripts of layers, which are called in turns: the linear layer, tanh and relu, dropout, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.mlp.kinds.dropout import is_evaluation, rate_of
from parity_tests.assignments.mlp.kinds.linear import HELD
from parity_tests.assignments.mlp.kinds.turns import BACKWARD, EVALUATION, FORWARD
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
NOT_DROPPED = "expected = {}  # nothing is dropped"


def _drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls as far as the failing one, on objects that are made by their constructors, or around them."""
    for module in ("nn", "utils") if failing.case.probe == "loss" else ("nn",):
        for around in (False, True):
            yield _draft(failing, module, around=around)


def _draft(failing: FailingCase, module: str, *, around: bool) -> Draft:
    params, inputs, k = failing.case.params, failing.case.params["inputs"], failing.key.call
    name, word = params.get("layer", failing.case.probe), failing.key.name.removesuffix(HELD)
    layer, back = LAYERS[name], word.startswith("gradient")
    calls = [tuple(call) for call in params["calls"]]
    at = next(n for n, (method, _, of) in enumerate(calls) if of == k and (method == BACKWARD) == back)
    own = calls[at][1]
    calls = calls if failing.key.name.endswith(HELD) else calls[: at + 1]

    def array(name: str, of: int) -> str:
        """The array of an input; a further backward has that of the one before."""
        return f"{name}_{inputs[of].get('as', of)}"

    def variable(i: int) -> str:
        return "layer" if i == own or "one_layer" in params else "other"

    ask = ["import utils"] if module == "utils" else []
    expected, mask = _expected(failing, layer, name, word, own, array)
    for i in dict.fromkeys(i for _, i, _ in calls):
        if not any(line.startswith(f"{variable(i)} = ") for line in ask):
            ask += _made(variable(i), f"{module}.{layer.made}", {**params, "r": params.get("rates", [0, 0])[i]}, around)
    given: set[int] = set()
    for method, i, of in calls:
        if layer.own and i not in given:
            given.add(i)
            ask += [f'{variable(i)}.params["W"], {variable(i)}.params["b"] = W_{i}.copy(), b_{i}.copy()']
        names, called = (layer.backward, BACKWARD) if method == BACKWARD else (layer.forward, FORWARD)
        arguments = [passed(array(one, of), inputs[of]["memory"]) for one in names]
        arguments += [str(method != EVALUATION)] if name == "dropout" and method != BACKWARD else []
        line = f"{variable(i)}.{called}({', '.join(arguments)})"
        is_own = i == own and array("", of) == array("", k)
        ask += [f"{'back' if method == BACKWARD else 'out'} = {line}" if is_own else line]
        ask += ["s = np.array(out)"] if mask and is_own and method != BACKWARD else []
    ask += [f"actual = {RESULTS.get(word) or f'{variable(own)}.gradient[{word[-1]!r}]'}"]
    return failing.draft(ask, expected, *(["s"] if mask else []), flat=word.endswith("b"))


def _made(variable: str, made: str, params: Params, around: bool) -> list[str]:
    """Lines that make an object, by its constructor or `around` it."""
    if not around:
        return [f"{variable} = {made.format(**params)}"]
    cls = made.partition("(")[0]
    lines = [f"{variable} = {cls}.__new__({cls})  # its constructor is another matter"]
    lines += [f"{variable}.params, {variable}.gradient = {{}}, {{}}"] if "{D}" in made else []
    return lines + ([f"{variable}.r = {params['r']}"] if "{r}" in made else [])


def _expected(
    failing: FailingCase, layer: Layer, name: str, word: str, own: int, array: Callable[[str, int], str]
) -> tuple[list[str], bool]:
    """torch's lines, and whether they need the mask that a forward has drawn."""
    k, back = failing.key.call, word.startswith("gradient")
    x, upstream = array(layer.forward[0], k), "" if name == "loss" else array("grad", k)
    if name == "dropout":
        r = rate_of(failing.case, k)
        if failing.comparison.arrays is None or r == 0 or is_evaluation(failing.case, k):
            return [NOT_DROPPED.format(upstream if back else x)], False
        return differentiated(layer.torch.format(r=r), {"q": x}, "q" * back, upstream), True
    arrays = {layer.forward[0]: x} | {name: f"{name}_{own}" for name in layer.own}
    return differentiated(layer.torch.format(Y=array("Y", k)), arrays, word[-1] if back else "", upstream), False


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
