"""Dropout by the submission's own mask: its cases, the draw, and the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.kinds.blame import NO_PROOF, OWN, opened
from parity_tests.assignments.cs231n.names import LABELS
from parity_tests.harness.flow_answers import Form, answers, compared
from parity_tests.harness.returned import array_of, result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched, unjudged
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.quantity import Key, Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

DROPS = "takes p for the share that is dropped, as the handouts of 2016 and 2017 do"
KEEPS = "takes p for the share that is kept, as the handouts since 2018 do"
DROPS_NOTHING = "that one drops nothing, and to go back through it is no dropout's gradient"
TRAIN, SAME_SEED, OTHER_SEED, TEST, FREE, FREE_AGAIN, *FURTHER = range(12)
"""The calls of a case."""
AGAIN = (
    ("mask of the same seed", TRAIN, SAME_SEED),
    ("mask of another seed", TRAIN, OTHER_SEED),
    ("mask without a seed", FREE, FREE_AGAIN),
)
"""Quantities that say whether a mask is, or is not, that of a call before."""


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """A share under a half and one over it, that p read the other way round shows."""
    if "dropout_forward" not in asked:
        return
    for slug, low, dimensions in (("small-p", 0.2, 1), ("large-p", 0.7, 3)):
        settings = settings_of(seed, "dropout", slug)
        sizes = [settings.randint(40, 60)] if dimensions == 1 else distinct(settings, 3, 5, dimensions)
        p = round(settings.uniform(low, low + 0.1), 3)
        first, other = settings.sample(range(1, 1000), 2)
        train = {"p": p, "mode": "train"}
        calls: list[dict[str, Any]] = [
            {**train, "seed": first},
            {**train, "seed": first},
            {**train, "seed": other},
            {"p": p, "mode": "test"},
            *[train] * (2 + len(FURTHER)),
        ]
        shape = [settings.randint(40, 60), *sizes]
        forward, backward = "dropout_forward", "dropout_backward"
        rows = (
            Quantity("out", forward, Key("out", TRAIN)),
            Quantity("share kept", forward, Key("out", TRAIN)),
            Quantity("independence", forward, Key("out", TRAIN)),
            Quantity("mask of the same seed", forward, Key("out", SAME_SEED)),
            Quantity("mask of another seed", forward, Key("out", OTHER_SEED)),
            Quantity("mask without a seed", forward, Key("out", FREE_AGAIN)),
            Quantity("out in test mode", forward, Key("out", TEST)),
            Quantity("dx", backward, Key("dx", TRAIN)),
            Quantity("dx in test mode", backward, Key("dx", TEST)),
        )
        title, params = (
            f"dropout with p = {p} on {'images' * (dimensions > 1) or 'a matrix'}",
            {"calls": calls, "shape": shape, "p": p, "put_back": OTHER_SEED, "may_drop": edition == OLDEST},
        )
        yield Case(f"dropout/{slug}/{dtype}", "dropout", title, dtype, "dropout", params, rows)


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """x, none of it near 0 so that its mask can be seen, and dout."""
    x = rng.uniform(0.5, 2, params["shape"]) * rng.choice((-1.0, 1.0), params["shape"])
    return {"x": x, "dout": rng.standard_normal(params["shape"])}


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """By effect: what is 0 in the output was dropped, and all else must be x divided by the share that is kept."""
    p = case.params["p"]
    meanings = [(p, "")]
    if case.params["may_drop"]:
        meanings = [(1 - p, DROPS), (p, KEEPS)]
    outcomes = [_judged(case, arrays, seen, context.device, keep, note) for keep, note in meanings]
    right = [found for found in outcomes if found["out"].verdict == found["share kept"].verdict == Verdict.MATCH]
    return (right or outcomes)[0]


Change = Mapping[str, Callable[..., Any]]
"""What else is expected of who makes a mistake, by quantity: values by what is at hand, and a share, by p."""


def with_mistake(case: Case, arrays: Arrays, seen: Observation, change: Change, note: str) -> list[Judged]:
    """A comparison for each quantity, under what is expected of who makes this mistake; for each share it may mean."""
    return [_judged(case, arrays, seen, "cpu", keep, note, change) for keep in shares_meant(case, arrays, seen)]


def shares_meant(case: Case, arrays: Arrays, seen: Observation) -> list[float]:
    """The share to keep, by what p means; where it may mean two, the one that was kept, or both if neither was."""
    p = case.params["p"]
    if not case.params["may_drop"]:
        return [p]
    out = array_of(seen, Key("out", TRAIN), arrays["x"].shape)
    kept = [] if out is None else [keep for keep in (1 - p, p) if _share(out, out, keep).verdict in PASSING]
    return kept or [1 - p, p]


def at_hand(case: Case, arrays: Arrays, seen: Observation, keep: float) -> dict[str, Any]:
    """x, dout, the masks that the outputs of both modes show, the share p to keep, and the output's scale."""
    x = arrays["x"]
    out = array_of(seen, Key("out", TRAIN), x.shape)
    mask = np.ones(x.shape, bool) if out is None else np.asarray(out != 0)
    shown = out is not None and mask.any() and np.isfinite(out).all()
    scale = _scales(out, x, case.params["p"])[0] if shown and out is not None else 1 / keep
    tested = array_of(seen, Key("out", TEST), x.shape)
    kept = np.ones(x.shape, bool) if tested is None else np.asarray(tested != 0)
    # Where all is kept, or nothing, nobody drops: no such mask is predicted.
    by_test = np.full_like(x, 2) if kept.all() or not kept.any() else kept.astype(x.dtype)
    given = {"x": x, "dout": arrays["dout"], "mask": mask.astype(x.dtype)}
    return {**given, "p": keep, "scale": scale, "tested": by_test}


def _judged(
    case: Case,
    arrays: Arrays,
    seen: Observation,
    device: str,
    keep: float,
    note: str,
    change: Change | None = None,
) -> Judged:
    from parity_tests.harness.statistics import KEEPS_NOTHING, never_drawn  # which imports torch

    change = change or {}
    x = arrays["x"]
    share = change["share kept"](keep) if "share kept" in change else keep
    out = array_of(seen, Key("out", TRAIN), x.shape)
    scaled = at_hand(case, arrays, seen, keep)
    known = answers(case, Form(partial(_expected, change), scaled, note), device)
    judged = {
        name: compared(result_of(seen, q.key), known, name) for q in case.quantities if (name := q.name) in known.flowed
    }
    judged["share kept"] = _share(result_of(seen, Key("out", TRAIN)), out, share)
    drawn = (array_of(seen, Key("out", call), x.shape) for call in (TRAIN, OTHER_SEED, FREE, FREE_AGAIN, *FURTHER))
    masks = [one.reshape(len(x), -1) != 0 for one in drawn if one is not None]
    judged["independence"] = _independence(result_of(seen, Key("out", TRAIN)), masks, share)
    if "independence" in change and masks:
        alike = all(change["independence"](one) for one in masks)
        judged["independence"] = matched() if alike else mismatched("is that of another mistake")
        judged["share kept"] = matched()  # of the few numbers that are then drawn it says little
    for name, before, call in AGAIN:
        first, again = (array_of(seen, Key("out", k), x.shape) for k in (before, call))
        alike = change[name](call == SAME_SEED) if name in change else call == SAME_SEED
        judged[name] = _drawn_again(result_of(seen, Key("out", call)), first, again, alike=alike)
    judged["out"] = judged["out"].noting(note, kind=NoteKind.READING)
    for out_name, dx_name, call in (("out", "dx", TRAIN), ("out in test mode", "dx in test mode", TEST)):
        forth, back = result_of(seen, Key("out", call)), result_of(seen, Key("dx", call))
        if isinstance(forth, Failure) and isinstance(back, Failure) and forth == back:
            lacks = "is not implemented" if forth.kind == "missing" else "fails"
            problem = f"is not judged, because dropout_forward {lacks}: its input is that one's output"
            judged[dx_name] = unjudged(problem, explained_by="dropout_forward")
        own = array_of(seen, Key("out", call), x.shape)
        if own is None or judged[out_name].verdict in PASSING or judged[dx_name].verdict != Verdict.MISMATCH:
            continue
        for scale in _scales(own, x, keep) if own.any() else ():
            if _by_own_mask(case, arrays, seen, device, call, dx_name, scale).verdict in PASSING:
                # What drops nothing is no dropout: to go back through it is no mistake, and earns nothing.
                drops = call != TRAIN or not own.all()
                judged[dx_name] = opened(
                    judged[dx_name].noting(*[OWN] * drops), "dropout_forward", NO_PROOF if drops else DROPS_NOTHING
                )
                break
    if not change and judged["out"].verdict in PASSING and judged["dx"].verdict in PASSING:
        judged["dx"] = _beside_others(case, arrays, seen, device, keep) or judged["dx"]
    if out is not None and not out.any() and never_drawn([(out != 0, 1 - keep)]):
        for name in (name for name in ("out", "dx") if judged[name].verdict in PASSING):
            judged[name] = unjudged(KEEPS_NOTHING)
    return judged


def _beside_others(case: Case, arrays: Arrays, seen: Observation, device: str, keep: float) -> Comparison | None:
    """What is wrong with the gradient of a call that shares its dropout_param with other calls, if anything."""
    x = arrays["x"]
    for call in (FREE, FREE_AGAIN):
        own = array_of(seen, Key("out", call), x.shape)
        if own is not None and own.any():
            found = _by_own_mask(case, arrays, seen, device, call, "dx", _scales(own, x, keep)[0])
            if found.verdict not in PASSING:
                return replace(found, problem=f"{found.problem}, in a call that shares its dropout_param with others")
    return None


def _by_own_mask(
    case: Case, arrays: Arrays, seen: Observation, device: str, call: int, name: str, scale: float
) -> Comparison:
    """The gradient of a call beside that through the mask which its own output shows, scaled by this number."""
    x = arrays["x"]
    own = array_of(seen, Key("out", call), x.shape)
    inputs = {"dout": arrays["dout"], "mask": np.asarray(own != 0).astype(x.dtype), "scale": scale}
    through = answers(case, Form(partial(_through, name), inputs, f"{name} through its own mask"), device)
    return compared(result_of(seen, Key("dx", call)), through, name)


def _through(name: str, dout: Any, mask: Any, scale: float) -> dict[str, Any]:
    return {name: dout * mask * scale}


def _scales(own: NDArray[Any], x: NDArray[Any], p: float) -> tuple[float, float]:
    """The number by which an output scales x where it is not 0: of those that p may give the nearest, and as seen."""
    seen = float(np.median(own[own != 0] / x[own != 0]))
    return min((1.0, p, 1 - p, 1 / p, 1 / (1 - p), p**0.5, p**-0.5), key=lambda scale: abs(scale - seen)), seen


def _expected(change: Change, /, **given: Any) -> dict[str, Any]:
    t = SimpleNamespace(**given)
    expected = {
        "out": t.x * t.mask / t.p,
        "dx": t.dout * t.mask / t.p,
        "out in test mode": 1 * t.x,
        "dx in test mode": 1 * t.dout,
    }
    return expected | {name: wrong(t) for name, wrong in change.items() if name in expected}


def _share(result: Any, out: NDArray[Any] | None, keep: float) -> Comparison:
    from parity_tests.harness.statistics import FALSE_ALARM, binomial_two_sided  # which imports torch

    if isinstance(result, Failure):
        return failed(result)
    if out is None:
        return unjudged("is not known: the output is no array of x's shape")
    kept, n = int(np.count_nonzero(out)), out.size
    if binomial_two_sided(kept, n, keep) < FALSE_ALARM:
        return mismatched(f"is {kept / n:.3f} of {n} elements, where {keep:.3f} is expected")
    return matched()


def _independence(result: Any, masks: Sequence[NDArray[np.bool_]], keep: float) -> Comparison:
    from parity_tests.harness.statistics import independence_problem  # which imports torch

    if isinstance(result, Failure):
        return failed(result)
    if not masks:
        return unjudged("is not known: no output is an array of x's shape")
    bits = np.array(masks)
    if (keep > 0 and not bits.any()) or (keep < 1 and bits.all()):  # of what is never drawn it says nothing
        return unjudged(f"cannot be judged, because {'all' if bits.any() else 'nothing'} is kept in every call")
    problem = independence_problem(bits, 1 - keep)
    return mismatched(problem) if problem else matched()


def _drawn_again(result: Any, out: NDArray[Any] | None, again: NDArray[Any] | None, alike: bool) -> Comparison:
    if isinstance(result, Failure):
        return failed(result)
    if out is None or again is None:
        return unjudged("is not known: an output is no array of x's shape")
    same = bool(np.array_equal(out != 0, again != 0))
    if same == alike:
        return matched()
    return mismatched("is another one than before" if alike else "is the same one as before")


KIND = Kind(draw, judge, labels=LABELS)
