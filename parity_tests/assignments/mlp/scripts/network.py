"""Scripts of links of the whole network that no part explains: what one call does to another's arrays shows here.

The parts are called in the order in which `main` calls them, each given the very array that the one before returned;
the failing link is compared with torch's of the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name, weight_shapes
from parity_tests.assignments.mlp.scripts.sgd import FIND_SGD, call
from parity_tests.harness.draft import Draft
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Shown
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key

SIZES = ((1, 1, 2, 2), (1, 2, 2, 2), (2, 2, 3, 2), (2, 3, 4, 3), (3, 4, 5, 3))
"""N, D, M and K."""
NUMBERS = (0.25, -0.5, 0.75, 0.125, -0.25, 0.5, -0.125, 1.0, 0.375, -0.75, 0.625, -0.375)
"""So small that few hidden units are far out on tanh."""

LINKS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "L1 output": ("u", "L1.forward(x)", (), "torch.tensor(X[T]) @ torch.tensor(L1_W[T]) + torch.tensor(L1_b[T])"),
    "activation output": ("h", "activation.forward(u)", ("u",), "torch.{activation}(u)"),
    "dropout output": ("s", "drop.forward(h, True)", ("h",), "h * torch.tensor(actual != 0) / (1 - {r})"),
    "L2 output": ("a", "L2.forward(s)", ("s",), "s @ torch.tensor(L2_W[T]) + torch.tensor(L2_b[T])"),
    "loss": ("l", "loss.forward(a, y)", ("a",), "F.cross_entropy(a, torch.tensor(Y[T]).flatten().long())"),
    "gradient of logits": (
        "da", "loss.backward(a, y)", ("a",),
        "(torch.softmax(a, dim=1) - torch.eye(a.shape[1])[Y[T].ravel().astype(int)]) / len(a)",
    ),
    "L2 gradient of X": ("ds", "L2.backward(s, da)", ("da",), "da @ torch.tensor(L2_W[T]).T"),
    "L2 gradient of W": ("dW2", 'L2.gradient["W"]', ("s", "da"), "s.T @ da"),
    "L2 gradient of b": ("db2", 'L2.gradient["b"]', ("da",), "da.sum(dim=0, keepdim=True)"),
    "dropout gradient": ("dh", "drop.backward(h, ds)", ("s", "ds"), "ds * (s != 0) / (1 - {r})"),
    "activation gradient": ("du", "activation.backward(u, dh)", ("u", "dh"), "dh * {slope}"),
    "L1 gradient of X": ("dx", "L1.backward(x, du)", ("du",), "du @ torch.tensor(L1_W[T]).T"),
    "L1 gradient of W": ("dW1", 'L1.gradient["W"]', ("du",), "torch.tensor(X[T]).T @ du"),
    "L1 gradient of b": ("db1", 'L1.gradient["b"]', ("du",), "du.sum(dim=0, keepdim=True)"),
}  # fmt: skip
"""The links by name: the variable, its call, what torch needs of earlier links, and torch's expression in step T."""
SLOPES = {"relu": "(u > 0)", "tanh": "(1 - torch.tanh(u) ** 2)"}
WITHOUT_DROPOUT = {"s": "h", "dh": "ds"}
"""What is there for what dropout would return."""


def _smaller(params: Params, drawn: Arrays, key: Key) -> Iterator[tuple[Params, Arrays]]:
    """From one step of one row to four of three."""
    updates = "etas" in params
    dtype = drawn["X"].dtype
    for steps in (1, 2, 3, 4) if updates else (1,):
        for N, D, M, K in SIZES:
            etas = {"etas": [0.5] * (steps - 1) + [0.25 if steps > 1 else 0.5]} if updates else {}
            shapes: dict[str, tuple[int, ...]] = {**weight_shapes(D, M, K), "X": (N, D)}
            arrays = {
                name: np.resize(np.roll(NUMBERS, -5 * i), (steps, *shape)).astype(dtype)
                for i, (name, shape) in enumerate(shapes.items())
            }
            arrays["Y"] = (np.arange(steps * N, dtype=np.float64) % K).reshape(steps, N, 1)
            yield {**params, "N": N, "D": D, "M": M, "K": K, "steps": steps, **etas}, arrays


def _drafts(failing: FailingCase) -> Iterator[Draft]:
    """The parts in a row, as far as the failing link, for as many steps as it takes."""
    p, name = failing.case.params, failing.quantity.name
    T = failing.comparison.step or p["steps"]
    updates = name.startswith("updated ") or T > 1
    ask = [f"L1, L2 = nn.linear_layer({p['D']}, {p['M']}), nn.linear_layer({p['M']}, {p['K']})"]
    ask += [f"activation, loss = nn.{p['activation']}(), nn.softmax_cross_entropy()"]
    ask += [f"drop = nn.dropout({p['r']})"] if p["dropout"] else []
    if updates:
        drop = '"drop1": drop, ' if p["dropout"] else ""
        ask += [f'model = {{"L1": L1, "nonlinear1": activation, {drop}"L2": L2, "loss": loss}}']
        zeros = ", ".join(f'"{key}": 0 * {key}[0]' for key in WEIGHT_NAMES)
        ask += [f"momentum = {{{zeros}}}" if p["alpha"] > 0 else "momentum = None", FIND_SGD, "actual = None"]
        ask += [f"alpha, lam = {p['alpha']}, {p['lam']}"]
    needed, expected = _expected(p, name, T)
    steps = ["x, y = X[t].copy(), Y[t].copy()"]
    for layer in ("L1", "L2"):
        steps += [f'{layer}.params["W"], {layer}.params["b"] = {layer}_W[t].copy(), {layer}_b[t].copy()']
    steps += _calls(p, name, needed, updates=updates)
    if updates:
        steps += call(failing.edition)
    if name.startswith("updated "):
        layer, key = name.split()[1:]
        steps += ["before = actual", f'actual = np.array({layer}.params["{key}"])']
    etas = f"{list(p['etas'][:T])}" if updates else "[0]"
    ask += [f"for t, eta in enumerate({etas}):", *(f"    {line}" for line in steps)]
    before = ["before"] if any("before" in line for line in expected) else []
    yield failing.draft(ask, expected, *before, *(f"{variable}_then" for variable in needed), flat=True)


def _calls(p: Params, link: str, needed: Sequence[str], *, updates: bool) -> list[str]:
    """The calls of one step, in main's order; without an update, as far as the link that fails."""
    names = list(LINKS)
    lines = []
    for name in names if updates else names[: names.index(link) + 1]:
        variable, made, _, _ = LINKS[name]
        made = made if p["dropout"] else WITHOUT_DROPOUT.get(variable, made)
        if name == link or variable in needed or ".gradient[" not in made:
            lines += [f"{variable} = {made}"]
        # A copy at once: a later call may write into the array.
        lines += [f"actual = np.array({variable})"] if name == link else []
        lines += [f"{variable}_then = np.array({variable})"] if variable in needed else []
    return lines


def _expected(p: Params, link: str, T: int) -> tuple[list[str], list[str]]:
    """The variables of the links before that torch needs, and torch's lines."""
    at = f"[{T - 1}]"
    if link.startswith("updated "):
        layer, key = link.split()[1:]
        name = f"{layer}_{key}"
        gradient = LINKS[gradient_name(name)][0]
        lines = [f"w, g = torch.tensor({name}{at}), torch.tensor({gradient}_then).reshape({name}{at}.shape)"]
        velocity = ""
        if T > 1 and p["alpha"] > 0:
            lines += [f"v = torch.tensor(before - {name}[{T - 2}])  # the change that the step before made"]
            velocity = f" + {p['alpha']} * v"
        return [gradient], [*lines, f"expected = (w{velocity} - {p['etas'][T - 1]} * (g + {p['lam']} * w)).numpy()"]
    _, _, wanted, expression = LINKS[link]
    lines = [f"{variable} = torch.tensor({variable}_then)" for variable in wanted]
    expression = expression.replace("[T]", at).format(**{**p, "slope": SLOPES[p["activation"]]})
    return list(wanted), [*lines, f"expected = ({expression}).numpy()"]


KINDS = {"network": Shown(_drafts, _smaller)}
