"""Judges one case: holds an observation's values against what torch answers for the same inputs.

Where a failure is the echo of another part's, the comparison says so in `explained_by`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.editions import EXPECTED_SIGNATURES
from parity_tests.assignments.mlp.main.configs import configs
from parity_tests.assignments.mlp.main.verdicts import judge_main
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network_verdicts import judge_network
from parity_tests.assignments.mlp.returned import array_of, echoes, kept_mask, not_judged, over_steps
from parity_tests.harness import statistics
from parity_tests.harness.compare import compare, compare_each
from parity_tests.harness.judge import got
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison, failed, matched, mismatched
from parity_tests.protocol.kind import Arrays, Context, Judged
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from reference import cross_entropy, dropout, elementwise, linear, sgd
from reference.answer import Alternative, known

# ---- the parts ----


def _linear(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    W, b = arrays["W"], arrays["b"]
    judged: Judged = {}
    for q in case.quantities:
        word = q.key.name
        pair = min(q.key.call, len(arrays["X"]) - 1)
        X, grad = arrays["X"][pair], arrays["grad"][pair]
        if word == "output":
            answer = linear.forward(X, W, b, context.device)
        else:
            answer = linear.backward(X, W, b, grad, context.device)[word[-1]]
        judged[q.name] = compare(got(seen, q.key), answer, flat_ok=word == "gradient of b")
    return judged


def _init(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    D, M = case.params["D"], case.params["M"]
    shapes = {"W": (D, M), "b": (1, M)}
    if case.params["test"] == "small":
        judged = {}
        for key, shape in shapes.items():
            judged[key] = _shaped(got(seen, Key(key)), shape)
            zeros = known(np.zeros(shape))
            judged[f"initial gradient of {key}"] = compare(
                got(seen, Key(f"gradient of {key}")), zeros, flat_ok=key == "b"
            )
        return judged
    first, second = (array_of(seen, Key("W", k), (D, M)) for k in range(2))
    judged = {
        "distribution of W": _distribution(got(seen, Key("W")), shapes["W"]),
        "distribution of b": _distribution(got(seen, Key("b")), shapes["b"], first),
    }
    if first is None or second is None:
        judged["two layers differ"] = _shaped(got(seen, Key("W", 1)), (D, M))
    elif np.array_equal(first, second):
        judged["two layers differ"] = mismatched(
            "fails: the weights of two layers are the same, so they are not drawn anew"
        )
    else:
        judged["two layers differ"] = matched()
    return judged


def _shaped(value: Returned | Failure | None, shape: tuple[int, ...]) -> Comparison:
    """Whether a parameter has the shape and dtype that the assignment asks; its numbers are not compared."""
    if isinstance(value, Returned) and value.array is not None and value.kind == "array":
        if value.array.dtype != np.float64:
            return mismatched(f"has dtype {value.array.dtype}, where float64 is asked")
        itself = value.array.reshape(shape) if value.array.size == np.prod(shape) else np.zeros(shape)
        return compare(value, known(itself), flat_ok=True)
    return compare(value, known(np.zeros(shape)))


def _distribution(
    value: Returned | Failure | None, shape: tuple[int, ...], others: NDArray[Any] | None = None
) -> Comparison:
    shaped = _shaped(value, shape)
    if shaped.verdict != "match" or not isinstance(value, Returned) or value.array is None:
        return shaped
    problem = statistics.normal_problem(value.array, 0.1) or statistics.repeats_problem(value.array)
    if not problem and others is not None:
        problem = statistics.shared_problem(value.array, others)
    return mismatched(problem) if problem else matched()


def _elementwise(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    layer = case.params["layer"]
    forward, backward = (
        (elementwise.tanh_forward, elementwise.tanh_backward)
        if layer == "tanh"
        else (elementwise.relu_forward, elementwise.relu_backward)
    )
    judged: Judged = {}
    for q in case.quantities:
        X, grad = arrays["X"][q.key.call], arrays["grad"][q.key.call]
        if q.key.name == "output":
            judged[q.name] = compare(got(seen, q.key), forward(X, context.device))
            output = judged[q.name]
        else:
            judged[q.name] = _backward_of(
                compare(got(seen, q.key), backward(X, grad, context.device)), output, case, seen, q.key, grad
            )
    return judged


def _backward_of(
    back: Comparison, output: Comparison, case: Case, seen: Observation, key: Key, grad: NDArray[Any]
) -> Comparison:
    """A failing backward that follows a failing forward is its echo where it is right for what the forward returned."""
    if back.verdict in PASSING or output.verdict in PASSING:
        return back
    forward_part = case.quantities[0].part
    h, g = array_of(seen, Key("output", key.call), grad.shape), array_of(seen, key, grad.shape)
    if WHOLE_CASE in seen.failures or back.verdict == "missing":
        return back
    if g is None or h is None or echoes(case.params["layer"], h, grad, g):
        return replace(back, explained_by=forward_part)
    return back


def _dropout(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    r = case.params["r"]
    last = len(arrays["q"]) - 1
    judged: Judged = {}
    for item in case.quantities:
        word, k = item.key.name, item.key.call
        q, grad = arrays["q"][k], arrays["grad"][k]
        s = array_of(seen, Key("output", k), q.shape)
        evaluating = bool(case.params.get("evaluate")) and k == last
        value = got(seen, item.key)
        if evaluating:
            answer = known(q if word == "output" else grad)
            before = array_of(seen, Key("output", k - 1), q.shape)
            if word != "output" and before is not None:
                old = dropout.backward(arrays["q"][k - 1], before != 0, grad, r, context.device)
                note = "its backward after a forward with is_train=False still uses the mask of training"
                everywhere = np.ones(grad.shape, np.bool_)
                answer = replace(answer, alternatives=(Alternative(old.value, old.radius, everywhere, note),))
            judged[item.name] = compare(value, answer)
            continue
        kept = np.ones(q.shape, np.bool_) if s is None or r == 0 else kept_mask(s)
        if word == "output":
            judged[item.name] = compare(value, dropout.forward(q, kept, r, context.device))
            if isinstance(value, Returned) and judged[item.name].verdict == "match":
                judged[item.name] = replace(judged[item.name], notes=())  # its forward is given to students
            output = judged[item.name]
        else:
            judged[item.name] = compare(value, dropout.backward(q, kept, grad, r, context.device))
            if s is None and judged[item.name].verdict not in PASSING:
                judged[item.name] = not_judged("the output", "9", output)
    return judged


def _masks(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    q, r, calls = arrays["q"], case.params["r"], case.params["calls"]
    drawn = [array_of(seen, Key("output", k), q.shape) for k in range(calls)]
    missing = next((k for k, s in enumerate(drawn) if s is None), None)
    if missing is not None:
        comparison = compare(got(seen, Key("output", missing)), known(q))
        return {item.name: comparison for item in case.quantities}
    masks = np.stack([kept_mask(s) for s in drawn if s is not None])
    scale = compare(Returned("array", drawn[0], ""), dropout.forward(q, masks[0], r, context.device))
    problems = {
        "kept fraction": statistics.kept_fraction_problem(masks, r),
        "independence": statistics.independence_problem(masks, r),
        "re-drawn masks": statistics.redrawn_problem(masks, r),
    }
    return {
        "scale": replace(scale, notes=()),
        **{name: mismatched(problem) if problem else matched() for name, problem in problems.items()},
    }


# ---- SGD ----


def _sgd(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    if context.edition_seen != context.edition and "signature" in seen.facts:
        return dict.fromkeys(
            (q.name for q in case.quantities), _wrong_signature(context.edition, seen.facts["signature"])
        )
    etas = case.params["etas"]
    judged: Judged = {}
    for name in WEIGHT_NAMES:
        wanted = sgd.steps(
            arrays[name],
            arrays[f"{name}_gradient"],
            etas,
            alpha=case.params["alpha"],
            lam=case.params["lam"],
            device=context.device,
        )
        steps = [got(seen, Key(name, t)) for t in range(len(etas))]
        judged[name.replace("_", " ")] = over_steps(compare_each(steps, wanted))
    returned = seen.facts.get("returned", [])
    wrong = next((r for r in returned if r != "model"), None)
    if not returned:
        judged["model returned"] = judged["L1 W"]
    elif wrong is not None:
        what = "nothing" if wrong == "nothing" else f"a {wrong} that is not the model it was given"
        judged["model returned"] = mismatched(f"is {what}, where the model that it was given is asked")
    else:
        judged["model returned"] = matched()
    along = seen.facts.get("velocity_along", [])
    if along and all(sign == -1 for sign in along):
        note = "keeps the velocity with the opposite sign (v = αv + ηg, w −= v), which moves the weights alike"
        judged["L1 W"] = judged["L1 W"].noting(note)
    if seen.facts.get("momentum_none"):
        note = "crashes on momentum=None at α = 0, where main would pass it; right with zero velocities"
        judged = {name: comparison.noting(note) for name, comparison in judged.items()}
    return judged


# ---- utils ----


def _loss(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    X, y = arrays["X"], arrays["Y"].reshape(-1).astype(np.int64)
    return {
        "loss": compare(got(seen, Key("loss")), cross_entropy.forward(X, y, context.device)),
        "gradient of logits": compare(got(seen, Key("gradient of X")), cross_entropy.backward(X, y, context.device)),
    }


def _labels(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    f = arrays["f"]
    want = f > 0 if f.shape[1] == 1 else f.argmax(axis=1).reshape(-1, 1)
    return {"labels": _exactly(got(seen, Key("labels")), want.astype(np.float64))}


def _exactly(value: Returned | Failure | None, want: NDArray[Any]) -> Comparison:
    """A comparison with what numpy alone says; an integer or Boolean dtype that holds the same numbers is no matter."""
    comparison = compare(value, known(np.asarray(want)))
    return replace(comparison, problem=comparison.problem.replace("torch says", "the assignment says"))


def _split(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    X, Y, idx = arrays["X"], arrays["Y"], arrays["idx"]
    wanted = {"N": np.array(X.shape[0]), "d": np.array(X.shape[1]), "examples": X[idx], "labels": Y[idx, None]}
    return {name: _exactly(got(seen, Key(name)), want) for name, want in wanted.items()}


def _momentum(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    keys = seen.values.get(Key("keys"))
    if keys is not None and keys.array is not None and not bool(keys.array):
        first = mismatched(f"are not {', '.join(WEIGHT_NAMES)}")
    else:
        first = failed(f) if isinstance(f := got(seen, Key("keys")), Failure) else matched()
    zeros = {name: np.zeros(arrays[name].shape) for name in WEIGHT_NAMES}
    return {
        "keys": first,
        **{f"velocity {n}": compare(got(seen, Key(f"velocity {n}")), known(z), flat_ok=True) for n, z in zeros.items()},
    }


def _loader(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    return {q.name: _exactly(got(seen, q.key), arrays[q.key.name]) for q in case.quantities}


# ---- the whole network ----


def _network(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    return judge_network(case, arrays, seen, context.device)


# ---- main ----


def _main(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """Each run by itself; crediting its failures to a part is for whoever sees all cases."""
    config = next(c for c in configs(case.params["edition"]) if c.name == case.params["config"])
    return judge_main(seen, config=config, digits=arrays, stand_ins=case.params["stand_ins"], device=context.device)


def _wrong_signature(edition: str, signature: str) -> Comparison:
    """The verdict on every SGD quantity of a submission whose function takes other parameters than its edition's."""
    return mismatched(f"cannot be asked: the function takes {signature}, where {EXPECTED_SIGNATURES[edition]} is asked")


JUDGES: dict[str, Callable[[Case, Arrays, Observation, Context], Judged]] = {
    "linear": _linear,
    "init": _init,
    "elementwise": _elementwise,
    "dropout": _dropout,
    "masks": _masks,
    "sgd": _sgd,
    "loss": _loss,
    "labels": _labels,
    "split": _split,
    "momentum": _momentum,
    "loader": _loader,
    "network": _network,
    "main": _main,
}
