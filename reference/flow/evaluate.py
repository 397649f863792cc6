"""The question: what does torch answer for these inputs, value ± radius, in every output?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from reference.flow.bound import equal
from reference.flow.calls import Function
from reference.flow.errors import QuestionError
from reference.flow.flowed import Alternative, Flowed
from reference.flow.freedom import free_outputs
from reference.flow.low_precision import Arithmetic
from reference.flow.rounding import FORMS, ONE_PASS
from reference.flow.rules.functions import FUNCTIONS
from reference.flow.rules.long_sums import CHANCE
from reference.flow.runs import Flow, Question
from reference.flow.shared import Lines
from reference.flow.student import factor

RADII = ("auto", "bound", "sample")
_SHARE = 0.99
"""A bound that says enough at so many of the elements does."""
_FINE = 2e-5
"""The part of |want| up to which the law of long sums, which costs some twenty such sums, is not asked for more."""
_SMALL = 1e-2
"""The part of values up to which radii add up, whatever they are of."""


def evaluate(
    function: Function,
    inputs: Mapping[str, Any],
    *,
    device: str = "cpu",
    radius: str = "auto",
    replicas: int = 16,
    seed: int = 0,
    forms: Sequence[str | Function] = (),
    unknown: str = "refuse",
    ulps: float | Mapping[str, float] | None = None,
    arithmetic: Arithmetic | None = None,
) -> dict[str, Flowed]:
    """What `function(**inputs)` answers, by name: value ± radius for each element.

    `inputs` are arrays or tensors, float32 or float64, which the function gets as tensors of the same type (integers
    and truth values too), and anything else, which it gets as it is. Results are called "output" ("output[0]",
    "output.key" where there are several), or by the function's own keys where it returns a dict.

    `radius` is "bound" (guaranteed), "sample" (probable: `replicas` moved runs alone, from `seed`), or "auto": the
    bound; the bound in which long sums have their probable radius (rules/long_sums.py), where there are such; and where
    that says too little as well the sample. `forms` are further functions of the same inputs that compute the same:
    their rounding is allowed for under their names in `Flowed.forms`, where the usual
    ones (rounding.FORMS) are as far as the function has such operations. `unknown="sample"` allows an operation without
    a rule `ulps` units in the last place a side, in its operands and in its result; it warns where there is no such.
    `ulps` by function, {"exp": 2}, is what the candidate's library is documented to err by, in place of numpy's. With
    `arithmetic` inputs may be of fewer bits as well; values are then those in float64 of the inputs as they are, and
    radii what the candidate alone may round, as low_precision.py has it.

    Raises QuestionError, UnsupportedTypeError, UnknownOperationError, DataDependentError, and whatever the function
    raises.
    """
    if radius not in RADII:
        raise QuestionError(f"radius is {radius!r}; it is one of {', '.join(RADII)}")
    if unknown not in ("refuse", "sample"):
        raise QuestionError(f"unknown is {unknown!r}; it is refuse or sample")
    library = dict(ulps) if isinstance(ulps, Mapping) else {}
    ulps = None if isinstance(ulps, Mapping) else ulps
    strange = sorted(map(str, library.keys() - FUNCTIONS))
    if strange:
        raise QuestionError(
            f"ulps= names {', '.join(strange)}; functions of a library are {', '.join(sorted(FUNCTIONS))}"
        )
    for name, number in library.items():
        if not isinstance(number, int | float) or not 0 <= number < float("inf"):
            raise QuestionError(f"the ulps of {name} are {number!r}; they are a number from 0 on")
    if unknown == "sample" and ulps is None:
        raise QuestionError("unknown='sample' needs ulps=…, what an operation without a rule may err by on each side")
    if not isinstance(replicas, int) or (radius != "bound" and replicas < 2):
        raise QuestionError(f"replicas is {replicas!r}; it is a whole number from 2 on, and 8 and 16 are usual")
    if not isinstance(seed, int) or seed < 0:
        raise QuestionError(f"seed is {seed!r}; it is a whole number from 0 on")
    if ulps is not None and not (isinstance(ulps, int | float) and 0 < ulps < float("inf")):
        raise QuestionError(f"ulps is {ulps!r}; it is a positive number")
    if isinstance(forms, str) or not isinstance(forms, Sequence):
        raise QuestionError("forms= is a list of functions of the same inputs, or of names of forms")
    question = Question(function, inputs, device, seed, ulps if unknown == "sample" else None, arithmetic, library)
    answer = Answer(question, radius, replicas, forms, fine=True)
    flowed = answer.flowed(answer.bounded())
    if unknown == "sample" and not answer.without_rule:
        warnings.warn("each operation has a rule: unknown= and ulps= do nothing here", stacklevel=2)
    return flowed


def asked(
    function: Function, inputs: Mapping[str, Any], device: str, replicas: int, forms: Sequence[str | Function]
) -> Answer:
    """What `evaluate` answers, in two steps, for who may need the bounds alone."""
    return Answer(Question(function, inputs, device, 0, None), "auto", replicas, forms)


class Answer:
    """How one question is answered: by bounds at once, and by samples, which take ten times as long, when asked.

    With `fine` long sums have their probable radius also where the bound says enough, and a bound has to say enough of
    each element beside itself; else beside the usual one, which leaves those open that cancel to next to nothing.
    """

    def __init__(
        self,
        question: Question,
        radius: str,
        replicas: int,
        forms: Sequence[str | Function],
        *,
        fine: bool = False,
    ) -> None:
        self.question, self.radius, self.replicas, self.fine = question, radius, replicas, fine
        self.want = question.plain()
        self.functions: dict[str, Function] = {}
        for form in forms:
            if isinstance(form, str) and form not in FORMS:
                raise QuestionError(f"there is no form {form!r}; there are {', '.join(FORMS)}")
            if not isinstance(form, str):
                self.functions[getattr(form, "__name__", f"form {len(self.functions) + 1}")] = form
        self.by_form: dict[str, dict[str, Tensor]] = {}
        self.bounds_by_form: dict[str, dict[str, Tensor]] = {}
        self._radii: dict[str, Tensor] = {}
        self._unsampled: dict[str, Tensor] = {}
        self._lines: dict[str, dict[str, Lines]] = {}
        self._recorded: Flow | None = None
        self._long = self._closed = False
        self.without_rule = False

    def bounded(self) -> dict[str, Flowed]:
        """Each output's answer with the bound for its radius, which no sample exceeds."""
        bounds, kinds, flow = self._bounds(frozenset())
        self.without_rule = flow.mode.without_rule
        self._radii = bounds
        self._recorded = flow if flow.recorded else None
        alternatives, conserved = self._alternatives(flow, bounds, kinds)
        free = free_outputs(flow.context.freedoms, flow.outputs)
        if flow.context.freedoms:
            self._refuse_signs(flow, bounds, {name for one in free for name, _ in one.signs})
        available = [form for form in FORMS if form in flow.context.seen_forms] + list(self.functions)
        return {
            name: Flowed(
                value=value,
                radius=bounds[name],
                kind=kinds[name],
                alternatives=tuple(alternatives[name]),
                conserved=name in conserved,
                free=free,
                conditions=flow.context.conditions,
                forms=Forms(available, lambda form, name=name: self._form(form, name)),  # type: ignore[misc]
                arithmetic=self.question.arithmetic,
                form_bounds=Forms(available, lambda form, name=name: self._form(form, name, True)),  # type: ignore[misc]
            )
            for name, value in self.want.items()
        }

    def flowed(self, bounded: Mapping[str, Flowed]) -> dict[str, Flowed]:
        """The same, with samples for those of which the bound says too little."""
        chosen = [name for name, one in bounded.items() if one.kind == "sample"]
        bounds = {name: one.radius for name, one in bounded.items()}
        self._radii, laws = self._narrowed(bounds, chosen, frozenset(), self._recorded)
        self._recorded = None
        self.by_form.clear()
        flowed = dict(bounded)
        for name in chosen:
            radius = self._radii[name]
            if name not in laws and not self._to_sample(name, bounds):
                flowed[name] = replace(bounded[name], kind="bound")  # the law says no more
                continue
            flowed[name] = replace(
                bounded[name],
                radius=radius,
                kind="probable" if name in laws else "sample",
                alternatives=tuple(replace(a, radius=radius) for a in bounded[name].alternatives),
                lines=partial(self._lines_of, name) if name in self._lines.get("", ()) else bounded[name].lines,
                probability=laws[name] if name in laws else factor(self.replicas)[1],
                guaranteed=_share(radius >= bounds[name], bounds[name] > 0) if name in laws else 0.0,
            )
        return flowed

    def _bounds(self, forms: frozenset[str]) -> tuple[dict[str, Tensor], dict[str, str], Flow]:
        """By output: the bound, the kind that its radius is to be of; and the run that the bounds come from."""
        flow = self.question.flow(forms=forms, record=self.radius == "sample", lenient=self.radius != "bound")
        self._long |= flow.context.seen_long and self.radius == "auto"
        self._closed |= flow.context.seen_closed
        bounds = {name: flow.radius(name, value) for name, value in self.want.items()}
        kinds = {
            name: "bound" if bound.numel() and (bound.view(-1)[0] > 0 or float(bound.amax()) > 0) else "exact"
            for name, bound in bounds.items()
        }
        sampled = {
            name: "sample"
            for name, kind in kinds.items()
            if kind == "bound" and (self._to_sample(name, bounds) or self._to_narrow(name, bounds))
        }
        return bounds, kinds | sampled, flow

    def _narrowed(
        self, bounds: dict[str, Tensor], chosen: Sequence[str], forms: frozenset[str], recorded: Flow | None
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The radii: bounds, and for those chosen smaller ones, of the run that is recorded, or of one more.

        Beside them the probability of those that are bounds but for the law of long sums.
        """
        if not chosen:
            return bounds, {}
        before, bounds = bounds, dict(bounds)
        laws: dict[str, float] = {}
        if recorded is None and self._long and self._closed:
            # Replicas need the parts of what has a closed form, which take several times as long by the law.
            law = self.question.flow(forms=forms, lenient=True, probable=True)
            self._by_law(law, chosen, bounds, laws)
            if self.fine and not forms:
                self._keep_lines("", law)
        if len(laws) == len(chosen):
            return bounds, laws
        flow = recorded or self.question.flow(forms=forms, record=True, lenient=True, probable=self._long)
        self._by_law(flow, [name for name in chosen if name not in laws], bounds, laws)
        if not forms:
            self._unsampled = dict(bounds)
        moved = [name for name in chosen if name not in laws and self._to_sample(name, before)]
        if moved:
            sampled = self.question.sampled(flow, self.want, moved, self.replicas)
            for name, radius in sampled.items():
                bounds[name] = torch.minimum(radius, bounds[name].to(torch.float64), out=radius)
        return bounds, laws

    def _by_law(self, flow: Flow, chosen: Sequence[str], bounds: dict[str, Tensor], laws: dict[str, float]) -> None:
        """Makes bounds as narrow as a run by the law of long sums has them; notes its probability where that is all."""
        for name in chosen if flow.context.probable_calls else ():
            narrow = torch.fmin(flow.radius(name, self.want[name]).to(torch.float64), bounds[name])
            if self._law_alone(name, narrow, bounds[name], flow):
                laws[name] = CHANCE * flow.context.probable_calls
            bounds[name] = narrow

    def _keep_lines(self, form: str, flow: Flow) -> None:
        """Keeps what the elements of each output share, and how far they may be off in all."""
        shared = {name: flow.context.shadows.shared(output) for name, output in flow.outputs.items()}
        self._lines[form] = {
            name: Lines(one, flow.radius(name, self.want[name])) for name, one in shared.items() if one is not None
        }

    def _lines_of(self, name: str, form: str) -> Lines | None:
        """The lines of an output's rows where a form of the operations is allowed for; None where nothing is known.

        A variance by one pass is off for all of a row alike.
        """
        form = "" if form == ONE_PASS else form
        if form not in self._lines and form not in self.functions:
            self._keep_lines(form, self.question.flow(forms=frozenset({form}), lenient=True, probable=True))
        return self._lines.get(form, {}).get(name)

    def _law_alone(self, name: str, narrow: Tensor, bound: Tensor, flow: Flow) -> bool:
        """Whether no sample is taken, since the law of long sums says enough, or the sample would say no more.

        That is where half of the radius is the last operation's own, which is a part of what a sample says.
        """
        if not bool((narrow < bound).any()):
            return False
        if self._says_enough(name, narrow) or not self._to_sample(name, {name: bound}):
            return True
        own, _ = flow.mode.own(flow.outputs[name])
        return own is not None and _most(narrow <= 2 * own)

    def _to_sample(self, name: str, bounds: Mapping[str, Tensor]) -> bool:
        """Whether this output's radius is to be sampled: asked for, or the bound says too little."""
        if self.radius != "auto":
            return self.radius == "sample"
        return bounds[name].numel() > 0 and not self._says_enough(name, bounds[name])

    def _to_narrow(self, name: str, bounds: Mapping[str, Tensor]) -> bool:
        """Whether the law of long sums is asked although the bound says enough."""
        return self.fine and self._long and not self._says_enough(name, bounds[name], _FINE)

    def _says_enough(self, name: str, radius: Tensor, finest: float = 1.0) -> bool:
        """Whether a radius that is no sample's says so much about an output that none is taken."""
        want = self.want[name]
        if not want.is_floating_point():
            return bool(torch.isfinite(radius).all())
        sizes = want.abs() if self.fine else want.abs().clamp_min(_usual_size(want))
        return _most(radius <= sizes * min(self.question.useful, finest))

    def _alternatives(
        self, flow: Flow, radii: Mapping[str, Tensor], chosen: Mapping[str, str]
    ) -> tuple[dict[str, list[Alternative]], set[str]]:
        """Where choices were exactly at a kink: what the other side makes of each output.

        Beside it the outputs whose sum is the same whichever of the elements tied for a maximum is taken.
        """
        found: dict[str, list[Alternative]] = {name: [] for name in self.want}
        conserved: set[str] = set()
        if not flow.context.seen_kinks:
            return found, conserved
        notes = {
            "other": "the other side of each nondifferentiable point",
            "unequal": "one side of each nondifferentiable point that torch shares",
        }
        if flow.context.seen_ties:
            notes["last"] = "another of the elements tied for a maximum"
        for kinks, note in notes.items():
            lenient = self.radius != "bound"
            # Most often what is tied goes nowhere (relu's zeros under a maximum), which values alone tell.
            values = self.question.flow(kinks=kinks, lenient=lenient, values=True).outputs
            if all(equal(values[name], flow.outputs[name]) for name in self.want):
                continue
            other = self.question.flow(kinks=kinks, lenient=lenient)
            for name, want in self.want.items():
                value = other.outputs[name]
                if value.shape != want.shape:
                    continue
                where = (value != flow.outputs[name]) & torch.isfinite(value)
                known = any(torch.equal(value, a.value) for a in found[name])
                if bool(where.any()) and not known:
                    radius = radii[name] if chosen[name] == "sample" else other.radius(name, value)
                    found[name].append(Alternative(value, radius, where, note))
                if kinks == "last" and bool(where.any()) and flow.context.seen_ties == flow.context.seen_kinks:
                    before, after = flow.outputs[name].double(), value.double()
                    rounding = float(before.abs().sum()) * before.numel() * torch.finfo(want.dtype).eps
                    if float((after - before).sum().abs()) <= rounding:
                        conserved.add(name)
        return found, conserved

    def _refuse_signs(self, flow: Flow, bounds: Mapping[str, Tensor], free: Set[str]) -> None:
        """Raises QuestionError for an output that is not the same for other signs of a factorisation's vectors."""
        turned = self.question.flow(kinks="turned", lenient=self.radius != "bound").outputs
        for name in self.want.keys() - free:
            if bool(((turned[name].double() - flow.outputs[name].double()).abs() > bounds[name]).any()):
                raise QuestionError(
                    f"{name} depends on the signs of a factorisation's vectors (linalg.eigh, svd, qr), which are free, "
                    "so that another right program gives another; fix them on both sides, as by the sign of the first "
                    "element of each, or compare what does not depend on them, such as V @ V.T"
                )

    def _form(self, form: str, name: str, bound: bool = False) -> Tensor:
        """The radius of one output where the form is allowed for, or a bound of it, for which no sample is taken."""
        known, nothing = self.bounds_by_form if bound else self.by_form, frozenset[str]()
        self._long |= self.fine and not bound  # forms have probable radii of their own
        if form not in known:
            if form in self.functions:
                inner = Answer(self.question.of(self.functions[form]), self.radius, self.replicas, ())
                beside = inner._bounds(nothing)[0] if bound else inner._every_radius(nothing)
                self._refuse_another_function(form, inner.want, self._radii, beside)
                # A sum in float32 may be rounded down beneath the one in float64 that a sample is part of.
                total = {key: radius + beside[key] for key, radius in self._radii.items()}
                known[form] = {key: x.nextafter(x.new_tensor(torch.inf)) if bound else x for key, x in total.items()}
            else:
                forms = frozenset({form})
                beside = self._bounds(forms)[0] if bound else self._beside(form) or self._every_radius(forms)
                known[form] = {key: torch.maximum(radius, beside[key]) for key, radius in self._radii.items()}
        return known[form][name]

    def _beside(self, form: str) -> dict[str, Tensor]:
        """The radii and what bounds with a form are beyond those without; {} where they are no small part of values.

        Only then is that as much whatever else has rounded: else replicas follow the form as well.
        """
        found: dict[str, Tensor] = {}
        if not self._unsampled:
            return found
        flow = self.question.flow(forms=frozenset({form}), lenient=True, probable=self._long)
        for name, narrow in self._unsampled.items():
            want, wider = self.want[name].abs(), flow.radius(name, self.want[name]).to(torch.float64)
            if not bool((wider <= _SMALL * want.clamp_min(_usual_size(want))).all()):
                return {}
            found[name] = self._radii[name] + (wider - narrow).clamp_min_(0)
        return found

    def _every_radius(self, forms: frozenset[str]) -> dict[str, Tensor]:
        bounds, kinds, flow = self._bounds(forms)
        chosen = [name for name, kind in kinds.items() if kind == "sample"]
        return self._narrowed(bounds, chosen, forms, flow if flow.recorded else None)[0]

    def _refuse_another_function(
        self, form: str, values: Mapping[str, Tensor], plain: Mapping[str, Tensor], beside: Mapping[str, Tensor]
    ) -> None:
        """Raises QuestionError unless a form's results are those of the function, within both radii."""
        for name, want in self.want.items():
            if name not in values or values[name].shape != want.shape:
                raise QuestionError(f"the form {form} does not return {name} in the shape {tuple(want.shape)}")
            gap = (values[name].double() - want.double()).abs()
            if bool((gap > plain[name] + beside[name]).any()):
                raise QuestionError(f"the form {form} does not compute {name}, but something else")


def _most(where: Tensor) -> bool:
    return int(where.count_nonzero()) >= _SHARE * where.numel()


def _usual_size(x: Tensor) -> float:
    """The median of the sizes of those numbers that are finite and not 0; 0 without any."""
    sizes = x.detach().abs().flatten()
    sizes = sizes[(sizes > 0) & (sizes < torch.inf)]
    return float(sizes.median()) if sizes.numel() else 0.0


def _share(where: Tensor, among: Tensor) -> float:
    return int((where & among).count_nonzero()) / max(int(among.count_nonzero()), 1)


class Forms(Mapping[str, Tensor]):
    """Radii by the names of forms, computed when they are asked for: each takes a run of its own."""

    def __init__(self, names: Sequence[str], radius: Callable[[str], Tensor]) -> None:
        self._names, self._radius = tuple(names), radius

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._radius(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
