"""Reproductions of the parts: linear layers, activations, dropout and the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.reproduce.draft import Draft
from parity_tests.assignments.mlp.reproduce.failing_case import (
    Arrays,
    FailingCase,
    Trial,
    literal,
    numbers,
    rounded,
    sized,
)
from parity_tests.protocol.case import Case


def made(name: str, *sizes: Any) -> list[str]:
    """The lines that make a layer: by its constructor, or around it where that does not work."""
    arguments = ", ".join(map(str, sizes))
    return [
        f"layer = nn.{name}({arguments})",
        f"layer = nn.{name}.__new__(nn.{name})  # its constructor is another matter",
    ]


# ---- linear ----


def linear_trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """From one row, one input and one output to three of each."""
    pairs = case.params["pairs"]
    sizes = sorted(product((1, 2, 3), repeat=3), key=lambda s: (s[0] * s[1] + s[1] * s[2] + s[0] * s[2], s))
    for N, D, M in sizes:
        arrays = {
            "X": numbers((pairs, N, D), 0, case.dtype),
            "W": numbers((D, M), 2, case.dtype),
            "b": numbers((1, M), 4, case.dtype),
            "grad": numbers((pairs, N, M), 7, case.dtype),
        }
        yield sized(case, N=N, D=D, M=M), arrays
    yield from rounded(case, drawn)


def linear_drafts(failing: FailingCase) -> Iterator[Draft]:
    """One call, or two in turn, on a layer that is given its weights."""
    case, arrays = failing.case, failing.arrays
    word, k = failing.quantity.key.name, failing.quantity.key.call
    again = bool(case.params.get("again"))
    last = min(k, len(arrays["X"]) - 1)
    before = "" if last == 0 else "_before"
    (D, M), N = arrays["W"].shape, arrays["X"].shape[1]
    given = [
        literal(f"{name}{suffix}", arrays[name][i])
        for i, suffix in ((0, before), *([(last, "")] if last else []))
        for name in ("X", "grad")
        if not (name == "grad" and word == "output" and i == last)
    ] + [literal(name, arrays[name]) for name in ("W", "b")]
    lines = ['layer.params["W"], layer.params["b"] = W.copy(), b.copy()']
    if before:
        lines += [
            "layer.forward(X_before.copy())  # an earlier input",
            "layer.backward(X_before.copy(), grad_before.copy())",
        ]
    lines += ["u = layer.forward(X.copy())"]
    backward = "back = layer.backward(X.copy(), grad.copy())"
    lines += [] if word == "output" else [backward, f"{backward}  # once more"] if again and k > 0 else [backward]
    got = {"output": "u", "gradient of X": "back"}.get(word, f'layer.gradient["{word[-1]}"]')
    shape = {"output": (N, M), "gradient of X": (N, D), "gradient of W": (D, M), "gradient of b": (1, M)}[word]
    want = ["x, w, c = (torch.tensor(a, requires_grad=True) for a in (X, W, b))", "u = x @ w + c"]
    want += [] if word == "output" else ["u.backward(torch.tensor(grad))"]
    name = {"output": "u", "gradient of X": "x.grad", "gradient of W": "w.grad", "gradient of b": "c.grad"}[word]
    want += [f"want = {name}.detach().numpy()" if word == "output" else f"want = {name}.numpy()"]
    for make, own in zip(made("linear_layer", D, M), (True, False), strict=True):
        start = [make] if own else [make, "layer.params, layer.gradient = {}, {}"]
        yield failing.draft(given, [*start, *lines, f"got = {got}"], want, shape, flat=word == "gradient of b")


# ---- tanh and relu ----


def elementwise_trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """One to three elements, then single ones of those that failed."""
    pairs, ndim = case.params["pairs"], len(case.params["shape"])
    values = {"to-1000": (50.0, -50.0, 400.0, -400.0, 800.0, -800.0), "zeros": (0.0, 1.0, -1.0)}
    few = values.get(case.params["draw"], (1.0, -1.0, 0.5, -2.0, 0.0, 2.0, 8.0, -8.0, 20.0, -20.0, 1e-3))
    for count in (1, 2, 3):
        shape = [1] * (ndim - 1) + [count]
        for start in range(len(few)):
            picked = [few[(start + i) % len(few)] for i in range(count * pairs)]
            X = np.array(picked, case.dtype).reshape(pairs, *shape)
            yield sized(case, shape=shape), {"X": X, "grad": numbers((pairs, *shape), 2, case.dtype)}
    worst = np.unique(np.round(drawn["X"], 3))
    shape = [1] * ndim
    for value in worst[np.argsort(np.abs(worst))][::7]:
        X = np.full((pairs, *shape), value, case.dtype)
        yield sized(case, shape=shape), {"X": X, "grad": numbers((pairs, *shape), 2, case.dtype)}
    yield from rounded(case, drawn)


def elementwise_drafts(failing: FailingCase) -> Iterator[Draft]:
    """One call, or two in turn, on an activation."""
    case, arrays = failing.case, failing.arrays
    word, last = failing.quantity.key.name, failing.quantity.key.call
    layer = case.params["layer"]
    names = ("X",) if word == "output" else ("X", "grad")
    given, lines = [], []
    if last:
        given += [literal(f"{name}_before", arrays[name][last - 1]) for name in ("X", "grad")]
        lines += [
            "layer.forward(X_before.copy())  # an earlier input",
            "layer.backward(X_before.copy(), grad_before.copy())",
        ]
    given += [literal(name, arrays[name][last]) for name in names]
    lines += ["h = layer.forward(X.copy())"]
    lines += [] if word == "output" else ["back = layer.backward(X.copy(), grad.copy())"]
    want = ["x = torch.tensor(X, requires_grad=True)", f"h = torch.{layer}(x)"]
    want += (
        ["want = h.detach().numpy()"]
        if word == "output"
        else ["h.backward(torch.tensor(grad))", "want = x.grad.numpy()"]
    )
    got = "got = h" if word == "output" else "got = back"
    for make in made(layer):
        yield failing.draft(given, [make, *lines, got], want, arrays["X"][last].shape)


# ---- dropout ----


def dropout_trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """From two elements to twelve."""
    pairs = case.params["pairs"]
    for N, M in ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 4)):
        shape = (pairs, N, M)
        yield sized(case, N=N, M=M), {"q": numbers(shape, 0, case.dtype), "grad": numbers(shape, 7, case.dtype)}
    yield from rounded(case, drawn)


def dropout_drafts(failing: FailingCase) -> Iterator[Draft]:
    """One call, or two in turn, at a rate; torch is given the mask that the forward drew."""
    case, arrays = failing.case, failing.arrays
    word, last = failing.quantity.key.name, failing.quantity.key.call
    r = case.params["r"]
    evaluating = bool(case.params.get("evaluate")) and last == len(arrays["q"]) - 1
    given, lines = [], []
    if last:
        given += [literal(f"{name}_before", arrays[name][last - 1]) for name in ("q", "grad")]
        lines += [
            "layer.forward(q_before.copy(), True)  # an earlier input",
            "layer.backward(q_before.copy(), grad_before.copy())",
        ]
    given += [literal(name, arrays[name][last]) for name in (("q",) if word == "output" else ("q", "grad"))]
    lines += [f"s = layer.forward(q.copy(), {not evaluating})"]
    values = "q" if word == "output" else "grad"
    lines += ["got = s"] if word == "output" else ["s = np.array(s)", "got = layer.backward(q.copy(), grad.copy())"]
    if evaluating:
        want = [f"want = {values}  # with is_train=False nothing changes"]
    elif r == 0:
        want = [f"want = torch.tensor({values}).numpy()  # at rate 0 nothing is dropped"]
    else:
        want = [
            "kept = torch.tensor(s != 0)  # the mask that the forward drew",
            f"want = (torch.tensor({values}) * kept / (1 - {r})).numpy()",
        ]
    for make, own in zip(made("dropout", r), (True, False), strict=True):
        start = [make] if own else [make, f"layer.r = {r}"]
        draft = failing.draft(given, [*start, *lines], want, arrays["q"][last].shape)
        yield replace(draft, keeps=("got", "s"))


# ---- softmax and cross-entropy ----


def loss_trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """From one row and two classes to three rows and four; far apart where the case is."""
    shift = {"offset": 1000.0}.get(case.params["draw"], 0.0)
    scale = {"far": 250.0}.get(case.params["draw"], 1.0)
    for N, K in ((1, 2), (2, 2), (2, 3), (3, 4)):
        for label in range(K):
            X = scale * numbers((N, K), 0, case.dtype) + np.array(shift, case.dtype)
            Y = (np.arange(N, dtype=np.float64).reshape(-1, 1) + label) % K
            yield sized(case, N=N, K=K), {"X": X.astype(case.dtype), "Y": Y}
    yield from rounded(case, drawn)


def loss_drafts(failing: FailingCase) -> Iterator[Draft]:
    """One forward, and one backward where it is about that."""
    arrays, of_loss = failing.arrays, failing.quantity.key.name == "loss"
    given = [literal("X", arrays["X"]), literal("Y", arrays["Y"])]
    lines = ["got = layer.forward(X.copy(), Y.copy())"]
    lines += [] if of_loss else ["got = layer.backward(X.copy(), Y.copy())"]
    want = [
        "x = torch.tensor(X, requires_grad=True)",
        "loss = torch.nn.functional.cross_entropy(x, torch.tensor(Y.reshape(-1)).long())",
    ]
    if of_loss:
        want += ["want = loss.detach().numpy()"]
    else:
        want += ["loss.backward()", "want = x.grad.numpy()"]
    shape = () if of_loss else arrays["X"].shape
    for make in made("softmax_cross_entropy"):
        # It stands in utils.py, from which neural_networks.py may or may not import it.
        for module in ("nn", "utils"):
            start = ["import utils"] if module == "utils" else []
            ask = [*start, make.replace("nn.", f"{module}."), *lines]
            yield failing.draft(given, ask, want, shape)
