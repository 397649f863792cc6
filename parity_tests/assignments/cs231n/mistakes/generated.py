"""Known mistakes that nobody has written down: changed right texts that give a result's numbers in all cases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.mistakes.own_forward import CHAIN, FORMULA, OWN, OwnForward
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.harness.given import Given
from parity_tests.harness.returned import result_of
from parity_tests.parts.changed_texts import ChangedText, ChangedTexts
from parity_tests.parts.fingerprints import MOST_TRIED, NEAR, Fingerprints, fitted, lately
from parity_tests.parts.in_torch import run_if_torch_can
from parity_tests.parts.right_text import RightText, names_in
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Draw, Seen
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.observation import Returned
from parity_tests.protocol.quantity import Quantity

HINTS: dict[str, str] = {}
"""The hint of each name that was given."""


class Later:
    """A value of a name that is computed where a text reads it."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        self.value: Callable[[], Any] = lambda: make(*given)


@dataclass(frozen=True)
class Written:
    """The right texts of a part, and the values of the names of one, of a case's tensors and its setting.

    The texts' results go by the names of the part's quantities, with `before` before them.
    """

    part: str
    texts: Sequence[RightText]
    given: Callable[[RightText, Any, Any], Mapping[str, Any]]
    before: str = ""
    kind: str = "layer"


def generated(
    written: Written, asked: Sequence[Case], quantity: Quantity, seen: Seen, draw: Draw, forward: OwnForward | None
) -> Iterator[Wrong]:
    """The changes that give the numbers of a result in one case, the simplest first, as mistakes to be tried in all.

    Of a result that is 0 in every case that is the only one, whatever else would give zeros.
    """
    result = quantity.key.name.removeprefix(written.before)
    numbers = [number for number, text in enumerate(written.texts) if result in text.targets]
    telling = [
        (got, known)
        for case, got in _telling(asked, quantity, seen)
        if not forward or forward.tells(case, 0)
        if (known := [fingerprints_of(written, number, case, draw(case), forward) for number in numbers])
        if not known[0].is_right(result, got)
    ]
    if not telling:
        return
    (got, first), *others = telling
    texts = [written.texts[number] for number in numbers]
    if _is_nothing(got):  # and so in all: those that are something come first
        yield _wrong(written, texts[0], ChangedTexts(texts[0]).nothing(result), result)
        return
    tried = 0
    for ranks in zip(*(known.matching_by_rank(result, got) for known in first), strict=True):
        told = [(changed, k) for k, ones in enumerate(ranks) for changed in ones]
        for changed, k in sorted(told, key=lambda pair: pair[0].size):
            if tried < MOST_TRIED and all(known[k].gives(changed, result, other) for other, known in others):
                tried += 1
                yield _wrong(written, texts[k], changed, result)


def _is_of(q: Quantity, quantity: Quantity) -> bool:
    return (q.part, q.key.name, q.key.call) == (quantity.part, quantity.key.name, 0)


def _telling(asked: Sequence[Case], quantity: Quantity, seen: Seen) -> list[tuple[Case, NDArray[np.float64]]]:
    """The cases in float64 of which a result came back, with that: those first that tell most changes apart."""
    able = []
    for case in asked:
        if case.params.get("slug") == "far-apart":
            continue  # right forms overflow there, too
        own = next((q for q in case.quantities if _is_of(q, quantity)), None)
        got = None if own is None or case.name not in seen else result_of(seen[case.name], own.key)
        array = got.array if isinstance(got, Returned) else None
        if case.dtype == "float64" and array is not None and array.dtype.kind == "f" and np.isfinite(array).all():
            able.append((case, np.asarray(array, np.float64)))
    return sorted(able, key=lambda pair: (_is_nothing(pair[1]), -(pair[0].params.get("setting") or {}).get("eps", 0)))


def _is_nothing(got: NDArray[np.float64]) -> bool:
    """Whether a result is 0 but for rounding, as many changes give it."""
    return bool((np.abs(got) < NEAR).all())


def fingerprints_of(
    written: Written, number: int, case: Case, arrays: Arrays, forward: OwnForward | None
) -> Fingerprints:
    """Those of one of a part's texts, for the first call of a case; they are kept, since a class asks again."""
    names = (*case.params["arrays"], "dout") if case.probe == "layer" else ("x", "y")
    own = {name: arrays[f"{name}_0"] for name in names}
    further = (forward.of(case, 0) or {}) if forward else {}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in own.values()))
    digest.update(np.ascontiguousarray(further.get("deviation", 0)).tobytes())
    key = (written.part, str(number), case.name, str(further.get("way")), digest.hexdigest())
    text = written.texts[number]
    return lately(key, lambda: Fingerprints(text, _in_numpy(written, text, case, own, further)))


def _in_numpy(written: Written, text: RightText, case: Case, own: Arrays, further: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
        for name, value in {**own, **further}.items()
    }
    values = written.given(text, Given(**tensors, extra=case.params.get("extra")), case.params.get("setting") or {})
    made = {name: value.value() if isinstance(value, Later) else value for name, value in values.items()}
    return {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in made.items()}


def _wrong(written: Written, text: RightText, changed: ChangedText, result: str) -> Wrong:
    own = text.whole(changed.statements, text.towards(result, changed.statements))
    read = names_in(own)
    in_torch = own.replace(".max(axis", ".amax(axis").replace(".min(axis", ".amin(axis")

    def predicted(t: Any, s: Any) -> Any:
        names = written.given(text, t, s)
        later = {name: names[name].value() for name in read if isinstance(names.get(name), Later)}
        value = run_if_torch_can(in_torch, {**names, **later})[result]
        if isinstance(value, float):
            value = value + 0 * t.x.sum()
        return 1 * fitted(value, _shape(result, t))

    change = {f"{written.before}{result}": predicted}
    ways, mixes = _ways(text, changed), {"mean", "variance"} <= {text.targets[k] for k, _ in changed.statements}
    return Wrong(written.part, written.kind, changed.words, changed.hint, change, (), ways=ways, lines=own, mixes=mixes)


def _shape(result: str, t: Any) -> Sequence[int]:
    """The shape of a result; that of an output is dout's, where there is one."""
    if result == "loss":
        return ()
    if result == "out":
        return tuple((t.dout if hasattr(t, "dout") else t.right.out).shape)
    return tuple(getattr(t, result.removeprefix("d")).shape)


def _ways(text: RightText, changed: ChangedText) -> tuple[str, ...]:
    """The ways of its own forward of which a change is true: it must leave the deviation as it is."""
    before = " ".join(text.statements[k] for k, _ in changed.statements)
    after = " ".join(line for _, line in changed.statements)
    words = ("np.sqrt(variance + eps)", "variance", "eps", "deviation")
    if any(before.count(word) != after.count(word) for word in words):
        return ()
    return (CHAIN, FORMULA, OWN) if "** -1.5" not in before else (CHAIN, FORMULA)
