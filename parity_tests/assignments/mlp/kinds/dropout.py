"""Dropout, forward and backward: the rows of its cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.kinds.elementwise import without_zeros
from parity_tests.assignments.mlp.names import LABELS
from parity_tests.harness.compare import compare
from parity_tests.harness.explanation import not_judged
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import PASSING, Comparison
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity
from reference.answer import Alternative, Answer, known

Array = NDArray[Any]

RATES = (0.0, 0.1, 0.5, 0.9)
WORDS = ("output", "gradient of X")


def cases(dtype: str) -> Iterator[Case]:
    """Two inputs in turn at each rate, and a forward of training followed by one with is_train=False."""
    first = tuple(Quantity(word, "9", Key(word)) for word in WORDS)
    second = tuple(Quantity(f"{word}, second input", "9", Key(word, 1)) for word in WORDS)
    for r in RATES:
        yield _case(f"rate-{r}", f"dropout at rate {r}", dtype, {"r": r, "pairs": 2, "N": 5, "M": 8}, first + second)
    evaluation = tuple(Quantity(f"{word}, evaluation", "9", Key(word, 1)) for word in WORDS)
    params = {"r": 0.5, "pairs": 2, "N": 5, "M": 8, "evaluate": True}
    yield _case("evaluation", "dropout with is_train=False", dtype, params, evaluation)


def _case(slug: str, title: str, dtype: str, params: Params, rows: tuple[Quantity, ...]) -> Case:
    return Case(f"dropout/{slug}/{dtype}", "dropout", title, dtype, "dropout", params, rows)


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """q and grad for each pair of calls, none of whose elements is near 0: what is 0 afterwards was dropped."""
    shape = (params["pairs"], params["N"], params["M"])
    return {"q": without_zeros(rng, shape), "grad": without_zeros(rng, shape)}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """Every result against torch's with the mask that the submission's own forward shows."""
    judged: dict[str, Comparison] = {}
    output = Comparison("match")
    for q in case.quantities:
        if is_evaluation(case, arrays, q.key):
            answer = _in_evaluation(case, arrays, observation, q.key, context)
            judged[q.name] = compare(result_of(observation, q.key), answer)
        elif q.key.name == "output":
            output = judged[q.name] = _judge_forward(case, arrays, observation, q.key, context)
        else:
            judged[q.name] = _judge_backward(case, arrays, observation, q.key, context, output)
    return judged


def is_evaluation(case: Case, arrays: Arrays, key: Key) -> bool:
    """Whether a call belongs to the pair that follows a forward with is_train=False."""
    return bool(case.params.get("evaluate")) and key.call == len(arrays["q"]) - 1


def _in_evaluation(case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context) -> Answer:
    """The identity; a backward may use the mask of the forward before, with a note: `main` never asks for it."""
    from reference import dropout

    q, grad = arrays["q"], arrays["grad"][key.call]
    if key.name == "output":
        return known(q[key.call])
    s = array_of(observation, Key("output", key.call - 1), grad.shape)
    if s is None:
        return known(grad)
    old = dropout.backward(q[key.call - 1], kept_mask(s), grad, case.params["r"], context.device)
    note = "its backward after a forward with is_train=False still uses the mask of training"
    everywhere = np.ones(grad.shape, np.bool_)
    return replace(known(grad), alternatives=(Alternative(old.value, old.radius, everywhere, note),))


def _judge_forward(case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context) -> Comparison:
    from reference import dropout

    q, r = arrays["q"][key.call], case.params["r"]
    kept = mask_of(array_of(observation, key, q.shape), q.shape, r)
    result = result_of(observation, key)
    comparison = compare(result, dropout.forward(q, kept, r, context.device))
    if isinstance(result, Returned) and comparison.verdict == "match":
        comparison = replace(comparison, notes=())  # students are given the forward
    return comparison


def _judge_backward(
    case: Case, arrays: Arrays, observation: Observation, key: Key, context: Context, output: Comparison
) -> Comparison:
    from reference import dropout

    q, grad, r = arrays["q"][key.call], arrays["grad"][key.call], case.params["r"]
    s = array_of(observation, Key("output", key.call), q.shape)
    answer = dropout.backward(q, mask_of(s, q.shape, r), grad, r, context.device)
    comparison = compare(result_of(observation, key), answer)
    if s is None and comparison.verdict not in PASSING:
        return not_judged("the output", "9", output)
    return comparison


def kept_mask(s: Array) -> NDArray[np.bool_]:
    """The mask that a forward used, from its result s: kept where s ≠ 0 (of q without zeros, for sure)."""
    return np.asarray(s != 0)


def mask_of(s: Array | None, shape: tuple[int, ...], r: float) -> NDArray[np.bool_]:
    """The mask that a forward used; all ones at rate 0, and where its result s is not known."""
    return np.ones(shape, np.bool_) if s is None or r == 0 else kept_mask(s)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """All calls that a quantity is about; those before it are their past."""
    calls = Calls(case, judged)
    names = {q.key: q.name for q in case.quantities}
    for k, (q, grad) in enumerate(zip(arrays["q"], arrays["grad"], strict=True)):
        s = array_of(observation, Key("output", k), q.shape)
        for word in WORDS:
            key = Key(word, k)
            quantity = names.get(key, "")
            evaluating = is_evaluation(case, arrays, key)
            result = result_of(observation, key)
            call = dropout_call(calls, word, quantity, result, q, grad, s, case.params["r"], evaluating)
            if quantity:
                yield call


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
) -> Call:
    """The call of dropout that gave its "output" or "gradient of X"; `s` is what its forward returned, if known.

    Where q is 0, s does not tell what is kept: there a gradient of 0 is free.
    """
    call = calls.add(
        f"dropout.{word}",
        quantity,
        result,
        "dropout",
        X=calls.running(q),
        grad=calls.running(grad),
        kept=mask_of(s, q.shape, r),
        r=r,
        N=len(q),
        evaluating=evaluating,
    )
    if word != "output" and r > 0 and call.got is not None and call.got.shape == q.shape:
        call.free = (q == 0) & (call.got == 0)
    return call


KIND = Kind(draw, judge, evidence, labels=LABELS)
