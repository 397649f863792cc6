"""Known mistakes that nobody has written down: changed right texts that give a result's numbers in all cases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.mistakes.own_forward import OwnForward
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.given import Given
from parity_tests.harness.returned import is_beyond, result_of
from parity_tests.parts.changed_texts import ChangedText, ChangedTexts, hedged
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, Fingerprints, Told, fitted, in_order, lately, matching
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
Shown = tuple[NDArray[np.float64] | None, list[Fingerprints]]
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
    telling: list[Shown] = []
    right: list[Shown] = []
    for case, got in _telling(asked, quantity, seen, written.may_fail) if numbers else ():
        if not forward or (case.name, 0) in forward:
            known = [fingerprints_of(written, number, case, draw(case), forward) for number in numbers]
            is_right = got is not None and known[0].is_right(result, got)
            (right if is_right else telling).append((got, known))
    if not telling:
        return
    (got, first), *others = telling
    others += right if written.may_fail else []
    make = partial(_wrong, written, result)

    def given(found: Iterable[Told]) -> Iterator[Told]:
        for changed, k in found:
            if all(known[k].gives(changed, result, other) for other, known in others):
                yield changed, numbers[k]

    if got is None:  # and so nowhere are numbers wrong
        beyond = list(given(in_order(known.beyond(result) for known in first)))
        yield from (replace(make(*one), change={}) for one in hedged(beyond, written.texts)[:MOST_TRIED])
        yield from (make(*one) for one in beyond[:MOST_TRIED])
    elif _is_nothing(got):  # and so in all: those that are something come first
        yield make(ChangedTexts(written.texts[numbers[0]]).nothing(result), numbers[0])
    else:
        one = None
        for one in islice(given(matching(first, result, got)), MOST_TRIED):
            yield make(*one)
        if written.numbers and one is None:
            yield from (make(*one) for one in given(in_order(known.numbered(result, got) for known in first)))


def _telling(
    asked: Sequence[Case], quantity: Quantity, seen: Seen, may_fail: bool
) -> list[tuple[Case, NDArray[np.float64] | None]]:
    """The cases in float64 of which a result came back, with that: those first that tell most changes apart.

    Where a text may fail so, last those whose call failed as what lies beyond an array does, with None.
    """
    found: list[tuple[Case, NDArray[np.float64] | None]] = []
    for case in asked:
        if case.dtype != "float64" or case.name not in seen or case.params.get("slug") == "far-apart":
            continue  # right forms overflow there, too
        wanted = (quantity.part, quantity.key.name, 0)
        own = next((q for q in case.quantities if (q.part, q.key.name, q.key.call) == wanted), None)
        got = None if own is None else result_of(seen[case.name], own.key)
        array = got.array if isinstance(got, Returned) else None
        if array is not None and array.dtype.kind == "f" and np.isfinite(array).all():
            found.append((case, np.asarray(array, np.float64)))
        elif may_fail and isinstance(got, Failure) and is_beyond(got):
            found.append((case, None))
    eps = {case.name: (case.params.get("setting") or {}).get("eps", 0) for case, _ in found}
    return sorted(found, key=lambda pair: (pair[1] is None, _is_nothing(pair[1]), -eps[pair[0].name]))


def _is_nothing(got: NDArray[np.float64] | None) -> bool:
    """Whether a result is 0 but for rounding, as many changes give it."""
    return got is not None and bool(got.size and (np.abs(got) < NEAR).all())


def fingerprints_of(
    written: Written, number: int, case: Case, arrays: Arrays, forward: OwnForward | None
) -> Fingerprints:
    """Those of one of a part's texts, for the first call of a case; they are kept, since a class asks again."""
    names = (*case.params["arrays"], "dout") if case.probe == "layer" else ("x", "y")
    own = {name: arrays[f"{name}_0"] for name in names}
    further = {"deviation": forward[case.name, 0]} if forward else {}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in own.values()))
    digest.update(np.ascontiguousarray(further.get("deviation", 0)).tobytes())
    key = (written.part, str(number), case.name, digest.hexdigest())
    text = written.texts[number]
    return lately(key, lambda: Fingerprints(text, _values(written, text, case.params, {**own, **further})))


def _values(
    written: Written, text: RightText, params: Params, own: Mapping[str, Any], read: Collection[str] | None = None
) -> dict[str, Any]:
    """What the names of a text stand for, or those that are read, in numpy."""
    import torch

    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        for name, value in own.items()
    }
    values = written.given(text, Given(**tensors, extra=params.get("extra")), params.get("setting") or {})
    wanted = {name: values[name] for name in (values if read is None else values.keys() & read)}
    made = {name: value.value() if isinstance(value, Later) else value for name, value in wanted.items()}
    return {"np": np, **{n: one.numpy() if isinstance(one, torch.Tensor) else one for n, one in made.items()}}


def _wrong(written: Written, result: str, changed: ChangedText, number: int) -> Wrong:
    text = written.texts[number]
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
    fails = partial(_fails, written, text, own, read) if written.may_fail else None
    wrong = Wrong(written.part, written.kind, changed.words, changed.hint, change, fails=fails, whole=False)
    leaves = _leaves_the_deviation(text, changed)
    return replace(wrong, of_deviation=leaves, lines=own, mixes=mixes, of_right="cached" in targets)


def _fails(
    written: Written, text: RightText, lines: str, read: Collection[str], params: Params, arrays: Arrays, call: int
) -> bool:
    """Whether a changed text asks for what lies beyond an array in a call."""
    own = {name: arrays[f"{name}_{call}"] for name in (*params["arrays"], "dout")}
    values = _values(written, text, params, own, read)
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
