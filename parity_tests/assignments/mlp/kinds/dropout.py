"""Dropout: forward and backward by the masks that are seen, and the masks themselves as random draws.

Of both: the rows of the cases, the draw and the judge; of the first the calls as evidence.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds import turns
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.elementwise import without_zeros
from parity_tests.assignments.mlp.names import LABELS, words
from parity_tests.harness.compare import compare
from parity_tests.harness.explanation import not_judged
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched, unjudged
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import Alternative, Answer, known
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]

LARGEST = 0.95
"""A rate that every exam has, as it has 0."""
BETWEEN = {"small": (1, 8), "low": (12, 45), "high": (55, 90)}
"""The per cent between which the other rates are drawn."""
PER_MILLE = 2, 9
"""Between which the rate of many rows is drawn: whatever takes small rates for none shows by the scale."""
OUTPUT, GRADIENT = (("output", "9"),), (("gradient of X", "9"),)
TURNS: turns.Calls = (
    *((turns.EVALUATION if k == 3 else method, i, k) for method, i, k in turns.IN_TURN),
    (turns.EVALUATION, 0, 5),
    (turns.BACKWARD, 0, 5),
)
"""The last backward follows a forward with is_train=False."""


def rates(seed: int) -> dict[str, float]:
    """The rates of an exam by name."""
    settings = settings_of(seed, "dropout", "rates")
    drawn = {f"{name}-rate": settings.randint(*bounds) / 100 for name, bounds in BETWEEN.items()}
    return {"rate-0": 0.0, **drawn, f"rate-{LARGEST}": LARGEST}


def cases(dtype: str, seed: int) -> Iterator[Case]:
    """Two inputs at each rate, of other sizes and orders in memory; many rows at a tiny rate; and objects in turn."""

    def of(slug: str, title: str, r: list[float], calls: turns.Calls, inputs: Any, asked: tuple[Quantity, ...]) -> Case:
        return turns.case("dropout", slug, f"dropout, {title}", dtype, "dropout", calls, inputs, asked, rates=r)

    orders = (turns.USUAL, turns.USUAL, *turns.ORDERS)
    for (slug, r), memory in zip(rates(seed).items(), orders, strict=True):
        settings = settings_of(seed, "dropout", slug)
        # So many elements that at no rate all are dropped by chance; at the largest one N is in the hundreds.
        M = settings.randint(4, 9) if r == LARGEST else settings.randint(20, 40)
        N, other = distinct(settings, *((120, 200) if r == LARGEST else (12, 20)), 2)
        inputs: list[dict[str, Any]] = [
            {"shape": [N, M]},
            {"shape": [other, M], "memory": memory},
        ]
        asked = turns.asked(turns.pairs(2), ("", turns.IN_MEMORY.get(memory, "another N")), OUTPUT, GRADIENT)
        yield of(slug, words(slug), [r], turns.pairs(2), inputs, asked)
    if dtype == "float64":
        slug = turns.MANY_ROWS
        settings = settings_of(seed, "dropout", slug)
        shape = [turns.many_rows(settings), settings.randint(2, 9)]
        asked = turns.asked(turns.pairs(1), ("",), OUTPUT, GRADIENT)
        given = [{"shape": shape}]
        tiny = settings.randint(*PER_MILLE) / 1000
        yield of(slug, words(slug), [tiny], turns.pairs(1), given, asked)
    settings = settings_of(seed, "dropout", "in-turn")
    first, other = distinct(settings, 4, 9, 2)
    M = other  # square arrays, after others
    inputs = [{"shape": [N, M]} for N in (first, first, first, other, other, other)]
    inputs[2]["tiny"] = True
    suffixes = (*turns.TURNS[:5], "evaluation after training")
    asked = turns.asked(TURNS, suffixes, OUTPUT, GRADIENT)
    both = [bound / 100 for bound in (settings.randint(20, 45), settings.randint(55, 70))]
    yield of("in-turn", "objects and inputs in turn", both, TURNS, inputs, asked)


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """q_k and grad_k of each input, none of whose elements is near 0: what is 0 afterwards was dropped."""
    arrays = {}
    for k, given in enumerate(params["inputs"]):
        arrays[f"q_{k}"] = without_zeros(rng, tuple(given["shape"]))
        arrays[f"grad_{k}"] = turns.sized(without_zeros(rng, tuple(given["shape"])), rng, given)
    return arrays


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against torch's with the mask that the submission's own forward shows."""
    from parity_tests.harness.statistics import KEEPS_NOTHING  # which imports torch

    judged: dict[str, Comparison] = {}
    outputs: dict[int, Comparison] = {}
    empty = _empty(case, arrays, observation)
    for q in case.quantities:
        k = q.key.call
        if is_evaluation(case, k):
            answer = _in_evaluation(case, arrays, observation, q.key, context, told=k - 1 not in empty)
            comparison = compare(result_of(observation, q.key), answer)
        elif q.key.name == "output":
            comparison = outputs[k] = _judge_forward(case, arrays, observation, q.key, context)
        else:
            comparison = _judge_backward(case, arrays, observation, q.key, context, outputs.get(k))
        if k in empty and comparison.verdict in PASSING:
            comparison = unjudged(KEEPS_NOTHING)
        judged[q.name] = turns.noting_memory(comparison, case.params, observation, q.key)
    return judged


def rate_of(case: Case, k: int) -> float:
    """The rate of the object that is called with input k."""
    return float(case.params["rates"][turns.object_of(case.params, k)])


def _rate_of_last(case: Case) -> float:
    """The rate of the object that was made last; one's own where there is one alone."""
    last = max(i for _, i, _ in case.params["calls"])
    return next(rate_of(case, of) for _, i, of in case.params["calls"] if i == last)


def is_evaluation(case: Case, k: int) -> bool:
    """Whether input k is given to a forward with is_train=False."""
    return any(method == turns.EVALUATION and of == k for method, _, of in case.params["calls"])


def _empty(case: Case, arrays: Arrays, observation: Observation) -> set[int]:
    """The calls in training that keep nothing, where chance would not draw that."""
    from parity_tests.harness.statistics import never_drawn

    masks = {}
    for k in {q.key.call for q in case.quantities}:
        s = array_of(observation, Key("output", k), arrays[f"q_{k}"].shape)
        if s is not None and not is_evaluation(case, k) and not mask_of(s, s.shape, rate_of(case, k)).any():
            masks[k] = kept_mask(s), rate_of(case, k)
    return set(masks) if never_drawn(masks.values()) else set()


def _in_evaluation(
    case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context, *, told: bool
) -> Answer:
    """The identity; a backward may do as after training, with a note: `main` never asks for it.

    That is with the mask of the forward before, but where that was not `told`, since it keeps nothing; or with a mask
    that keeps everything.
    """
    from reference import dropout

    k = key.call
    grad = arrays[f"grad_{k}"]
    if key.name == "output":
        return known(arrays[f"q_{k}"])
    s = array_of(observation, Key("output", k - 1), grad.shape)
    everywhere = np.ones(grad.shape, np.bool_)
    does = {"scales all by 1/(1 − r)": everywhere}
    if s is not None and told:
        does["still uses the mask of training"] = kept_mask(s)
    others = []
    for what, kept in does.items():
        other = dropout.backward(arrays[f"q_{k - 1}"], kept, grad, rate_of(case, k), context.device)
        note = f"its backward after a forward with is_train=False {what}"
        others.append(Alternative(other.value, other.radius, everywhere, note))
    return replace(known(grad), alternatives=tuple(others))


def _judge_forward(case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context) -> Comparison:
    from reference import dropout

    q, r = arrays[f"q_{key.call}"], rate_of(case, key.call)
    kept = mask_of(array_of(observation, key, q.shape), q.shape, r)
    result = result_of(observation, key)
    comparison = compare(result, dropout.forward(q, kept, r, context.device))
    if isinstance(result, Returned) and comparison.verdict == Verdict.MATCH:
        comparison = replace(comparison, notes=())  # students are given the forward
    return comparison


def _judge_backward(
    case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context, output: Comparison | None
) -> Comparison:
    from reference import dropout

    q, grad, r = arrays[f"q_{key.call}"], arrays[f"grad_{key.call}"], rate_of(case, key.call)
    s = array_of(observation, Key("output", key.call), q.shape)
    answer = dropout.backward(q, mask_of(s, q.shape, r), grad, r, context.device)
    comparison = compare(result_of(observation, key), answer)
    if s is None and output is not None and comparison.verdict not in PASSING:
        return not_judged("the output", "9", output)
    return comparison


def kept_mask(s: Array) -> NDArray[np.bool_]:
    """The mask that a forward used, from its result s: kept where s ≠ 0 (of q without zeros, for sure)."""
    return np.asarray(s != 0)


def mask_of(s: Array | None, shape: tuple[int, ...], r: float) -> NDArray[np.bool_]:
    """The mask that a forward used; all ones at rate 0, and where its result s is not known."""
    return np.ones(shape, np.bool_) if s is None or r == 0 else kept_mask(s)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls; those before one on the same object are its past."""
    calls = Calls(case, judged)
    for quantity in case.quantities:
        k = quantity.key.call
        q, grad = arrays[f"q_{k}"], arrays[f"grad_{k}"]
        s = array_of(observation, Key("output", k), q.shape)
        result = result_of(observation, quantity.key)
        yield dropout_call(
            calls, quantity.key.name, quantity.name, result, q, grad, s, rate_of(case, k), is_evaluation(case, k),
            on=f"dropout {turns.object_of(case.params, k)}", last_r=_rate_of_last(case),
        )  # fmt: skip


def dropout_call(
    calls: Calls,
    word: str,
    quantity: str,
    result: Returned | Failure | None,
    q: Array,
    grad: Array,
    s: Array | None,
    r: float,
    evaluating: bool = False,
    on: str = "dropout",
    last_r: float | None = None,
) -> Call:
    """The call of dropout that gave its "output" or "gradient of X"; `s` is what its forward returned, if known.

    Where q is 0, s does not tell what is kept: there a gradient of 0 is free.
    """
    call = calls.add(
        f"dropout.{word}",
        quantity,
        result,
        on,
        X=calls.running(q),
        grad=calls.running(grad),
        kept=mask_of(s, q.shape, r),
        r=r,
        last_r=r if last_r is None else last_r,
        N=len(q),
        evaluating=evaluating,
    )
    if word != "output" and r > 0 and call.got is not None and call.got.shape == q.shape:
        call.free = (q == 0) & (call.got == 0)
    return call


CALLS = 9
"""Forwards of one case, the last of them of another object."""
CALLS_SMALL = 300
"""The same of an array so small that only many masks together can be judged, and of which all is often dropped."""
OUTPUTS, ODD = Key("outputs"), Key("output")
"""What all forwards returned, calls×N×M; and what is kept in its place where one returned something else."""
OF_MASKS = tuple(Quantity(name, "9", OUTPUTS) for name in ("scale", "kept fraction", "independence", "re-drawn masks"))


def mask_cases(seed: int) -> Iterator[Case]:
    """Many masks at each rate but 0, and many more of one row and of one column at one of them; they have no dtype."""
    positive = {slug: r for slug, r in rates(seed).items() if r > 0}
    for slug, r in positive.items():
        yield _case_of_masks(slug, f"at {words(slug)}", {"r": r, "calls": CALLS, "N": 100, "M": 100})
    settings = settings_of(seed, "dropout", "small")
    for slug, title, (N, M) in (
        ("small", "of one short row", (1, settings.randint(2, 4))),
        ("one-column", "of one short column", (settings.randint(2, 3), 1)),
    ):
        yield _case_of_masks(slug, title, {"r": positive["high-rate"], "calls": CALLS_SMALL, "N": N, "M": M})


def _case_of_masks(slug: str, title: str, params: Params) -> Case:
    return Case(
        f"dropout/masks-{slug}/float64", "dropout", f"dropout's masks {title}", "float64", "masks", params, OF_MASKS
    )


def draw_masks(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """q, none of whose elements is near 0."""
    return {"q": without_zeros(rng, (params["N"], params["M"]))}


def outputs_of(case: Case, observation: Observation) -> NDArray[Any] | None:
    """What all forwards returned, calls×N×M; None where one returned something else."""
    return array_of(observation, OUTPUTS, tuple(case.params[name] for name in ("calls", "N", "M")))


def judge_masks(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The scale of what is kept, and whether the masks are independent draws at the rate, made anew each time."""
    from parity_tests.harness import statistics
    from reference import dropout

    q, r = arrays["q"], case.params["r"]
    outputs = outputs_of(case, observation)
    if outputs is None:
        odd = compare(result_of(observation, ODD), known(q))
        return dict.fromkeys((row.name for row in OF_MASKS), odd)
    masks = kept_mask(outputs)
    scale = compare(Returned("array", outputs[0], ""), dropout.forward(q, masks[0], r, context.device))
    rate = statistics.rate_of(masks, r)
    problems = {
        "kept fraction": statistics.kept_fraction_problem(masks, r),
        "independence": statistics.independence_problem(masks, rate),
        "re-drawn masks": statistics.redrawn_problem(masks, rate),
    }
    return {
        "scale": replace(scale, notes=()),
        **{name: mismatched(problem) if problem else matched() for name, problem in problems.items()},
    }


KIND = Kind(draw, judge, evidence, labels=LABELS)
MASKS = Kind(draw_masks, judge_masks)
