"""What came back to the byte before gets the verdict it got; anything else is judged for itself."""

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.plan import plan
from parity_tests.harness.check import check
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.harness.kept_answers import KeptAnswers
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, matched, mismatched
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import Key
from reports.model.notes import NoteKind

CPU = Context("cpu")
CASE = next(case for case in plan("2019", ("float64",)) if case.name == "linear/square/float64")
SEEN = Observation(
    CASE.name, {Key("output"): Returned("array", np.arange(4.0), "")}, {}, {"returned": ["model"]}, ("overflow",), 0.5
)
OTHERS = {
    "one bit of a value": replace(SEEN, values={Key("output"): Returned("array", np.nextafter(np.arange(4.0), 9), "")}),
    "its dtype": replace(SEEN, values={Key("output"): Returned("array", np.arange(4.0).view(np.int64), "")}),
    "its shape": replace(SEEN, values={Key("output"): Returned("array", np.arange(4.0).reshape(2, 2), "")}),
    "its name": replace(SEEN, values={Key("renamed"): Returned("array", np.arange(4.0), "")}),
    "the number of its call": replace(SEEN, values={Key("output", 1): Returned("array", np.arange(4.0), "")}),
    "a failure": replace(SEEN, failures={Key("gradient"): Failure("crashed", "ValueError", "it raised")}),
    "what was written over": replace(SEEN, overwritten={Key("output"): ("X",)}),
    "a fact": replace(SEEN, facts={"returned": ["nothing"]}),
    "a warning": replace(SEEN, warnings=()),
}


class Judge:
    """Counts how often it is asked."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison, self.asked = comparison, 0

    def __call__(self) -> dict[str, Comparison]:
        self.asked += 1
        return {"output": self.comparison}


def test_the_same_answer_to_the_same_case_is_judged_once() -> None:
    cache, judge = JudgementCache(), Judge(matched("a note", kind=NoteKind.FORM))
    first = cache.judge(CASE, 1, CPU, SEEN, judge)
    again = cache.judge(CASE, 1, CPU, replace(SEEN, seconds=7.0), judge)
    assert first == again == {"output": matched("a note", kind=NoteKind.FORM)}
    assert judge.asked == 1


def test_what_an_earlier_process_judged_right_is_known_to_the_next_of_the_same_assignment(tmp_path: Path) -> None:
    def cache(assignment: str = "mlp") -> JudgementCache:
        return JudgementCache(KeptAnswers(tmp_path), assignment)

    right = replace(matched("a note", kind=NoteKind.FORM), ratio=0.5, total=4, where="[1]", radius_kind="bound")
    judge, failing = Judge(right), Judge(mismatched("is wrong"))
    first = cache()
    assert first.machine is None
    said = first.judge(CASE, 1, CPU, SEEN, judge)
    first.judge(CASE, 2, CPU, SEEN, failing)
    first.keep({"processor": "one"})
    second = cache()
    assert second.machine == {"processor": "one"}
    assert second.known(CASE, 1, CPU, SEEN) == second.judge(CASE, 1, CPU, SEEN, judge) == said
    assert judge.asked == 1
    assert second.known(CASE, 2, CPU, SEEN) is None
    assert all(second.known(CASE, 1, CPU, other) is None for other in OTHERS.values())
    assert cache("cs231n").known(CASE, 1, CPU, SEEN) is None


@pytest.mark.parametrize("what", OTHERS)
def test_an_answer_that_differs_in_anything_is_judged_for_itself(what: str) -> None:
    cache, judge = JudgementCache(), Judge(matched())
    cache.judge(CASE, 1, CPU, SEEN, judge)
    cache.judge(CASE, 1, CPU, OTHERS[what], judge)
    assert judge.asked == 2


@pytest.mark.parametrize(
    ("case", "seed", "context"),
    [
        (CASE, 2, CPU),
        (CASE, 1, Context("cuda")),
        (CASE, 1, Context("cpu", exam="mlp 2")),
        (replace(CASE, params={**CASE.params, "draw": "zeros"}), 1, CPU),
    ],
    ids=["another seed", "another device", "another exam", "other parameters"],
)
def test_the_same_answer_to_another_question_is_judged_for_itself(case: Case, seed: int, context: Context) -> None:
    cache, judge = JudgementCache(), Judge(matched())
    cache.judge(CASE, 1, CPU, SEEN, judge)
    cache.judge(case, seed, context, SEEN, judge)
    assert judge.asked == 2


def test_a_large_array_is_known_again_whatever_came_between() -> None:
    one = np.ones(1 << 15)
    other = one.copy()
    other[-1] = 0
    cache, judge = JudgementCache(), Judge(matched())
    for array, asked in ((one, 1), (other, 2), (one, 2), (other, 2), (one[:-1], 3)):
        seen = replace(SEEN, values={Key("output"): Returned("array", array.copy(), "")})
        cache.judge(CASE, 1, CPU, seen, judge)
        assert judge.asked == asked


def test_a_class_without_end_is_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity_tests.harness.judgement_cache.MOST", 3)
    cache, alive = JudgementCache(), []
    for seed in range(20):
        judged = matched(str(seed), kind=NoteKind.FORM)
        alive.append(weakref.ref(judged))
        cache.judge(CASE, seed, CPU, SEEN, Judge(judged))
        cache.keep({})
    del judged
    assert [one() is not None for one in alive] == [False] * 17 + [True] * 3


def test_what_failed_is_judged_each_time() -> None:
    cache, judge = JudgementCache(), Judge(mismatched("is wrong"))
    for _ in range(2):
        cache.judge(CASE, 1, CPU, SEEN, judge)
    assert judge.asked == 2


def test_records_are_the_same_with_cache_as_without(tmp_path: Path) -> None:
    def records(folder: Path, cache: JudgementCache | None) -> list[Any]:
        run = check(ASSIGNMENT, folder, dtypes=("float64",), parts=frozenset({"7", "8"}), cache=cache)
        return [replace(record, seconds=0.0, submission="") for record in run.records]

    source = (ASSIGNMENT.solution / "neural_networks.py").read_text()
    (tmp_path / "neural_networks.py").write_text(source.replace("np.maximum(X, 0)", "np.minimum(X, 0)"))
    assert (tmp_path / "neural_networks.py").read_text() != source
    cache = JudgementCache()
    right = records(ASSIGNMENT.solution, cache)
    assert records(ASSIGNMENT.solution, cache) == right == records(ASSIGNMENT.solution, None)
    assert records(tmp_path, cache) == records(tmp_path, None) != right
