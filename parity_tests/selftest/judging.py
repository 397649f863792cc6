"""Puts some of the planned cases to a submission and judges them as `check` does, in less time than all take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.assignments.mlp import cases as case_table
from parity_tests.assignments.mlp import expectations, inputs
from parity_tests.assignments.mlp.blame import credit
from parity_tests.assignments.mlp.cases import Case
from parity_tests.harness.check import INSIDE, SECONDS_IN_ALL, shipped_network
from parity_tests.harness.compare import Comparison
from parity_tests.harness.make_records import Setting, records_of
from parity_tests.harness.observation import Observation
from parity_tests.harness.process.interview import Question, interview
from parity_tests.harness.process.runner import Runner
from reports.model.records import FAILING, Record

SHIPPED = shipped_network()
Swap = tuple[str, str]


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
def _drawn(case: str, edition: str, dtype: str, seed: int) -> dict[str, NDArray[Any]]:
    """A case's inputs, drawn once for all submissions: a trajectory takes torch's own training."""
    found = next(c for c in case_table.plan(edition, (dtype,)) if c.name == case)
    return inputs.draw(found, seed)


def ask_and_judge(
    folder: Path,
    wanted: Callable[[Case], bool],
    *,
    dtype: str = "float64",
    edition: str | None = None,
    seed: int = 0,
    timeout: float = 10.0,
) -> list[Record]:
    """The records of the parts' planned cases for which `wanted` holds; `main` is not asked."""
    probe = INSIDE / "probe.py"
    with Runner(folder, probe=probe, edition=edition, lend_utils=SHIPPED / "utils.py", case_seconds=timeout) as runner:
        hello = runner.hello
        plan = [c for c in case_table.plan(hello.edition, (dtype,)) if c.worker == "parts" and wanted(c)]
        assert plan, "a comparison of nothing is no agreement"

        def draw(case: Case) -> Mapping[str, NDArray[Any]]:
            return _drawn(case.name, hello.edition, dtype, seed)

        questions = [
            Question(
                case.name,
                case.probe,
                dict(case.params),
                lambda case=case: draw(case),  # type: ignore[misc]
                inputs.seed_of(seed, case.name),
                case.strikes,
            )
            for case in plan
        ]
        setting = Setting("it", "mlp", hello.edition, "cpu", "none")
        judged: dict[str, dict[str, Comparison]] = {}
        seen: dict[str, Observation] = {}
        for case, observation in zip(plan, interview(runner, questions, seconds_in_all=SECONDS_IN_ALL), strict=True):
            seen[case.name] = observation
            if case.check == "sgd" and hello.edition_seen != hello.edition and "signature" in observation.facts:
                wrong = expectations.wrong_signature(hello.edition, observation.facts["signature"])
                judged[case.name] = {q.name: wrong for q in case.quantities}
            else:
                judged[case.name] = expectations.judge(case, draw(case), observation)
    credited = credit(plan, judged)
    return [r for case in plan for r in records_of(setting, case, credited[case.name], seen[case.name])]


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
