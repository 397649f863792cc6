"""Writes the smallest script that shows a discrepancy: numpy, torch and the submission's file, nothing of Parity.

A discrepancy is shrunk by asking the submission again, smaller and with readable numbers, as long as the same quantity
fails with the same verdict, and, where it has a name, the same known mistake reproduces it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignment import inputs
from parity_tests.assignment.cases import WEIGHT_NAMES, Case, plan
from parity_tests.assignment.diagnose import fits
from parity_tests.assignment.diagnoses import MISTAKES
from parity_tests.assignment.evidence import evidence
from parity_tests.assignment.expectations import judge
from parity_tests.assignment.relations import relation
from parity_tests.harness.observation import Observation
from reports.records import FAILING, Record
from reports.scripts import slug

Arrays = dict[str, NDArray[Any]]
Ask = Callable[[Case, Arrays, int], Observation]
"""Puts a case with these arrays and this seed to the submission."""

PROBES = ("linear", "elementwise", "dropout", "sgd", "loss")
"""The kinds of case that can be shrunk; main, whole networks and tests of random draws need their own run."""
SEED = 1
NUMBERS = (1.0, -2.0, 3.0, 0.5, -1.0, 2.0, -0.5, 4.0, 1.5, -3.0, 2.5, -1.5)


@dataclass(frozen=True)
class Script:
    """A reproduction: the record that it is of, a name for its file, and its text."""

    record: Record
    name: str
    text: str


def chosen(records: Iterable[Record], case: str | None = None) -> tuple[list[Record], list[Record]]:
    """The records to write scripts for, one a TODO, diagnosis and quantity, and those that cannot be shrunk."""
    kept: dict[tuple[str, str, str], Record] = {}
    probes = {one.name: one.probe for edition in ("2019", "2020-22", "2022-23") for one in _plan(edition)}
    other = []
    for record in records:
        if record.verdict not in FAILING or record.explained_by or record.verdict in ("timeout", "memory"):
            continue
        if case is not None and record.case != case:
            continue
        if probes.get(record.case) not in PROBES or record.quantity == "model returned":
            other.append(record)
            continue
        word = re.sub(r", (second input|backward twice|evaluation)$", "", record.quantity)
        word = "weights" if record.check == "sgd" else word
        kept.setdefault((record.todo, record.diagnosis, word), record)
    return list(kept.values()), other


def _plan(edition: str) -> list[Case]:
    return plan(edition, ("float64", "float32"))


def script(record: Record, ask: Ask, folder: str, edition: str, seed: int) -> Script | None:
    """The smallest script that shows a record's failure; None where not even its own inputs show it again."""
    case = next(one for one in _plan(edition) if one.name == record.case)
    quantity = next(q for q in case.quantities if q.name == record.quantity)
    for smaller, arrays in _candidates(case, quantity.key, inputs.draw(case, seed)):
        seen = ask(smaller, arrays, SEED)
        judged = judge(smaller, arrays, seen)
        if quantity.name not in judged or not _same(record, smaller, arrays, seen, judged, quantity.name):
            continue
        radius = _radius(smaller, arrays, quantity.key)
        text = _text(record, smaller, quantity.key, arrays, radius, folder, edition)
        return Script(record, slug(record), text)
    return None


def _same(record: Record, case: Case, arrays: Arrays, seen: Observation, judged: Any, quantity: str) -> bool:
    """Whether a smaller case fails in the same way: quantity, verdict, and what it is called."""
    comparison = judged[quantity]
    if comparison.verdict != record.verdict or comparison.explained_by:
        return False
    if record.verdict == "crashed":
        return bool(comparison.line == record.line)
    if (comparison.arrays is None) != (record.gap is None):
        return False
    calls = [a for a in evidence(case, arrays, seen, judged) if a.quantity == quantity]
    names = record.diagnosis.split("; ") if record.diagnosis else []
    known = [m for m in MISTAKES if m.name in names and m.formula is not None and calls and m.part == calls[0].part]
    if known:
        return all(fits(m, calls) for m in known)
    return not names or record.diagnosis.startswith("wrong") or relation(calls) == record.diagnosis


# ---- smaller cases ----


def _numbers(shape: Sequence[int], start: int, dtype: str) -> NDArray[Any]:
    count = int(np.prod(shape))
    values = [NUMBERS[(start + 5 * i) % len(NUMBERS)] for i in range(count)]
    return np.array(values, dtype).reshape(shape)


def _candidates(case: Case, key: str, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    """Ever larger cases with readable numbers; at last the one that failed, with its own."""
    yield from _SMALLER[case.probe](case, drawn)
    rounded = {
        name: np.round(array, 1).astype(array.dtype) if array.dtype.kind == "f" else array
        for name, array in drawn.items()
    }
    yield case, rounded
    yield case, drawn


def _sized(case: Case, **params: Any) -> Case:
    return replace(case, params={**case.params, **params})


def _linear(case: Case, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    pairs = case.params["pairs"]
    sizes = sorted(product((1, 2, 3), repeat=3), key=lambda s: (s[0] * s[1] + s[1] * s[2] + s[0] * s[2], s))
    for N, D, M in sizes:
        arrays = {
            "X": _numbers((pairs, N, D), 0, case.dtype),
            "W": _numbers((D, M), 2, case.dtype),
            "b": _numbers((1, M), 4, case.dtype),
            "grad": _numbers((pairs, N, M), 7, case.dtype),
        }
        yield _sized(case, N=N, D=D, M=M), arrays


def _elementwise(case: Case, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    pairs = case.params["pairs"]
    values = {"to-1000": (50.0, -50.0, 400.0, -400.0, 800.0, -800.0), "zeros": (0.0, 1.0, -1.0)}
    few = values.get(case.params["draw"], (1.0, -1.0, 0.5, -2.0, 0.0, 2.0, 8.0, -8.0, 20.0, -20.0, 1e-3))
    for count in (1, 2, 3):
        for start in range(len(few)):
            picked = [few[(start + i) % len(few)] for i in range(count * pairs)]
            X = np.array(picked, case.dtype).reshape(pairs, 1, count)
            grad = _numbers((pairs, 1, count), 2, case.dtype)
            yield _sized(case, shape=[1, count]), {"X": X, "grad": grad}
    worst = np.unique(np.round(drawn["X"], 3))
    for value in worst[np.argsort(np.abs(worst))][::7]:
        X = np.full((pairs, 1, 1), value, case.dtype)
        yield _sized(case, shape=[1, 1]), {"X": X, "grad": _numbers((pairs, 1, 1), 2, case.dtype)}


def _dropout(case: Case, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    pairs = case.params["pairs"]
    for N, M in ((1, 2), (1, 3), (2, 2), (2, 3), (3, 4)):
        shape = (pairs, N, M)
        yield _sized(case, N=N, M=M), {"q": _numbers(shape, 0, case.dtype), "grad": _numbers(shape, 7, case.dtype)}


def _sgd(case: Case, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    for etas in ([0.5], [0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.25], [0.5, 0.5, 0.5, 0.25]):
        for shape in ((1, 1), (1, 2), (2, 2)):
            arrays: Arrays = {}
            for i, name in enumerate(WEIGHT_NAMES):
                own = (1, shape[1]) if name.endswith("b") else shape
                arrays[name] = _numbers(own, i, case.dtype)
                arrays[f"{name}_gradient"] = _numbers((len(etas), *own), i + 3, case.dtype)
            yield _sized(case, etas=etas), arrays


def _loss(case: Case, drawn: Arrays) -> Iterator[tuple[Case, Arrays]]:
    shift = {"offset": 1000.0}.get(case.params["draw"], 0.0)
    for N, K in ((1, 2), (2, 2), (2, 3), (3, 4)):
        X = _numbers((N, K), 0, case.dtype) + np.array(shift, case.dtype)
        yield _sized(case, N=N, K=K), {"X": X, "Y": np.arange(N, dtype=np.float64).reshape(-1, 1) % K}


_SMALLER: dict[str, Callable[[Case, Arrays], Iterator[tuple[Case, Arrays]]]] = {
    "linear": _linear,
    "elementwise": _elementwise,
    "dropout": _dropout,
    "sgd": _sgd,
    "loss": _loss,
}


# ---- the script ----


def _radius(case: Case, arrays: Arrays, key: str) -> Any:
    """The allowance for one quantity: what rounding explains, an array of its shape."""
    from reference import answers

    word, _, k = key.partition("@")
    if case.probe == "linear":
        pair = min(int(k), len(arrays["X"]) - 1)
        X, W, b, grad = arrays["X"][pair], arrays["W"], arrays["b"], arrays["grad"][pair]
        if word == "output":
            return answers.linear_forward(X, W, b).radius
        return answers.linear_backward(X, W, b, grad)[word[-1]].radius
    if case.probe == "elementwise":
        X, grad = arrays["X"][int(k)], arrays["grad"][int(k)]
        forward, backward = (
            (answers.tanh_forward, answers.tanh_backward)
            if case.params["layer"] == "tanh"
            else (answers.relu_forward, answers.relu_backward)
        )
        return forward(X).radius if word == "output" else backward(X, grad).radius
    if case.probe == "dropout":
        evaluating = case.params.get("evaluate") and int(k) == len(arrays["q"]) - 1
        values = arrays["q" if word == "output" else "grad"][int(k)]
        everything = np.ones(values.shape, np.bool_)
        return (
            np.zeros(values.shape)
            if evaluating
            else answers.dropout_forward(values, everything, case.params["r"]).radius
        )
    if case.probe == "loss":
        y = arrays["Y"].reshape(-1).astype(np.int64)
        judge_of = answers.cross_entropy_forward if key == "loss" else answers.cross_entropy_backward
        return judge_of(arrays["X"], y).radius
    steps = answers.sgd(
        arrays[key], arrays[f"{key}_gradient"], case.params["etas"], alpha=case.params["alpha"], lam=case.params["lam"]
    )
    return steps.radius[-1]


def _literal(name: str, array: Any) -> str:
    array = np.asarray(array)
    dtype = f", np.{array.dtype}" if array.dtype == np.float32 else ""
    return f"{name} = np.array({array.tolist()!r}{dtype})"


HEAD = '''\
"""{title}

Run it as `python FILE [FOLDER]`, FOLDER that of neural_networks.py: it ends with status 1 where the failure shows.
"""
import sys

import numpy as np
import torch

sys.path.insert(0, sys.argv[1] if len(sys.argv) > 1 else {folder!r})
np.random.seed({seed})
sys.argv = ["neural_networks.py"]
import neural_networks as nn

'''
TAIL = """\
allowance = np.array({allowance!r})  # what rounding explains
print("got:", got, "want:", want, "allowance:", allowance, sep="\\n")
agrees = got.shape == want.shape and bool((np.abs(got - want) <= allowance).all())
print("it agrees" if agrees else "it fails: {words}")
sys.exit(0 if agrees else 1)
"""


def _text(record: Record, case: Case, key: str, arrays: Arrays, radius: Any, folder: str, edition: str) -> str:
    words = record.diagnosis or {"crashed": "it crashes", "missing": "it is missing"}.get(record.verdict, "it is off")
    title = f"TODO {record.todo}, {case.check}, {record.quantity}: {words}."
    title = "\n".join(textwrap.wrap(title, 110)).replace("\\", "").replace('"""', "")
    head = HEAD.format(title=title, folder=folder, seed=SEED)
    lines = _BODIES[case.probe](case, key, arrays, edition)
    asked = np.broadcast_to(np.asarray(radius, np.float64), np.shape(radius)).tolist()
    return head + "\n".join(lines) + "\n\n" + TAIL.format(allowance=asked, words=words.replace('"', "'"))


def _linear_body(case: Case, key: str, arrays: Arrays, edition: str) -> list[str]:
    word, _, k = key.partition("@")
    rounds, again = int(k) + 1, bool(case.params.get("again"))
    last = min(int(k), len(arrays["X"]) - 1)
    got = {"output": "u", "gradient of X": "back"}.get(word, f'layer.gradient["{word[-1]}"]')
    want = {"output": "u", "gradient of X": "x.grad", "gradient of W": "W_.grad", "gradient of b": "b_.grad"}[word]
    lines = [
        _literal(name, arrays[name][: last + 1] if name in ("X", "grad") else arrays[name])
        for name in ("X", "grad", "W", "b")
    ]
    lines += [
        f"layer = nn.linear_layer({arrays['W'].shape[0]}, {arrays['W'].shape[1]})",
        'layer.params["W"], layer.params["b"] = W.copy(), b.copy()',
    ]
    backward = word != "output" or rounds > 1
    if again:
        lines += ["u = layer.forward(X[0].copy())"]
        lines += ["back = layer.backward(X[0].copy(), grad[0].copy())"] * rounds
    else:
        lines += [f"for k in range({last + 1}):", "    u = layer.forward(X[k].copy())"]
        lines += ["    back = layer.backward(X[k].copy(), grad[k].copy())"] if backward else []
    shaped = ".reshape(b.shape)" if word == "gradient of b" else ""
    flat = f"got = np.asarray({got})"
    lines += [flat, "if got.shape == b.shape[1:]:", "    got = got.reshape(b.shape)"] if shaped else [flat]
    lines += ["x, W_, b_ = (torch.tensor(a, requires_grad=True) for a in (X[-1], W, b))", "u = x @ W_ + b_"]
    lines += [] if word == "output" else ["u.backward(torch.tensor(grad[-1]))"]
    return [*lines, f"want = {want}.detach().numpy()"]


def _elementwise_body(case: Case, key: str, arrays: Arrays, edition: str) -> list[str]:
    word, _, k = key.partition("@")
    layer, rounds = case.params["layer"], int(k) + 1
    lines = [_literal(name, arrays[name][:rounds]) for name in ("X", "grad")]
    lines += [f"layer = nn.{layer}()", f"for k in range({rounds}):", "    h = layer.forward(X[k].copy())"]
    if word != "output" or rounds > 1:
        lines += ["    back = layer.backward(X[k].copy(), grad[k].copy())"]
    lines += [
        f"got = np.asarray({'h' if word == 'output' else 'back'})",
        "x = torch.tensor(X[-1], requires_grad=True)",
        f"h = torch.{layer}(x)",
    ]
    return (
        [*lines, "want = h.detach().numpy()"]
        if word == "output"
        else [*lines, "h.backward(torch.tensor(grad[-1]))", "want = x.grad.numpy()"]
    )


def _dropout_body(case: Case, key: str, arrays: Arrays, edition: str) -> list[str]:
    word, _, k = key.partition("@")
    r, rounds = case.params["r"], int(k) + 1
    evaluating = bool(case.params.get("evaluate")) and rounds == len(arrays["q"])
    lines = [_literal(name, arrays[name][:rounds]) for name in ("q", "grad")]
    lines += [f"r = {r}", "layer = nn.dropout(r)", f"for k in range({rounds}):"]
    training = f"k < {rounds - 1}" if evaluating else "True"
    lines += [f"    s = layer.forward(q[k].copy(), {training})", "    s = np.array(s)"]
    lines += ["    back = layer.backward(q[k].copy(), grad[k].copy())"] if word != "output" or rounds > 1 else []
    values = "q" if word == "output" else "grad"
    lines += [f"got = np.asarray({'s' if word == 'output' else 'back'})"]
    if evaluating:
        return [*lines, f"want = {values}[-1]  # evaluation changes nothing"]
    kept = "torch.tensor(s != 0)  # the mask that the forward drew" if r else "torch.tensor(True)"
    return [*lines, f"kept = {kept}", f"want = (torch.tensor({values}[-1]) * kept / (1 - r)).numpy()"]


def _sgd_body(case: Case, key: str, arrays: Arrays, edition: str) -> list[str]:
    p = case.params
    T = len(p["etas"])
    arguments = {"2019": "momentum, lam, alpha, eta", "2020-22": "momentum, alpha, eta", "2022-23": "eta"}[edition]
    layers = ["L1", "L2"]
    lines = [f"alpha, lam, etas = {p['alpha']}, {p['lam']}, {list(p['etas'])}"]
    for name in WEIGHT_NAMES:
        lines += (
            [_literal(f"{name}, {name}_g", 0)]
            if False
            else [_literal(name, arrays[name]), _literal(f"{name}_g", arrays[f"{name}_gradient"])]
        )
    lines += ["class Module: pass", "L1, L2 = Module(), Module()",
              *(f'{n}.params, {n}.gradient = {{"W": {n}_W.copy(), "b": {n}_b.copy()}}, {{}}' for n in layers),
              'momentum = {"L1_W": 0 * L1_W, "L1_b": 0 * L1_b, "L2_W": 0 * L2_W, "L2_b": 0 * L2_b}',
              'sgd = getattr(nn, "miniBatchStochasticGradientDescent", None) or nn.miniBatchGradientDescent',
              "for t, eta in enumerate(etas):",
              *(f'    {n}.gradient = {{"W": {n}_W_g[t].copy(), "b": {n}_b_g[t].copy()}}' for n in layers),
              f'    sgd({{"L1": L1, "nonlinear1": Module(), "L2": L2}}, {arguments})',
              f'got = np.asarray({key[:2]}.params["{key[3:]}"])',
              f"w, v = torch.tensor({key}), 0.0", "for t, eta in enumerate(etas):",
              f"    v = max(alpha, 0) * v - eta * (torch.tensor({key}_g[t]) + lam * w)", "    w = w + v"]  # fmt: skip
    assert T
    return [*lines, "want = w.numpy()"]


def _loss_body(case: Case, key: str, arrays: Arrays, edition: str) -> list[str]:
    lines = [
        _literal("X", arrays["X"]),
        _literal("Y", arrays["Y"]),
        "layer = nn.softmax_cross_entropy()",
        "loss = layer.forward(X.copy(), Y.copy())",
    ]
    lines += [] if key == "loss" else ["back = layer.backward(X.copy(), Y.copy())"]
    lines += [
        f"got = np.asarray({'loss' if key == 'loss' else 'back'})",
        "x = torch.tensor(X, requires_grad=True)",
        "l = torch.nn.functional.cross_entropy(x, torch.tensor(Y.reshape(-1)).long())",
    ]
    if key == "loss":
        return [*lines, "got = got.reshape(())", "want = l.detach().numpy()"]
    return [*lines, "l.backward()", "want = x.grad.numpy()"]


_BODIES: Mapping[str, Callable[[Case, str, Arrays, str], list[str]]] = {
    "linear": _linear_body,
    "elementwise": _elementwise_body,
    "dropout": _dropout_body,
    "sgd": _sgd_body,
    "loss": _loss_body,
}
