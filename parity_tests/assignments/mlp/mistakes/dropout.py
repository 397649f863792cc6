"""Mistakes of dropout (TODO 9): changes of its right texts where masks are given, and how masks came about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.kinds.dropout import kept_mask, outputs_of
from parity_tests.assignments.mlp.mistakes.generated import HINTS, SHARED, Changed, Names, Written, generated, tried
from parity_tests.parts.dropout import DRAWN, DROPOUT_BACKWARD, DROPOUT_FORWARD, DROPOUT_IN_EVALUATION
from parity_tests.parts.right_text import names_in
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.mistake import Call, Formula, Mistake, Outcome

Masks = NDArray[np.bool_]
Array = NDArray[Any]
Experiment = Callable[[Masks, float, Array, Array], bool]
"""(masks, calls×N×M; r; q, N×M; s, calls×N×M) → whether they were drawn in this way."""

# ---- changed right texts, for given masks

WORDS = {"x": "X", "dout": "grad", "out": "dropout's output", "dx": "dropout's gradient"}
WORDS |= {"the share that is kept": "1 − r", "the share that is dropped": "r", "the rate": "r"}
OUTPUT, GRADIENT = "dropout.output", "dropout.gradient of X"
OTHERS = {"latest": "the mask of the latest forward of any object", "last_share": "1 − r of the last object made"}


def _given(call: Call) -> Names:
    kept = 1.0 * call.kept
    return Names(
        x=call.X, dout=call.grad, kept=kept, dropped=1 - kept, earlier=1.0 * call.first.kept, share=1 - call.r,
        rate=call.r, one=1.0, latest=_mask_of(call.latest),
        last_share=1 - call.last_r, by_size=1.0 * (call.X.value >= call.r),
    )  # fmt: skip


def _mask_of(call: Call) -> Any:
    """The mask that a forward multiplied by, where it is known."""
    return 1.0 + 0.0 * call.kept if call.evaluating else call.kept / (1 - call.r)


def _given_in_evaluation(call: Call) -> Names:
    let_through = np.zeros(call.X.shape) if call.got is None else 1.0 * (np.asarray(call.got) != 0)
    return Names(x=call.X, share=1 - call.r, rate=call.r, of_training=call.X * (let_through / (1 - call.r)))


DROPOUT_TEXTS: Mapping[tuple[str, bool], Written] = {
    (OUTPUT, False): Written([DROPOUT_FORWARD.in_words(WORDS).beside(OTHERS, SHARED)], "out", _given),
    (OUTPUT, True): Written([DROPOUT_IN_EVALUATION.in_words(WORDS)], "out", _given_in_evaluation),
    (GRADIENT, False): Written([DROPOUT_BACKWARD.in_words(WORDS).beside(OTHERS, SHARED)], "dx", _given),
}
"""By operation, in training and in evaluation, after which nobody asks for a backward."""


@dataclass(frozen=True)
class _InModes:
    """A formula: what one gives in training, and another one in evaluation."""

    training: Formula
    evaluation: Formula

    def __call__(self, call: Call) -> Any:
        if call.evaluating:
            return self.evaluation(call)
        if isinstance(self.training, Changed) and "kept" in names_in(self.training.lines):
            all_by_chance = call.r < 0.5 or not call.kept.all()
            if not all_by_chance or (call.wrong and not call.kept.any()):
                return None
        return self.training(call)


def generated_dropout(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The changes that give what wrong calls returned: of training, of evaluation, or of each one."""
    operation, found = calls[0].operation, []
    for evaluating in (False, True):
        own = [call for call in calls if bool(call.evaluating) is evaluating]
        written = DROPOUT_TEXTS.get((operation, evaluating))
        right: Formula = (
            (lambda call: Outcome.ANYTHING) if written is None else Changed(written.texts[0].whole(()), written)
        )
        wrong = written is not None and any(call.wrong for call in own)
        changes = [(m.name, m.hint, m.formula) for m in generated(written, own)] if wrong and written else []
        changes += [("it returns nothing", RETURNED, lambda call: Outcome.NOTHING)] if wrong and evaluating else []
        found.append(changes if wrong else [("", "", right)])
    for (trained, hint, training), (evaluated, further, evaluation) in product(*found):
        name = f"{trained}, and in evaluation {evaluated}" if trained and evaluated else trained
        name = name or f"{evaluated}, in evaluation"
        yield tried(Mistake(name, hint or further, _InModes(training, evaluation)))


# ---- how many masks came about

RETURNED = "Which lines run when is_train is False, and does one of them return?"
PROBABILITY = "With which probability is an element dropped?"
INTERVAL = "From which distribution must p come, so that p < r with probability r?"
SEEDED = "the same mask is drawn in every forward, as where the generator is seeded in it"


def _by_chance(marks: Masks, p: float) -> bool:
    """Whether as many elements are marked as where each is with probability p, within six standard deviations."""
    return bool(abs(float(marks.mean()) - p) <= 6 * np.sqrt(p * (1 - p) / marks.size))


def _together(axis: int) -> Experiment:
    """All elements along an axis of a mask are alike, and not all of them are kept."""
    return lambda masks, r, q, s: bool((masks == masks.take([0], axis)).all() and masks.any() and not masks.all())


def _nothing_dropped(masks: Masks, r: float, q: Array, s: Array) -> bool:
    """Nothing is dropped, and every element was multiplied by the same number."""
    factors = s / q
    return bool(masks.all()) and bool(np.allclose(factors, factors.flat[0], rtol=1e-9, atol=0.0))


def _seeded(masks: Masks, r: float, q: Array, s: Array) -> bool:
    """All forwards of all objects have one mask, which is not drawn by chance alone."""
    return bool((masks == masks[0]).all() and masks.any() and not masks.all())


def _kept_with(share: Callable[[float], float]) -> Experiment:
    """Each element is kept with this probability, given r."""
    return lambda masks, r, q, s: _by_chance(masks, share(r))


SHARES: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "kept with probability 1 − r/2, as where p is drawn from [0, 2)": (INTERVAL, lambda r: 1 - r / 2),
    "kept with probability (1 − r)/2, as where p is drawn from [−1, 1)": (INTERVAL, lambda r: (1 - r) / 2),
    "kept and dropped are exchanged: kept with probability r": (PROBABILITY, lambda r: r),
    "half is dropped, whatever r is": (PROBABILITY, lambda r: 0.5),
    "kept as often as where p is drawn from the normal distribution":
        (INTERVAL, lambda r: 0.5 * math.erfc(r / math.sqrt(2))),
}  # fmt: skip
"""By name the hint, and the share that is kept at a rate."""
EXPERIMENTS: Mapping[str, tuple[str, Experiment]] = {
    "nothing is dropped": (PROBABILITY, _nothing_dropped),
    "everything is dropped": (PROBABILITY, lambda masks, r, q, s: not masks.any()),
    "X is compared with r, not p": (DRAWN, lambda masks, r, q, s: bool((masks == (q >= r)).all())),
    "whole columns are dropped together": (DRAWN, _together(1)),
    "whole rows are dropped together": (DRAWN, _together(2)),
    **{name: (hint, _kept_with(share)) for name, (hint, share) in SHARES.items()},
    SEEDED: ("Each forward draws numbers of its own: what starts the generator anew between two of them?", _seeded),
}
"""By name the hint, and whether masks came in this way; the last is claimed only where no other fits."""
HINTS.update({name: hint for name, (hint, _) in EXPERIMENTS.items()})


def of_masks(cases: Sequence[Case], seen: Seen, draw: Draw) -> list[str]:
    """The ways in which the masks of all calls may have been drawn."""
    stacks = []
    for case in cases:
        s = outputs_of(case, seen[case.name])
        if s is None:
            return []
        stacks.append((kept_mask(s), case.params["r"], draw(case)["q"], s))
    names = [name for name, (_, fits) in EXPERIMENTS.items() if all(fits(*one) for one in stacks)]
    return names[:-1] if names[1:] and names[-1] == SEEDED else names


_BY_OTHER_DRAWS = ("wrong only at rate 0", "zero everywhere", "wrong only where the element is kept")
_UNMASKED, _ON = "the mask is left out of dropout's output", "dropout is on"
_ABOVE = "what lies above r in X in place of what is kept in the mask"
HIDDEN = {
    f"{_UNMASKED}, and in evaluation {_ON}": (
        "nothing is dropped", "the mask is left out of dropout's gradient", "zero everywhere",
    ),
    _UNMASKED: ("nothing is dropped",),
    **dict.fromkeys(SHARES, _BY_OTHER_DRAWS),
    "X is compared with r, not p": (*_BY_OTHER_DRAWS, _ABOVE, "ReLU is applied to dropout's output"),
    "everything is dropped": ("zero everywhere",),
    f"{_ON}, in evaluation": ("wrong only in evaluation",),
    "dropout's output is 0 everywhere, in evaluation": ("zero everywhere",),
    "dropout's output is multiplied by 1 − r once too often, in evaluation": ("wrong only in evaluation",),
}  # fmt: skip
"""What follows from a mistake, in any case of dropout."""
