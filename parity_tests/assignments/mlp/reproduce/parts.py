"""Reproductions of the parts: linear layers, activations, dropout and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.kinds import turns as kinds_turns
from parity_tests.assignments.mlp.kinds.dropout import is_evaluation, rate_of
from parity_tests.assignments.mlp.kinds.linear import HELD
from parity_tests.assignments.mlp.reproduce import turns
from parity_tests.harness.draft import Draft
from parity_tests.harness.failing_case import (
    Arrays,
    FailingCase,
    Trial,
    literal,
    numbers,
    sized,
)
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key

BACKWARD = kinds_turns.BACKWARD


def made(variable: str, name: str, *sizes: Any) -> list[str]:
    """The lines that make a layer: by its constructor, or around it where that does not work."""
    arguments = ", ".join(map(str, sizes))
    return [
        f"{variable} = nn.{name}({arguments})",
        f"{variable} = nn.{name}.__new__(nn.{name})  # its constructor is another matter",
    ]


def X_and_grad(method: str) -> Sequence[str]:  # noqa: N802 - the arrays' names
    """The arrays that a layer's method takes."""
    return ("X", "grad") if method == BACKWARD else ("X",)


# ---- linear ----


def linear_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """From one row, one input and one output to three of each; then the case that failed."""
    sizes = sorted(product((1, 2, 3), repeat=3), key=lambda s: (s[0] * s[1] + s[1] * s[2] + s[0] * s[2], s))
    for fewer in turns.fewer_calls(case, key):
        for laid in turns.in_memory(fewer):
            for N, D, M in sizes:
                smaller = sized(turns.smaller_inputs(laid, "N", (N, N % 3 + 1)), D=D, M=M)
                yield smaller, _linear_arrays(smaller)
    yield from turns.last_trials(case, drawn, key)


def _linear_arrays(case: Case) -> Arrays:
    D, M = case.params["D"], case.params["M"]

    def draw(k: int, given: Mapping[str, Any]) -> Arrays:
        X = turns.whole(numbers((given["N"], D), 3 * k, case.dtype), given)
        grad = numbers((given["N"], M), 7 + 5 * k, case.dtype)
        return {"X": X, "grad": 0 * grad if given.get("zero") else grad}

    arrays = turns.drawn_inputs(case, draw)
    for i in (0, 1):
        arrays |= {f"W_{i}": numbers((D, M), 2 + i, case.dtype), f"b_{i}": numbers((1, M), 4 + i, case.dtype)}
    return arrays


def linear_drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls on layers that are given their weights."""
    lines, word = turns.Lines(failing), failing.quantity.key.name.removesuffix(HELD)
    D, M = failing.case.params["D"], failing.case.params["M"]
    N = failing.arrays[f"X_{lines.k}"].shape[0]
    of = {i: "" if i == lines.own else "_other" for i in lines.objects}
    given = lines.given(X_and_grad)
    given += [literal(f"{name}{of[i]}", failing.arrays[f"{name}_{i}"]) for i in of for name in ("W", "b")]
    set_weights = {
        i: f'{variable}.params["W"], {variable}.params["b"] = W{of[i]}.copy(), b{of[i]}.copy()'
        for i, variable in lines.objects.items()
    }
    ask = lines.ask(
        lambda method, k: [lines.argument(name, k) for name in X_and_grad(method)],
        {kinds_turns.FORWARD: "u", BACKWARD: "back"},
    )
    if "one_layer" in failing.case.params:
        firsts = {i: next(n for n, call in enumerate(lines.calls) if call[1] == i) for i in set_weights}
        for i in sorted(firsts, key=lambda i: -firsts[i]):
            ask.insert(firsts[i], set_weights.pop(i))
    got = {"output": "u", "gradient of X": "back"}.get(word, f'layer.gradient["{word[-1]}"]')
    shape = {"output": (N, M), "gradient of X": (N, D), "gradient of W": (D, M), "gradient of b": (1, M)}[word]
    X = "X" if failing.arrays[f"X_{lines.k}"].dtype.kind == "f" else "X.astype(W.dtype)"
    want = [f"x, w, c = (torch.tensor(a, requires_grad=True) for a in ({X}, W, b))", "u = x @ w + c"]
    want += [] if word == "output" else ["u.backward(torch.tensor(grad))"]
    name = {"output": "u", "gradient of X": "x.grad", "gradient of W": "w.grad", "gradient of b": "c.grad"}[word]
    want += [f"want = {name}.detach().numpy()" if word == "output" else f"want = {name}.numpy()"]
    for own in (True, False):
        variables = dict.fromkeys(lines.objects.values())
        start = [made(variable, "linear_layer", D, M)[not own] for variable in variables]
        start += [] if own else [f"{variable}.params, {variable}.gradient = {{}}, {{}}" for variable in variables]
        all_lines = [*lines.helpers(), *start, *set_weights.values(), *ask, f"got = {got}"]
        yield failing.draft(given, all_lines, want, shape, flat=word == "gradient of b")


# ---- tanh and relu ----


def elementwise_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """One to three elements, then single ones of those that failed; then the case that failed."""
    ndim = len(case.params["inputs"][0]["shape"])
    values = {"to-1000": (50.0, -50.0, 400.0, -400.0, 800.0, -800.0), "zeros": (0.0, 1.0, -1.0)}
    few = values.get(case.params["draw"], (1.0, -1.0, 0.5, -2.0, 0.0, 2.0, 8.0, -8.0, 20.0, -20.0, 1e-3))
    for fewer in turns.fewer_calls(case, key):
        for laid in turns.in_memory(fewer):
            for count in (1, 2, 3):
                shapes = [[1] * (ndim - 1) + [count], [*([2] * (ndim > 1)), *[1] * (ndim - 2), count]]
                for start in range(len(few)):
                    smaller = turns.smaller_inputs(laid, "shape", shapes)
                    yield smaller, _of_values(smaller, few[start:] + few[:start])
    worst = np.unique(np.round(drawn[f"X_{key.call}"], 3))
    for fewer in turns.fewer_calls(case, key):
        for value in worst[np.argsort(np.abs(worst))][::7]:
            smaller = turns.smaller_inputs(fewer, "shape", [[1] * ndim] * 2)
            yield smaller, _of_values(smaller, (float(value),))
    yield from turns.last_trials(case, drawn, key)


def _of_values(case: Case, values: Sequence[float]) -> Arrays:
    """Inputs of these values, in turn."""

    def draw(k: int, given: Mapping[str, Any]) -> Arrays:
        shape = tuple(given["shape"])
        X = np.resize(np.roll(values, -3 * k), shape).astype(case.dtype)
        return {"X": turns.whole(X, given), "grad": numbers(shape, 2 + k, case.dtype)}

    return turns.drawn_inputs(case, draw)


def elementwise_drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls on activations."""
    lines, word, layer = turns.Lines(failing), failing.quantity.key.name, failing.case.params["layer"]
    X = failing.arrays[f"X_{lines.k}"]
    ask = lines.ask(
        lambda method, k: [lines.argument(name, k) for name in X_and_grad(method)],
        {kinds_turns.FORWARD: "h", BACKWARD: "back"},
    )
    as_float = "X" if X.dtype.kind == "f" else f"X.astype(np.{failing.case.dtype})"
    want = [f"x = torch.tensor({as_float}, requires_grad=True)", f"h = torch.{layer}(x)"]
    want += (
        ["want = h.detach().numpy()"]
        if word == "output"
        else ["h.backward(torch.tensor(grad))", "want = x.grad.numpy()"]
    )
    got = "got = h" if word == "output" else "got = back"
    for own in (True, False):
        start = [made(variable, layer)[not own] for variable in lines.objects.values()]
        yield failing.draft(lines.given(X_and_grad), [*lines.helpers(), *start, *ask, got], want, X.shape)


# ---- dropout ----


def dropout_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """From one element to twelve; then the case that failed."""
    for fewer in turns.fewer_calls(case, key):
        for laid in turns.in_memory(fewer):
            for N, M in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 4)):
                smaller = turns.smaller_inputs(laid, "shape", [[N, M], [N + 1, M]])

                def draw(k: int, given: Mapping[str, Any]) -> Arrays:
                    shape = tuple(given["shape"])
                    return {"q": numbers(shape, k, case.dtype), "grad": numbers(shape, 7 + k, case.dtype)}

                yield smaller, turns.drawn_inputs(smaller, draw)
    yield from turns.last_trials(case, drawn, key)


def dropout_drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls on dropouts; torch is given the mask that the forward drew."""
    lines, word = turns.Lines(failing), failing.quantity.key.name
    r = rate_of(failing.case, lines.k)

    def names(method: str) -> Sequence[str]:
        return ("q", "grad") if method == BACKWARD else ("q",)

    def arguments(method: str, k: int) -> Sequence[str]:
        is_train = [] if method == BACKWARD else [str(method == kinds_turns.FORWARD)]
        return [*(lines.argument(name, k) for name in names(method)), *is_train]

    ask = lines.ask(arguments, {kinds_turns.FORWARD: "s", BACKWARD: "got"})
    values = "q" if word == "output" else "grad"
    if word == "output":
        ask += ["got = s"]
    else:
        ask.insert(-1, "s = np.array(s)")
    if is_evaluation(failing.case, lines.k):
        want = [f"want = {values}  # with is_train=False nothing changes"]
    elif r == 0:
        want = [f"want = torch.tensor({values}).numpy()  # at rate 0 nothing is dropped"]
    else:
        want = [
            "kept = torch.tensor(s != 0)  # the mask that the forward drew",
            f"want = (torch.tensor({values}) * kept / (1 - {r})).numpy()",
        ]
    rates = failing.case.params["rates"]
    shape = failing.arrays[f"q_{lines.k}"].shape
    for own in (True, False):
        start = [made(variable, "dropout", rates[i])[not own] for i, variable in lines.objects.items()]
        start += [] if own else [f"{variable}.r = {rates[i]}" for i, variable in lines.objects.items()]
        draft = failing.draft(lines.given(names), [*lines.helpers(), *start, *ask], want, shape)
        yield replace(draft, keeps=("got", "s"))


# ---- softmax and cross-entropy ----


def loss_trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """From one row and two classes to three rows and four; far apart where the case is."""
    draw = case.params["draw"]
    scale = {"far": 250.0}.get(draw, 1.0)
    for fewer in turns.fewer_calls(case, key):
        for laid in turns.in_memory(fewer):
            for N, K in ((1, 2), (2, 2), (2, 3), (3, 4)):
                for label in range(K):
                    smaller = sized(turns.smaller_inputs(laid, "N", (N, N + 1)), K=K)

                    def of_input(k: int, given: Mapping[str, Any], K: int = K, label: int = label) -> Arrays:
                        n = given["N"]
                        shift: Any = {"offset": 1000.0, "rows": 800.0 * np.arange(n)[:, None]}.get(draw, 0.0)
                        X = np.asarray(scale * numbers((n, K), k, case.dtype) + shift, case.dtype)
                        return {"X": X, "Y": (np.arange(n, dtype=np.float64).reshape(-1, 1) + label) % K}

                    yield smaller, turns.drawn_inputs(smaller, of_input)
    yield from turns.last_trials(case, drawn, key)


def loss_drafts(failing: FailingCase) -> Iterator[Draft]:
    """The calls on losses."""
    lines, of_loss = turns.Lines(failing), failing.quantity.key.name == "loss"
    ask = lines.ask(
        lambda method, k: [lines.argument(name, k) for name in ("X", "Y")],
        {kinds_turns.FORWARD: "got", BACKWARD: "got"},
    )
    want = [
        "x = torch.tensor(X, requires_grad=True)",
        "loss = torch.nn.functional.cross_entropy(x, torch.tensor(Y.reshape(-1)).long())",
    ]
    want += ["want = loss.detach().numpy()"] if of_loss else ["loss.backward()", "want = x.grad.numpy()"]
    shape = () if of_loss else failing.arrays[f"X_{lines.k}"].shape
    for own in (True, False):
        start = [made(variable, "softmax_cross_entropy")[not own] for variable in lines.objects.values()]
        # It stands in utils.py, from which neural_networks.py may or may not import it.
        for module in ("nn", "utils"):
            imports = ["import utils"] if module == "utils" else []
            lines_of_module = [line.replace("nn.", f"{module}.") for line in start]
            all_lines = [*imports, *lines.helpers(), *lines_of_module, *ask]
            yield failing.draft(lines.given(lambda method: ("X", "Y")), all_lines, want, shape)
