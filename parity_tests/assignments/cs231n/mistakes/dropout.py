"""Known mistakes of dropout: changes of its right texts, by the submission's own mask, and of how masks are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, product
from math import erf, sqrt
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from parity_tests.assignments.cs231n.kinds.dropout import Change, at_hand, shares_meant
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.returned import result_of
from parity_tests.parts.dropout import DROPOUT_BACKWARD, DROPOUT_FORWARD, DROPOUT_IN_EVALUATION, IN_MODES
from parity_tests.parts.fingerprints import MOST_TRIED, Fingerprints
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import RightText
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.observation import Returned

MEANING = "p is the share that is kept, in 2016 and 2017 the one that is dropped: rand < p comes with probability p."
UNIFORM = "rand gives numbers from 0 to 1, which are under p with probability p; randn's are normal."
SEED = "A seed in dropout_param makes each call draw the same mask: np.random.seed(seed)."
EACH = "Each number of each example is kept or dropped on its own."
AGAIN = ("mask of the same seed", "mask of another seed", "mask without a seed")
TEXTS: Mapping[str, tuple[tuple[str, RightText, str], tuple[str, RightText, str]]] = {
    "dropout_forward": (
        ("out", DROPOUT_FORWARD, "out"),
        ("out in test mode", DROPOUT_IN_EVALUATION, "out"),
    ),
    "dropout_backward": (
        ("dx", DROPOUT_BACKWARD, "dx"),
        ("dx in test mode", DROPOUT_IN_EVALUATION.in_words({"out": "dx", "x": "dout"}, "x", *IN_MODES), "out"),
    ),
}
"""By part the results in training and in the test mode, the right text of each, and what it is called there."""


def _alike_along(axis: int) -> Callable[[Any], bool]:
    return lambda mask: bool((mask == mask.take([0], axis)).all() and np.unique(mask).size == 2)


DRAWS: Mapping[str, tuple[str, Change]] = {
    "": ("", {}),
    "p is the share that is dropped": (MEANING, {"share kept": lambda p: 1 - p}),
    "half of the numbers are kept, whatever p is": (MEANING, {"share kept": lambda p: 0.5}),
    "normal numbers are drawn, not uniform ones": (UNIFORM, {"share kept": lambda p: (1 + erf(p / sqrt(2))) / 2}),
    "the seed is not used": (SEED, {name: lambda alike: not alike for name in AGAIN[:2]}),
    "one row is drawn for all examples": (EACH, {"independence": _alike_along(0)}),
    "one number is drawn for each example": (EACH, {"independence": _alike_along(1)}),
    "nothing is dropped in training": (
        MEANING,
        {"independence": lambda mask: bool(mask.all()), **{name: lambda alike: True for name in AGAIN[1:]}},
    ),
}
"""How masks are drawn: by what is said of it a hint, and what comes of it."""


def changed_dropout(part: str, asked: Sequence[Case], seen: Seen, draw: Draw) -> Iterator[Wrong]:
    """The changes that give what one case returned, in both modes, with each way to draw masks."""
    for case in asked:
        if case.dtype == "float64" and case.name in seen:
            arrays, observation = draw(case), seen[case.name]
            for keep in shares_meant(case, arrays, observation):
                given = SimpleNamespace(**at_hand(case, arrays, observation, keep))
                yield from _of_results(part, given, {q.name: result_of(observation, q.key) for q in case.quantities})
            return


class _Found(NamedTuple):
    """What is said of one of the results, a hint, what it changes, and the lines that do."""

    words: str
    hint: str
    change: Change
    lines: str = ""


def _of_results(part: str, given: SimpleNamespace, got: Mapping[str, Any]) -> Iterator[Wrong]:
    training, testing = (_changes(*one, given, got[one[0]]) for one in TEXTS[part])
    tested = [one._replace(words=one.words and f"{one.words}, in the test mode") for one in testing]
    draws = [_Found(name, *told) for name, told in DRAWS.items() if part == "dropout_forward" or not name]
    for several in product(draws, training, tested):
        if name := ", and ".join(one.words for one in several if one.words):
            hint = next(one.hint for one in several if one.hint)
            change = {quantity: made for one in several for quantity, made in one.change.items()}
            yield Wrong(part, "dropout", name, hint, change, lines="; ".join(one.lines for one in several))


def _changes(quantity: str, text: RightText, result: str, given: SimpleNamespace, got: Any) -> list[_Found]:
    """The changed texts that give a result, or that it is right; none where nothing gives it."""
    array = got.array if isinstance(got, Returned) else None
    if array is None:
        return []
    known = Fingerprints(text, _names(quantity, given))
    if known.is_right(result, array):
        return [_Found("", "", {})]
    found = [(one, text.whole(one.statements)) for one in islice(known.matching(result, array), MOST_TRIED)]

    def run(lines: str, t: Any) -> Any:
        return run_if_torch_can(lines, _names(quantity, t))[result]

    return [_Found(one.words, one.hint, {quantity: partial(run, lines)}, lines) for one, lines in found]


def _names(quantity: str, t: Any) -> dict[str, Any]:
    """What the texts' names stand for: of a gradient its own forward's scale, whatever that is."""
    of, one = (t.x, 1.0) if quantity.startswith("out") else (t.dout, t.scale * t.p)
    names = {"kept": t.mask, "dropped": 1 - t.mask, "share": t.p, "rate": 1 - t.p, "one": one}
    return {**names, "x": of if "mode" in quantity else t.x, "dout": t.dout, "of_training": of * t.tested / t.p}
