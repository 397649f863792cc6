"""SGD over several steps: its cases, the draw, the judge, the calls as evidence, and the rows that cases come of."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from random import Random
from string import ascii_lowercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.editions import signature
from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.assignments.mlp.kinds.calls import Calls, Judged
from parity_tests.assignments.mlp.names import LABELS, plain_name
from parity_tests.harness.compare import compare, compare_each, not_returned, over_steps
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.finding import NOTHING
from parity_tests.protocol.kind import Arrays, Context, Kind, Params
from parity_tests.protocol.mistake import Call
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity
from reference.answer import Answer
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]

TRAININGS = ("", "second", "anew")
SUFFIXES = ("", ", second model", ", trained anew")
"""What arrays and quantities call the trainings of a case: the first model, another in turn with it, the first anew."""
COPIED = "copied"
"""What is found of a function that returns an updated copy: wrong, unless the submission's own main goes on with it."""
RETURNED = Quantity("model returned", "1")
FEW_STEPS = 12
ONE_ALONE = 1 << 18
"""Bytes of the gradients of a training from which on the answers of the last one alone are kept."""
FIRST = "L1_W"


@dataclass(frozen=True)
class Weight:
    """A weight of one training: the array's name, the layer's in the model, its key in params, and its shape."""

    array: str
    quantity: str
    training: int
    name: str
    key: str
    shape: tuple[int, int]


def key_when_raised(array: str) -> Key:
    """The key of a weight as the first call, which raised an exception, has left it."""
    return Key(f"{array}_when_raised")


def weights(params: Params) -> list[Weight]:
    """The weights of a case, training by training."""
    found = []
    for t in range(params["trainings"]):
        for layer, name, D, M in params["layers"]:
            for key, shape in (("W", (D, M)), ("b", (1, M))):
                array = "_".join(filter(None, (layer, key, TRAININGS[t])))
                found.append(Weight(array, plain_name(f"{layer}_{key}") + SUFFIXES[t], t, name, key, shape))
    return found


def etas(params: Params) -> list[float]:
    """The learning rate of each step."""
    return [eta for eta, count in params["etas"] for _ in range(count)]


def cases(edition: str, dtype: str, seed: int, *, first: bool) -> Iterator[Case]:
    """Every row that the edition has; with `first`, the dtype is the first of those that are asked for."""
    for slug, title, params in rows(edition, seed, first=first):
        asked = (*(Quantity(w.quantity, "1", Key(w.array)) for w in weights(params)), RETURNED)
        yield Case(f"sgd/{slug}/{dtype}", "sgd", f"SGD, {title}", dtype, "sgd", params, asked)


def draw(params: Params, rng: np.random.Generator) -> dict[str, Array]:
    """Each weight, and the gradients of each of its steps (T×…) under "<weight>_gradient".

    Where magnitudes are far apart, one W has gradients that are all tiny, and one b after the first step: decay and
    velocity move them none the less.
    """
    T, asked = len(etas(params)), weights(params)
    tiny = asked[1], asked[-2]
    arrays = {}
    for w in asked:
        for name, shape, powers in ((w.array, w.shape, (-3, 3)), (f"{w.array}_gradient", (T, *w.shape), (-6, 3))):
            drawn = rng.standard_normal(shape)
            arrays[name] = np.sign(drawn) * 10 ** rng.uniform(*powers, shape) if params["magnitudes"] else drawn
        if params["magnitudes"] and w in tiny:
            arrays[f"{w.array}_gradient"][int(w.key == "b") :] *= 1e-12
    return arrays


def judge(case: Case, arrays: Arrays, observation: Observation, context: Context) -> dict[str, Comparison]:
    """The weights after each step against torch's, and what the function returned.

    A function that takes the parameters of another edition was not to be asked at all.
    """
    facts, observation = observation.facts, _with_moved(case, arrays, observation)
    names = [q.name for q in case.quantities]
    if context.edition_seen not in ("", context.edition):
        return dict.fromkeys(names, mismatched(_other_edition(context), finding=Found.OTHER_SIGNATURE))
    if not context.edition_seen and "signature" in facts and not facts.get("returned"):
        taken, asked = facts["signature"], signature(context.edition)
        problem = f"cannot be asked: the function takes {taken}, where {asked} is expected"
        return dict.fromkeys(names, mismatched(problem, finding=Found.OTHER_SIGNATURE))
    judged: dict[str, Comparison] = {}
    for t in range(case.params["trainings"]):
        of_training = [w for w in weights(case.params) if w.training == t]
        if not observation.values:
            results = {w.quantity: result_of(observation, Key(w.array)) for w in of_training}
            judged |= {name: not_returned(got) for name, got in results.items() if not isinstance(got, Returned)}
            continue
        answers = _answers(case, arrays, of_training, context.device)
        judged |= {w.quantity: _compared(observation, w, answers[w.array]) for w in of_training}
    first = plain_name(FIRST)
    judged[RETURNED.name] = _judge_returned(facts.get("returned", []), judged[first])
    directions = facts.get("velocity_along", [])
    moved_right = all(judged[w.quantity].verdict in PASSING for w in weights(case.params))
    if directions and moved_right and all(sign == -1 for sign in directions):
        note = "keeps the velocity with the opposite sign (v = αv + ηg, w −= v), which moves the weights alike"
        judged[first] = judged[first].noting(note, kind=NoteKind.READING)
    if facts.get("momentum_none"):
        note = "crashes on momentum=None at α = 0, where main would pass it; right with zero velocities"
        judged = {name: comparison.noting(note, kind=NoteKind.LENT) for name, comparison in judged.items()}
    return judged


def _with_moved(case: Case, arrays: Arrays, observation: Observation) -> Observation:
    """The same; of a function that is "not implemented" and has moved weights it is said that it raises behind that."""
    failure = observation.failures.get(WHOLE_CASE)
    if failure is None or failure.kind != "missing" or not failure.error:
        return observation
    moved = {w.array: observation.values.get(key_when_raised(w.array)) for w in weights(case.params)}
    if not any(
        value is not None and value.array is not None and not np.array_equal(value.array, arrays[name])
        for name, value in moved.items()
    ):
        return observation
    at = f" ({failure.file}, line {failure.line})" if failure.line else ""
    text = f"{failure.function} raised {failure.error} after it had moved weights{at}"
    told = replace(failure, kind="crashed", text=text)
    return replace(observation, failures={**observation.failures, WHOLE_CASE: told})


def _other_edition(context: Context) -> str:
    asked, seen = context.edition, context.edition_seen
    return (
        f"cannot be asked: the function takes {signature(seen)}, as in edition {seen}, where {signature(asked)} is "
        f"expected; if {seen} is the edition of the assignment, say --edition {seen}"
    )


def _answers(case: Case, arrays: Arrays, of_training: list[Weight], device: str) -> dict[str, Answer]:
    """torch's weights after each step, T×…, by the arrays' names: all weights of a training are moved at once."""
    p, rates = case.params, etas(case.params)
    w = np.concatenate([arrays[weight.array].ravel() for weight in of_training])
    g = np.concatenate([arrays[f"{weight.array}_gradient"].reshape(len(rates), -1) for weight in of_training], axis=1)
    steps = _steps_once if g.nbytes <= ONE_ALONE else _steps_of_large
    shapes = tuple(weight.shape for weight in of_training)
    found = steps(w.tobytes(), g.tobytes(), w.dtype.str, shapes, tuple(rates), p["alpha"], p["lam"], device)
    return {weight.array: answer for weight, answer in zip(of_training, found, strict=True)}


def _steps(
    w: bytes,
    g: bytes,
    dtype: str,
    shapes: Sequence[tuple[int, ...]],
    rates: tuple[float, ...],
    alpha: float,
    lam: float,
    device: str,
) -> Sequence[Answer]:
    from reference import sgd

    start, gradients = np.frombuffer(w, dtype), np.frombuffer(g, dtype).reshape(len(rates), -1)
    together, ends = sgd.steps(start, gradients, rates, alpha=alpha, lam=lam, device=device), [0]
    answers = []
    for shape in shapes:
        ends.append(ends[-1] + math.prod(shape))

        def part(array: Array, at: slice = slice(*ends[-2:]), shape: tuple[int, ...] = shape) -> Array:
            return array[:, at].reshape(len(rates), *shape)

        def exactly(part: Callable[[Array], Array] = part) -> Array:
            return part(together.exact)

        answers.append(Answer(part(together.value), part(together.radius), exactly))
    return answers


_steps_once, _steps_of_large = lru_cache(maxsize=64)(_steps), lru_cache(maxsize=1)(_steps)
"""The same; kept, since a class asks for the same ones again and again."""


def _compared(observation: Observation, w: Weight, answers: Answer) -> Comparison:
    """A weight over all steps: at once, and step by step where that fails."""
    T = len(answers.value)
    path = array_of(observation, Key(w.array), (T, *w.shape))
    if path is not None:
        together = compare(Returned("array", path, ""), answers)
        if together.verdict == Verdict.MATCH:
            step, _, place = together.where.strip("[]").partition(", ")
            return replace(together, step=int(step) + 1, where=f"[{place}]")
    return over_steps(compare_each(_results(observation, w, T), answers))


def _results(observation: Observation, w: Weight, T: int) -> list[Returned | Failure | None]:
    """A weight after each step: kept together where its steps are alike, else one by one."""
    path = observation.values.get(Key(w.array))
    if path is not None and path.kind == "array" and path.array is not None and len(path.array) == T:
        return [Returned("array", array, "") for array in path.array]
    return [result_of(observation, Key(w.array, t + 1)) for t in range(T)]


def _judge_returned(returned: list[str], weight: Comparison) -> Comparison:
    """Whether every call returned the model that it was given; without any, the function failed as `weight` did."""
    if not returned:
        return weight
    wrong = max((what for what in returned if what != "model"), key=lambda what: what != "copy", default=None)
    if wrong is None:
        return matched()
    if wrong == "copy":
        problem = "is a copy of the model that it was given, where the model itself is expected"
        return mismatched(problem, finding=COPIED)
    what = "nothing" if wrong == "nothing" else f"a {wrong} that is not the model it was given"
    finding = NOTHING if wrong == "nothing" else Found.OTHER_MODEL
    return mismatched(f"is {what}, where the model that it was given is expected", finding=finding)


def evidence(case: Case, arrays: Arrays, observation: Observation, judged: Judged) -> Iterator[Call]:
    """A call for each weight, whose result are the weights after all steps (T×…), or the first failure.

    Of hundreds of steps the first few are enough to tell a formula, unless it is later that they go wrong.
    """
    calls, observation = Calls(case, judged), _with_moved(case, arrays, observation)
    p, every = case.params, etas(case.params)

    @cache
    def start(name: str) -> Running:
        return calls.running(arrays[name])

    @cache
    def gradients(name: str, steps: int) -> tuple[Running, ...]:
        return tuple(calls.running(g) for g in arrays[f"{name}_gradient"][:steps])

    for w in weights(p):
        comparison = judged[w.quantity]
        is_late = comparison.verdict not in PASSING and (comparison.step or 0) > FEW_STEPS
        rates = every if is_late else every[:FEW_STEPS]
        yield calls.add(
            "sgd.weights",
            w.quantity,
            _first(_stacked(observation, w, len(every)), len(rates)),
            w=start(w.array),
            g=gradients(w.array, len(rates)),
            etas=rates,
            alpha=p["alpha"],
            lam=p["lam"],
            key=w.key,
            layer=w.name,
            turns=p["trainings"] > 1,
            N=0,
        )


def _first(result: Returned | Failure | None, count: int) -> Returned | Failure | None:
    if isinstance(result, Returned) and result.array is not None and result.array.ndim == 3:
        return replace(result, array=result.array[:count])
    return result


def _stacked(observation: Observation, w: Weight, T: int) -> Returned | Failure | None:
    """A weight after all steps as one array; what else there is of the first step that has none, or of step 0."""
    results = _results(observation, w, T)
    for result in results:
        if not isinstance(result, Returned):
            return result
    arrays = [result.array for result in results if isinstance(result, Returned) and result.kind == "array"]
    whole = [array for array in arrays if array is not None and array.shape == w.shape and array.dtype.kind in "fiub"]
    return Returned("array", np.stack(whole), "") if len(whole) == T else results[0]


Settings = Mapping[str, Any]
NONE, ZERO, TINY, SMALL, LARGE, LARGEST, NEGATIVE = "none", "zero", "tiny", "small", "large", "largest", "negative"
ONE = "one"
PER_MILLE = {TINY: (1, 40), SMALL: (50, 450), LARGE: (550, 890), LARGEST: (991, 998), NEGATIVE: (-900, -100)}
"""Between which α is drawn; not ½, where 1 − α is α."""


@dataclass(frozen=True)
class Row:
    """One row: how large α and λ are, and what else it has that others have not.

    `momentum` says what is passed for the velocities: zeros, or None. With `magnitudes` gradients and weights have
    sizes far apart, with `names` the model has more layers under other names; `trainings` counts models in turn, the
    last of them the first once more, with new weights and velocities. `last` says how large η is at last. One of
    `full_size` has a single layer and one η, and is asked in one dtype, because it is large.
    """

    title: str
    alpha: str = ZERO
    lam: str = ZERO
    momentum: str = ZERO
    magnitudes: bool = False
    names: bool = False
    full_size: bool = False
    trainings: int = 1
    steps: tuple[int, int] = (2, 4)
    last: str = SMALL


ROWS = {
    "plain": Row("plain steps", momentum=NONE, last=LARGE),
    "decay": Row("weight decay", lam=SMALL),
    "momentum": Row("momentum", alpha=LARGEST),
    "momentum-and-decay": Row("momentum and weight decay", alpha=SMALL, lam=LARGE, last=LARGE),
    "negative-alpha": Row(
        "α below 0, small and large numbers, layers of other names",
        alpha=NEGATIVE,
        lam=TINY,
        magnitudes=True,
        names=True,
    ),
    "magnitudes": Row("small and large numbers", alpha=LARGE, lam=TINY, magnitudes=True),
    "more-layers": Row("more layers, of other names", alpha=TINY, lam=SMALL, names=True),
    "many-steps": Row("some hundred steps", alpha=LARGE, lam=SMALL, steps=(101, 120)),
    "in-turn": Row("models in turn", alpha=LARGE, lam=SMALL, trainings=3),
    "full-size": Row("a layer of the homework's size", alpha=SMALL, lam=ONE, full_size=True, steps=(2, 2)),
}
"""The rows by their slugs; those that only an edition with momentum or decay has are left out elsewhere."""
ALSO_PLAIN = ("plain", "magnitudes", "more-layers", "many-steps", "full-size")
"""The rows of the edition that has neither momentum nor weight decay."""


def rows(edition: str, seed: int, *, first: bool) -> Iterator[tuple[str, str, Settings]]:
    """The slug, the title and the settings of each row that an edition has; of full size only for the first dtype."""
    for slug, row in ROWS.items():
        if row.full_size and not first:
            continue
        if (edition == PLAIN and slug not in ALSO_PLAIN) or (
            edition != FULL and slug in ("decay", "momentum-and-decay")
        ):
            continue
        settings = settings_of(seed, "sgd", slug)
        drawn = _drawn(row, settings)
        if edition != FULL:
            drawn["lam"] = 0.0
        if edition == PLAIN:
            drawn["alpha"] = 0.0
        yield slug, row.title, drawn


def _drawn(row: Row, settings: Random) -> dict[str, Any]:
    """A row's settings; η falls to a tenth after some steps, and then rises, or falls further."""
    layers, modules = (_named if row.names else _one_of_full_size if row.full_size else _usual)(settings)
    first = settings.randint(4, 30) / 100
    last = (
        settings.randint(51, 95) / 100
        if row.last == LARGE
        else float(f"{settings.randint(1, 9)}e-{settings.randint(4, 6)}")
    )
    rates = (first,) if row.full_size else (first, round(first / 10, 4), last)
    etas = [[eta, settings.randint(*row.steps)] for eta in rates]
    return {
        "alpha": 0.0 if row.alpha == ZERO else settings.randint(*PER_MILLE[row.alpha]) / 1000,
        "lam": _decay(row.lam, settings),
        "etas": etas,
        "layers": layers,
        "modules": modules,
        "momentum": row.momentum,
        "magnitudes": row.magnitudes,
        "trainings": row.trainings,
    }


def _decay(size: str, settings: Random) -> float:
    """λ: 0, from 1e-5 to 0.01, from 0.1 to 0.9, or 1."""
    if size == ONE:
        return 1.0
    power = {ZERO: 0, TINY: 5, SMALL: settings.randint(3, 5), LARGE: 1}[size]
    return 0.0 if power == 0 else float(f"{settings.randint(1, 9)}e-{power}")


def _usual(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """The homework's two layers: what we call each and its name in the model, its D and M; and the model's modules."""
    D, M, K = distinct(settings, 2, 6, 3)
    return [["L1", "L1", D, M], ["L2", "L2", M, K]], ["L1", "nonlinear1", "L2"]


def _one_of_full_size(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """A first layer as the homework trains it, give or take a few."""
    return [["L1", "L1", settings.randint(770, 800), settings.randint(980, 1020)]], ["L1"]


def _named(settings: Random) -> tuple[list[list[Any]], list[str]]:
    """Layers among modules without parameters, of drawn names: with some hundred inputs, square, and of one unit."""
    drawn: set[str] = set()
    while len(drawn) < 10:
        drawn.add("".join(settings.choices(ascii_lowercase, k=5)))
    names = sorted(drawn)
    settings.shuffle(names)
    M, K = distinct(settings, 2, 6, 2)
    sizes = ((settings.randint(100, 200), M), (M, K), (K, K), (1, 1))
    layers = [[f"L{i + 1}", names[3 * i], D, width] for i, (D, width) in enumerate(sizes)]
    return layers, names


KIND = Kind(draw, judge, evidence, labels=LABELS)
