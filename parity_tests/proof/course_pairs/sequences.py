"""What runs over steps: recurrent cells, optimizers, and networks of many layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from parity_tests.proof.course_pairs.course_pair import Array, CoursePair, Results, normal


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def lstm(slip: int, /, x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> Results:
    """Twenty steps; gates in torch's order: input, forget, cell, output."""
    found = []
    for step in x:
        z = step @ w + h @ u + (0 if slip == 1 else b)
        i, f, g, o = np.split(z, 4, axis=1)
        if slip == 2:
            i, f = f, i
        g = _sigmoid(g) if slip == 3 else np.tanh(g)
        c = _sigmoid(f) * c + _sigmoid(i) * g
        h = _sigmoid(o) * (c if slip == 4 else np.tanh(c))
        found.append(h)
    outputs = np.stack(found[::-1] if slip == 5 else found)
    return {"output": outputs, "c": c}


def _lstm() -> Any:
    import torch

    def reference(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> dict[str, Any]:
        outputs, _, last = torch.lstm(
            x, (h[None], c[None]), [w.T, u.T, b, torch.zeros_like(b)], True, 1, 0.0, False, False, False
        )
        return {"output": outputs, "c": last[0]}

    return reference


def gru(slip: int, /, x: Array, h: Array, w: Array, u: Array, b: Array, d: Array) -> Results:
    """Ten steps; gates in torch's order: reset, update, new."""
    found = []
    M = h.shape[1]
    for step in x:
        a, e = step @ w + b, h @ u + (0 if slip == 1 else d)
        r, z = _sigmoid(a[:, :M] + e[:, :M]), _sigmoid(a[:, M : 2 * M] + e[:, M : 2 * M])
        if slip == 2:
            r, z = z, r
        inner = e[:, 2 * M :] if slip == 3 else r * e[:, 2 * M :]
        n = _sigmoid(a[:, 2 * M :] + inner) if slip == 4 else np.tanh(a[:, 2 * M :] + inner)
        h = z * n + (1 - z) * h if slip == 5 else (1 - z) * n + z * h
        found.append(h)
    return {"output": np.stack(found)}


def _gru() -> Any:
    import torch

    def reference(x: Any, h: Any, w: Any, u: Any, b: Any, d: Any) -> dict[str, Any]:
        outputs, _ = torch.gru(x, h[None], [w.T, u.T, b, d], True, 1, 0.0, False, False, False)
        return {"output": outputs}

    return reference


STEPS = 12


def _steps(update: Any, w: Array, g: Array) -> Results:
    """The weights after each step of `update(w, g, t)`; η drops tenfold half-way."""
    found = {}
    for t in range(STEPS):
        w = update(w, g[t], t, 0.1 if t < STEPS // 2 else 0.01)
        found[f"w after {t + 1}"] = w.copy()
    return found


def _optimizer(make: Any) -> Any:
    """torch's own optimizer over the same steps."""

    def reference(w: Any, g: Any) -> dict[str, Any]:
        w = w.clone().requires_grad_()
        optimizer = make([w])
        found = {}
        for t in range(STEPS):
            optimizer.param_groups[0]["lr"] = 0.1 if t < STEPS // 2 else 0.01
            w.grad = g[t].clone()
            optimizer.step()
            found[f"w after {t + 1}"] = w.detach().clone()
        return found

    return reference


def sgd(slip: int, /, w: Array, g: Array) -> Results:
    """With a weight decay of 0.01."""

    def update(w: Array, g: Array, t: int, eta: float) -> Array:
        decay = {1: 0.0, 2: 0.02}.get(slip, 0.01)
        step = eta * (g + (0.01 * np.sign(w) if slip == 3 else decay * w))
        return w + step if slip == 4 else w - (step * 0.1 if slip == 5 and t == 3 else step)

    return _steps(update, w, g)


def momentum(slip: int, /, w: Array, g: Array) -> Results:
    """torch's form: η outside the velocity."""
    v = np.zeros_like(w)

    def update(w: Array, g: Array, t: int, eta: float) -> Array:
        nonlocal v
        if slip == 1:  # the classical form: equal until η changes
            v = 0.9 * v - eta * g
            return w + v
        mu = 0.8 if slip == 2 else 0.9
        v = g if slip == 3 else mu * v + (0.1 * g if slip == 4 else g)
        return w - eta * (g + mu * v if slip == 5 else v)

    return _steps(update, w, g)


def rmsprop(slip: int, /, w: Array, g: Array) -> Results:
    cache = np.zeros_like(w)

    def update(w: Array, g: Array, t: int, eta: float) -> Array:
        nonlocal cache
        decay = 0.9 if slip == 1 else 0.99
        cache = cache + g * g if slip == 2 else decay * cache + (1 - decay) * (np.abs(g) if slip == 3 else g * g)
        below = np.sqrt(cache + 1e-3) if slip == 4 else np.sqrt(cache) + 1e-3
        return w - eta * g / (cache + 1e-3 if slip == 5 else below)

    return _steps(update, w, g)


def adam(slip: int, /, w: Array, g: Array, decay: float = 0.0) -> Results:
    m, v = np.zeros_like(w), np.zeros_like(w)

    def update(w: Array, g: Array, t: int, eta: float) -> Array:
        nonlocal m, v
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * (g if slip == 1 else g * g)
        count = {2: t + 2, 3: 1}.get(slip, t + 1)
        m_hat = m if slip == 4 else m / (1 - 0.9**count)
        v_hat = v if slip == 4 else np.abs(v) / (1 - 0.999**count)
        step = eta * m_hat / (np.sqrt(v_hat) + (1e-2 if slip == 5 else 1e-8))
        return (w if decay == 0 else w * (1 - eta * decay)) - step

    return _steps(update, w, g)


def adamw(slip: int, /, w: Array, g: Array) -> Results:
    """With a decay of 0.1 beside the step."""
    if slip == 1:
        return adam(0, w, g)
    if slip == 2:
        return adam(0, w, g, decay=0.2)
    return adam({3: 2, 4: 4, 5: 5}.get(slip, 0), w, g, decay=0.1)


def mlp(slip: int, /, x: Array, grad: Array, **weights: Array) -> Results:
    """Layers of relu, the last one linear; the gradient of the first weights and of x."""
    names = sorted(weights, key=lambda name: int(name[1:]))
    kept, h = [], x
    for number, name in enumerate(names):
        kept.append(h)
        h = h @ weights[name]
        if number < len(names) - 1:
            h = np.maximum(h, 0.01 * h) if slip == 1 and number == 0 else np.maximum(h, 0)
    results, back = {"output": h * x.dtype.type(1.001) if slip == 2 else h}, grad
    for number in range(len(names) - 1, -1, -1):
        if number == 0:
            results[names[0]] = kept[0].T @ back / (len(x) if slip == 3 else 1)
        back = back @ weights[names[number]].T
        if number:
            back = back * (kept[number] > 0) if not (slip == 4 and number == 1) else back
    results["x"] = back[::-1] if slip == 5 else back
    return results


def _mlp(layers: int) -> Any:
    import torch

    from reference.flow import gradients

    def forward(x: Any, **weights: Any) -> Any:
        for number in range(layers):
            x = x @ weights[f"w{number}"]
            x = torch.relu(x) if number < layers - 1 else x
        return x

    return gradients(forward, of=("w0", "x"), given="grad")


def _deep(layers: int) -> Any:
    def draw(rng: np.random.Generator) -> dict[str, Array]:
        weights = {f"w{n}": rng.standard_normal((16, 16)) * np.sqrt(2 / 16) for n in range(layers)}
        return {"x": rng.standard_normal((6, 16)), "grad": rng.standard_normal((6, 16)), **weights}

    return draw


def _torch_optimizer(name: str, **options: Any) -> Any:
    import torch

    return _optimizer(lambda weights: getattr(torch.optim, name)(weights, lr=0.1, **options))


WEIGHTS = normal(w=(3, 4), g=(STEPS, 3, 4))
CELL_SLIPS = ("the bias of the state left out", "two gates exchanged")
ADAM_SLIPS = ("the gradient not squared", "t counted from 2", "t never counted", "no bias correction", "another ε")
MLP_SLIPS = ("a leaky first layer", "the output off by a thousandth", "the gradient of the first weights averaged",
             "one relu left out of the backward", "the gradient's rows in reverse")  # fmt: skip
SEQUENCES = (
    CoursePair("LSTM", lstm, _lstm,
               normal(x=(20, 3, 4), h=(3, 5), c=(3, 5), w=(4, 20), u=(5, 20), b=(20,)),
               ("the bias left out", "input and forget exchanged", "a sigmoid for the cell's tanh",
                "the cell's tanh left out", "steps in reverse")),
    CoursePair("GRU", gru, _gru, normal(x=(10, 3, 4), h=(3, 5), w=(4, 15), u=(5, 15), b=(15,), d=(15,)),
               (*CELL_SLIPS, "the reset left out", "a sigmoid for the tanh", "old and new exchanged")),
    CoursePair("SGD", sgd, lambda: _torch_optimizer("SGD", weight_decay=0.01), WEIGHTS,
               ("no decay", "twice the decay", "the sign decayed", "upwards", "one step a tenth")),
    CoursePair("momentum", momentum, lambda: _torch_optimizer("SGD", momentum=0.9), WEIGHTS,
               ("η inside the velocity", "another α", "no velocity", "damped", "Nesterov")),
    CoursePair("RMSprop", rmsprop, lambda: _torch_optimizer("RMSprop", alpha=0.99, eps=1e-3), WEIGHTS,
               ("another decay", "summed for ever", "absolute values", "ε inside the root", "the root left out")),
    CoursePair("Adam", adam, lambda: _torch_optimizer("Adam"), WEIGHTS, ADAM_SLIPS),
    CoursePair("AdamW", adamw, lambda: _torch_optimizer("AdamW", weight_decay=0.1), WEIGHTS,
               ("no decay", "twice the decay", *ADAM_SLIPS[1:2], *ADAM_SLIPS[3:])),
    CoursePair("MLP of 5 layers", mlp, lambda: _mlp(5), _deep(5), MLP_SLIPS),
    CoursePair("MLP of 50 layers", mlp, lambda: _mlp(50), _deep(50), MLP_SLIPS),
)  # fmt: skip
