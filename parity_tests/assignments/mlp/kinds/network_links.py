"""Judges the whole network, alone or along a trajectory, link by link: each from the submission's results before it.

All steps of a case are asked of torch side by side. A link that could not be judged because an earlier one broke has
that one's part in `part`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.dropout import kept_mask
from parity_tests.assignments.mlp.kinds.elementwise import TODOS, echoes, functions
from parity_tests.assignments.mlp.kinds.network import OF_CLASSES, links
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, gradient_name, key_after_step, updated_name
from parity_tests.assignments.mlp.parts import FUNCTIONS
from parity_tests.harness.compare import compare, compare_each, over_steps
from parity_tests.harness.explanation import cause_of, explained_by, not_judged
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from reference import cross_entropy, dropout, linear, sgd
from reference.answer import Answer, known
from reference.rounding import unit_roundoff
from reports.model.verdicts import PASSING, Verdict

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Judged = dict[str, Comparison]
ByStep = dict[int, Comparison]
"""The comparisons of one quantity at those steps at which it can be judged."""
Broken = tuple[str, str, Comparison]
"""A link of the network after which others cannot be judged: its name, its part, and what is wrong with it."""


def judge_network(case: Case, arrays: Arrays, observation: Observation, device: str = "cpu") -> Judged:
    """A comparison for each quantity of a network case, over all of its steps."""
    if not observation.values and set(observation.failures) == {WHOLE_CASE}:
        failure = observation.failures[WHOLE_CASE]
        cause = cause_of(FUNCTIONS, case, failure)
        whole = replace(failed(failure), part=cause)
        return {q.name: explained_by(whole, q.part, cause) for q in case.quantities}
    steps = range(case.params["steps"])
    network = _Network(case, arrays, observation, device)
    links_by_step = network.links(steps)
    by_step: list[Judged] = []
    broken: list[Broken | None] = []
    for t in steps:
        begun = Key("L1 output", t) in observation.values or Key("L1 output", t) in observation.failures
        ended = broken[-1] if broken and not begun else None
        if t and ended is None:
            ended = network.ended(t)
        judged_step, broken_link = network.step(t, links_by_step, ended)
        by_step.append(judged_step)
        broken.append(broken_link)
    judged = {name: over_steps([step[name] for step in by_step]) for name in by_step[0]}
    if "etas" in case.params:
        for name in WEIGHT_NAMES:
            updates = network.updates(name, steps)
            each = [network.update(name, t, by_step[t], broken[t], updates) for t in steps]
            judged[updated_name(name)] = over_steps(each)
    return network.borne_out(judged)


def judge_step(case: Case, arrays: Arrays, observation: Observation, t: int, device: str = "cpu") -> Judged:
    """Step t of a network case alone: every link by its name, and every weight after its update as "updated L1 W"."""
    network = _Network(case, arrays, observation, device)
    judged, broken = network.step(t, network.links([t]), None)
    for name in WEIGHT_NAMES:
        updates = network.updates(name, [t])
        judged[updated_name(name)] = network.update(name, t, judged, broken, updates)
    return judged


@dataclass(frozen=True)
class _Link:
    """A link's inputs, "X" or earlier links, and what torch answers for them: `of(steps, *inputs)`, all T×…."""

    inputs: tuple[str, ...]
    of: Callable[..., Answer]


class _Network:
    """One submission's run of one network case."""

    def __init__(self, case: Case, arrays: Arrays, observation: Observation, device: str) -> None:
        self._case, self._arrays, self._observation, self._device = case, arrays, observation, device
        self._dtype = np.dtype(case.dtype)
        self._links = links(case.params["activation"], case.params["dropout"])
        self._dropped = "dropout output" if case.params["dropout"] else "activation output"
        self._undropped = "dropout gradient" if case.params["dropout"] else "L2 gradient of X"
        self._backwards: dict[tuple[Any, ...], dict[str, Answer]] = {}
        self._told: set[str] = set()
        """The quantities of which other values are expected, at some step, than what does nothing gives."""

    def links(self, steps: Sequence[int]) -> dict[str, ByStep]:
        """Every link at these steps, where the submission's results before it can be used."""
        wanted = self._wanted()
        return {name: self._link(name, wanted[name], steps) for name, _ in self._links}

    def ended(self, t: int) -> Broken | None:
        """The failure between two steps, in the update, that kept step t from being begun."""
        value = result_of(self._observation, Key("L1 output", t))
        cause = cause_of(FUNCTIONS, self._case, value)
        if not isinstance(value, Failure) or cause in ("", "3"):
            return None
        return "the update", cause, failed(value)

    def step(self, t: int, by_step: Mapping[str, ByStep], broken: Broken | None) -> tuple[Judged, Broken | None]:
        """Every link of step t, and the first broken one.

        `broken` is given where an earlier step broke off and this one was never begun.
        """
        judged: Judged = {}
        for name, part in self._links:
            value, comparison = result_of(self._observation, Key(name, t)), by_step[name].get(t)
            if broken is not None and (comparison is None or isinstance(value, Failure)):
                judged[name] = not_judged(*broken)
                continue
            if comparison is None:
                # Without a broken link before it, a link lacks inputs only where the whole case failed.
                nothing = known(self._arrays["X"][t])
                comparison = compare(value if isinstance(value, Failure) else None, nothing)
            if name == "dropout output" and comparison.verdict == Verdict.MATCH:
                comparison = replace(comparison, notes=())
            fails = comparison.verdict not in PASSING
            if fails and name == "activation gradient" and self._is_echo(judged, t):
                forward, _ = TODOS[self._case.params["activation"]]
                comparison = replace(comparison, part=forward, explained_by=forward)
            judged[name] = comparison
            unusable = comparison.gap is None or not np.isfinite(comparison.gap)
            if fails and unusable and broken is None:
                broken = (name, comparison.part or part, comparison)
        return judged, broken

    def updates(self, name: str, steps: Sequence[int]) -> ByStep:
        """A weight after the updates of these steps, from the submission's own gradients and last changes of it."""
        w = self._arrays[name]
        gradients = {}
        for t in steps:
            g = self._gradient(name, t)
            if g is not None and np.isfinite(g).all():
                gradients[t] = g.astype(w.dtype)
        if not gradients:
            return {}
        ts = list(gradients)
        velocities, previous = [], []
        for t in ts:
            before = self._after(name, t - 1) if t else None
            velocities.append(np.zeros_like(w[0]) if before is None else before.astype(w.dtype) - w[t - 1])
            previous.append(np.zeros_like(w[0]) if before is None else w[t - 1])
        answer = sgd.step(
            w[ts],
            np.stack(list(gradients.values())),
            alpha=self._case.params["alpha"],
            lam=self._case.params["lam"],
            eta=np.array([self._case.params["etas"][t] for t in ts]),
            velocity=np.stack(velocities),
            previous=np.stack(previous),
            device=self._device,
        )
        self._tell(updated_name(name), answer, w[ts])
        values = [result_of(self._observation, key_after_step(name, t)) for t in ts]
        return dict(zip(ts, compare_each(values, answer, flat_ok=name.endswith("b")), strict=True))

    def update(self, name: str, t: int, judged: Judged, broken: Broken | None, updates: ByStep) -> Comparison:
        """A weight after the update of step t."""
        gradient = gradient_name(name)
        if broken is not None and isinstance(result_of(self._observation, key_after_step(name, t)), Failure):
            return not_judged(*broken)
        if t not in updates:
            return not_judged(gradient, judged[gradient].part or "4", judged[gradient])
        return updates[t]

    def borne_out(self, judged: Judged) -> Judged:
        """The same; what agrees with what does nothing, because of a link before it that is wrong, is not judged.

        So it is asked again with Parity's own part in place of that one.
        """
        parts = {q.name: q.part for q in self._case.quantities}
        found = dict(judged)
        for name in set(judged) - self._told:
            before = next((one for one in self._before(name) if judged[one].verdict not in PASSING), None)
            if judged[name].verdict == Verdict.MATCH and before is not None:
                cause = judged[before]
                found[name] = not_judged(before, cause.explained_by or cause.part or parts[before], cause)
        return found

    # ---- inside

    def _tell(self, name: str, answer: Answer, nothing: Array) -> None:
        if (np.abs(answer.value - nothing) > answer.radius).any():
            self._told.add(name)

    def _before(self, name: str) -> list[str]:
        """The links that a link, or an update, works on, and those that they do, the nearest first."""
        wanted = self._wanted()
        found = [gradient_name(one) for one in WEIGHT_NAMES if updated_name(one) == name] or [*wanted[name].inputs]
        for link in found:  # which grows
            found += [one for one in wanted[link].inputs if one not in found] if link in wanted else []
        return [link for link in found if link in wanted]

    def _own(self, key: str, t: int) -> Array | None:
        """An input of a link at step t; None where the submission's result cannot be used."""
        p = self._case.params
        if key == "X":
            return np.asarray(self._arrays["X"][t])
        width = p["K"] if key in OF_CLASSES else p["M"]
        return array_of(self._observation, Key(key, t), (p["N"], width))

    def _gradient(self, name: str, t: int) -> Array | None:
        key = Key(gradient_name(name), t)
        return array_of(self._observation, key, self._arrays[name][t].shape, flat_ok=True)

    def _after(self, name: str, t: int) -> Array | None:
        return array_of(self._observation, key_after_step(name, t), self._arrays[name][t].shape, flat_ok=True)

    def _link(self, name: str, link: _Link, steps: Sequence[int]) -> ByStep:
        inputs: dict[tuple[Any, ...], dict[int, list[Array]]] = {}
        """Of the steps whose inputs have the same dtypes: the inputs of each."""
        for t in steps:
            own = [array for key in link.inputs if (array := self._own(key, t)) is not None]
            if len(own) == len(link.inputs) and all(np.isfinite(array).all() for array in own):
                inputs.setdefault(tuple(array.dtype for array in own), {})[t] = own
        judged: ByStep = {}
        for of_steps in inputs.values():
            ts = list(of_steps)
            stacks = [np.stack(arrays) for arrays in zip(*of_steps.values(), strict=True)]
            answer = _of_own(self._dtype, partial(link.of, ts), *stacks)
            self._tell(name, answer, np.zeros_like(answer.value))
            values = [result_of(self._observation, Key(name, t)) for t in ts]
            compared = compare_each(values, answer, flat_ok=name.endswith("gradient of b"))
            judged |= dict(zip(ts, compared, strict=True))
        return judged

    def _wanted(self) -> dict[str, _Link]:
        r, device, dropped, undropped = self._case.params["r"], self._device, self._dropped, self._undropped
        forward, backward = functions(self._case.params["activation"])
        wanted = {
            "L1 output": self._linear("L1", "X"),
            "activation output": _Link(("L1 output",), lambda ts, u: forward(u, device)),
            "dropout output": _Link(
                ("activation output",), lambda ts, h: dropout.forward(h, self._kept(ts, h), r, device)
            ),
            "L2 output": self._linear("L2", dropped),
            "loss": _Link(("L2 output",), lambda ts, a: cross_entropy.forward(a, self._labels(ts), device)),
            "gradient of logits": _Link(
                ("L2 output",), lambda ts, a: cross_entropy.backward(a, self._labels(ts), device)
            ),
            "dropout gradient": _Link(
                ("activation output", "dropout output", "L2 gradient of X"),
                lambda ts, h, s, ds: dropout.backward(h, kept_mask(s), ds, r, device),
            ),
            "activation gradient": _Link(("L1 output", undropped), lambda ts, u, dh: backward(u, dh, device)),
        }
        for key in ("W", "b", "X"):
            wanted[f"L2 gradient of {key}"] = self._linear_gradient("L2", key, dropped, "gradient of logits")
            wanted[f"L1 gradient of {key}"] = self._linear_gradient("L1", key, "X", "activation gradient")
        return wanted

    def _linear(self, part: str, X: str) -> _Link:
        return _Link((X,), lambda ts, X: linear.forward(X, *self._weights(part, ts, X.dtype), self._device))

    def _linear_gradient(self, part: str, key: str, X: str, grad: str) -> _Link:
        def asked(ts: list[int], X: Array, grad: Array) -> Answer:
            question = (part, X.dtype, *ts)
            if question not in self._backwards:  # of torch, for all three keys at once
                weights = self._weights(part, ts, X.dtype)
                self._backwards[question] = linear.backward(X, *weights, grad, self._device)
            return self._backwards[question][key]

        return _Link((X, grad), asked)

    def _weights(self, part: str, ts: list[int], dtype: Any) -> tuple[Array, Array]:
        """A layer's W and b at these steps, in the dtype of what they meet."""
        return self._arrays[f"{part}_W"][ts].astype(dtype), self._arrays[f"{part}_b"][ts].astype(dtype)

    def _labels(self, ts: list[int]) -> NDArray[np.int64]:
        return self._arrays["Y"][ts].reshape(len(ts), -1).astype(np.int64)

    def _kept(self, ts: list[int], h: Array) -> NDArray[np.bool_]:
        """The masks that dropout used, all ones where its results do not show them."""
        kept = np.ones(h.shape, np.bool_)
        if self._case.params["r"] > 0:
            for i, t in enumerate(ts):
                s = self._own("dropout output", t)
                kept[i] = kept[i] if s is None else kept_mask(s)
        return kept

    def _is_echo(self, judged: Judged, t: int) -> bool:
        """Whether the activation's gradient is right for what its forward returned, which is wrong."""
        h, dh, gradient = (self._own(key, t) for key in ("activation output", self._undropped, "activation gradient"))
        if judged["activation output"].verdict in PASSING or h is None or dh is None or gradient is None:
            return False
        return echoes(self._case.params["activation"], h, dh, gradient)


def _of_own(dtype: np.dtype[Any], function: Callable[..., Answer], *own: Array) -> Answer:
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
