"""Judges one case: holds an observation's values against what torch answers for the same inputs.

Where a failure is the echo of another part's, the comparison says so in `explained_by`; where a link of the whole
network could not be judged because an earlier one broke, its `todo` is that one's.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignment import statistics
from parity_tests.assignment.cases import WEIGHT_NAMES, Case, links
from parity_tests.assignment.editions import EXPECTED_SIGNATURES
from parity_tests.assignment.main_configs import configs
from parity_tests.assignment.main_verdicts import judge_main
from parity_tests.assignment.parts import FUNCTIONS
from parity_tests.harness.compare import PASSING, Comparison, compare, failed, matched, mismatched
from parity_tests.harness.observation import Failure, Observation, Returned
from reference import answers
from reference.answers import Answer
from reference.rounding import unit_roundoff

Arrays = Mapping[str, NDArray[Any]]
Judged = dict[str, Comparison]
Broken = tuple[str, str, Comparison]
"""A link of the network after which others cannot be judged: its name, its TODO, and what is wrong with it."""

UNREACHED = "unreached"


def judge(case: Case, arrays: Arrays, seen: Observation, device: str = "cpu") -> Judged:
    """A comparison for each of the case's quantities, by name; what overwrote what is noted where it happened."""
    judged = _JUDGES[case.probe](case, arrays, seen, device)
    overwritten: Mapping[str, list[str]] = seen.facts.get("overwritten", {})
    for q in case.quantities:
        comparison = judged[q.name]
        if case.probe not in ("network", "main"):
            comparison = _owed(comparison, q.todo, _cause(case, got(seen, q.key)))
        word = q.key.split("@")[0]
        labels = sorted({label for key, found in overwritten.items() if key.split("@")[0] == word for label in found})
        if labels:
            comparison = comparison.noting(f"overwrites {' and '.join(_plain(label) for label in labels)}")
        judged[q.name] = comparison
    return judged


def _cause(case: Case, value: Returned | Failure | None) -> str:
    """The TODO of the call whose failure this is, which may be why others were never made; "" for none."""
    if not isinstance(value, Failure):
        return ""
    if value.error == UNREACHED:
        word = value.function.split("@")[0]
        named = next((q.todo for q in case.quantities if q.key.split("@")[0] == word), "")
        if named:
            return named
    # A failure's sentence begins with the function that was called: the outermost of the submission's own.
    called = value.text.removeprefix("not asked: ").removeprefix("not reached: ").split(" ", 1)[0]
    return FUNCTIONS.get(called, "")


def _owed(comparison: Comparison, todo: str, cause: str) -> Comparison:
    """A failing comparison of `todo`, explained by the TODO that caused it where that is another one."""
    if cause in ("", todo) or comparison.verdict in PASSING or comparison.explained_by:
        return comparison
    return replace(comparison, explained_by=cause)


def _plain(label: str) -> str:
    return {
        "X": "its input",
        "grad": "the incoming gradient",
        "output": "the array that its forward returned",
        "Y": "the labels",
    }.get(label, f"the array that is {label}")


def got(seen: Observation, key: str) -> Returned | Failure | None:
    """What was kept under `key`: a value, its failure, or the failure that ended the case before."""
    found = seen.values.get(key) or seen.failures.get(key) or seen.failures.get("")
    if found is None and (stop := stopped(seen)) is not None:
        name, failure = stop
        text = f"not reached: {failure.text}"
        return Failure(failure.kind, UNREACHED, text, failure.file, failure.line, function=name)
    return found


def stopped(seen: Observation) -> tuple[str, Failure] | None:
    """The call at which the case ran out of time, and how."""
    return next(((name, failure) for name, failure in seen.failures.items() if failure.kind == "timeout"), None)


def array_of(seen: Observation, key: str, shape: tuple[int, ...], *, flat_ok: bool = False) -> NDArray[Any] | None:
    """The array kept under `key` if it is one of this shape that later links can be judged from."""
    value = seen.values.get(key)
    if value is None or value.array is None or value.kind != "array" or value.array.dtype.kind not in "fiub":
        return None
    if value.array.shape != shape:
        return value.array.reshape(shape) if flat_ok and shape == (1, *value.array.shape) else None
    return value.array


# ---- the parts ----


def _linear(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    W, b = arrays["W"], arrays["b"]
    judged: Judged = {}
    for q in case.quantities:
        word, _, k = q.key.partition("@")
        pair = min(int(k), len(arrays["X"]) - 1)
        X, grad = arrays["X"][pair], arrays["grad"][pair]
        if word == "output":
            answer = answers.linear_forward(X, W, b, device)
        else:
            answer = answers.linear_backward(X, W, b, grad, device)[word[-1]]
        judged[q.name] = compare(got(seen, q.key), answer, flat_ok=word == "gradient of b")
    return judged


def _init(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    D, M = case.params["D"], case.params["M"]
    shapes = {"W": (D, M), "b": (1, M)}
    if case.params["test"] == "small":
        judged = {}
        for key, shape in shapes.items():
            judged[key] = _shaped(got(seen, f"{key}@0"), shape)
            zeros = answers.known(np.zeros(shape))
            judged[f"initial gradient of {key}"] = compare(got(seen, f"gradient of {key}@0"), zeros, flat_ok=key == "b")
        return judged
    first, second = (array_of(seen, f"W@{k}", (D, M)) for k in range(2))
    judged = {
        "distribution of W": _distribution(got(seen, "W@0"), shapes["W"]),
        "distribution of b": _distribution(got(seen, "b@0"), shapes["b"], first),
    }
    if first is None or second is None:
        judged["two layers differ"] = _shaped(got(seen, "W@1"), (D, M))
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
        return compare(value, answers.known(itself), flat_ok=True)
    return compare(value, answers.known(np.zeros(shape)))


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


def _elementwise(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    layer = case.params["layer"]
    forward, backward = (
        (answers.tanh_forward, answers.tanh_backward)
        if layer == "tanh"
        else (answers.relu_forward, answers.relu_backward)
    )
    judged: Judged = {}
    for q in case.quantities:
        word, _, k = q.key.partition("@")
        X, grad = arrays["X"][int(k)], arrays["grad"][int(k)]
        if word == "output":
            judged[q.name] = compare(got(seen, q.key), forward(X, device))
            output = judged[q.name]
        else:
            judged[q.name] = _backward_of(
                compare(got(seen, q.key), backward(X, grad, device)), output, case, seen, q.key, int(k), grad
            )
    return judged


def _backward_of(
    back: Comparison, output: Comparison, case: Case, seen: Observation, key: str, k: int, grad: NDArray[Any]
) -> Comparison:
    """A failing backward that follows a failing forward is its echo where it is right for what the forward returned."""
    if back.verdict in PASSING or output.verdict in PASSING:
        return back
    forward_todo = case.quantities[0].todo
    h, g = array_of(seen, f"output@{k}", grad.shape), array_of(seen, key, grad.shape)
    if "" in seen.failures or back.verdict == "missing":
        return back
    if g is None or h is None or echoes(case.params["layer"], h, grad, g):
        return replace(back, explained_by=forward_todo)
    return back


def echoes(layer: str, h: NDArray[Any], grad: NDArray[Any], got_gradient: NDArray[Any]) -> bool:
    """Whether a gradient is what the assignment's formula gives for the (wrong) h that the forward returned."""
    with np.errstate(all="ignore"):
        wanted = [grad * (1 - h * h)] if layer == "tanh" else [grad * (h > 0), grad * (h != 0)]
        slack = 16 * np.finfo(grad.dtype).eps * np.abs(grad) * (1 + h * h)
        return any(
            bool(((np.abs(got_gradient - w) <= slack) | (np.isnan(got_gradient) & np.isnan(w))).all()) for w in wanted
        )


def kept_mask(s: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask that a dropout's forward used, from its result: kept where s ≠ 0 (of q without zeros, for sure)."""
    return np.asarray(s != 0)


def _dropout(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    r = case.params["r"]
    last = len(arrays["q"]) - 1
    judged: Judged = {}
    for item in case.quantities:
        word, _, k = item.key.partition("@")
        q, grad = arrays["q"][int(k)], arrays["grad"][int(k)]
        s = array_of(seen, f"output@{k}", q.shape)
        evaluating = bool(case.params.get("evaluate")) and int(k) == last
        value = got(seen, item.key)
        if evaluating:
            answer = answers.known(q if word == "output" else grad)
            before = array_of(seen, f"output@{int(k) - 1}", q.shape)
            if word != "output" and before is not None:
                old = answers.dropout_backward(arrays["q"][int(k) - 1], before != 0, grad, r, device)
                note = "its backward after a forward with is_train=False still uses the mask of training"
                everywhere = np.ones(grad.shape, np.bool_)
                answer = replace(answer, alternatives=(answers.Alternative(old.value, old.radius, everywhere, note),))
            judged[item.name] = compare(value, answer)
            continue
        kept = np.ones(q.shape, np.bool_) if s is None or r == 0 else kept_mask(s)
        if word == "output":
            judged[item.name] = compare(value, answers.dropout_forward(q, kept, r, device))
            if isinstance(value, Returned) and judged[item.name].verdict == "match":
                judged[item.name] = replace(judged[item.name], notes=())  # its forward is given to students
            output = judged[item.name]
        else:
            judged[item.name] = compare(value, answers.dropout_backward(q, kept, grad, r, device))
            if s is None and judged[item.name].verdict not in PASSING:
                judged[item.name] = _not_judged("the output", "9", output)
    return judged


def _masks(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    q, r, calls = arrays["q"], case.params["r"], case.params["calls"]
    drawn = [array_of(seen, f"output@{k}", q.shape) for k in range(calls)]
    missing = next((k for k, s in enumerate(drawn) if s is None), None)
    if missing is not None:
        comparison = compare(got(seen, f"output@{missing}"), answers.known(q))
        return {item.name: comparison for item in case.quantities}
    masks = np.stack([kept_mask(s) for s in drawn if s is not None])
    scale = compare(Returned("array", drawn[0], ""), answers.dropout_forward(q, masks[0], r, device))
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


def _sgd(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    etas = case.params["etas"]
    judged: Judged = {}
    for name in WEIGHT_NAMES:
        wanted = answers.sgd(
            arrays[name],
            arrays[f"{name}_gradient"],
            etas,
            alpha=case.params["alpha"],
            lam=case.params["lam"],
            device=device,
        )
        steps = [compare(got(seen, f"{name}@{t}"), answer) for t, answer in enumerate(wanted)]
        judged[name.replace("_", " ")] = over_steps(steps)
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


def over_steps(steps: list[Comparison]) -> Comparison:
    """One comparison of a quantity over several steps: the first that fails, else the one with the largest ratio."""
    for t, comparison in enumerate(steps):
        if comparison.verdict not in PASSING:
            later = sum(c.verdict not in PASSING for c in steps[t + 1 :])
            more = f", and in {later} later steps" if later else ""
            problem = f"after step {t + 1} {comparison.problem}{more}" if len(steps) > 1 else comparison.problem
            return replace(comparison, step=t + 1, problem=problem)
    undecided = [t for t, c in enumerate(steps) if c.verdict == "undecided"]
    worst = undecided[0] if undecided else max(range(len(steps)), key=lambda t: steps[t].ratio or 0.0)
    notes = [note for c in steps for note in c.notes]
    return replace(steps[worst], step=worst + 1 if len(steps) > 1 else None).noting(*notes)


# ---- utils ----


def _loss(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    X, y = arrays["X"], arrays["Y"].reshape(-1).astype(np.int64)
    return {
        "loss": compare(got(seen, "loss"), answers.cross_entropy_forward(X, y, device)),
        "gradient of logits": compare(got(seen, "gradient of X"), answers.cross_entropy_backward(X, y, device)),
    }


def _labels(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    f = arrays["f"]
    want = f > 0 if f.shape[1] == 1 else f.argmax(axis=1).reshape(-1, 1)
    return {"labels": _exactly(got(seen, "labels"), want.astype(np.float64))}


def _exactly(value: Returned | Failure | None, want: NDArray[Any]) -> Comparison:
    """A comparison with what numpy alone says; an integer or Boolean dtype that holds the same numbers is no matter."""
    comparison = compare(value, answers.known(np.asarray(want)))
    return replace(comparison, problem=comparison.problem.replace("torch says", "the assignment says"))


def _split(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    X, Y, idx = arrays["X"], arrays["Y"], arrays["idx"]
    wanted = {"N": np.array(X.shape[0]), "d": np.array(X.shape[1]), "examples": X[idx], "labels": Y[idx, None]}
    return {name: _exactly(got(seen, name), want) for name, want in wanted.items()}


def _momentum(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    keys = seen.values.get("keys")
    if keys is not None and keys.array is not None and not bool(keys.array):
        first = mismatched(f"are not {', '.join(WEIGHT_NAMES)}")
    else:
        first = failed(f) if isinstance(f := got(seen, "keys"), Failure) else matched()
    zeros = {name: np.zeros(arrays[name].shape) for name in WEIGHT_NAMES}
    return {
        "keys": first,
        **{
            f"velocity {n}": compare(got(seen, f"velocity {n}"), answers.known(z), flat_ok=True)
            for n, z in zeros.items()
        },
    }


def _loader(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    return {q.name: _exactly(got(seen, q.key), arrays[q.key]) for q in case.quantities}


# ---- the whole network ----


def _network(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    if not seen.values and set(seen.failures) == {""}:
        failure = seen.failures[""]
        cause = _cause(case, failure)
        whole = replace(failed(failure), todo=cause)
        return {q.name: _owed(whole, q.todo, cause) for q in case.quantities}
    by_step: list[Judged] = []
    broken: list[Broken | None] = []
    for t in range(case.params["steps"]):
        ended = broken[-1] if broken and f"L1 output@{t}" not in {**seen.values, **seen.failures} else None
        if t and ended is None:
            ended = _ended(case, seen, t)
        judged_step, broken_link = _network_step(case, arrays, seen, t, device, ended)
        by_step.append(judged_step)
        broken.append(broken_link)
    judged = {name: over_steps([step[name] for step in by_step]) for name in by_step[0]}
    if "etas" in case.params:
        for name in WEIGHT_NAMES:
            updates = [_update(case, arrays, seen, name, t, step, broken[t], device) for t, step in enumerate(by_step)]
            judged[f"updated {name.replace('_', ' ')}"] = over_steps(updates)
    return judged


def judge_step(case: Case, arrays: Arrays, seen: Observation, t: int, device: str = "cpu") -> Judged:
    """Step t of a network case alone: every link by its name, and every weight after its update as "updated L1 W"."""
    judged, broken = _network_step(case, arrays, seen, t, device, None)
    for name in WEIGHT_NAMES:
        judged[f"updated {name.replace('_', ' ')}"] = _update(case, arrays, seen, name, t, judged, broken, device)
    return judged


def _ended(case: Case, seen: Observation, t: int) -> Broken | None:
    """The failure between two steps, in the update, that kept step t from being begun."""
    value = got(seen, f"L1 output@{t}")
    cause = _cause(case, value)
    if not isinstance(value, Failure) or cause in ("", "3"):
        return None
    return "the update", cause, failed(value)


def _network_step(
    case: Case, arrays: Arrays, seen: Observation, t: int, device: str, broken: Broken | None
) -> tuple[Judged, Broken | None]:
    """Every link of one step, each judged from the submission's own results before it; and the first broken one.

    `broken` is given where an earlier step broke off and this one was never begun.
    """
    p = case.params
    N, M, K = p["N"], p["M"], p["K"]
    dtype, r, layer = np.dtype(case.dtype), p["r"], p["activation"]
    w = {name: arrays[name][t] for name in WEIGHT_NAMES}
    X, y = arrays["X"][t], arrays["Y"][t].reshape(-1).astype(np.int64)
    tanh = layer == "tanh"

    def own(key: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
        return array_of(seen, f"{key}@{t}", shape)

    u, h = own("L1 output", (N, M)), own("activation output", (N, M))
    s = own("dropout output", (N, M)) if p["dropout"] else h
    a, da = own("L2 output", (N, K)), own("gradient of logits", (N, K))
    ds = own("L2 gradient of X", (N, M))
    dh = own("dropout gradient", (N, M)) if p["dropout"] else ds
    du = own("activation gradient", (N, M))

    def ask(function: Callable[..., Answer], *own_arrays: NDArray[Any] | None) -> Callable[[], Answer] | None:
        """`function` of the submission's own arrays; None where one of them is not usable."""
        usable = [array for array in own_arrays if array is not None]
        return partial(of_own, dtype, function, *usable) if len(usable) == len(own_arrays) else None

    wanted: dict[str, Callable[[], Answer] | None] = {
        "L1 output": lambda: answers.linear_forward(X, w["L1_W"], w["L1_b"], device),
        "activation output": ask(lambda u: _activation(tanh, u, device), u),
        "dropout output": ask(lambda h: answers.dropout_forward(h, _kept(h, s, r), r, device), h),
        "L2 output": ask(lambda s: answers.linear_forward(s, *weights_like(s, w, "L2"), device), s),
        "loss": ask(lambda a: answers.cross_entropy_forward(a, y, device), a),
        "gradient of logits": ask(lambda a: answers.cross_entropy_backward(a, y, device), a),
    }
    memory: dict[tuple[str, np.dtype[Any]], dict[str, Answer]] = {}

    def backward(part: str, X: NDArray[Any], grad: NDArray[Any]) -> dict[str, Answer]:
        """The three gradients of a linear link, asked of torch once."""
        asked = (part, grad.dtype)
        if asked not in memory:
            memory[asked] = answers.linear_backward(X, *weights_like(X, w, part), grad, device)
        return memory[asked]

    for part, inputs, grad in (("L2", s, da), ("L1", X, du)):
        for key in "WbX":
            wanted[f"{part} gradient of {key}"] = ask(
                lambda X, grad, part=part, key=key: backward(part, X, grad)[key], inputs, grad
            )
    wanted["dropout gradient"] = ask(
        lambda h, s, ds: answers.dropout_backward(h, kept_mask(s), ds, r, device), h, s, ds
    )
    wanted["activation gradient"] = ask(lambda u, dh: _activation_gradient(tanh, u, dh, device), u, dh)

    judged: Judged = {}
    for name, todo in links(layer, p["dropout"]):
        value, answer = got(seen, f"{name}@{t}"), wanted[name]
        if broken is not None and (answer is None or isinstance(value, Failure)):
            judged[name] = _not_judged(*broken)
            continue
        if answer is None:
            # Without a broken link before it, a link lacks inputs only where the whole case failed.
            comparison = compare(value if isinstance(value, Failure) else None, answers.known(X))
        else:
            comparison = compare(value, answer(), flat_ok=name.endswith("gradient of b"))
        if name == "dropout output" and comparison.verdict == "match":
            comparison = replace(comparison, notes=())
        fails = comparison.verdict not in PASSING
        if fails and name == "activation gradient" and _is_echo(judged, layer, h, dh, own(name, (N, M))):
            forward = "5" if tanh else "7"
            comparison = replace(comparison, todo=forward, explained_by=forward)
        judged[name] = comparison
        unusable = comparison.gap is None or not np.isfinite(comparison.gap)
        if fails and unusable and broken is None:
            broken = (name, comparison.todo or todo, comparison)
    return judged, broken


def _is_echo(judged: Judged, layer: str, h: Any, dh: Any, gradient: Any) -> bool:
    forward_fails = judged["activation output"].verdict not in PASSING
    return forward_fails and h is not None and gradient is not None and echoes(layer, h, dh, gradient)


def _not_judged(name: str, todo: str, cause: Comparison) -> Comparison:
    return replace(
        cause,
        problem=f"was not judged, because {name} {'failed' if cause.sentence else cause.problem}",
        sentence=False,
        todo=todo,
        explained_by=todo,
        arrays=None,
    )


def _activation(tanh: bool, u: Any, device: str) -> Answer:
    return answers.tanh_forward(u, device) if tanh else answers.relu_forward(u, device)


def _activation_gradient(tanh: bool, u: Any, dh: Any, device: str) -> Answer:
    return answers.tanh_backward(u, dh, device) if tanh else answers.relu_backward(u, dh, device)


def _kept(h: NDArray[Any], s: NDArray[Any] | None, r: float) -> NDArray[np.bool_]:
    return np.ones(h.shape, np.bool_) if r == 0 or s is None else kept_mask(s)


def weights_like(array: NDArray[Any], weights: Arrays, layer: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """A layer's W and b in the dtype of what they meet."""
    return weights[f"{layer}_W"].astype(array.dtype), weights[f"{layer}_b"].astype(array.dtype)


def of_own(dtype: np.dtype[Any], function: Callable[..., Answer], *own: NDArray[Any]) -> Answer:
    """The answer for the submission's own arrays, which it may have promoted beyond the case's dtype.

    torch is then fed the promoted ones, but the radius stays that of the case's dtype, in which the submission may go
    on; also where nothing else rounds, it may round the result back.
    """
    rounded = function(*(array.astype(dtype) for array in own))
    widest = np.result_type(dtype, *own)
    if widest == dtype:
        return rounded
    wide = function(*(array.astype(np.float64) for array in own))
    u = unit_roundoff(dtype)
    alternatives = tuple(
        replace(a, radius=b.radius + u * np.abs(a.value))
        for a, b in zip(wide.alternatives, rounded.alternatives, strict=True)
    )
    return replace(wide, radius=rounded.radius + u * np.abs(wide.value), alternatives=alternatives)


def _update(
    case: Case,
    arrays: Arrays,
    seen: Observation,
    name: str,
    t: int,
    judged: Judged,
    broken: Broken | None,
    device: str,
) -> Comparison:
    """One weight after the update of step t, from the submission's own gradient and its last change of weights."""
    w = arrays[name][t]
    g = array_of(seen, f"{name[:2]} gradient of {name[3:]}@{t}", w.shape, flat_ok=True)
    key = f"{name} after the step"
    gradient = judged[f"{name[:2]} gradient of {name[3:]}"]
    if broken is not None and isinstance(got(seen, f"{key}@{t}"), Failure):
        return _not_judged(*broken)
    if g is None:
        return _not_judged(f"{name[:2]} gradient of {name[3:]}", gradient.todo or "4", gradient)
    previous = arrays[name][t - 1] if t else None
    after = array_of(seen, f"{key}@{t - 1}", w.shape, flat_ok=True) if t else None
    velocity = None if previous is None or after is None else after.astype(w.dtype) - previous
    answer = answers.sgd_update(
        w,
        g.astype(w.dtype),
        alpha=case.params["alpha"],
        lam=case.params["lam"],
        eta=case.params["etas"][t],
        velocity=velocity,
        previous=None if velocity is None else previous,
        device=device,
    )
    return compare(got(seen, f"{key}@{t}"), answer, flat_ok=name.endswith("b"))


# ---- main ----


def _main(case: Case, arrays: Arrays, seen: Observation, device: str) -> Judged:
    """Findings are whole sentences already; crediting them to a part is for whoever sees all cases."""
    config = next(c for c in configs(case.params["edition"]) if c.name == case.params["config"])
    findings = judge_main(seen, config=config, digits=arrays, stand_ins=case.params["stand_ins"], device=device)
    figures = (
        "verdict",
        "gap",
        "radius",
        "ratio",
        "ulps",
        "bad",
        "total",
        "where",
        "got",
        "want",
        "blame",
        "step",
        "file",
    )
    return {
        f.quantity: Comparison(
            **{name: getattr(f, name) for name in figures}, problem=f.message, sentence=True, line=f.line or None
        ).noting(f.note)
        for f in findings
    }


def wrong_signature(edition: str, signature: str) -> Comparison:
    """The verdict on every SGD quantity of a submission whose function takes other parameters than its edition's."""
    return mismatched(f"cannot be asked: the function takes {signature}, where {EXPECTED_SIGNATURES[edition]} is asked")


_JUDGES: dict[str, Callable[[Case, Arrays, Observation, str], Judged]] = {
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
