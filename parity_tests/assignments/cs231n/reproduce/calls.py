"""The lines of a script that call the submission as the case did, and leave what is shown as `got`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parity_tests.assignments.cs231n.inside.families import MIDDLE, OLDEST
from parity_tests.assignments.cs231n.kinds.running import STATISTICS
from parity_tests.harness.failing_case import FailingCase, literal
from parity_tests.protocol.kind import Params

LAID = {"": "{}.copy()", "fortran": "np.asfortranarray({})", "view": "np.repeat({}, 2, axis=-1)[..., ::2]"}
"""How an array is given that lies in memory in this way."""


def given_and_ask(failing: FailingCase) -> tuple[list[str], list[str]]:
    """The lines of numbers, and those of calls."""
    ask = {"layer": _layer, "running": _layer, "loss": _loss, "dropout": _dropout, "steps": _steps, "network": _network}
    lines = ask[failing.case.probe](failing)
    text = "\n".join(lines)
    arrays = failing.arrays
    if failing.case.probe == "dropout":
        shape = arrays["x"].shape
        return [f"x = dout = np.ones({shape}, np.{failing.case.dtype})"], lines
    return [literal(name, array) for name, array in arrays.items() if _is_named(name, text)], lines


def _is_named(name: str, text: str) -> bool:
    return any(f"{name}{end}" in text for end in ".,)[ ")


def _layer(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    many = len(params["shapes"]) > 1
    lines = ["from cs231n import layers"]
    dicts: set[int] = set()
    for method, k in params["calls"]:
        end = f"_{k}" if many else ""
        laid = LAID[params["memory"][k]]
        if method == "forward":
            arguments = [laid.format(f"{name}_{k}") for name in params["arrays"]] + [str(n) for n in params["extra"]]
            if params["setting"] is not None:
                arguments.append(_dict_of(params, k, dicts, lines))
            often = f"for _ in range({params['times'][k]}): " if "times" in params and params["times"][k] > 1 else ""
            lines.append(f"{often}out{end}, cache{end} = layers.{params['forward']}({', '.join(arguments)})")
            if k == key.call and (key.name == "out" or key.name in STATISTICS):
                got = f"out{end}" if key.name == "out" else f"np.array(param_{params['dicts'][k]['of']}[{key.name!r}])"
                return [*lines, f"got = {got}"]
        else:
            number = int(key.name.startswith("alt "))
            if number < len(params["backward"]):
                names = [f"d{name}{end}" for name in params["arrays"]]
                left = names[0] if len(names) == 1 else ", ".join(names)
                arguments = [laid.format(f"dout_{k}"), f"cache{end}"]
                lines.append(f"{left} = layers.{params['backward'][number]}({', '.join(arguments)})")
            if k == key.call:
                return [*lines, f"got = {key.name.removeprefix('alt ')}{end}"]
    return lines


def _dict_of(params: Params, k: int, dicts: set[int], lines: list[str]) -> str:
    """The dict that goes with input k; `lines` make it where it is new."""
    given = params["dicts"][k]
    name = f"param_{given['of']}"
    if given["of"] not in dicts:
        dicts.add(given["of"])
        starts = "".join(f", {start!r}: {start}_of_{given['of']}.copy()" for start in given["starts"])
        lines.append(f"{name} = {{**{ ({**params['setting'], **given['own']})!r}{starts}}}")
    if params["modes"][k]:
        lines.append(f"{name}.update({params['modes'][k]!r})")
    return name


def _loss(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    lines = ["from cs231n import layers"]
    lines += [f"loss, dx = layers.{params['function']}(x_{k}.copy(), y_{k}.copy())" for k in range(key.call + 1)]
    return [*lines, f"got = {key.name}"]


def _dropout(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    lines = ["from cs231n import layers"]
    for k, setting in enumerate(params["calls"][: key.call + 1]):
        lines.append(f"out_{k}, cache_{k} = layers.dropout_forward(x.copy(), {setting!r})")
    if key.name == "dx":
        return [*lines, f"got = layers.dropout_backward(dout.copy(), cache_{key.call})"]
    if failing.quantity.name == "share kept":
        return [*lines, f"got = float(np.mean(out_{key.call} != 0))"]
    if failing.quantity.name.startswith("mask"):
        before = {"mask without a seed": key.call - 1}.get(failing.quantity.name, 0)
        return [*lines, f"got = bool(np.array_equal(out_{before} != 0, out_{key.call} != 0))"]
    return [*lines, f"got = out_{key.call}"]


def _steps(failing: FailingCase) -> list[str]:
    params, key = failing.case.params, failing.quantity.key
    lines = ["from cs231n import optim"]
    for i in range(params["weights"]):
        states = "".join(f", {name!r}: {name}_{i}.copy()" for name in params["states"])
        config = None if params["config"] is None else f"{{**{params['config']!r}{states}}}"
        lines += [f"w{i}, config{i} = w_{i}.copy(), {config}"]
    lines += [f"for t, change in enumerate({params['changes'][: key.call + 1]!r}):"]
    for i in range(params["weights"]):
        if params["config"] is not None:
            lines.append(f"    config{i}.update(change)")
        call = f"w{i}, config{i} = optim.{params['rule']}(w{i}, dw_{i}[t].copy(), config{i})"
        lines.append(f"    for _ in range({params['times']}[t]): {call}")
    return [*lines, f"got = w{key.name.removeprefix('w_')}"]


def _network(failing: FailingCase) -> list[str]:
    params, quantity = failing.case.params, failing.quantity
    module = str(params["module"])
    settings = ", ".join(f"{name}={value}" for name, value in _settings(params, failing.edition).items())
    lines = [f"from {module.rpartition('.')[0]} import {module.rpartition('.')[2]} as network"]
    lines += [f"model = network.{params['class']}({settings})"]
    if quantity.name.startswith("parameters"):
        return [*lines, "got = {name: list(np.shape(w)) for name, w in model.params.items()}"]
    if quantity.name.startswith("weight scale"):
        return [*lines, "got = float(np.std(np.concatenate([np.ravel(model.params[W]) for W in names])))"]
    lines += [f"model.params[{name!r}] = {name}.copy()" for name in params["parameters"]]
    if params["reg_set"]:
        lines += [f"model.reg = {params['reg']}"]
    for k in range(quantity.key.call + 1):
        labelled = params["labelled"][k]
        with_labels = f"loss, grads = model.loss(X_{k}.copy(), y_{k}.copy())"
        lines.append(with_labels if labelled else f"scores = model.loss(X_{k}.copy())")
    name = quantity.key.name
    return [*lines, f"got = {name if name in ('loss', 'scores') else f'grads[{name[1:]!r}]'}"]


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
    if params["class"] != "TwoLayerNet":
        found["dtype"] = f"np.{params['dtype']}"
    return found
