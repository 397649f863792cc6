"""Reproductions of links of the whole network that no part explains: what one call does to another's arrays shows here.

The parts are called in the order in which `main` calls them, each given the very array that the one before returned;
the failing link is compared with torch's of the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name, weight_shapes
from parity_tests.assignments.mlp.reproduce.sgd import FIND_SGD, call
from parity_tests.harness.draft import Draft, compared, shaped
from parity_tests.harness.failing_case import Arrays, FailingCase, Trial, literal, numbers, sized
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.verdicts import Verdict

SIZES = ((1, 1, 2, 2), (1, 2, 2, 2), (2, 2, 3, 2), (2, 3, 4, 3), (3, 4, 5, 3))
"""N, D, M and K."""
TANH_SCALE = 4.0
"""By which the weights are divided, so that few hidden units are far out on tanh."""


def trials(case: Case, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """From one step of one row to four of three; then the case that failed."""
    updates = "etas" in case.params
    for steps in (1, 2, 3, 4) if updates else (1,):
        for N, D, M, K in SIZES:
            etas = {"etas": [0.5] * (steps - 1) + [0.25 if steps > 1 else 0.5]} if updates else {}
            shapes = weight_shapes(D, M, K)
            arrays = {
                name: numbers((steps, *shape), i, case.dtype) / np.array(TANH_SCALE, case.dtype)
                for i, (name, shape) in enumerate(shapes.items())
            }
            arrays["X"] = numbers((steps, N, D), 4, case.dtype)
            arrays["Y"] = (np.arange(steps * N, dtype=np.float64) % K).reshape(steps, N, 1)
            yield sized(case, N=N, D=D, M=M, K=K, steps=steps, **etas), arrays
    yield case, drawn


# name of the link → its call and the variable that it gives; what torch needs of earlier links, and torch's line
LINKS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "L1 output": ("u", "L1.forward(x)", (), "torch.tensor(X) @ torch.tensor(L1_W) + torch.tensor(L1_b)"),
    "activation output": ("h", "activation.forward(u)", ("u",), "torch.ACTIVATION(u)"),
    "dropout output": ("s", "drop.forward(h, True)", ("h",), "h * torch.tensor(got != 0) / (1 - RATE)"),
    "L2 output": ("a", "L2.forward(s)", ("s",), "s @ torch.tensor(L2_W) + torch.tensor(L2_b)"),
    "loss": ("l", "loss.forward(a, y)", ("a",), "torch.nn.functional.cross_entropy(a, labels)"),
    "gradient of logits": (
        "da",
        "loss.backward(a, y)",
        ("a",),
        "(torch.softmax(a, dim=1) - torch.eye(a.shape[1])[labels]) / len(a)",
    ),
    "L2 gradient of X": ("ds", "L2.backward(s, da)", ("da",), "da @ torch.tensor(L2_W).T"),
    "L2 gradient of W": ("dW2", 'L2.gradient["W"]', ("s", "da"), "s.T @ da"),
    "L2 gradient of b": ("db2", 'L2.gradient["b"]', ("da",), "da.sum(dim=0, keepdim=True)"),
    "dropout gradient": ("dh", "drop.backward(h, ds)", ("s", "ds"), "ds * (s != 0) / (1 - RATE)"),
    "activation gradient": ("du", "activation.backward(u, dh)", ("u", "dh"), "dh * SLOPE"),
    "L1 gradient of X": ("dx", "L1.backward(x, du)", ("du",), "du @ torch.tensor(L1_W).T"),
    "L1 gradient of W": ("dW1", 'L1.gradient["W"]', ("du",), "torch.tensor(X).T @ du"),
    "L1 gradient of b": ("db1", 'L1.gradient["b"]', ("du",), "du.sum(dim=0, keepdim=True)"),
}
SLOPES = {"relu": "(u > 0)", "tanh": "(1 - torch.tanh(u) ** 2)"}
WITHOUT_DROPOUT = {"L2.forward(s)": "L2.forward(h)", "L2.backward(s, da)": "L2.backward(h, da)",
                   "activation.backward(u, dh)": "activation.backward(u, ds)"}  # fmt: skip
COPIED = "  # a copy at once: a later call may write into the array"


def drafts(failing: FailingCase) -> Iterator[Draft]:
    """The parts in a row, as far as the failing link, for as many steps as it takes."""
    case, arrays, comparison = failing.case, failing.arrays, failing.comparison
    p, name = case.params, failing.quantity.name
    T = comparison.step or p["steps"]
    updates = name.startswith("updated ") or T > 1
    given = [literal(key, arrays[key][:T] if T > 1 else arrays[key][0]) for key in ("X", "Y", *WEIGHT_NAMES)]
    made = [f"L1, L2 = nn.linear_layer({p['D']}, {p['M']}), nn.linear_layer({p['M']}, {p['K']})"]
    made += [f"activation, loss = nn.{p['activation']}(), nn.softmax_cross_entropy()"]
    made += [f"drop = nn.dropout({p['r']})"] if p["dropout"] else []
    if updates:
        drop = '"drop1": drop, ' if p["dropout"] else ""
        made += [f'model = {{"L1": L1, "nonlinear1": activation, {drop}"L2": L2, "loss": loss}}']
        zeros = ", ".join(f'"{key}": 0 * {key}{"[0]" if T > 1 else ""}' for key in WEIGHT_NAMES)
        made += [f"momentum = {{{zeros}}}" if p["alpha"] > 0 else "momentum = None", FIND_SGD]
        made += [f"alpha, lam, etas = {p['alpha']}, {p['lam']}, {list(p['etas'][:T])}"]
    needed, want = _want(case, name, T)
    at = "[t]" if T > 1 else ""
    steps = [
        f"x, y = X{at}.copy(), Y{at}.copy()",
        f'L1.params["W"], L1.params["b"] = L1_W{at}.copy(), L1_b{at}.copy()',
        f'L2.params["W"], L2.params["b"] = L2_W{at}.copy(), L2_b{at}.copy()',
        *_calls(case, name, needed, updates=updates),
    ]
    if updates:
        steps += call("etas[t]" if T > 1 else "etas[0]", failing.edition)
    if name.startswith("updated "):
        layer, key = name.split()[1:]
        steps += ["before = got"] if T > 1 else []
        steps += [f'got = np.array({layer}.params["{key}"])']
        made += ["got = None"] if T > 1 else []
    ask = [*made, f"for t in range({T}):", *(f"    {line}" for line in steps)] if T > 1 else [*made, *steps]
    if failing.verdict != Verdict.MISMATCH:
        yield Draft(given, ask, verdict=failing.verdict)
        return
    if comparison.arrays is None:
        shape = _shape(case, failing.quantity)
        yield Draft(given, ask, shaped(shape, flat=True))
        return
    lines = [*want, *compared(comparison.arrays[2], comparison.gap)]
    yield Draft(given, ask, lines, ["got", *(f"{variable}_then" for variable in needed), "before"])


def _calls(case: Case, link: str, needed: Sequence[str], *, updates: bool) -> list[str]:
    """The calls of one step, in main's order; without an update, as far as the link that fails."""
    names = [name for name in LINKS if case.params["dropout"] or not name.startswith("dropout")]
    if not updates:
        names = names[: names.index(link) + 1]
    lines = []
    for name in names:
        variable, call, _, _ = LINKS[name]
        if not case.params["dropout"]:
            call = WITHOUT_DROPOUT.get(call, call)
        if name == link:
            lines += [f"{variable} = {call}", f"got = np.array({variable}){COPIED}"]
        elif ".gradient[" not in call:
            lines += [f"{variable} = {call}"]
        if variable in needed:
            value = call if ".gradient[" in call else variable
            lines += [f"{variable}_then = np.array({value}){COPIED}"]
    return lines


def _want(case: Case, link: str, T: int) -> tuple[list[str], list[str]]:
    """The variables of the links before that torch needs, and torch's lines."""
    p, at = case.params, f"[{T - 1}]" if T > 1 else ""
    if link.startswith("updated "):
        layer, key = link.split()[1:]
        name = f"{layer}_{key}"
        gradient = LINKS[gradient_name(name)][0]
        lines = [f"w, g = torch.tensor({name}{at}), torch.tensor({gradient}_then).reshape({name}{at}.shape)"]
        velocity = ""
        if T > 1 and p["alpha"] > 0:
            lines += [f"v = torch.tensor(before - {name}[{T - 2}])  # the change that the step before made"]
            velocity = f" + {p['alpha']} * v"
        return [gradient], [*lines, f"want = (w{velocity} - {p['etas'][T - 1]} * (g + {p['lam']} * w)).numpy()"]
    _, _, wanted, line = LINKS[link]
    names = {} if p["dropout"] else {"s": "h", "dh": "ds"}
    needed = [names.get(variable, variable) for variable in wanted]
    lines = [f"{variable} = torch.tensor({names.get(variable, variable)}_then)" for variable in wanted]
    lines += [f"labels = torch.tensor(Y{at}.reshape(-1)).long()"] if "labels" in line else []
    line = line.replace("RATE", str(p["r"])).replace("ACTIVATION", p["activation"])
    line = line.replace("SLOPE", SLOPES[p["activation"]])
    for array in ("X", *WEIGHT_NAMES):
        line = line.replace(f"torch.tensor({array})", f"torch.tensor({array}{at})")
    return needed, [*lines, f"want = ({line}).numpy()"]


def _shape(case: Case, quantity: Quantity) -> tuple[Any, ...]:
    N, D, M, K = (case.params[key] for key in "NDMK")
    name = quantity.name.removeprefix("updated ")
    known: dict[str, tuple[Any, ...]] = {
        "L2 output": (N, K), "gradient of logits": (N, K), "loss": (), "L1 gradient of X": (N, D),
        "L1 W": (D, M), "L1 b": (1, M), "L2 W": (M, K), "L2 b": (1, K),
    }  # fmt: skip
    return known.get(name) or known.get(name.replace(" gradient of", "")) or (() if name == "loss" else (N, M))
