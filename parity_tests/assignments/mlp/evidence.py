"""What each part of a submission was asked and answered, call by call, as the known-wrong formulas see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.names import WEIGHT_NAMES, key_after_step
from parity_tests.assignments.mlp.returned import array_of, kept_mask
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.harness.judge import got
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key
from reference.rounding import TANH_FORM_FORWARD, unit_roundoff

Arrays = Mapping[str, NDArray[Any]]
Judged = Mapping[str, Comparison]


def evidence(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> list[Call]:
    """The calls of one case, in order; none of a kind of case that no formula is about."""
    gather = _GATHER.get(case.probe)
    return [] if gather is None else list(gather(case, arrays, seen, judged))


def _asked(
    case: Case, operation: str, quantity: str, value: Any, comparison: Comparison, past: list[Call], **inputs: Any
) -> Call:
    call = Call(operation, case.name, np.dtype(case.dtype), quantity, value, comparison, inputs, list(past))
    if operation.startswith("linear.") and not operation.endswith("of b"):
        N, D, M = (inputs[name] for name in "NDM")
        call.shape = {"output": (N, M), "gradient of W": (D, M), "gradient of X": (N, D)}[operation.partition(".")[2]]
    past.append(call)
    return call


def _running(case: Case) -> Callable[[NDArray[Any]], Running]:
    return lambda array: Running(array, case.dtype)


def _linear(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    run = _running(case)
    past: dict[str, list[Call]] = {}
    for k in range(len(arrays["X"]) + bool(case.params.get("again"))):
        pair = min(k, len(arrays["X"]) - 1)
        X, grad = arrays["X"][pair], arrays["grad"][pair]
        inputs = {"X": run(X), "grad": run(grad), "W": run(arrays["W"]), "b": run(arrays["b"])}
        sizes = {"N": len(X), "D": X.shape[1], "M": grad.shape[1]}
        for word in ("output", "gradient of W", "gradient of b", "gradient of X"):
            q = next((q for q in case.quantities if q.key == Key(word, k)), None)
            comparison = Comparison("match") if q is None else judged[q.name]
            value = got(seen, Key(word, k))
            asked = _asked(
                case, f"linear.{word}", "" if q is None else q.name, value, comparison, past.setdefault(word, []),
                **inputs, **sizes,
            )  # fmt: skip
            if q is not None:
                yield asked


def _elementwise(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    run = _running(case)
    layer = case.params["layer"]
    past: dict[str, list[Call]] = {}
    for q in case.quantities:
        X, grad = arrays["X"][q.key.call], arrays["grad"][q.key.call]
        h = array_of(seen, Key("output", q.key.call), X.shape)
        yield _activation(case, layer, q.key.name, q.name, run, past, X, grad, h, got(seen, q.key), judged[q.name])


def _activation(
    case: Case,
    layer: str,
    word: str,
    quantity: str,
    run: Callable[[NDArray[Any]], Running],
    past: dict[str, list[Call]],
    X: NDArray[Any],
    grad: NDArray[Any],
    h: NDArray[Any] | None,
    value: Any,
    comparison: Comparison,
) -> Call:
    # A backward that computes tanh anew may use another form than the forward did.
    own = np.tanh(X) if h is None else h
    kept = Running(own, case.dtype, TANH_FORM_FORWARD * unit_roundoff(case.dtype) * (layer == "tanh"))
    asked = _asked(
        case, f"{layer}.{word}", quantity, value, comparison, past.setdefault(word, []),
        X=run(X), grad=run(grad), h=kept, N=len(X),
    )  # fmt: skip
    if layer == "relu" and word != "output" and asked.got is not None and asked.got.shape == X.shape:
        asked.free = (X == 0) & ((asked.got == 0) | (asked.got == grad))
    return asked


def _dropout(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    past: dict[str, list[Call]] = {}
    asked_for = {q.key: q.name for q in case.quantities}
    last = len(arrays["q"]) - 1
    for k, (q, grad) in enumerate(zip(arrays["q"], arrays["grad"], strict=True)):
        s = array_of(seen, Key("output", k), q.shape)
        for word in ("output", "gradient of X"):
            quantity = asked_for.get(Key(word, k), "")
            comparison = judged[quantity] if quantity else Comparison("match")
            evaluating = bool(case.params.get("evaluate")) and k == last
            asked = _masked(case, word, quantity, past, q, grad, s, got(seen, Key(word, k)), comparison, evaluating)
            if quantity:
                yield asked


def _masked(
    case: Case,
    word: str,
    quantity: str,
    past: dict[str, list[Call]],
    q: NDArray[Any],
    grad: NDArray[Any],
    s: NDArray[Any] | None,
    value: Any,
    comparison: Comparison,
    evaluating: bool = False,
) -> Call:
    r = case.params["r"]
    kept = np.ones(q.shape, np.bool_) if s is None or r == 0 else kept_mask(s)
    asked = _asked(
        case, f"dropout.{word}", quantity, value, comparison, past.setdefault(word, []),
        X=Running(q, case.dtype), grad=Running(grad, case.dtype), kept=kept, r=r, N=len(q),
        evaluating=evaluating,
    )  # fmt: skip
    if word != "output" and r > 0 and asked.got is not None and asked.got.shape == q.shape:
        asked.free = (q == 0) & (asked.got == 0)  # of these the forward's output does not tell whether they are kept
    return asked


def _sgd(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    run = _running(case)
    etas = case.params["etas"]
    for name in WEIGHT_NAMES:
        w = arrays[name]
        steps = [got(seen, Key(name, t)) for t in range(len(etas))]
        value: Any = next((step for step in steps if isinstance(step, Failure) or step is None), None)
        if value is None:
            stacked = [array_of(seen, Key(name, t), w.shape) for t in range(len(etas))]
            whole = [array for array in stacked if array is not None]
            value = Returned("array", np.stack(whole), "") if len(whole) == len(etas) else steps[0]
        quantity = name.replace("_", " ")
        other = f"{name[:3]}{'b' if name.endswith('W') else 'W'}"  # the same layer's other parameter
        yield _asked(
            case, "sgd.weights", quantity, value, judged[quantity], [],
            w=run(w), g=[run(g) for g in arrays[f"{name}_gradient"]], etas=etas, alpha=case.params["alpha"],
            beside=(run(arrays[other]), [run(g) for g in arrays[f"{other}_gradient"]]),
            lam=case.params["lam"], key=name[3:], layer=name[:2], N=0,
        )  # fmt: skip


def _updates(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    """The updates of a trajectory, each from the given weights and the submission's own gradient."""
    run = _running(case)
    etas = case.params["etas"]
    for name in WEIGHT_NAMES:
        layer, key, shape = name[:2], name[3:], arrays[name][0].shape
        steps = range(case.params["steps"])
        gradients = [array_of(seen, Key(f"{layer} gradient of {key}", t), shape, flat_ok=True) for t in steps]
        after = [array_of(seen, key_after_step(name, t), shape, flat_ok=True) for t in steps]
        g, moved = [x for x in gradients if x is not None], [x for x in after if x is not None]
        if len(g) < len(gradients) or len(moved) < len(after):
            continue
        quantity = f"updated {layer} {key}"
        yield _asked(
            case, "sgd.weights", quantity, Returned("array", np.stack(moved), ""), judged[quantity], [],
            w=run(arrays[name][0]), starts=[run(w) for w in arrays[name]], g=[run(x) for x in g], etas=etas,
            alpha=case.params["alpha"], lam=case.params["lam"], key=key, layer=layer, N=0,
        )  # fmt: skip


def _labels(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    f = arrays["f"]
    yield _asked(
        case, "utils.labels", "labels", got(seen, Key("labels")), judged["labels"], [],
        f=Running(f, case.dtype), N=len(f), K=f.shape[1],
    )  # fmt: skip


def _split(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    X, Y = (Running(arrays[name], case.dtype) for name in "XY")
    for quantity in ("N", "d", "examples", "labels"):
        yield _asked(
            case, f"utils.{'label of an example' if quantity == 'labels' else quantity}", quantity,
            got(seen, Key(quantity)), judged[quantity], [], X=X, Y=Y.reshape(-1, 1), idx=arrays["idx"], N=len(X),
            D=X.shape[1],
        )  # fmt: skip


def _momentum(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    for name in WEIGHT_NAMES:
        quantity = f"velocity {name}"
        yield _asked(
            case, "utils.velocity", quantity, got(seen, Key(quantity)), judged[quantity], [], N=0,
            gradient=Running(arrays[name], case.dtype),
        )  # fmt: skip


def _loader(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    parts = {key: Running(array, case.dtype) for key, array in arrays.items()}
    for q in case.quantities:
        yield _asked(
            case, f"utils.loaded {q.key.name[0]}", q.name, got(seen, q.key), judged[q.name], [],
            N=len(parts[q.key.name]), parts=parts, split=q.key.name[1:],
        )  # fmt: skip


def _loss(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    y = arrays["Y"].reshape(-1).astype(int)
    for key, word, quantity in (("loss", "output", "loss"), ("gradient of X", "gradient of X", "gradient of logits")):
        yield _cross_entropy(case, word, quantity, arrays["X"], y, got(seen, Key(key)), judged[quantity])


def _cross_entropy(
    case: Case, word: str, quantity: str, X: NDArray[Any], y: NDArray[Any], value: Any, comparison: Comparison
) -> Call:
    return _asked(
        case, f"loss.{word}", quantity, value, comparison, [],
        X=Running(X, case.dtype), hot=np.eye(X.shape[1], dtype=bool)[y], N=len(X), K=X.shape[1],
    )  # fmt: skip


def _network(case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> Iterator[Call]:
    """Each link's calls, with the submission's own intermediate results as inputs, where these can be used."""
    run = _running(case)
    p = case.params
    N, M, K = (p[key] for key in ("N", "M", "K"))
    past: dict[str, dict[str, list[Call]]] = {}
    for t in range(p["steps"]):
        X, y = arrays["X"][t], arrays["Y"][t].reshape(-1).astype(int)

        def own(key: str, *shape: int, t: int = t) -> NDArray[Any] | None:
            return array_of(seen, Key(key, t), shape)

        u, h = own("L1 output", N, M), own("activation output", N, M)
        s = own("dropout output", N, M) if p["dropout"] else h
        a, da, ds = own("L2 output", N, K), own("gradient of logits", N, K), own("L2 gradient of X", N, M)
        dh = own("dropout gradient", N, M) if p["dropout"] else ds
        du = own("activation gradient", N, M)
        for layer, x, grad in (("L1", X, du), ("L2", s, da)):
            W, b = arrays[f"{layer}_W"][t], arrays[f"{layer}_b"][t]
            for word in ("output", "gradient of W", "gradient of b", "gradient of X"):
                if x is None or (word != "output" and grad is None):
                    continue
                filler = np.zeros((N, W.shape[1])) if grad is None else grad
                link = f"{layer} {word}"
                yield _asked(
                    case, f"linear.{word}", link, got(seen, Key(link, t)), judged[link],
                    past.setdefault(layer, {}).setdefault(word, []),
                    X=run(x), grad=run(filler), W=run(W), b=run(b), N=N, D=W.shape[0], M=W.shape[1],
                )  # fmt: skip
        for word, needed in (("output", (u,)), ("gradient of X", (u, dh))):
            link = "activation output" if word == "output" else "activation gradient"
            if u is not None and all(array is not None for array in needed):
                grad = dh if dh is not None else np.zeros_like(u)
                yield _activation(
                    case, p["activation"], word, link, run, past.setdefault("act", {}), u, grad, h,
                    got(seen, Key(link, t)), judged[link],
                )  # fmt: skip
        for word, needed in (("output", (h,)), ("gradient of X", (h, ds))) if p["dropout"] else ():
            link = "dropout output" if word == "output" else "dropout gradient"
            if h is not None and all(array is not None for array in needed):
                grad = ds if ds is not None else np.zeros_like(h)
                yield _masked(
                    case, word, link, past.setdefault("drop", {}), h, grad, s, got(seen, Key(link, t)), judged[link]
                )
        if a is not None:
            for word, link in (("output", "loss"), ("gradient of X", "gradient of logits")):
                yield _cross_entropy(case, word, link, a, y, got(seen, Key(link, t)), judged[link])
    if "etas" in p:
        yield from _updates(case, arrays, seen, judged)


_GATHER: dict[str, Callable[[Case, Arrays, Observation, Judged], Iterator[Call]]] = {
    "linear": _linear,
    "elementwise": _elementwise,
    "dropout": _dropout,
    "sgd": _sgd,
    "loss": _loss,
    "labels": _labels,
    "split": _split,
    "momentum": _momentum,
    "loader": _loader,
    "network": _network,
}
