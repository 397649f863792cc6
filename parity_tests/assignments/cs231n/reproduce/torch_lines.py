"""The lines of a script that compute with torch what the submission should have returned, and leave it as `want`."""

from __future__ import annotations

from collections.abc import Sequence

from parity_tests.assignments.cs231n.kinds.running import DICTS, MODES, STATISTICS, TIMES
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS
from parity_tests.harness.failing_case import FailingCase
from parity_tests.protocol.kind import Params

LAYERS = {
    "affine": "F.linear(x.flatten(1), w.T, b)",
    "relu": "F.relu(x)",
    "batchnorm": "F.batch_norm(x, None, None, gamma, beta, training=True, eps={eps})",
    "spatial_batchnorm": "F.batch_norm(x, None, None, gamma, beta, training=True, eps={eps})",
    "layernorm": "F.layer_norm(x, x.shape[1:], gamma, beta, eps={eps})",
    "conv": "F.conv2d(x, w, b, stride={stride}, padding={pad})",
    "pool": "F.max_pool2d(x, ({pool_height}, {pool_width}), stride={stride})",
    "groupnorm": "F.group_norm(x, {G}, gamma.flatten(), beta.flatten(), eps={eps})",
}
ONE_ROW = "F.layer_norm(x.T, (1,), eps={eps}).T * gamma + beta"
"""Batch norm of one row, of which batch_norm refuses to take statistics."""
LOSSES = {"softmax_loss": "F.cross_entropy(x, y)", "svm_loss": "F.multi_margin_loss(x, y) * x.shape[1]"}
RULES = {
    "sgd": ["w = w - c['learning_rate'] * g"],
    "sgd_momentum": [
        "c['velocity'] = c['momentum'] * c.get('velocity', 0) - c['learning_rate'] * g",
        "w = w + c['velocity']",
    ],
    "rmsprop": [
        "c['cache'] = c['decay_rate'] * c.get('cache', 0) + (1 - c['decay_rate']) * g**2",
        "w = w - c['learning_rate'] * g / (torch.sqrt(c['cache']) + c['epsilon'])",
    ],
    "adam": [
        "c['t'] += 1",
        "c['m'] = c['beta1'] * c.get('m', 0) + (1 - c['beta1']) * g",
        "c['v'] = c['beta2'] * c.get('v', 0) + (1 - c['beta2']) * g**2",
        "m, v = c['m'] / (1 - c['beta1'] ** c['t']), c['v'] / (1 - c['beta2'] ** c['t'])",
        "w = w - c['learning_rate'] * m / (torch.sqrt(v) + c['epsilon'])",
    ],
}
START = "import torch.nn.functional as F"


def want(failing: FailingCase) -> list[str]:
    """The lines that leave `want`, an array."""
    makers = {"layer": _layer, "running": _running, "loss": _loss, "dropout": _dropout, "steps": _steps}
    return [START, *makers.get(failing.case.probe, _network)(failing)]


def _layer(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    names, k = params["arrays"], key.call
    setting = {"eps": 1e-5, **(params["setting"] or {}), "G": (params["extra"] or [0])[0]}
    arrays = ", ".join(f"{name}_{k}" for name in names)
    left = f"{names[0]}," if len(names) == 1 else ", ".join(names)
    lines = [f"{left} = (torch.tensor(array, requires_grad=True) for array in ({arrays},))"]
    one_row = params["layer"] == "batchnorm" and params["shapes"][k]["x"][0] == 1
    lines += [f"out = {(ONE_ROW if one_row else LAYERS[params['layer']]).format(**setting)}"]
    if key.name == "out":
        return [*lines, "want = out.detach().numpy()"]
    name = key.name.removeprefix("alt ").removeprefix("d")
    return [*lines, f"out.backward(torch.tensor(dout_{k}))", f"want = {name}.grad.numpy()"]


def _running(failing: FailingCase) -> list[str]:
    key, params = failing.quantity.key, failing.case.params
    own = DICTS[key.call]
    given = params["dicts"][key.call]
    momentum, eps = given["own"].get("momentum", 0.9), given["own"].get("eps", 1e-5)
    start = [f"torch.tensor({name}_of_{own})" if given["starts"] else "0" for name in STATISTICS]
    lines = [f"running_mean, running_var = {start[0]}, {start[1]}"]
    for k in range(key.call + 1):
        if DICTS[k] != own:
            continue
        if MODES[k] == "train":
            axes = (0, *range(2, failing.arrays[f"x_{k}"].ndim))
            moved = [
                f"running_mean = {momentum} * running_mean + (1 - {momentum}) * x.mean({axes})",
                f"running_var = {momentum} * running_var + (1 - {momentum}) * x.var({axes}, unbiased=False)",
            ]
            lines += [f"x = torch.tensor(x_{k})", *_often(TIMES[k], moved)]
    if key.name in STATISTICS:
        return [*lines, f"want = {key.name}.numpy()"]
    k = key.call
    used, training = ("None, None", True) if MODES[k] == "train" else ("running_mean, running_var", False)
    arrays = f"torch.tensor(gamma_{k}), torch.tensor(beta_{k})"
    call = f"F.batch_norm(torch.tensor(x_{k}), {used}, {arrays}, training={training}, eps={eps})"
    return [*lines, f"want = {call}.numpy()"]


def _often(times: int, lines: Sequence[str]) -> list[str]:
    """The lines, in a loop where they are run more than once."""
    return [f"for _ in range({times}):", *(f"    {line}" for line in lines)] if times > 1 else list(lines)


def _loss(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    lines = [f"x, y = torch.tensor(x_{key.call}, requires_grad=True), torch.tensor(y_{key.call})"]
    lines += [f"loss = {LOSSES[params['function']]}"]
    if key.name == "loss":
        return [*lines, "want = loss.detach().numpy()"]
    return [*lines, "loss.backward()", "want = x.grad.numpy()"]


def _dropout(failing: FailingCase) -> list[str]:
    key, p = failing.quantity.key, failing.case.params["p"]
    test = failing.case.params["calls"][key.call]["mode"] == "test"
    return [f"want = x if {test} else x * (out_{key.call} != 0) / {p}"]


def _steps(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    i = key.name.removeprefix("w_")
    config = {**DEFAULTS[params["rule"]], **(params["config"] or {})}
    states = "".join(f", {name!r}: torch.tensor({name}_{i})" for name in params["states"])
    lines = [f"w, c = torch.tensor(w_{i}), {{**{config!r}{states}}}"]
    lines += [f"for t, change in enumerate({params['changes'][: key.call + 1]!r}):"]
    lines += ["    c.update(change)", f"    g = torch.tensor(dw_{i}[t])", f"    for _ in range({params['times']}[t]):"]
    return [*lines, *(f"        {line}" for line in RULES[params["rule"]]), "want = w.numpy()"]


def _network(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    names = params["parameters"]
    given = ", ".join(f"{name!r}: {name}" for name in names)
    lines = [f"p = {{name: torch.tensor(array, requires_grad=True) for name, array in {{{given}}}.items()}}"]
    running = key.name == "scores" and params["settings"].get("normalization") == "batchnorm"
    depth = sum(name[0] == "W" for name in names)
    if running:
        lines += [f"statistics = [(0, 0)] * {depth}"]
    for k in range(key.call + 1):
        if k == key.call or (running and params["labelled"][k]):
            lines += _scores(params, k, depth, running)
    if key.name == "scores":
        return [*lines, "want = h.detach().numpy()"]
    weights = ", ".join(f"p[{name!r}]" for name in names if name[0] == "W")
    lines += [f"loss = F.cross_entropy(h, torch.tensor(y_{key.call}))"]
    if params["reg"]:
        lines += [f"loss = loss + 0.5 * {params['reg']} * sum((W**2).sum() for W in ({weights}))"]
    if key.name == "loss":
        return [*lines, "want = loss.detach().numpy()"]
    return [*lines, "loss.backward()", f"want = p[{key.name[1:]!r}].grad.numpy()"]


def _scores(params: Params, k: int, depth: int, running: bool) -> list[str]:
    """The lines that leave the scores of call k as h, and move the running statistics on in training."""
    if params["class"] == "ThreeLayerConvNet":
        pad = (params["settings"]["filter_size"] - 1) // 2
        return [
            f"h = F.relu(F.conv2d(torch.tensor(X_{k}), p['W1'], p['b1'], padding={pad}))",
            "h = F.relu(F.linear(F.max_pool2d(h, 2).flatten(1), p['W2'].T, p['b2']))",
            "h = F.linear(h, p['W3'].T, p['b3'])",
        ]
    norm = params["settings"].get("normalization")
    lines = [f"h = torch.tensor(X_{k}).flatten(1)"]
    for i in range(1, depth + 1):
        lines += [f"h = F.linear(h, p['W{i}'].T, p['b{i}'])"]
        if i == depth:
            break
        if norm == "layernorm":
            lines += [f"h = F.layer_norm(h, h.shape[1:], p['gamma{i}'], p['beta{i}'])"]
        elif norm and params["labelled"][k]:
            if running:
                lines += [
                    f"mean, var = statistics[{i - 1}]",
                    f"statistics[{i - 1}] = 0.9 * mean + 0.1 * h.mean(0), 0.9 * var + 0.1 * h.var(0, unbiased=False)",
                ]
            lines += [f"h = F.batch_norm(h, None, None, p['gamma{i}'], p['beta{i}'], training=True)"]
        elif norm:
            lines += [f"h = F.batch_norm(h, *statistics[{i - 1}], p['gamma{i}'], p['beta{i}'])"]
        lines += ["h = F.relu(h)"]
    return lines
