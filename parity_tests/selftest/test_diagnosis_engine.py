"""The diagnosis works for any assignment that says what it knows of mistakes: here for the toy of two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.harness.check import Run, check
from parity_tests.harness.diagnosis.location import of_sign, told_apart, where_wrong
from parity_tests.harness.diagnosis.relations import right_digits
from parity_tests.harness.diagnosis.running_error import Running
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.diagnosis import Conditions, Diagnosis, Relations
from parity_tests.protocol.kind import Arrays
from parity_tests.protocol.mistake import Call, Mistake
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.selftest.toy.assignment import TOY
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")


def doubled(calls: Sequence[Call]) -> Iterator[Mistake]:
    """The derivative with a factor too much."""
    if calls[0].operation == "derivative":
        yield Mistake("it is doubled", "", lambda call: 2 / (1 + np.exp(-call.X)))


def evidence(case: Case, arrays: Arrays, seen: Observation, judged: Mapping[str, Comparison]) -> Iterator[Call]:
    """The one call of a case."""
    X = Running(arrays["X"], case.dtype)
    value = result_of(seen, Key("output"))
    yield Call(
        case.check, case.name, np.dtype(case.dtype), case.check, value, judged[case.check], {"X": X, "N": len(X)}
    )


DIAGNOSIS = Diagnosis(
    Relations(elementwise=("softplus", "derivative"), regions=of_sign("X", "the input")),
    generated=doubled,
    shown=(lambda case, q, comparison, seen: ["it is a list"] * (q.part == "A" and comparison.got is None),),
    hints={
        "differs by the additive constant 1": "Between which values must it lie?",
        "it is doubled": "Count the factors.",
    },
)
KNOWING = replace(
    TOY,
    kinds={name: replace(kind, evidence=evidence) for name, kind in TOY.kinds.items()},
    diagnosis=lambda: DIAGNOSIS,
)
"""The toy, with what it knows of mistakes."""
SOLUTION = (TOY.solution / "softplus.py").read_text(encoding="utf-8")


def diagnosed(folder: Path, derivative: str, before: str = "1 / (1 + np.exp(-X))") -> tuple[set[str], Run]:
    """What the failing records of the toy with this derivative are called, or of its softplus, and their run."""
    source = SOLUTION.replace(f"return {before}", f"return {derivative}")
    assert source != SOLUTION
    (folder / "softplus.py").write_text(source, encoding="utf-8")
    run = check(KNOWING, folder)
    return {record.diagnosis for record in run.records if record.verdict in FAILING}, run


def test_a_formula_of_another_assignment_names_its_mistake_and_gives_its_hint(tmp_path: Path) -> None:
    names, run = diagnosed(tmp_path, "2 / (1 + np.exp(-X))")
    assert names == {"it is doubled"}
    assert run.environment.hints == {"it is doubled": "Count the factors."}


def test_where_nothing_is_known_a_relation_is_said_in_the_words_of_the_assignment(tmp_path: Path) -> None:
    assert diagnosed(tmp_path, "np.where(X > 0, 1 / (1 + np.exp(-X)), X)")[0] == {
        "wrong only where the input is negative"
    }
    names, run = diagnosed(tmp_path, "1 + 1 / (1 + np.exp(-X))")
    assert names == {"differs by the additive constant 1"}
    assert run.environment.hints == {"differs by the additive constant 1": "Between which values must it lie?"}


def test_what_was_found_of_a_failure_may_name_it(tmp_path: Path) -> None:
    assert diagnosed(tmp_path, "np.log1p(np.exp(X)).tolist()", "np.log1p(np.exp(X))")[0] == {"it is a list"}


@pytest.mark.parametrize(("count", "said"), [(3, ""), (40, "right to float32 digits only")])
def test_digits_of_float32_are_said_of_several_numbers_and_most_of_them_alone(count: int, said: str) -> None:
    want = np.pi * np.arange(1, count + 1)
    arrays = want.astype(np.float32).astype(np.float64), want, 1e-15 * want
    call = Call("f.x", "f/0/float64", np.dtype("float64"), "x", None, Comparison("mismatch", arrays=arrays), {})
    assert right_digits([call]) == said
    few = np.where(np.arange(count) < count // 3, arrays[0], want)
    assert right_digits([replace(call, comparison=replace(call.comparison, arrays=(few, *arrays[1:])))]) == ""
    finer = replace(call.comparison, arrays=(want * (1 + 1e-11), *arrays[1:]))
    assert right_digits([replace(call, comparison=finer)]) == ""  # right to more digits than float32 has


# ---- the rule of every border

SETTINGS = [(alpha, lam, D) for alpha in (0, 0.5, 0.9) for lam in (0, 0.1) for D in (2, 3)]
BORDERS: Conditions = (
    ("where α > 0", lambda call: call.alpha > 0),
    ("where λ > 0", lambda call: call.lam > 0),
    ("where α > 0 and λ > 0", lambda call: call.alpha > 0 and call.lam > 0),
    ("where D = 2", lambda call: call.D == 2),
)


def asked(number: int, wrong: bool, dtype: str = "float64") -> Call:
    """A call with one of the settings, judged wrong or right."""
    alpha, lam, D = SETTINGS[number]
    inputs = {"alpha": alpha, "lam": lam, "D": D}
    return Call(
        "f.x", f"f/{number}/{dtype}", np.dtype(dtype), "x", None, Comparison("mismatch" if wrong else "match"), inputs
    )


@given(st.lists(st.tuples(st.sampled_from(range(len(SETTINGS))), st.booleans()), min_size=1, max_size=12))
def test_a_border_is_said_only_with_all_wrong_and_right_calls_on_their_sides_and_two_cases_on_each(
    drawn: list[tuple[int, bool]],
) -> None:
    calls = [asked(number, wrong, dtype) for number, wrong in drawn for dtype in ("float64", "float32")]
    said = told_apart(calls, BORDERS)
    if said:
        holds = dict(BORDERS)[said]
        assert [holds(call) for call in calls] == [call.wrong for call in calls]
        assert min(len({number for number, wrong in drawn if wrong is side}) for side in (True, False)) >= 2
        assert not any(
            [other(call) for call in calls] == [call.wrong for call in calls]
            for words, other in BORDERS
            if words != said
        )


@pytest.mark.parametrize("words", dict(BORDERS))
def test_a_border_that_the_cases_show_on_both_sides_is_said_and_not_with_one_case_less(words: str) -> None:
    holds = dict(BORDERS)[words]
    calls = [asked(number, holds(asked(number, True))) for number in range(len(SETTINGS))]
    assert told_apart(calls, BORDERS) == words
    inside = [call for call in calls if call.wrong]
    alone = [call for call in calls if not call.wrong] + inside[:1]
    assert told_apart(alone, BORDERS) == told_apart(inside, BORDERS) == ""
    assert told_apart([asked(n, call.wrong is not (n == 0)) for n, call in enumerate(calls)], BORDERS) == ""


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=4), min_size=1, max_size=4))
def test_rows_are_said_to_be_wrong_only_where_several_calls_of_several_rows_are_so(masks: list[list[bool]]) -> None:
    calls = []
    for k, mask in enumerate(masks):
        rows = np.array(mask, float)[:, None] * np.ones(2)
        comparison = Comparison("mismatch" if any(mask) else "match", arrays=(rows, 0 * rows, 0 * rows + 0.5))
        value = Returned("array", rows, "")
        inputs = {"N": len(rows)}
        calls.append(Call("f.x", f"f/{k}/float64", np.dtype(float), "x", value, comparison, inputs))
    wrong = [call for call in calls if call.wrong]
    said = where_wrong(calls, wrong, Relations()) if wrong else ""
    of_rows: Mapping[str, Callable[[int], list[bool]]] = {
        "wrong only in the last row": lambda n: [i == n - 1 for i in range(n)],
        "wrong only in the first row": lambda n: [i == 0 for i in range(n)],
        "right only in the first row": lambda n: [i > 0 for i in range(n)],
    }
    several = sum(len(mask) > 1 for mask in masks) >= 2
    fitting = [words for words, rows in of_rows.items() if all(mask == rows(len(mask)) for mask in masks)]
    if "row" in said or "column" in said:
        assert several
        assert fitting == [said]
