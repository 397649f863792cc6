"""What CS231n says of its scripts: sizes and torch's lines, what it takes to import its files, and names."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.kinds.networks import shapes_of
from parity_tests.assignments.cs231n.names import CNN, FC_NET, GIVEN, LAYERS, OPTIM, PACKAGE
from parity_tests.harness.draft import Draft, by_chance, equal
from parity_tests.harness.failing_case import FailingCase, differentiated
from parity_tests.harness.script_maker import Call, Scripts, Shown
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Params
from parity_tests.protocol.layout import NUMPY_1
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.records import Record
from reports.model.verdicts import Verdict

DRAWN = "its numbers are drawn by the submission, so that no line of torch's can draw the same; the run's own case does"
OWN_LAYERS = "with its own layers in place of right ones it does not fail in the same way; the run's own case shows it"
TORCH = {
    "affine": "F.linear(x.flatten(1), w.T, b)",
    "relu": "F.relu(x)",
    "batchnorm": "F.batch_norm(x, None, None, gamma, beta, training=True, eps={eps})",
    "spatial_batchnorm": "F.batch_norm(x, None, None, gamma, beta, training=True, eps={eps})",
    "layernorm": "F.layer_norm(x, x.shape[1:], gamma, beta, eps={eps})",
    "conv": "F.conv2d(x, w, b, stride={stride}, padding={pad})",
    "pool": "F.max_pool2d(x, ({pool_height}, {pool_width}), stride={stride})",
    "groupnorm": "F.group_norm(x, {G}, gamma.flatten(), beta.flatten(), eps={eps})",
    "softmax_loss": "F.cross_entropy(x, torch.tensor(y_{k}))",
    "svm_loss": "F.multi_margin_loss(x, torch.tensor(y_{k})) * x.shape[1]",
}
"""torch's expressions of the layers and losses."""
ONE_ROW = "F.layer_norm(x.T, (1,), eps={eps}).T * gamma + beta"
"""Batch norm of one row, of which batch_norm refuses to take statistics."""


def _torch(failing: FailingCase, call: Call, actual: str) -> list[str] | None:
    """torch's lines for a result of a layer or a loss, and dropout's from its own mask."""
    params, key, kind = failing.case.params, failing.key, failing.case.probe
    k, name = key.call, key.name.removeprefix("alt ")
    if kind == "dropout":
        array = re.sub(r"\.copy\(\)$", "", call.arguments[0])
        plain = params["calls"][k]["mode"] == "test" or failing.comparison.arrays is None
        kept = "  # nothing is dropped" if plain else f" * ({call.forward.result}[0] != 0) / {params['p']}"
        return [f"expected = {array}{kept}"]
    if kind not in ("layer", "loss"):
        return None
    setting = {"eps": 1e-5, "k": k, **(params.get("setting") or {}), "G": (params.get("extra") or [0])[0]}
    one_row = params.get("layer") == "batchnorm" and params["shapes"][k]["x"][0] == 1
    expression = (ONE_ROW if one_row else TORCH[params.get("layer") or params["function"]]).format(**setting)
    arrays = {name: f"{name}_{k}" for name in params.get("arrays", ["x"])}
    gradient = "" if name in ("out", "loss") else name.removeprefix("d")
    return differentiated(expression, arrays, gradient, f"dout_{k}" * (kind == "layer"))


def _fitting(params: Params) -> Params:
    """The parameters of a layer, whose shapes hang together."""
    shapes = []
    for one in params["shapes"]:
        x = list(one["x"])
        if params["layer"] == "affine":
            one = {**one, "w": [int(np.prod(x[1:])), one["w"][1]]}
        elif params["layer"] == "groupnorm":
            x[1] = params["extra"][0] * -(-x[1] // params["extra"][0])
            one = {"x": x, **{name: [1, x[1], 1, 1] for name in ("gamma", "beta")}}
        shapes.append(one)
    return {**{k: v for k, v in params.items() if k not in ("images", "rows_of")}, "shapes": shapes, "derivative": 0.0}


def _network_of(params: Params) -> Params:
    """The parameters of a network, whose weights have the shapes that its sizes give."""
    settings, image = dict(params["settings"]), params["image"]
    settings["input_dim"] = image if params["class"] == "ThreeLayerConvNet" else int(np.prod(image))
    return {**params, "settings": settings, "parameters": shapes_of(params["class"], settings), "own_losses": []}


def _shares(failing: FailingCase) -> Iterator[Draft]:
    """The share that dropout keeps, and whether two masks are the same."""
    params, k, name = failing.case.params, failing.key.call, failing.quantity.name
    p, x = params["p"], failing.arrays["x"]
    ask = ["from cs231n import layers"]
    for i, setting in enumerate(params["calls"][: k + 1]):
        ask.append(f"out_{i}, cache_{i} = layers.dropout_forward(x.copy(), {setting!r})")
    bare, given = replace(failing, arrays={}), [f"x = np.ones({x.shape}, np.{x.dtype})"]
    if name == "share kept":
        share = by_chance(repr(p), np.sqrt(p * (1 - p) / x.size))
        yield bare.draft([*ask, f"actual = np.mean(out_{k} != 0)"], [], given=given, end=share)
    elif name.startswith("mask"):
        before = k - 1 if name == "mask without a seed" else 0
        ask += [f"actual = bool(np.array_equal(out_{before} != 0, out_{k} != 0))"]
        yield bare.draft(ask, [], given=given, end=equal(str(name == "mask of the same seed")))


def _made(failing: FailingCase) -> Iterator[Draft]:
    """The shapes and the spread of a network's parameters as it makes them, after a trace of how it is made."""
    params, name = failing.case.params, failing.quantity.name
    ask = [f"from {params['module'].rpartition('.')[0]} import {params['module'].rpartition('.')[2]} as network"]
    settings: dict[str, Any] = {key: value for key, value in params["settings"].items() if key != "keep"}
    if "input_dim" in settings and isinstance(settings["input_dim"], list):
        settings["input_dim"] = tuple(settings["input_dim"])
    ask += [f"model = network.{params['class']}({', '.join(f'{key}={value!r}' for key, value in settings.items())})"]
    ask = _adapted(ask, failing.edition)
    if name.startswith("parameters"):
        ask += ["actual = {name: list(np.shape(w)) for name, w in model.params.items()}"]
        yield failing.draft(ask, [], end=equal(repr({one: list(shape) for one, shape in params["parameters"].items()})))
    elif name.startswith("weight scale"):
        weights = {one: shape for one, shape in params["parameters"].items() if one[0] == "W"}
        n, scale = sum(int(np.prod(shape)) for shape in weights.values()), params["settings"]["weight_scale"]
        ask += [f"actual = np.std(np.concatenate([np.ravel(model.params[W]) for W in {list(weights)!r}]))"]
        yield failing.draft(ask, [], end=by_chance(repr(scale), scale / np.sqrt(2 * n)))


def _adapted(lines: list[str], edition: str) -> list[str]:
    """The lines, with what the oldest networks call batch norm."""
    of_edition = "use_batchnorm=True" if edition == OLDEST else "normalization='batchnorm'"
    return [line.replace("normalization='batchnorm'", of_edition) for line in lines]


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


def _imported(module: str) -> tuple[str, str]:
    package, _, name = module.rpartition(".")
    return name, f"from {package} import {name}"


NETWORK = ("num_classes", "hidden_dims", "hidden_dim", "num_filters", "image", "numbers")
SCRIPTS = Scripts(
    kinds={
        "layer": Shown(("shapes",), _fitting),
        "running": Shown(("shapes",), _fitting, fewer_calls=False),
        "loss": Shown(("shapes",)),
        "dropout": Shown(("shape",), drafts=_shares),
        "steps": Shown(("shapes",)),
        "network": Shown(NETWORK, _network_of, drafts=_made),
    },
    torch=_torch,
    modules={module: _imported(module) for module in (LAYERS, OPTIM, FC_NET, CNN)},
    start=_start,
    folder_of=f"{PACKAGE}/",
    imported="from cs231n import layers",
    adapted=_adapted,
    why_none=_why_none,
    none={"network": OWN_LAYERS},
)
