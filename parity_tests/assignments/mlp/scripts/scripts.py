"""What the homework says of its scripts: sizes and torch's lines, what it takes to import its two files, and names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, SGD_NAMES, SGD_PARAMETERS
from parity_tests.assignments.mlp.kinds.init import STD
from parity_tests.assignments.mlp.kinds.sgd import etas
from parity_tests.assignments.mlp.kinds.turns import object_of, plain
from parity_tests.assignments.mlp.names import weight_shapes
from parity_tests.assignments.mlp.scripts import main
from parity_tests.harness.draft import SEED, Draft, by_chance, equal, shaped
from parity_tests.harness.failing_case import Arrays, FailingCase, differentiated
from parity_tests.harness.script_maker import Call, Scripts, Shown
from parity_tests.protocol.finding import Odd
from parity_tests.protocol.kind import Params
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.records import Record
from reports.model.verdicts import Verdict

OWN_PARTS = "in a few steps with its own parts it does not fail in the same way: mend those first, if any is wrong"
DRAWN = "its numbers are drawn, and neither their mean, their spread nor their share tells; the run's own case does"
TORCH = {
    "linear_layer": "F.linear(X, W.T, b.flatten())",
    "tanh": "torch.tanh(X)",
    "relu": "torch.relu(X)",
    "dropout": "X * torch.tensor({mask} != 0) / (1 - {r})",
    "softmax_cross_entropy": "F.cross_entropy(X, torch.tensor({Y}.ravel()).long())",
}
"""torch's expression of each layer, of its input X."""


def same_failure(record: Record) -> tuple[str, ...]:
    """The part and name of a failure, or without a name its quantity: records that share them need one script.

    A call of `main` that does not come to its end fails all its quantities at once, and is one discrepancy; so is a
    function that does not come back.
    """
    word = "weights" if record.check == "sgd" and record.quantity != "model returned" else plain(record.quantity)
    if record.verdict == Verdict.TIMEOUT or (record.check == "main" and record.verdict == Verdict.CRASHED):
        word = f"{record.check} {record.verdict}"
    return record.part, record.diagnosis, "" if record.diagnosis else word


def _torch(failing: FailingCase, call: Call, actual: str) -> list[str] | None:
    """torch's lines for what a layer returned, or has put into its gradient."""
    name, _, method = call.function.rpartition(".")
    name = name.rpartition(".")[2]
    if name not in TORCH or method not in ("forward", "backward"):
        return None
    back = method == "backward"
    forward = call.forward if back else call
    X, *rest = (re.sub(r"\.copy\(\)$", "", text) for text in forward.arguments)
    upstream = re.sub(r"\.copy\(\)$", "", call.arguments[1]) if back and name != "softmax_cross_entropy" else ""
    mask, r = forward.result, 0.0
    if name == "dropout":
        params = failing.case.params
        r = params["rates"][object_of(params, failing.key.call)] if "rates" in params else params["r"]
        if rest[0] == "False" or failing.comparison.arrays is None or r == 0:
            return [f"expected = {upstream or X}  # nothing is dropped"]
    weights = {key: re.sub(r"\.copy\(\)$", "", text) for key, text in call.params.items()}
    expression = TORCH[name].format(mask=mask, r=r, Y=rest[0] if rest else "")
    gradient = (actual[-3] if actual.endswith('"]') else "X") if back else ""
    return differentiated(expression, {"X": X, **weights}, gradient, upstream)


def _with_as_many_steps(params: Params) -> Params:
    return {**params, "etas": params["etas"][: params["steps"]]} if "etas" in params else params


def _of_sizes(params: Params, drawn: Arrays) -> Arrays:
    """A network's inputs and weights in each step, of any sizes: the exam's are digits of so many pixels."""
    steps, N, D, K = (params[name] for name in ("steps", "N", "D", "K"))
    rng, dtype = np.random.default_rng(SEED), drawn["X"].dtype
    shapes = {"X": (N, D), **weight_shapes(D, params["M"], K)}
    numbers = {name: rng.uniform(-1, 1, (steps, *shape)).astype(dtype) for name, shape in shapes.items()}
    return {**numbers, "Y": (np.arange(steps * N, dtype=np.float64) % K).reshape(steps, N, 1)}


def _until(params: Params, step: int) -> Params:
    """The parameters of SGD, or of the network, that ends with this step."""
    if "steps" in params:
        return _with_as_many_steps({**params, "steps": step})
    return {**params, "etas": [[eta, 1] for eta in etas(params)[:step]]}


def _adapted(lines: list[str], edition: str) -> list[str]:
    """The lines, with SGD under either name and, in other editions, with as many arguments as it takes."""
    called = f"nn.{SGD_NAMES[0]}("
    if not any(called in line for line in lines):
        return lines
    find = [f'sgd = getattr(nn, "{SGD_NAMES[0]}", None) or nn.{SGD_NAMES[1]}']
    if edition != FULL:
        given = ", ".join(f"{len(names)}: ({', '.join(names)})" for names in SGD_PARAMETERS.values())
        find = [find[0].replace("sgd", "own"), f"def sgd({', '.join(SGD_PARAMETERS[FULL])}):"]
        find += [f"    return own(*{{{given}}}[own.__code__.co_argcount])  # by the edition"]
    return [*find, *(line.replace(called, "sgd(") for line in lines)]


def _start(draft: Draft, setting: ScriptSetting) -> tuple[list[str], list[str], list[str]]:
    """What imports the submission as `nn`."""
    lent, given = setting.fixtures, f"sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}"
    modules, lines = [], [f"folder = {given}", "sys.path.insert(0, folder)"]
    if draft.in_a_folder:
        modules += ["os", "tempfile"]
        lines[0] = f"folder = os.path.abspath({given})"
        lines += ["os.chdir(tempfile.mkdtemp())  # where it may write"]
    if "utils" in lent and setting.handed_on:
        lines += ["# It has no utils.py: put the one that you were given beside neural_networks.py."]
    elif "utils" in lent:
        lines += [f"sys.path.append({lent['utils']!r})  # it has no utils.py: here is one"]
    if "tqdm" in lent:
        modules += ["types"]
        lines += ['sys.modules["tqdm"] = types.SimpleNamespace(tqdm=lambda rows, **_: rows, trange=range)']
    if "matplotlib" in lent:
        modules += ["unittest.mock"]
        lines += ['sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = unittest.mock.MagicMock()']
    lines += ['sys.argv = ["neural_networks.py"]']
    if not setting.breaks_off:
        return modules, lines, ["import neural_networks as nn"]
    return [*modules, "importlib.util"], lines, BROKEN_OFF


def drawn_weights(failing: FailingCase) -> Iterator[Draft]:
    """A layer's weights or gradients as its constructor makes them."""
    (D, M), name, found = (failing.case.params[n] for n in "DM"), failing.key.name, failing.comparison.finding
    attribute = "gradient" if name.startswith("gradient") else "params"
    two = f"one, two = (nn.linear_layer({D}, {M}) for _ in range(2))"
    if name.endswith("apart"):
        ask = [two, f'one.{attribute}["W"] = np.ones(({D}, {M}))', f'actual = np.all(two.{attribute}["W"] == 1)']
        yield failing.draft(ask, [], end=equal("False  # what is put into one layer is not in another"))
    elif found == Found.SAME_DRAWS:
        ask = [two, 'actual = int(np.sum(one.params["W"] == two.params["W"]))']
        yield failing.draft(ask, [], end=equal(f"0  # numbers of {D * M} are the same in two layers"))
    else:
        ask = [f"layer = nn.linear_layer({D}, {M})", f'actual = layer.{attribute}["{name[-1]}"]']
        if found in set(Odd):
            n = D * M if name[-1] == "W" else M
            for measure, expected, deviation in (("std", STD, STD / np.sqrt(2 * n)), ("mean", 0.0, STD / np.sqrt(n))):
                end = by_chance(repr(expected), deviation)
                yield failing.draft([*ask, f"actual = np.{measure}(actual)"], [], end=end)
            return
        end = shaped(flat=name[-1] == "b", dtype=attribute == "params") if failing.comparison.arrays is None else []
        yield failing.draft(ask, [f"expected = np.zeros({(D, M) if name[-1] == 'W' else (1, M)})"], end=end)


def drawn_masks(failing: FailingCase) -> Iterator[Draft]:
    """The masks of many calls, or a value that is neither 0 nor what is kept."""
    r, calls, N, M = (failing.case.params[name] for name in ("r", "calls", "N", "M"))
    ask = [f"q, layer = np.full(({N}, {M}), 2.0), nn.dropout({r})"]
    many = [*ask, f"actual = np.array([layer.forward(q.copy(), True) for _ in range({calls})])"]
    if failing.comparison.finding == Odd.OTHER_SHARE:
        share = by_chance(repr(1 - r), np.sqrt(r * (1 - r) / (calls * N * M)))
        yield failing.draft([*many, "actual = np.mean(actual != 0)  # the share that is kept"], [], end=share)
    elif failing.comparison.finding in set(Odd):
        again = f"actual = len({{one.tobytes() for one in actual}})  # different ones in {calls} calls"
        yield failing.draft([*many, again], [], end=equal(str(calls)))
    elif failing.comparison.arrays is None:
        yield failing.draft([*ask, "actual = layer.forward(q.copy(), True)"], ["expected = q"], end=shaped())
    else:
        expected = [f"values, expected = np.unique(actual), np.array([0, 2.0 / (1 - {r})])"]
        expected += ["actual = values[np.abs(values[:, None] - expected).min(axis=1).argmax()]"]
        yield failing.draft(many, [*expected, "expected = expected[np.abs(expected - actual).argmin()]"])


BROKEN_OFF = [
    'spec = importlib.util.spec_from_file_location("neural_networks", f"{folder}/neural_networks.py")',
    'nn = sys.modules["neural_networks"] = importlib.util.module_from_spec(spec)',
    "try:",
    "    spec.loader.exec_module(nn)",
    "except BaseException as error:  # its import breaks off; what it defines before that is there",
    "    print(type(error).__name__, error)",
]
APART = "sum(np.shares_memory(a, b) for a in {0}.values() for b in {0}.values())"
SHOWN: Mapping[str, Shown] = {
    "linear": Shown(("D", "M", "N")),
    "elementwise": Shown(("shape",)),
    "dropout": Shown(("shape",)),
    "loss": Shown(("K", "N")),
    "sgd": Shown(("layers", "etas", "trainings"), until=_until, actual={"": "{0} is {1}"}),
    "network": Shown(("N", "D", "M", "K", "steps"), _with_as_many_steps, _until, draw=_of_sizes),
    "labels": Shown(("N",)),
    "split": Shown(("N",)),
    "velocities": Shown(("D", "M", "K"), actual={"keys": "sorted({0})", "apart": APART}),
    "loader": Shown(("counts", "D")),
    "init": Shown(("D", "M"), drafts=drawn_weights, traced=False),
    "masks": Shown(("N", "M", "calls"), drafts=drawn_masks, traced=False),
    "main": Shown(smaller=main.smaller, drafts=main.drafts, traced=False),
}
SCRIPTS = Scripts(
    kinds=SHOWN,
    torch=_torch,
    modules={"neural_networks": ("nn", ""), "utils": ("utils", "import utils")},
    start=_start,
    folder_of="neural_networks.py",
    imported="import neural_networks, utils",
    adapted=_adapted,
    none={"main": OWN_PARTS, "init": DRAWN, "masks": DRAWN},
)
