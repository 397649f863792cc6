"""The smallest scripts: which lines ask each kind of case, torch's lines for the same, and what is asked smaller.

What is alike in the scripts of all assignments, their maker does (`harness/script_maker.py`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.editions import NUMPY_1
from parity_tests.assignments.cs231n.inside.families import MIDDLE, OLDEST
from parity_tests.assignments.cs231n.kinds.networks import shapes_of
from parity_tests.assignments.cs231n.kinds.running import DICTS, MODES, STATISTICS, TIMES
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS
from parity_tests.assignments.cs231n.mistakes import WRONG
from parity_tests.assignments.cs231n.names import GIVEN, PACKAGE
from parity_tests.harness.draft import Draft, Results, Unfit, equal, near
from parity_tests.harness.failing_case import Arrays, FailingCase, differentiated, fewer_calls, looped, passed
from parity_tests.harness.script_maker import Judged, Scripts, Shown
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Params
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.quantity import Key
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.records import Record
from reports.model.verdicts import Verdict

DRAWN = "its numbers are drawn by the submission, so that no line of torch's can draw the same; the run's own case does"
OWN_LAYERS = "with its own layers in place of right ones it does not fail in the same way; the run's own case shows it"
DEVIATIONS = 6
"""A share or a scale that is off by more of its standard deviations is not by chance."""
SIX = "six standard deviations"
Smaller = Iterator[tuple[Params, Arrays]]

# ---- layers


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


def _layer(failing: FailingCase) -> Iterator[Draft]:
    params, key = failing.case.params, failing.key
    k, names, running = key.call, params["arrays"], failing.case.probe == "running"
    ask = _calls(params, key)
    if running:
        yield failing.draft(ask, _running(params, key))
        return
    setting = {"eps": 1e-5, **(params["setting"] or {}), "G": (params["extra"] or [0])[0]}
    one_row = params["layer"] == "batchnorm" and params["shapes"][k]["x"][0] == 1
    expression = (ONE_ROW if one_row else LAYERS[params["layer"]]).format(**setting)
    gradient = "" if key.name == "out" else key.name.removeprefix("alt ").removeprefix("d")
    yield failing.draft(ask, differentiated(expression, {name: f"{name}_{k}" for name in names}, gradient, f"dout_{k}"))


def _calls(params: Params, key: Key) -> list[str]:
    """The calls of a case in their order, and the result that is asked for as it is after them."""
    lines = ["from cs231n import layers"]
    dicts: set[int] = set()
    number = int(key.name.startswith("alt "))
    for method, k in params["calls"]:
        if method == "forward":
            arguments = [passed(f"{name}_{k}", params["memory"][k]) for name in params["arrays"]]
            arguments += [str(n) for n in params["extra"]]
            if params["setting"] is not None:
                arguments.append(_dict_of(params, k, dicts, lines))
            call = f"out_{k}, cache_{k} = layers.{params['forward']}({', '.join(arguments)})"
            lines += looped(params["times"][k] if "times" in params else 1, [call])
            if k == key.call and key.name in STATISTICS:
                return [*lines, f"actual = np.array(param_{params['dicts'][k]['of']}[{key.name!r}])"]
        elif number < len(params["backward"]):
            left = [f"d{name}_{k}" for name in params["arrays"]]
            arguments = [passed(f"dout_{k}", params["memory"][k]), f"cache_{k}"]
            lines += [f"{', '.join(left)} = layers.{params['backward'][number]}({', '.join(arguments)})"]
    return [*lines, f"actual = {key.name.removeprefix('alt ')}_{key.call}"]


def _dict_of(params: Params, k: int, dicts: set[int], lines: list[str]) -> str:
    """The dict that goes with input k; `lines` make it where it is new."""
    given = params["dicts"][k]
    name = f"param_{given['of']}"
    if given["of"] not in dicts:
        dicts.add(given["of"])
        starts = "".join(f", {start!r}: {start}_of_{given['of']}.copy()" for start in given["starts"])
        settings = ", ".join(f"{key!r}: {value!r}" for key, value in {**params["setting"], **given["own"]}.items())
        lines.append(f"{name} = {{{f'{settings}{starts}'.lstrip(', ')}}}")
    if params["modes"][k]:
        lines.append(f"{name}.update({params['modes'][k]!r})")
    return name


def _running(params: Params, key: Key) -> list[str]:
    """torch's batch norm at a call, and the statistics of its dict after it, of all calls with that dict."""
    own, given = DICTS[key.call], params["dicts"][key.call]
    momentum, eps = given["own"].get("momentum", 0.9), given["own"].get("eps", 1e-5)
    start = [f"torch.tensor({name}_of_{own})" if given["starts"] else "0" for name in STATISTICS]
    lines = [f"running_mean, running_var = {start[0]}, {start[1]}"]
    for k in range(key.call + 1):
        if DICTS[k] == own and MODES[k] == "train":
            axes = (0, *range(2, len(params["shapes"][k]["x"])))
            moved = [
                f"running_mean = {momentum} * running_mean + (1 - {momentum}) * x.mean({axes})",
                f"running_var = {momentum} * running_var + (1 - {momentum}) * x.var({axes}, unbiased=False)",
            ]
            lines += [f"x = torch.tensor(x_{k})", *looped(TIMES[k], moved)]
    if key.name in STATISTICS:
        return [*lines, f"expected = {key.name}.numpy()"]
    k = key.call
    used, training = ("None, None", True) if MODES[k] == "train" else ("running_mean, running_var", False)
    arrays = f"torch.tensor(gamma_{k}), torch.tensor(beta_{k})"
    call = f"F.batch_norm(torch.tensor(x_{k}), {used}, {arrays}, training={training}, eps={eps})"
    return [*lines, f"expected = {call}.numpy()"]


def _small_layers(params: Params, drawn: Arrays, key: Key) -> Smaller:
    """The input of a call alone, of a few elements and then as it was drawn; then with the other calls."""
    k, calls = key.call, params["calls"]
    alone = [call for call in calls if call[1] == k]
    plain = {name: value for name, value in params.items() if name not in ("images", "rows_of")}
    for kept in fewer_calls(calls, [call for call in alone if call[0] == "forward"], alone):
        fewer = {**params, "calls": kept, "derivative": 0.0}
        for shapes in _small_shapes(params, params["shapes"][k]) if kept != calls else ():
            yield {**plain, **fewer, "shapes": [*params["shapes"][:k], shapes, *params["shapes"][k + 1 :]]}, {}
        yield fewer, {}


def _small_shapes(params: Params, shapes: Mapping[str, Sequence[int]]) -> Iterator[dict[str, list[int]]]:
    """Shapes of a few elements that the layer's setting allows."""
    layer, setting = params["layer"], params["setting"] or {}
    x = list(shapes["x"])
    if layer == "affine":
        for N, M, image in ((1, 1, [1]), (2, 1, [2]), (2, 3, [2]), (2, 3, [1, 2])):
            yield {"x": [N, *image], "w": [int(np.prod(image)), M], "b": [M]}
    elif layer == "relu":
        yield from ({"x": [n] * len(x)} for n in (1, 2))
    elif layer == "groupnorm":
        G = params["extra"][0]
        for N, per, places in ((1, 1, [1, 2]), (1, 2, [1, 2]), (2, 2, [2, 2])):
            yield {"x": [N, per * G, *places], "gamma": [1, per * G, 1, 1], "beta": [1, per * G, 1, 1]}
    elif layer in ("conv", "pool"):
        window = shapes["w"][2:] if layer == "conv" else [setting["pool_height"], setting["pool_width"]]
        pad, stride = setting.get("pad", 0), setting["stride"]
        least = [max(n - 2 * pad, 1) for n in window]
        for image in (least, [n + stride for n in least], [least[0] + stride, least[1] + 2 * stride], x[2:]):
            for n in (1, 2):
                found = {"x": [n, n, *image]}
                yield found | ({"w": [n, n, *window], "b": [n]} if layer == "conv" else {})
    else:
        for N, D in ((2, 1), (2, 2), (3, 2)):
            for places in ([],) if len(x) == 2 else ([1, 1], [1, 2], [2, 2]):
                yield {"x": [N, D, *places], "gamma": [D], "beta": [D]}


# ---- losses and dropout

LOSSES = {
    "softmax_loss": "F.cross_entropy(x, torch.tensor(y_{k}))",
    "svm_loss": "F.multi_margin_loss(x, torch.tensor(y_{k})) * x.shape[1]",
}


def _loss(failing: FailingCase) -> Iterator[Draft]:
    k, name, function = failing.key.call, failing.key.name, failing.case.params["function"]
    ask = ["from cs231n import layers"]
    ask += [f"loss, dx = layers.{function}(x_{i}.copy(), y_{i}.copy())" for i in range(k + 1)]
    yield failing.draft(
        [*ask, f"actual = {name}"],
        differentiated(LOSSES[function].format(k=k), {"x": f"x_{k}"}, "x" if name == "dx" else ""),
    )


def _small_losses(params: Params, drawn: Arrays, key: Key) -> Smaller:
    """One input of a few scores; what fails with a later input alone is shown as it is."""
    for N, C in () if key.call else ((1, 2), (2, 2), (2, 3)):
        yield {**params, "inputs": 1, "shapes": [[N, C]], "memory": [""]}, {}


def _dropout(failing: FailingCase) -> Iterator[Draft]:
    params, k, name = failing.case.params, failing.key.call, failing.quantity.name
    p, x = params["p"], failing.arrays["x"]
    given = [f"x = dout = np.ones({x.shape}, np.{x.dtype})"] if np.all(x == 1) else []
    ask = ["from cs231n import layers"]
    for i, setting in enumerate(params["calls"][: k + 1]):
        ask.append(f"out_{i}, cache_{i} = layers.dropout_forward(x.copy(), {setting!r})")
    bare = replace(failing, arrays={} if given else failing.arrays)
    if name == "share kept":
        allowance = DEVIATIONS * float(np.sqrt(p * (1 - p) / x.size))
        yield bare.draft([*ask, f"actual = np.mean(out_{k} != 0)"], [], given=given, end=near(repr(p), allowance, SIX))
    elif name.startswith("mask"):
        before = k - 1 if name == "mask without a seed" else 0
        ask += [f"actual = bool(np.array_equal(out_{before} != 0, out_{k} != 0))"]
        yield bare.draft(ask, [], given=given, end=equal(str(name == "mask of the same seed")))
    else:
        back = failing.key.name == "dx"
        ask += [f"actual = layers.dropout_backward(dout.copy(), cache_{k})" if back else f"actual = out_{k}"]
        array = "dout" if back else "x"
        plain = params["calls"][k]["mode"] == "test" or failing.comparison.arrays is None
        kept = "  # nothing is dropped" if plain else f" * (out_{k} != 0) / {p}"
        yield bare.draft(ask, [f"expected = {array}{kept}"], *([] if plain else [f"out_{k}"]), given=given)


# ---- update rules

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


def _steps(failing: FailingCase) -> Iterator[Draft]:
    params, key = failing.case.params, failing.key
    own = key.name.removeprefix("w_")
    changes = params["changes"][: key.call + 1]
    loop = [f"for t, change in enumerate({changes!r}):"]
    ask, steps = ["from cs231n import optim"], []
    for i in range(params["weights"]):
        states = "".join(f", {name!r}: {name}_{i}.copy()" for name in params["states"])
        config = None if params["config"] is None else f"{{**{params['config']!r}{states}}}"
        ask += [f"w{i}, config{i} = w_{i}.copy(), {config}"]
        steps += [f"    config{i}.update(change)"] if config else []
        call = f"w{i}, config{i} = optim.{params['rule']}(w{i}, dw_{i}[t].copy(), config{i})"
        steps += [f"    for _ in range({params['times']}[t]): {call}"]
    settings = {**DEFAULTS[params["rule"]], **(params["config"] or {})}
    states = "".join(f", {name!r}: torch.tensor({name}_{own})" for name in params["states"])
    expected = [f"w, c = torch.tensor(w_{own}), {{**{settings!r}{states}}}", *loop, "    c.update(change)"]
    expected += [f"    g = torch.tensor(dw_{own}[t])", f"    for _ in range({params['times']}[t]):"]
    expected += [*(f"        {line}" for line in RULES[params["rule"]]), "expected = w.numpy()"]
    yield failing.draft([*ask, *loop, *steps, f"actual = w{own}"], expected)


# ---- networks


def _network(failing: FailingCase) -> Iterator[Draft]:
    params, name, key = failing.case.params, failing.quantity.name, failing.key
    module = str(params["module"])
    settings = ", ".join(f"{name}={value}" for name, value in _settings(params, failing.edition).items())
    ask = [f"from {module.rpartition('.')[0]} import {module.rpartition('.')[2]} as network"]
    ask += [f"model = network.{params['class']}({settings})"]
    if name.startswith("parameters"):
        shapes = {name: list(shape) for name, shape in params["parameters"].items()}
        ask += ["actual = {name: list(np.shape(w)) for name, w in model.params.items()}"]
        yield failing.draft(ask, [], end=equal(repr(shapes)))
        return
    if name.startswith("weight scale"):
        weights = {name: shape for name, shape in params["parameters"].items() if name[0] == "W"}
        n, scale = sum(int(np.prod(shape)) for shape in weights.values()), params["settings"]["weight_scale"]
        ask += [f"actual = np.std(np.concatenate([np.ravel(model.params[W]) for W in {list(weights)!r}]))"]
        yield failing.draft(ask, [], end=near(repr(scale), DEVIATIONS * scale / float(np.sqrt(2 * n)), SIX))
        return
    ask += [f"model.params.update({', '.join(f'{name}={name}.copy()' for name in params['parameters'])})"]
    ask += [f"model.reg = {params['reg']}"] if params["reg_set"] else []
    for k in range(key.call + 1):
        with_labels = f"loss, grads = model.loss(X_{k}.copy(), y_{k}.copy())"
        ask.append(with_labels if params["labelled"][k] else f"scores = model.loss(X_{k}.copy())")
    ask += [f"actual = {key.name if key.name in ('loss', 'scores') else f'grads[{key.name[1:]!r}]'}"]
    draft = failing.draft(ask, _of_network(params, key))
    arrays = failing.comparison.arrays

    def judged(results: Results) -> Sequence[str]:
        """The case had right layers in place of its own, with which it must give the same here."""
        if arrays is not None:
            seen, radius = arrays[0], arrays[2]
            if not bool(np.all(np.abs(np.reshape(results["actual"], np.shape(seen)) - seen) <= radius)):
                raise Unfit("its own layers are wrong as well")
        return list(draft.judge) if not callable(draft.judge) else []

    yield replace(draft, judge=judged)


def _settings(params: Params, edition: str) -> Mapping[str, Any]:
    """What the network is made with, as a family calls it, in Python."""
    found = {}
    for name, value in params["settings"].items():
        if name == "normalization" and edition == OLDEST:
            found["use_batchnorm"] = "True"
        elif name == "keep":
            found["dropout" if edition in (OLDEST, MIDDLE) else "dropout_keep_ratio"] = repr(value)
        else:
            found[name] = repr(tuple(value) if name == "input_dim" and isinstance(value, list) else value)
    return found if params["class"] == "TwoLayerNet" else {**found, "dtype": f"np.{params['dtype']}"}


def _of_network(params: Params, key: Key) -> list[str]:
    """torch's scores, loss or gradient in a call."""
    names = params["parameters"]
    given = ", ".join(f"{name!r}: {name}" for name in names)
    graded = "" if key.name == "scores" else ", requires_grad=True"
    lines = [f"p = {{name: torch.tensor(array{graded}) for name, array in {{{given}}}.items()}}"]
    running = key.name == "scores" and params["settings"].get("normalization") == "batchnorm"
    trained = [f"X_{k}" for k in range(key.call) if running and params["labelled"][k]]
    if trained:
        steps = _scores(params, "x", training=True, running=True)
        lines += ["statistics = {}", f"for x in ({', '.join(trained)},):", *(f"    {line}" for line in steps)]
    lines += _scores(params, f"X_{key.call}", training=params["labelled"][key.call], running=running)
    if key.name == "scores":
        return [*lines, "expected = h.numpy()"]
    lines += [f"loss = F.cross_entropy(h, torch.tensor(y_{key.call}))"]
    penalty = "sum((w**2).sum() for name, w in p.items() if name[0] == 'W')"
    lines += [f"loss = loss + 0.5 * {params['reg']} * {penalty}"] if params["reg"] else []
    if key.name == "loss":
        return [*lines, "expected = loss.detach().numpy()"]
    return [*lines, "loss.backward()", f"expected = p[{key.name[1:]!r}].grad.numpy()"]


def _scores(params: Params, X: str, *, training: bool, running: bool) -> list[str]:
    """The lines that leave the scores of X as h, and move the running statistics on in training."""
    if params["class"] == "ThreeLayerConvNet":
        pad = (params["settings"]["filter_size"] - 1) // 2
        return [
            f"h = F.relu(F.conv2d(torch.tensor({X}), p['W1'], p['b1'], padding={pad}))",
            "h = F.relu(F.linear(F.max_pool2d(h, 2).flatten(1), p['W2'].T, p['b2']))",
            "h = F.linear(h, p['W3'].T, p['b3'])",
        ]
    norm = params["settings"].get("normalization")
    depth, own = sum(name[0] == "W" for name in params["parameters"]), "p[f'gamma{i}'], p[f'beta{i}']"
    lines = []
    if norm == "layernorm":
        lines = [f"h = F.layer_norm(h, h.shape[1:], {own})"]
    elif norm and training:
        if running:
            lines += ["mean, var = statistics.get(i, (0, 0))"]
            lines += ["statistics[i] = 0.9 * mean + 0.1 * h.mean(0), 0.9 * var + 0.1 * h.var(0, unbiased=False)"]
        lines += [f"h = F.batch_norm(h, None, None, {own}, training=True)"]
    elif norm:
        lines = [f"h = F.batch_norm(h, *statistics[i], {own})"]
    lines = ["h = F.linear(h, p[f'W{i}'].T, p[f'b{i}'])", *lines, "h = F.relu(h)"]
    lines = [f"for i in range(1, {depth}):", *(f"    {line}" for line in lines)]
    return [f"h = torch.tensor({X}).flatten(1)", *lines, f"h = F.linear(h, p['W{depth}'].T, p['b{depth}'])"]


def _small_network(params: Params, drawn: Arrays, key: Key) -> Smaller:
    """A network of two units a layer and two classes, on three examples a call."""
    settings = {**params["settings"], "num_classes": 2}
    if params["class"] == "ThreeLayerConvNet":
        image = [1, 2, 4 if params["beyond"] else 2]
        settings |= {"input_dim": image, "num_filters": 1, "hidden_dim": 2}
    else:
        image = [1, 1, 2] if len(params["image"]) > 1 else [2]
        many = "hidden_dims" in settings
        settings |= {"hidden_dims": [2] * len(settings["hidden_dims"])} if many else {"hidden_dim": 2}
        settings["input_dim"] = 2
    small = {"settings": settings, "image": image, "parameters": shapes_of(params["class"], settings)}
    yield {**params, **small, "numbers": [3] * len(params["labelled"])}, {}


# ---- what all have in common


def _names(record: Record, case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> frozenset[str]:
    """The record's names that a case shows, of the mistakes that are written down."""
    quantity = next(q for q in case.quantities if q.name == record.quantity)
    names = record.diagnosis.split("; ")
    told = [w for w in WRONG if w.part == record.part and w.kind == case.probe and w.name in names]
    return frozenset(w.name for w in told if w.reproduces([case], quantity, {case.name: seen}, lambda _: arrays))


def _why_none(record: Record, case: Case) -> str:
    drawn = record.quantity in ("independence", "dropout") or "keep" in case.params.get("settings", {})
    return DRAWN if drawn and record.verdict != Verdict.TIMEOUT else ""


def _start(draft: Draft, setting: ScriptSetting) -> tuple[list[str], list[str], list[str]]:
    """Lines after which the submission's modules can be imported."""
    inert = [name for name in setting.fixtures if name not in GIVEN]
    lacks = any(name in GIVEN for name in setting.fixtures)
    lent = [repr(f"{ASSIGNMENT.solution}/{PACKAGE}")] if lacks and not setting.handed_on else []
    places = ", ".join([f'os.path.join(folder, "{PACKAGE}")', "folder", *lent])
    lines = [f"folder = sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}"]
    lines += [f'package = sys.modules["{PACKAGE}"] = types.ModuleType("{PACKAGE}")']
    lines += [f"package.__path__ = [{places}]{'  # the last has what it lacks' if lent else ''}"]
    if lacks and setting.handed_on:
        lines += [f"# It lacks files: put those that you were given into {PACKAGE}/."]
    once = ", ".join(f'"{name}": {now}' for name, now in NUMPY_1.items())
    lines += textwrap.wrap(f"once = {{{once}}}", 110, subsequent_indent=" " * 8)
    lines += ["for name, now in once.items():", "    vars(np).setdefault(name, now)  # as numpy 1 had them"]
    if inert:
        lines += [f"for name in {list(inert)!r}:  # which it imports, and needs for nothing here"]
        lines += ["    sys.modules[name] = unittest.mock.MagicMock(range=range, xrange=range)"]
    for name, within in (("past", "past.builtins"), ("matplotlib", "matplotlib.pyplot")):
        lines += [f'sys.modules["{within}"] = sys.modules["{name}"]'] if name in inert else []
    return ["os", "types", *(["unittest.mock"] if inert else [])], lines, []


SCRIPTS = Scripts(
    kinds={
        "layer": Shown(_layer, _small_layers),
        "running": Shown(_layer, lambda p, drawn, key: [({**p, "calls": p["calls"][: key.call + 1]}, {})]),
        "loss": Shown(_loss, _small_losses),
        "dropout": Shown(_dropout, lambda p, drawn, key: [(p, {name: np.ones_like(x) for name, x in drawn.items()})]),
        "steps": Shown(_steps, lambda p, drawn, key: [({**p, "shapes": [[1]] * p["weights"]}, {})]),
        "network": Shown(_network, _small_network),
    },
    start=_start,
    folder_of=f"{PACKAGE}/",
    imported="from cs231n import layers",
    names=_names,
    why_none=_why_none,
    none={"network": OWN_LAYERS},
)
