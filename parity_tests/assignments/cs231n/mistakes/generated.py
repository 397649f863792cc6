"""Known mistakes that nobody has written down: changed right texts that give a result's numbers in all cases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.mistakes.own_forward import OwnForward
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong, is_beyond
from parity_tests.harness.given import Given
from parity_tests.harness.returned import result_of
from parity_tests.parts.changed_texts import ChangedText, ChangedTexts
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, Fingerprints, fitted, lately
from parity_tests.parts.given.later import Later
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import FAILS, BeyondError, RightText, compiled, names_in
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.observation import Failure, Returned
from parity_tests.protocol.quantity import Quantity

MIXING = tuple(f"rows = in_rows(x, {order})" for order in permutations(range(4)) if order[-1] != 1)
"""Rows of images that hold several channels."""
Told = tuple[NDArray[np.float64] | None, list[Fingerprints]]
"""What a case gave, None where its call failed, and what changes of each text give there."""


@dataclass(frozen=True)
class Written:
    """The right texts of a part, and the values of the names of one, of a case's tensors and its setting.

    The texts' results go by the names of the part's quantities, with `before` before them. With `numbers` a number of
    its own may be what is wrong, as the slope of a leaky ReLU. Changes of one that `may_fail` may ask for what lies
    beyond an array.
    """

    part: str
    texts: Sequence[RightText]
    given: Callable[[RightText, Any, Any], Mapping[str, Any]]
    before: str = ""
    kind: str = "layer"
    may_fail: bool = False
    numbers: bool = False


def generated(
    written: Written, asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw, forward: OwnForward | None
) -> Iterator[Wrong]:
    """The changes that give the numbers of a result in one case, the simplest first, as mistakes to be tried in all.

    Of a result that is 0 in every case that is the only one, whatever else would give zeros.
    """
    result = quantity.key.name.removeprefix(written.before)
    numbers = [number for number, text in enumerate(written.texts) if result in text.targets]
    telling: list[Told] = []
    right: list[Told] = []
    for case, got in _telling(asked, quantity, seen, written.may_fail):
        if not forward or forward.tells(case, 0):
            known = [fingerprints_of(written, number, case, draw(case), forward) for number in numbers]
            is_right = bool(known) and got is not None and known[0].is_right(result, got)
            (right if is_right or not known else telling).append((got, known))
    if not telling:
        return
    (got, first), *others = telling
    texts = [written.texts[number] for number in numbers]
    if got is not None and _is_nothing(got):  # and so in all: those that are something come first
        yield _wrong(written, texts[0], ChangedTexts(texts[0]).nothing(result), result)
        return
    others += right if written.may_fail else []

    def given(told: Iterable[tuple[ChangedText, int]]) -> Iterator[tuple[ChangedText, int]]:
        for changed, k in sorted(told, key=lambda pair: pair[0].size):
            if all(known[k].gives(changed, result, other) for other, known in others):
                yield changed, k

    if got is None:  # and so nowhere are numbers wrong
        beyond = list(given((changed, k) for k, known in enumerate(first) for changed in known.beyond(result)))
        for changed, k in _hedged(beyond, texts)[:MOST_TRIED]:
            yield replace(_wrong(written, texts[k], changed, result), change={})
        yield from (_wrong(written, texts[k], changed, result) for changed, k in beyond[:MOST_TRIED])
        return
    tried = 0
    for ranks in zip(*(known.matching_by_rank(result, got) for known in first), strict=True):
        for changed, k in given((changed, k) for k, ones in enumerate(ranks) for changed in ones):
            if tried < MOST_TRIED:
                tried += 1
                yield _wrong(written, texts[k], changed, result)
    for k, one in enumerate(first if written.numbers and not tried else ()):
        for changed in one.numbered(result, got):
            if all(several[k].gives(changed, result, other) for other, several in others):
                yield _wrong(written, texts[k], changed, result)


def _hedged(found: Sequence[tuple[ChangedText, int]], texts: Sequence[RightText]) -> list[tuple[ChangedText, int]]:
    """What may be said where calls fail and nothing is wrong in others: what all that do so share."""
    if len(found) < 2:
        return list(found)
    for changed, _ in found:
        if all(set(other.statements) <= set(changed.statements) for other, _ in found):
            return [(_saying(one, f"{changed.words}, or in a part of it"), k) for one, k in found]
    text = texts[found[0][1]]
    for both in dict.fromkeys(text.twins.values()):
        pairs = [pair for pair, called in text.twins.items() if called == both]
        own = {both} | {text.words.get(name, name) for pair in pairs for name in pair}
        if all(any(word in changed.words for word in own) for changed, _ in found):
            return [(_saying(one, f"{both} are exchanged, or one stands for the other"), k) for one, k in found]
    return []


def _saying(changed: ChangedText, words: str) -> ChangedText:
    """The same in other words."""
    return replace(changed, tell=lambda: (words, changed.hint))


def _is_of(q: Quantity, quantity: Quantity) -> bool:
    return (q.part, q.key.name, q.key.call) == (quantity.part, quantity.key.name, 0)


def _telling(
    asked: Sequence[Case], quantity: Quantity, seen: Seen, may_fail: bool
) -> list[tuple[Case, NDArray[np.float64] | None]]:
    """The cases in float64 of which a result came back, with that: those first that tell most changes apart.

    Where a text may fail so, last those whose call failed as what lies beyond an array does, with None.
    """
    able: list[tuple[Case, NDArray[np.float64]]] = []
    failed: list[tuple[Case, NDArray[np.float64] | None]] = []
    for case in asked:
        if case.params.get("slug") == "far-apart":
            continue  # right forms overflow there, too
        own = next((q for q in case.quantities if _is_of(q, quantity)), None)
        got = None if own is None or case.name not in seen else result_of(seen[case.name], own.key)
        array = got.array if isinstance(got, Returned) else None
        if case.dtype == "float64" and array is not None and array.dtype.kind == "f" and np.isfinite(array).all():
            able.append((case, np.asarray(array, np.float64)))
        if may_fail and case.dtype == "float64" and isinstance(got, Failure) and is_beyond(got):
            failed.append((case, None))
    found = sorted(able, key=lambda pair: (_is_nothing(pair[1]), -(pair[0].params.get("setting") or {}).get("eps", 0)))
    return [*found, *failed]


def _is_nothing(got: NDArray[np.float64]) -> bool:
    """Whether a result is 0 but for rounding, as many changes give it."""
    return bool(got.size and (np.abs(got) < NEAR).all())


def fingerprints_of(
    written: Written, number: int, case: Case, arrays: Arrays, forward: OwnForward | None
) -> Fingerprints:
    """Those of one of a part's texts, for the first call of a case; they are kept, since a class asks again."""
    names = (*case.params["arrays"], "dout") if case.probe == "layer" else ("x", "y")
    own = {name: arrays[f"{name}_0"] for name in names}
    further = forward.of(case, 0) if forward else {}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in own.values()))
    digest.update(np.ascontiguousarray(further.get("deviation", 0)).tobytes())
    key = (written.part, str(number), case.name, digest.hexdigest())
    text = written.texts[number]
    return lately(key, lambda: Fingerprints(text, _values(written, text, case.params, {**own, **further})))


def _values(written: Written, text: RightText, params: Params, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the names of a text stand for, in numpy."""
    import torch

    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        for name, value in own.items()
    }
    values = written.given(text, Given(**tensors, extra=params.get("extra")), params.get("setting") or {})
    made = {name: value.value() if isinstance(value, Later) else value for name, value in values.items()}
    own_numpy = {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in made.items()}
    return {"np": np, **own_numpy}


def _wrong(written: Written, text: RightText, changed: ChangedText, result: str) -> Wrong:
    own = text.whole(changed.statements, text.towards(result, changed.statements))
    read = names_in(own)

    def predicted(t: Any, s: Any) -> Any:
        names = written.given(text, t, s)
        later = {name: names[name].value() for name in read if isinstance(names.get(name), Later)}
        value = run_if_torch_can(own, {**names, **later})[result]
        if isinstance(value, float):
            value = value + 0 * t.x.sum()
        return 1 * fitted(value, _shape(result, t))

    change = {f"{written.before}{result}": predicted}
    targets = {text.targets[k] for k, _ in changed.statements}
    mixes = {"mean", "variance"} <= targets or any(line.startswith(MIXING) for _, line in changed.statements)
    fails = partial(_fails, written, text, own) if written.may_fail else None
    wrong = Wrong(written.part, written.kind, changed.words, changed.hint, change, fails=fails, whole=False)
    leaves = _leaves_the_deviation(text, changed)
    return replace(wrong, of_deviation=leaves, lines=own, mixes=mixes, of_right="cached" in targets)


def _fails(written: Written, text: RightText, lines: str, params: Params, arrays: Arrays, call: int) -> bool:
    """Whether a changed text asks for what lies beyond an array in a call."""
    names = (*params["arrays"], "dout")
    values = _values(written, text, params, {name: arrays[f"{name}_{call}"] for name in names})
    try:
        exec(compiled(lines), values)
    except FAILS as error:
        return isinstance(error, BeyondError)
    return False


def _shape(result: str, t: Any) -> Sequence[int]:
    """The shape of a result; that of an output is dout's, where there is one."""
    if result == "loss":
        return ()
    if result == "out":
        return tuple((t.dout if hasattr(t, "dout") else t.right.out).shape)
    return tuple(getattr(t, result.removeprefix("d")).shape)


def _leaves_the_deviation(text: RightText, changed: ChangedText) -> bool:
    """Whether a change leaves the deviation as it is, so that it is true of another one, too."""
    if text.places:
        return False
    before = " ".join(text.statements[k] for k, _ in changed.statements)
    after = " ".join(line for _, line in changed.statements)
    words = ("np.sqrt(variance + eps)", "variance", "eps", "deviation")
    return all(before.count(word) == after.count(word) for word in words)
