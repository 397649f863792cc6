"""SGD over several steps: the rows of its cases, the draw, the judge, and the calls as evidence."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.editions import signature
from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, WEIGHT_NAMES, plain_name, weight_shapes
from parity_tests.harness.compare import compare_each, over_steps
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key, Quantity

STEPS_BEFORE_DROP = 4
ETAS = (0.1,) * STEPS_BEFORE_DROP + (0.01,) * 4
"""The learning rate of each step: a velocity that lacks it is wrong only once it has dropped."""
ALPHAS = (0.0, 0.5, 0.9)
LAMBDAS = (0.0, 1e-4, 0.1)
SHAPES = weight_shapes(3, 4, 2)
ROWS = (*(Quantity(plain_name(name), "1", Key(name)) for name in WEIGHT_NAMES), Quantity("model returned", "1"))


def cases(edition: str, dtype: str) -> Iterator[Case]:
    """Each momentum with each weight decay, as far as the edition has them."""
    alphas = ALPHAS if edition != PLAIN else (0.0,)
    lambdas = LAMBDAS if edition == FULL else (0.0,)
    for alpha, lam in product(alphas, lambdas):
        slug = f"alpha-{alpha:g}" if edition != PLAIN else "plain"
        if edition == FULL:
            slug += f"-lambda-{lam:g}"
        params = {"alpha": alpha, "lam": lam, "etas": list(ETAS)}
        yield Case(f"sgd/{slug}/{dtype}", "sgd", f"SGD, α = {alpha:g}, λ = {lam:g}", dtype, "sgd", params, ROWS)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The weights of a small network, and the gradients of each step (T×…) under "<weight>_gradient"."""
    arrays = draw_weights(params, rng)
    for name, shape in SHAPES.items():
        arrays[f"{name}_gradient"] = rng.standard_normal((len(params["etas"]), *shape))
    return arrays


def draw_weights(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The weights of a small network."""
    return {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The weights after each step against torch's, and what the function returned.

    A function that takes the parameters of another edition was not to be asked at all.
    """
    facts = observation.facts
    if context.edition_seen not in ("", context.edition):
        return dict.fromkeys((q.name for q in ROWS), mismatched(_other_edition(context)))
    if not context.edition_seen and "signature" in facts and not observation.values:
        taken, asked = facts["signature"], signature(context.edition)
        problem = f"cannot be asked: the function takes {taken}, where {asked} is asked"
        return dict.fromkeys((q.name for q in ROWS), mismatched(problem))
    judged = {plain_name(name): _judge_weight(case, arrays, observation, context, name) for name in WEIGHT_NAMES}
    judged["model returned"] = _judge_returned(facts.get("returned", []), judged["L1 W"])
    directions = facts.get("velocity_along", [])
    if directions and all(sign == -1 for sign in directions):
        note = "keeps the velocity with the opposite sign (v = αv + ηg, w −= v), which moves the weights alike"
        judged["L1 W"] = judged["L1 W"].noting(note)
    if facts.get("momentum_none"):
        note = "crashes on momentum=None at α = 0, where main would pass it; right with zero velocities"
        judged = {name: comparison.noting(note) for name, comparison in judged.items()}
    return judged


def _other_edition(context: Context) -> str:
    asked, seen = context.edition, context.edition_seen
    return (
        f"cannot be asked: the function takes {signature(seen)}, as in edition {seen}, where {signature(asked)} is "
        f"asked; if {seen} is the edition of the assignment, say --edition {seen}"
    )


def _judge_weight(case: Case, arrays: Arrays, observation: Observation, context: Context, name: str) -> Comparison:
    from reference import sgd

    p = case.params
    answers = sgd.steps(
        arrays[name],
        arrays[f"{name}_gradient"],
        p["etas"],
        alpha=p["alpha"],
        lam=p["lam"],
        device=context.device,
    )
    results = [result_of(observation, Key(name, t)) for t in range(len(p["etas"]))]
    return over_steps(compare_each(results, answers))


def _judge_returned(returned: list[str], weight: Comparison) -> Comparison:
    """Whether every call returned the model that it was given; without any, the function failed as `weight` did."""
    if not returned:
        return weight
    wrong = next((what for what in returned if what != "model"), None)
    if wrong is None:
        return matched()
    what = "nothing" if wrong == "nothing" else f"a {wrong} that is not the model it was given"
    return mismatched(f"is {what}, where the model that it was given is asked")


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """A call for each weight, whose result are the weights after all steps (T×…), or the first failure."""
    calls = Calls(case, judged)
    p = case.params
    for name in WEIGHT_NAMES:
        layer, key = name.split("_")
        other = f"{layer}_{'b' if key == 'W' else 'W'}"
        yield calls.add(
            "sgd.weights",
            plain_name(name),
            _stacked(observation, name, len(p["etas"]), arrays[name].shape),
            w=calls.running(arrays[name]),
            g=[calls.running(g) for g in arrays[f"{name}_gradient"]],
            etas=p["etas"],
            alpha=p["alpha"],
            lam=p["lam"],
            beside=(calls.running(arrays[other]), [calls.running(g) for g in arrays[f"{other}_gradient"]]),
            key=key,
            layer=layer,
            N=0,
        )


def _stacked(observation: Observation, name: str, steps: int, shape: tuple[int, ...]) -> Returned | Failure | None:
    """A weight after all steps as one array; what else there is of the first step that has none, or of step 0."""
    results = [result_of(observation, Key(name, t)) for t in range(steps)]
    for result in results:
        if not isinstance(result, Returned):
            return result
    arrays = [array_of(observation, Key(name, t), shape) for t in range(steps)]
    whole = [array for array in arrays if array is not None]
    return Returned("array", np.stack(whole), "") if len(whole) == steps else results[0]


KIND = Kind(draw, judge, evidence, labels=LABELS)
