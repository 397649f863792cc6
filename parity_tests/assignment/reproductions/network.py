"""Reproductions of links of the whole network that no part explains: what one call does to another's arrays shows here.

The parts are called in the order in which `main` calls them, each given the very array that the one before returned;
the failing link is held against torch's of the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from parity_tests.assignment.cases import WEIGHT_NAMES, Case, Quantity
from parity_tests.assignment.reproductions.draft import Draft, compared, shaped
from parity_tests.assignment.reproductions.optimizer import ARGUMENTS, FOUND
from parity_tests.assignment.reproductions.parts import Arrays, Trial, literal, numbers, sized
from parity_tests.harness.compare import Comparison

SIZES = ((1, 1, 2, 2), (1, 2, 2, 2), (2, 2, 3, 2), (2, 3, 4, 3), (3, 4, 5, 3))
"""N, D, M and K."""
TANH_SCALE = 4.0
"""By which the weights are divided, so that few hidden units are far out on tanh."""


def trials(case: Case, drawn: Arrays) -> Iterator[Trial]:
    """From one step of one row to four of three; then the case that failed."""
    updates = "etas" in case.params
    for steps in (1, 2, 3, 4) if updates else (1,):
        for N, D, M, K in SIZES:
            etas = {"etas": [0.5] * (steps - 1) + [0.25 if steps > 1 else 0.5]} if updates else {}
            shapes = {"L1_W": (D, M), "L1_b": (1, M), "L2_W": (M, K), "L2_b": (1, K)}
            arrays = {
                name: numbers((steps, *shape), i, case.dtype) / np.array(TANH_SCALE, case.dtype)
                for i, (name, shape) in enumerate(shapes.items())
            }
            arrays["X"] = numbers((steps, N, D), 4, case.dtype)
            arrays["Y"] = (np.arange(steps * N, dtype=np.float64) % K).reshape(steps, N, 1)
            yield sized(case, N=N, D=D, M=M, K=K, steps=steps, **etas), arrays
    yield case, drawn


# name of the link → (the line that calls it, what it returns; what torch needs of earlier links, and torch's line)
LINKS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "L1 output": ('u = keep("L1 output", L1.forward(x))', (), "torch.tensor(x) @ W1 + b1"),
    "activation output": (
        'h = keep("activation output", activation.forward(u))',
        ("L1 output",),
        "torch.ACTIVATION(u)",
    ),
    "dropout output": (
        's = keep("dropout output", drop.forward(h, True))',
        ("activation output",),
        "h * torch.tensor(got != 0) / (1 - RATE)",
    ),
    "L2 output": ('a = keep("L2 output", L2.forward(s))', ("s",), "s @ W2 + b2"),
    "loss": ('keep("loss", loss.forward(a, y))', ("L2 output",), "torch.nn.functional.cross_entropy(a, labels)"),
    "gradient of logits": (
        'da = keep("gradient of logits", loss.backward(a, y))',
        ("L2 output",),
        "(torch.softmax(a, dim=1) - torch.eye(a.shape[1])[labels]) / len(a)",
    ),
    "L2 gradient of X": (
        'ds = keep("L2 gradient of X", L2.backward(s, da))',
        ("gradient of logits",),
        "da @ W2.T",
    ),
    "L2 gradient of W": ('keep("L2 gradient of W", L2.gradient["W"])', ("s", "gradient of logits"), "s.T @ da"),
    "L2 gradient of b": (
        'keep("L2 gradient of b", L2.gradient["b"])',
        ("gradient of logits",),
        "da.sum(dim=0, keepdim=True)",
    ),
    "dropout gradient": (
        'dh = keep("dropout gradient", drop.backward(h, ds))',
        ("s", "L2 gradient of X"),
        "ds * (s != 0) / (1 - RATE)",
    ),
    "activation gradient": (
        'du = keep("activation gradient", activation.backward(u, dh))',
        ("L1 output", "dh"),
        "dh * SLOPE",
    ),
    "L1 gradient of X": (
        'keep("L1 gradient of X", L1.backward(x, du))',
        ("activation gradient",),
        "du @ W1.T",
    ),
    "L1 gradient of W": (
        'keep("L1 gradient of W", L1.gradient["W"])',
        ("activation gradient",),
        "torch.tensor(x).T @ du",
    ),
    "L1 gradient of b": (
        'keep("L1 gradient of b", L1.gradient["b"])',
        ("activation gradient",),
        "du.sum(dim=0, keepdim=True)",
    ),
}
VARIABLE = {
    "L1 output": "u", "activation output": "h", "dropout output": "s", "L2 output": "a", "gradient of logits": "da",
    "L2 gradient of X": "ds", "dropout gradient": "dh", "activation gradient": "du",
}  # fmt: skip
SLOPES = {"relu": "(u > 0)", "tanh": "(1 - torch.tanh(u) ** 2)"}


def drafts(
    case: Case, quantity: Quantity, arrays: Arrays, comparison: Comparison, edition: str
) -> Iterator[Draft]:  # fmt: skip
    """The parts in a row, as far as the failing link, for as many steps as it takes."""
    p = case.params
    T = comparison.step or p["steps"]
    updated = quantity.name.startswith("updated ")
    updates = updated or T > 1
    given = [literal(name, arrays[name][:T]) for name in ("X", "Y", *WEIGHT_NAMES)]
    made = [f"L1, L2 = nn.linear_layer({p['D']}, {p['M']}), nn.linear_layer({p['M']}, {p['K']})"]
    made += [f"activation, loss = nn.{p['activation']}(), nn.softmax_cross_entropy()"]
    made += [f"drop = nn.dropout({p['r']})"] if p["dropout"] else []
    made += ["kept = {}", "def keep(name, value):  # a copy at once: a later call may write into the array"]
    made += ["    kept[name] = np.array(value)", "    return value"]
    if updates:
        drop = '"drop1": drop, ' if p["dropout"] else ""
        made += [f'model = {{"L1": L1, "nonlinear1": activation, {drop}"L2": L2, "loss": loss}}']
        velocities = ", ".join(f'"{name}": 0 * {name}[0]' for name in WEIGHT_NAMES)
        if edition != "2022-23":
            made += [f"momentum = {{{velocities}}}" if p["alpha"] > 0 else "momentum = None"]
        made += [FOUND, f"alpha, lam, etas = {p['alpha']}, {p['lam']}, {list(p['etas'][:T])}"]
    steps = _step(case, quantity.name, T, updates, ARGUMENTS[edition])
    name = f"{quantity.key}" if updated else quantity.name
    ask = [*made, f"for t in range({T}):", *steps, f'got = kept["{name}"]']
    needed, want = _want(case, quantity.name, T)
    ask += [f'{variable} = kept["{link}"]' for link, variable in needed.items() if link != "before"]
    if comparison.verdict in ("crashed", "timeout"):
        yield Draft(given, ask, verdict=comparison.verdict)
        return
    if comparison.arrays is None:
        shape = _shape(case, quantity)
        yield Draft(given, ask, lambda left: shaped(shape, flat=True))
        return
    lines = [*want, *compared(comparison.arrays[2], comparison.gap)]
    yield Draft(given, ask, lambda left: lines, ["got", *needed.values()])


def _step(case: Case, link: str, T: int, updates: bool, arguments: str) -> list[str]:
    """The lines of one step; the last step ends with the link that fails, if no step follows."""
    p = case.params
    lines = [
        "x, y = X[t].copy(), Y[t].copy()",
        'L1.params["W"], L1.params["b"] = L1_W[t].copy(), L1_b[t].copy()',
        'L2.params["W"], L2.params["b"] = L2_W[t].copy(), L2_b[t].copy()',
    ]
    names = [name for name in LINKS if p["dropout"] or not name.startswith("dropout")]
    if not updates and link in names:
        # Gradients are looked at after the backward that stores them.
        names = names[: names.index(link) + 1]
    for name in names:
        call = LINKS[name][0]
        if not p["dropout"]:
            call = call.replace("L2.forward(s)", "L2.forward(h)").replace("L2.backward(s, da)", "L2.backward(h, da)")
            call = call.replace("activation.backward(u, dh)", "activation.backward(u, ds)")
        lines += [call]
    if updates:
        lines += [f"sgd(model, {arguments.replace('eta', 'etas[t]')})"]
        if link.startswith("updated "):
            layer, key = link.split()[1:]
            lines += ['before = kept.get("NAME")', 'keep("NAME", LAYER.params["KEY"])']
            lines = [
                line.replace("NAME", f"{layer}_{key} after the step").replace("LAYER", layer).replace("KEY", key)
                for line in lines
            ]
    return [f"    {line}" for line in lines]


def _want(case: Case, link: str, T: int) -> tuple[dict[str, str], list[str]]:
    """What torch needs of the links before, each with the variable that it gets, and torch's lines."""
    p, t = case.params, T - 1
    if link.startswith("updated "):
        layer, key = link.split()[1:]
        name = f"{layer}_{key}"
        lines = [f"w, g = torch.tensor({name}[{t}]), torch.tensor(g).reshape({name}[{t}].shape)"]
        velocity = ""
        needed = {f"{layer} gradient of {key}": "g"}
        if T > 1 and p["alpha"] > 0:
            lines += [f"v = torch.tensor(before - {name}[{t - 1}])  # the change that the step before made"]
            velocity = " + alpha * v"
            needed["before"] = "before"
        lines += [f"alpha, lam, eta = {p['alpha']}, {p['lam']}, {p['etas'][t]}"]
        return needed, [*lines, f"want = (w{velocity} - eta * (g + lam * w)).numpy()"]
    _, wanted, line = LINKS[link]
    names = {"s": "dropout output" if p["dropout"] else "activation output",
             "dh": "dropout gradient" if p["dropout"] else "L2 gradient of X"}  # fmt: skip
    needed = {names.get(name, name): name if name in names else VARIABLE[name] for name in wanted}
    lines = [f"{', '.join(needed.values())} = {', '.join(f'torch.tensor({v})' for v in needed.values())}"]
    lines = lines if needed else []
    if "labels" in line:
        lines += [f"labels = torch.tensor(Y[{t}].reshape(-1)).long()"]
    line = line.replace("torch.tensor(x)", f"torch.tensor(X[{t}])").replace("RATE", str(p["r"]))
    line = line.replace("ACTIVATION", p["activation"]).replace("SLOPE", SLOPES[p["activation"]])
    for layer in "12":
        line = line.replace(f"W{layer}", f"torch.tensor(L{layer}_W[{t}])")
        line = line.replace(f"b{layer}", f"torch.tensor(L{layer}_b[{t}])")
    return needed, [*lines, f"want = ({line}).numpy()"]


def _shape(case: Case, quantity: Quantity) -> tuple[Any, ...]:
    N, D, M, K = (case.params[key] for key in "NDMK")
    name = quantity.name.removeprefix("updated ")
    known: dict[str, tuple[Any, ...]] = {
        "L2 output": (N, K), "gradient of logits": (N, K), "loss": (), "L1 gradient of X": (N, D),
        "L1 W": (D, M), "L1 b": (1, M), "L2 W": (M, K), "L2 b": (1, K),
    }  # fmt: skip
    return known.get(name) or known.get(name.replace(" gradient of", "")) or (() if name == "loss" else (N, M))
