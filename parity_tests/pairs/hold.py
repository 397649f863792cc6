"""`hold`: a candidate held against a torch function, result by result, with a radius for each element."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.harness.check import Run
from parity_tests.harness.judge_flow import Held, explain, judge
from parity_tests.harness.make_records import Setting, check_plan, record_of
from parity_tests.pairs.door import door
from parity_tests.pairs.freed import as_torch_has_them
from parity_tests.pairs.inputs import changed, for_candidate, is_array, same_numbers
from parity_tests.pairs.positions import name_of, named, refuse_value
from parity_tests.pairs.result import HoldResult
from parity_tests.pairs.returned import MASKS, UnreadableError, as_mask, by_name, paired
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.quantity import Quantity
from reports.model.elements import ARRAYS
from reports.model.environment import Environment
from reports.model.notes import Note, NoteKind
from reports.model.phrases import ended, near_names
from reports.model.records import Record
from reports.model.verdicts import PASSING, Verdict

if TYPE_CHECKING:
    from parity_tests.pairs.causes import Asked, Cause
    from reference.flow import Arithmetic, Flowed

CHECK = "hold"
RESERVED = (
    "device", "radius", "replicas", "seed", "name", "parameters", "forms", "unknown", "ulps", "compare", "accumulate",
    "store", "products", "search", "inputs",
)  # fmt: skip
"""The options of `hold`: an input of such a name is given in `inputs={...}`."""
_BY_NAME = {"missing", "unexpected", "keyword"}
"""Words of what Python and torch say of names that a function does not take."""


@dataclass(frozen=True)
class Options:
    """How a candidate is held; the fields are those of `hold`."""

    device: str = "cpu"
    radius: str = "auto"
    replicas: int = 16
    seed: int = 0
    parameters: Mapping[str, Any] | None = None
    forms: Sequence[Any] = ()
    unknown: str = "refuse"
    ulps: float | Mapping[str, float] | None = None
    compare: Sequence[str] | None = None
    arithmetic: Arithmetic | None = None
    """What is given as accumulate=, store= and products=."""
    search: float | None = None

    def __post_init__(self) -> None:
        if self.search is not None and not (isinstance(self.search, int | float) and self.search >= 0):
            said = f"search is {_said(self.search)}, and a number of seconds from 0 on"
            raise UsageError(f"{said}; {_in_inputs('search')}.")


NAMELESS = "actual"
"""What is called so is one thing alone, of which nothing needs to be said but what is wrong."""
DECLARED = ("accumulate", "store", "products")


def arithmetic_of(accumulate: Any = None, store: Any = None, products: Any = None) -> Arithmetic | None:
    """What is declared of a candidate in low precision; None where nothing is. Raises UsageError."""
    if (accumulate, store, products) == (None, None, None):
        return None
    from reference.flow import Arithmetic

    with _answerable():
        return Arithmetic(accumulate, store, products)


@dataclass(frozen=True)
class CaseHeld:
    """One case of a pair: its records, the arrays of what failed, and each result's verdict and resolution by name."""

    records: list[Record]
    arrays: dict[str, NDArray[Any]]
    held: dict[str, Held]
    declared: Arithmetic | None = None
    """What was declared of the candidate in low precision."""
    asked: Asked | None = None
    """What a search for the cause needs; None where nothing was returned that one could be looked for of."""


@door
def hold(
    candidate: Callable[..., Any],
    reference: Any,
    /,
    *positional: Any,
    device: str = "cpu",
    radius: str = "auto",
    replicas: int = 16,
    seed: int = 0,
    name: str = "",
    parameters: Mapping[str, Any] | None = None,
    forms: Sequence[Any] = (),
    unknown: str = "refuse",
    ulps: float | Mapping[str, float] | None = None,
    compare: Sequence[str] | None = None,
    accumulate: str | None = None,
    store: str | None = None,
    products: str | None = None,
    search: float | None = None,
    inputs: Mapping[str, Any] | None = None,
    **named_inputs: Any,
) -> HoldResult:
    """Holds `candidate(**inputs)` against `reference(**inputs)`, a torch function or module.

    Inputs are given by name or by position; by position each side may call them as it likes.
    Arrays and tensors are inputs: the candidate gets numpy copies (tensors where tensors were given), the reference
    tensors of the same type; what is no array goes to both as it is. Both return an array, a tuple or a dict, nested or
    not, matched by key or position. The candidate's entry `masks` is handed to the reference as an input of that name;
    a mask is 0 or one positive factor, as often as dropout makes it. The candidate is called twice, and both answers
    are judged where they differ.

    `radius` is "bound" (guaranteed), "sample" (probable: `replicas` runs, drawn from `seed`) or "auto" (the bound;
    where it says too little the probable radius of long sums, and where that does, too, the sample). `parameters` are
    those of a module. `forms` are further torch functions of the same inputs whose rounding is allowed for as well.
    `unknown="sample"` allows an operation without a rule `ulps` units in the last place a side; `ulps={"exp": 2}` says
    what the candidate's library may err by, in place of numpy's, in that function. `compare` names the
    results to compare, all if left out. `accumulate` and `store` declare a candidate in low precision: the types that
    its sums round in and that it may store the result of each of the reference's operations in ("float32" and
    "bfloat16", say); `products` that its products round their factors to ("tf32"). Inputs may then be float16, bfloat16
    and float8, and count exactly as they are. `search` is how many processor seconds a likely cause may be looked for
    where the two disagree, 0 for none; left out, two, or as long as judging took. `inputs` holds inputs that have the
    name of an option. `name` is what reports call the pair.

    Raises UsageError for what cannot be held, such as an operation without a rule, and whatever the reference raises.
    """
    if not callable(candidate):
        raise UsageError(f"the candidate is a {type(candidate).__name__}; it is a function, or use assert_agrees.")
    if not isinstance(seed, int):
        raise UsageError(f"seed is {_said(seed)}, and a whole number from 0 on; {_in_inputs('seed')}.")
    title = str(name) or name_of(candidate)
    written = _as_written(reference)
    candidate, reference, given, forms = named(candidate, written, positional, named_inputs, inputs, forms)
    arithmetic = arithmetic_of(accumulate, store, products)
    options = Options(device, radius, replicas, seed, parameters, forms, unknown, ulps, compare, arithmetic, search)
    started, began = time.monotonic(), time.process_time()
    try:
        case = hold_case(candidate, reference, given, options, pair=title, case=title, alone=True)
    except TypeError as error:
        if inspect.isfunction(written) or not inspect.isroutine(written) or not _BY_NAME & set(str(error).split()):
            raise
        called = [*named_inputs, *(inputs or ())]
        why = f"{name_of(written)} does not take inputs called {', '.join(called)} ({str(error).splitlines()[0]})"
        near = "".join(near_names(name, RESERVED) for name in called)
        said = ended(f"{why}: inputs go to both sides by name; give them by position{near}")
        raise UsageError(said) from error
    found = with_cause([case], options, time.process_time() - began)
    return HoldResult(run_of({title: found}, options, {title: given}, time.monotonic() - started), {title: found})


def _said(value: Any) -> str:
    return f"a {type(value).__name__}" if is_array(value) else repr(value)[:80]


def _in_inputs(name: str) -> str:
    return f"an input called {name} is given in inputs={{…}}"


def with_cause(cases: Sequence[CaseHeld], options: Options, judged: float) -> list[CaseHeld]:
    """The same cases of one pair, with the likely cause where they disagree; `judged` is what judging them took."""
    known = [case.asked for case in cases if case.asked is not None]
    if not any(case.fails for case in known) or len(known) < len(cases):
        return list(cases)
    from parity_tests.pairs.causes import SECONDS, Cause, cause_of

    seconds = max(SECONDS, judged) if options.search is None else options.search
    from parity_tests.pairs.mend import mended

    try:
        cause = replace(cause_of(known, seconds), mend=mended(known, seconds))
    except Exception as error:  # the verdict is known, and stands whatever a search for its cause meets
        cause = Cause(ended=f"stopped at an error, {type(error).__name__}: {error}")
    return [replace(case, records=[_with_cause(record, cause) for record in case.records]) for case in cases]


def _with_cause(record: Record, cause: Cause) -> Record:
    if record.verdict != Verdict.MISMATCH:
        return record
    note = Note(NoteKind.UNSEEN, f"the search for a cause {cause.ended}")
    record = record.with_notes((*record.notes, note)) if cause.ended and not cause.words else record
    if cause.mend is not None:
        record = replace(record, file=os.path.relpath(cause.mend.file), line=cause.mend.line)
    return replace(record, diagnosis=cause.words)


def hold_case(
    candidate: Callable[..., Any],
    reference: Any,
    inputs: Mapping[str, Any],
    options: Options,
    *,
    pair: str,
    case: str,
    alone: bool = False,
) -> CaseHeld:
    """The records of one call of both, under the names of the pair and of the case.

    Of a case that is `alone` it is noted where its inputs ask nothing; of several that is to be said of all together.
    """
    from parity_tests.harness.machine import refuse_missing_device

    refuse_missing_device(options.device)
    began = time.monotonic()
    answer, failure = _called(candidate, inputs)
    seconds = time.monotonic() - began
    replayed = dict(inputs)
    if answer.masks is not None:
        replayed[MASKS] = answer.masks
    function = function_of(reference, options.parameters)
    try:
        flowed = evaluated(function, replayed, options)
    except TypeError as error:
        if failure is None or MASKS not in str(error):
            raise
        # The reference asks for the masks that the candidate did not return.
        return _recorded({"output": Held(failure, None)}, (), replayed, options, pair, case, seconds)
    if not flowed:
        raise UsageError("the reference returns nothing that could be compared; it returns tensors.")
    if options.compare is not None:
        flowed = _only(flowed, options.compare)
    if failure is not None:
        held = {name: Held(failure, None) for name in flowed}
    else:
        answer = _freed(answer, flowed, options)
        with _answerable():  # a form is asked when a gap is met
            held = _judged(answer, flowed, _wide(function, replayed, flowed, options), options)
        held = explain(held, getattr(function, "gradients", ()))
        if alone and any(one.value.numel() for one in flowed.values()):
            held = {name: _noting_nothing_asked(one, flowed.get(name)) for name, one in held.items()}
        elif alone:
            held = {name: _nothing_compared(one) for name, one in held.items()}
    found = _recorded(held, answer.notes, replayed, options, pair, case, seconds)
    if failure is not None:
        return found
    asked = _asked(function, replayed, flowed, answer, held, options)
    return replace(found, asked=None if asked is None else _of(candidate, inputs, asked))


def _of(candidate: Callable[..., Any], inputs: Mapping[str, Any], asked: Asked) -> Asked:
    """The same with the candidate, and what another in its place answers."""
    again = getattr(candidate, "of", lambda other: other)

    def answers(other: Callable[..., Any]) -> dict[str, NDArray[Any]]:
        answer = _read(again(other)(**for_candidate(inputs)))
        arrays = paired(list(asked.flowed), answer.arrays, by_key=answer.by_key)
        return as_torch_has_them(arrays, asked.flowed)[0]

    return replace(asked, candidate=getattr(candidate, "__wrapped__", candidate), answers=answers)


def _freed(answer: _Answer, flowed: Mapping[str, Flowed], options: Options) -> _Answer:
    """The answer in torch's order and with its signs where a factorisation leaves these free; notes on that."""
    one = next(iter(flowed.values()))
    notes = list(answer.notes)
    if one.conditions:
        said = ", ".join(f"{number:.2g} ({name})" for name, number in one.conditions.items())
        notes.append(Note(NoteKind.MEASURED, f"condition numbers: {said}"))
    if isinstance(options.ulps, Mapping):
        said = ", ".join(f"{name} {number:g}" for name, number in options.ulps.items())
        notes.append(Note(NoteKind.MEASURED, f"declared errors of the candidate's library in ulps: {said}"))

    def freed(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        there, changed = as_torch_has_them(paired(list(flowed), arrays, by_key=answer.by_key), flowed)
        if not changed:
            return arrays
        notes.append(Note(NoteKind.MEASURED, f"returns what is {changed} than torch's, as it may be"))
        return dict(arrays) | there if answer.by_key else there

    first = freed(answer.arrays) if one.free else answer.arrays
    again = freed(answer.again) if one.free and answer.again is not None else answer.again
    return replace(answer, arrays=first, again=again, notes=tuple(dict.fromkeys(notes)))


def _asked(
    function: Callable[..., Any],
    inputs: Mapping[str, Any],
    flowed: Mapping[str, Flowed],
    answer: _Answer,
    held: Mapping[str, Held],
    options: Options,
) -> Asked | None:
    """What a search for the cause needs; None where the candidate returned something else, or not always the same."""
    import torch

    from parity_tests.pairs.causes import Asked
    from reference.flow import plain

    arrays = paired(list(flowed), answer.arrays, by_key=answer.by_key)
    returned = {name: array for name, array in arrays.items() if array is not None}
    if answer.again is not None or returned.keys() != flowed.keys() or held.keys() != flowed.keys():
        return None
    low = options.arithmetic is not None
    how: dict[str, Any] = {"dtype": torch.float64 if low else None, "lower": low, "unfused": True}

    def again(changed: Callable[..., Any]) -> dict[str, Flowed]:
        found = evaluated(changed, inputs, replace(options, forms=()))
        return found if options.compare is None else _only(found, options.compare)

    def called(changed: Callable[..., Any]) -> dict[str, Any]:
        found = plain(changed, inputs, device=options.device, seed=options.seed, **how)
        return {name: found[name] for name in flowed}

    fails = any(one.comparison.verdict == Verdict.MISMATCH and not one.alone for one in held.values())
    return Asked(function, inputs, flowed, returned, fails, again, called)


@dataclass(frozen=True)
class _Answer:
    """What a candidate returned: copies, taken before it is called again and might write over them.

    `again` is what the second call returned, where that is something else.
    """

    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    by_key: bool = False
    masks: Any = None
    notes: tuple[Note, ...] = ()
    again: Mapping[str, NDArray[Any]] | None = None


def _called(candidate: Callable[..., Any], inputs: Mapping[str, Any]) -> tuple[_Answer, Comparison | None]:
    """What the candidate returned, and the verdict on it where that is an exception or nothing that can be read."""
    first_inputs = for_candidate(inputs)
    try:
        answer = _read(candidate(**first_inputs))
        written = changed(inputs, first_inputs)
        again = _read(candidate(**for_candidate(inputs)))
    except UnreadableError as error:
        return _Answer(), Comparison(Verdict.MISMATCH, problem=str(error), sentence=True)
    except NotImplementedError as error:
        said = f"{name_of(candidate)} is not implemented" + (f": {error}" if str(error) else "")
        return _Answer(), Comparison(Verdict.MISSING, problem=said, sentence=True)
    except (Exception, SystemExit) as error:  # a candidate that ends the process has not answered
        raised = f"{name_of(candidate)} raised {type(error).__name__}: {error}"
        return _Answer(), Comparison(Verdict.CRASHED, problem=raised, sentence=True)
    notes = [Note(NoteKind.OVERWRITES, f"overwrites its input {name}") for name in written]
    if answer.masks is None and not _alike(answer.arrays, again.arrays):
        notes.append(Note(NoteKind.AGAIN, "answers differently when it is called again with the same inputs"))
        answer = replace(answer, again=again.arrays)
    return replace(answer, notes=tuple(notes)), None


def _read(got: Any) -> _Answer:
    if not isinstance(got, Mapping):
        return _Answer(by_name(got))
    masks = _masks(got[MASKS]) if MASKS in got else None
    return _Answer(by_name({key: value for key, value in got.items() if key != MASKS}), True, masks)


def _alike(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> bool:
    return one.keys() == other.keys() and all(same_numbers(one[name], other[name]) for name in one)


def _masks(masks: Any) -> Any:
    if isinstance(masks, Mapping):
        return {key: _masks(mask) for key, mask in masks.items()}
    if isinstance(masks, list | tuple):
        return type(masks)(_masks(mask) for mask in masks)
    return as_mask(masks)


def _as_written(reference: Any) -> Any:
    """What torch.compile was given: it computes the same, and only then are its operations seen."""
    return getattr(reference, "_orig_mod", getattr(reference, "_torchdynamo_orig_callable", reference))


def function_of(reference: Any, parameters: Mapping[str, Any] | None) -> Callable[..., Any]:
    """A torch function of inputs by name, made of a function or a module. Raises UsageError for anything else."""
    import torch

    from reference.flow import QuestionError, module_reference

    reference = _as_written(reference)
    if isinstance(reference, np.ufunc):
        raise UsageError(f"the reference is numpy's {reference.__name__}; it is a function of torch's, or a module.")
    if isinstance(reference, torch.jit.ScriptModule):
        raise UsageError("the reference is TorchScript, which keeps its operations to itself; give the Python module.")
    if isinstance(reference, torch.nn.Module):
        try:
            return module_reference(reference, parameters)
        except QuestionError as error:
            raise UsageError(f"{error}.") from error
    if parameters is not None:
        raise UsageError(
            "parameters= is for a torch.nn.Module; a function takes its parameters as inputs, and one that is called "
            "parameters is given in inputs={'parameters': …}."
        )
    refuse_value(reference)
    return reference  # type: ignore[no-any-return]


def evaluated(function: Callable[..., Any], inputs: Mapping[str, Any], options: Options) -> dict[str, Flowed]:
    """What a torch function answers, with a radius for each element. Raises UsageError for what has no answer."""
    from reference.flow import evaluate

    with _answerable():
        return evaluate(
            function,
            inputs,
            device=options.device,
            radius=options.radius,
            replicas=options.replicas,
            seed=options.seed,
            forms=options.forms,
            unknown=options.unknown,
            ulps=options.ulps,
            arithmetic=options.arithmetic,
        )


@contextmanager
def _answerable() -> Iterator[None]:
    """Turns into a UsageError what the flow refuses: a question that has no answer."""
    from reference.flow import (
        ClashError,
        DataDependentError,
        QuestionError,
        UnknownOperationError,
        UnsupportedTypeError,
    )

    try:
        yield
    except (ClashError, DataDependentError, QuestionError, UnknownOperationError, UnsupportedTypeError) as error:
        raise UsageError(f"{str(error).removesuffix('.')}.") from error


def _only(flowed: dict[str, Flowed], names: Sequence[str]) -> dict[str, Flowed]:
    if isinstance(names, str) or not names:
        raise UsageError("compare= is a list of the results to compare, such as ['output'], and not an empty one.")
    unknown = [name for name in names if name not in flowed]
    if unknown:
        raise UsageError(f"compare= names {', '.join(unknown)}; the reference returns {', '.join(flowed)}.")
    return {name: flowed[name] for name in flowed if name in names}


def _wide(
    function: Callable[..., Any], inputs: Mapping[str, Any], flowed: Mapping[str, Flowed], options: Options
) -> dict[str, NDArray[Any]]:
    """The same results in float64, by name, where a float32 result may need somebody to blame; empty where none is."""
    import torch

    if not any(result.value.dtype == torch.float32 for result in flowed.values()):
        return {}
    from reference.flow import plain

    wide = plain(function, inputs, device=options.device, seed=options.seed, dtype=torch.float64)
    return {name: value.detach().cpu().numpy() for name, value in wide.items()}


def _judged(
    answer: _Answer, flowed: Mapping[str, Flowed], wide: Mapping[str, NDArray[Any]], options: Options
) -> dict[str, Held]:
    def judged(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Held]:
        matched_up = paired(list(flowed), arrays, by_key=answer.by_key)
        return {name: judge(matched_up[name], flowed[name], wide.get(name), name) for name in flowed}

    held = judged(answer.arrays)
    if answer.again is not None:
        for name, second in judged(answer.again).items():
            if held[name].comparison.verdict in PASSING and second.comparison.verdict not in PASSING:
                of_second = second.comparison.noting("this is the answer of the second call", kind=NoteKind.AGAIN)
                held[name] = replace(second, comparison=of_second)
    surplus = [name for name in answer.arrays if answer.by_key and name not in flowed]
    if surplus and options.compare is None:
        problem = f"the candidate returns {', '.join(surplus)} as well, which the reference does not"
        absent = [name for name in flowed if name not in answer.arrays]
        if absent:  # another name is no function that is still to be written
            problem = f"the candidate returns {', '.join(answer.arrays)}; expected are {', '.join(flowed)}"
        wrong = Held(Comparison(Verdict.MISMATCH, problem=problem, sentence=True), None)
        held |= dict.fromkeys([*absent, *surplus], wrong)
    return held


def _noting_nothing_asked(held: Held, flowed: Flowed | None) -> Held:
    """With a note where one number at every element would pass."""
    known = held.resolution
    if flowed is None or known is None or held.comparison.verdict not in PASSING or known.lowest > known.highest:
        return held
    want = flowed.value
    if want.numel() == 1 and bool(want.isfinite().all()) and bool(want.any()):
        return held  # a single number is what is asked
    no_number = not bool(want.isfinite().any())
    what = "torch's answer is nowhere a number" if no_number else "one number everywhere would pass"
    return replace(held, comparison=held.comparison.noting(f"these inputs ask nothing: {what}", kind=NoteKind.UNSEEN))


def _nothing_compared(held: Held) -> Held:
    """Undecided in place of a match, of a result without elements."""
    if held.comparison.verdict not in PASSING:
        return held
    problem = "has no elements, so nothing was compared: give inputs of which it has some"
    return replace(held, comparison=Comparison(Verdict.UNDECIDED, total=0, undecided=0, problem=problem))


def _recorded(
    held: dict[str, Held],
    notes: Sequence[Note],
    inputs: Mapping[str, Any],
    options: Options,
    pair: str,
    case: str,
    seconds: float,
) -> CaseHeld:
    dtype = _dtype(inputs) if options.arithmetic is None else str(options.arithmetic)
    quantities = tuple(Quantity(name, pair) for name in held)
    title = "" if case == NAMELESS else case.removeprefix(f"{pair}/")
    asked = Case(case, CHECK, title, dtype, CHECK, {}, quantities)
    setting = Setting(pair, "", "", options.device, "in_process")
    records = []
    for number, quantity in enumerate(quantities):
        comparison = held[quantity.name].comparison
        comparison = comparison.noting(*notes) if number == 0 else comparison
        records.append(record_of(setting, asked, quantity, comparison, seconds))
    check_plan([asked], records)
    arrays = {
        f"{case}/{name}/{word}": array
        for name, result in held.items()
        if result.comparison.arrays is not None
        for word, array in zip(ARRAYS, result.comparison.arrays, strict=True)
    }
    return CaseHeld(records, arrays, held, options.arithmetic)


def _dtype(inputs: Mapping[str, Any]) -> str:
    """float32 where any input is float32 (or made of such), else float64: the precision that both sides have."""
    types = {str(value.dtype).removeprefix("torch.") for value in inputs.values() if is_array(value)}
    return "float32" if types & {"float32", "complex64"} else "float64"


def run_of(
    pairs: Mapping[str, Sequence[CaseHeld]],
    options: Options,
    inputs: Mapping[str, Mapping[str, Any]],
    seconds: float,
    refused: Mapping[str, str] | None = None,
    sources: Mapping[str, tuple[str, Mapping[int, str]]] | None = None,
) -> Run:
    """What was found, as a run that reports show: each pair is a part, in its order.

    `sources` has the file of a pair's candidate and its lines by number.
    """
    from parity_tests.harness.environment import versions

    cases = [case for found in pairs.values() for case in found]
    return Run(
        records=[record for case in cases for record in case.records],
        environment=Environment(
            assignment="",
            assignment_title="",
            parts=[{"id": name, "label": name, "title": ""} for name in pairs],
            submission=", ".join(pairs),
            edition="",
            dtypes=list(dict.fromkeys(str(case.declared) for case in cases if case.declared)) or None,
            seed=options.seed,
            device=options.device,
            isolation="in_process",
            radius=options.radius,
            replicas=options.replicas,
            seconds=round(seconds, 3),
            versions=versions(),
            cases_refused_by_the_reference=refused,
            source_lines={name: (file, min(lines)) for name, (file, lines) in (sources or {}).items()},
            excerpts={name: {file: dict(lines)} for name, (file, lines) in (sources or {}).items()},
        ),
        arrays={name: array for case in cases for name, array in case.arrays.items()},
        inputs={case: described(given) for case, given in inputs.items()},
    )


def described(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes of a case's arrays and its other inputs, as JSON holds them."""
    return {
        name: list(map(int, value.shape)) if is_array(value) else value if _is_plain(value) else repr(value)[:200]
        for name, value in inputs.items()
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
