"""Puts some of the planned cases to a submission and judges them as `check` does, in less time than all take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness import draw as drawing
from parity_tests.harness.check import runner_of
from parity_tests.harness.judge import judge
from parity_tests.harness.make_records import Setting, records_of
from parity_tests.harness.process.questions import Budget, Question, ask_all
from parity_tests.protocol.case import Case, json_params
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation
from parity_tests.selftest.shared import JUDGED
from reports.model.records import Record
from reports.model.verdicts import FAILING

SHIPPED = ASSIGNMENT.solution
Swap = tuple[str, str]
LARGE = ("linear/full-size", "linear/many-rows", "sgd/full-size", "sgd/many-steps")
"""Cases of so much that they take as long as all others; each of their quantities is one of a small case too."""


def _small(edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    return [case for case in ASSIGNMENT.plan(edition, dtypes, seed) if not case.name.startswith(LARGE)]


QUICK = replace(ASSIGNMENT, diagnosis=None, plan=_small)
"""The homework without its large cases, and without names for mistakes, which no verdict and no points hang on."""


def _fewest(edition: str, dtypes: Sequence[str], seed: int) -> list[Case]:
    known: set[tuple[str, str, str]] = set()
    chosen = []
    for case in _small(edition, dtypes, seed):
        asked = {(case.check, case.process, quantity.name) for quantity in case.quantities}
        if not asked <= known:
            chosen.append(case)
            known |= asked
    return chosen


FEWEST = replace(QUICK, plan=_fewest)
"""The same with no more cases than ask for each quantity once: for points and pages, which count these."""
FEWEST_NAME = f"{__name__}:FEWEST"
"""The same on the command line."""


def changed(folder: Path, swaps: Sequence[Swap], utils: Sequence[Swap] = ()) -> Path:
    """A copy of the shipped network with each swap made, which must be there to be made exactly once."""
    for name, wanted in (("neural_networks.py", swaps), ("utils.py", utils)):
        source = (SHIPPED / name).read_text()
        for old, new in wanted:
            assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {name}"
            source = source.replace(old, new)
        (folder / name).write_text(source)
    return folder


@cache
def _planned(edition: str, dtype: str, seed: int) -> Mapping[str, Case]:
    """The cases of a precision by their names, planned once for all submissions."""
    return {case.name: case for case in ASSIGNMENT.cases(edition, (dtype,), seed=seed)}


@cache
def _drawn(case: str, edition: str, dtype: str, seed: int) -> dict[str, NDArray[Any]]:
    """A case's inputs, drawn once for all submissions: a trajectory takes torch's own training."""
    return drawing.draw(ASSIGNMENT, _planned(edition, dtype, seed)[case], seed)


def ask_and_judge(
    folder: Path,
    wanted: Callable[[Case], bool],
    *,
    dtype: str = "float64",
    edition: str | None = None,
    seed: int = 0,
    timeout: float = 10.0,
    whole: bool = False,
) -> list[Record]:
    """The records of the planned cases for which `wanted` holds; `main` is asked only where `whole` says so."""
    with ExitStack() as stack:
        runners = {
            process: stack.enter_context(runner_of(ASSIGNMENT, folder, process, edition, (), timeout, "none"))
            for process in ASSIGNMENT.inside.processes
        }
        hello = runners["parts"].hello
        cases = _planned(hello.edition, dtype, seed)
        plan = [c for c in cases.values() if (whole or not c.whole) and wanted(c)]
        assert plan, "a comparison of nothing is no agreement"

        def draw(case: Case) -> Mapping[str, NDArray[Any]]:
            return _drawn(case.name, hello.edition, dtype, seed)

        def question(case: Case) -> Question:
            seeded = drawing.seed_of(seed, case.name)
            return Question(case.name, case.probe, json_params(case.params), partial(draw, case), seeded, case.check)

        setting = Setting("it", "mlp", hello.edition, "cpu", "none")
        judged: dict[str, dict[str, Comparison]] = {}
        seen: dict[str, Observation] = {}
        budget, by_name = Budget(), {case.name: case for case in plan}
        answers = [
            ask_all(runner, questions, budget)
            for process, runner in runners.items()
            if (questions := [question(case) for case in plan if case.process == process])
        ]
        for observation in chain.from_iterable(answers):
            case = by_name[observation.case]
            seen[case.name] = observation
            context = Context("cpu", hello.edition, hello.edition_seen)
            verdict = partial(judge, ASSIGNMENT, case, draw(case), observation, context)
            judged[case.name] = JUDGED.judge(case, seed, context, observation, verdict)
    assert ASSIGNMENT.blame is not None
    blamed = ASSIGNMENT.blame(plan, judged)
    return [r for case in plan for r in records_of(setting, case, blamed[case.name], seen[case.name])]


def at_fault(records: Sequence[Record]) -> dict[str, str]:
    """The TODOs that fail of their own, each with the first sentence that says so."""
    found: dict[str, str] = {}
    for r in records:
        if r.verdict in FAILING and not r.explained_by:
            found.setdefault(r.part, f"{r.case}, {r.verdict}: {r.message}")
    return found


def charged(records: Sequence[Record]) -> set[str]:
    """The TODOs that failing records are charged to, and those that explain them."""
    failing = [r for r in records if r.verdict in FAILING]
    return {r.explained_by or r.part for r in failing}
