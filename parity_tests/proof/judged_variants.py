"""Asks variants of the shipped network the cases that concern them, and judges them as `check` does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from parity_tests.assignments.mlp import cases as case_table
from parity_tests.assignments.mlp import expectations, inputs
from parity_tests.assignments.mlp.blame import credit
from parity_tests.assignments.mlp.cases import Case
from parity_tests.harness.check import INSIDE, shipped_network
from parity_tests.harness.compare import Comparison
from parity_tests.harness.diagnosis.diagnose import diagnosed
from parity_tests.harness.make_records import Setting, json_params, records_of
from parity_tests.harness.observation import Observation
from parity_tests.harness.process.runner import Runner
from parity_tests.proof.in_process import Asker
from parity_tests.proof.variants import Variant
from reports.model.records import Record

Wanted = Callable[[Case], bool]


@cache
def plan() -> tuple[Case, ...]:
    """Every case of this edition."""
    return tuple(case_table.plan("2019", case_table.DTYPES))


def records(variant: Variant, wanted: Wanted, seed: int = 0, *, names: bool = True) -> list[Record]:
    """The records of the wanted cases: parts in this process, main in one of its own. `names`: with diagnoses."""
    chosen = [case for case in plan() if wanted(case)]
    seen = {case.name: observation for case, observation in _observations(variant, chosen, seed)}
    judged = {case.name: expectations.judge(case, inputs.draw(case, seed), seen[case.name]) for case in chosen}
    return _records(chosen, seen, judged, seed, names)


def _records(
    chosen: Sequence[Case],
    seen: dict[str, Observation],
    judged: dict[str, dict[str, Comparison]],
    seed: int,
    names: bool,
) -> list[Record]:
    credited = credit(chosen, judged)
    if names:
        credited = diagnosed(chosen, credited, seen, partial(inputs.draw, seed=seed))
    setting = Setting("variant", "mlp", "2019", "cpu", "in_process")
    return [r for case in chosen for r in records_of(setting, case, credited[case.name], seen[case.name])]


def _observations(variant: Variant, chosen: Sequence[Case], seed: int) -> list[tuple[Case, Observation]]:
    found = []
    asker = Asker(variant)
    for case in chosen:
        if case.probe != "main":
            arrays = inputs.draw(case, seed)
            seen = asker.ask(case.name, case.probe, json_params(case.params), arrays, inputs.seed_of(seed, case.name))
            found.append((case, seen))
    mains = [case for case in chosen if case.probe == "main"]
    for worker in ("wiring", "own"):
        found += _asked_of_main(variant, [case for case in mains if case.worker == worker], worker, seed)
    return found


def _asked_of_main(variant: Variant, cases: Sequence[Case], worker: str, seed: int) -> list[tuple[Case, Observation]]:
    if not cases:
        return []
    companions = [
        INSIDE / name for name in (["recorder.py", "stand_ins.py"] if worker == "wiring" else ["recorder.py"])
    ]
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        for name, source in variant.files().items():
            (Path(folder) / name).write_text(source, encoding="utf-8")
        with Runner(
            Path(folder), probe=INSIDE / "probe.py", companions=companions, edition="2019",
            lend_utils=shipped_network() / "utils.py",
        ) as runner:  # fmt: skip
            return [
                (
                    case,
                    runner.ask(
                        case.name, case.probe, json_params(case.params), inputs.draw(case, seed),
                        seed=inputs.seed_of(seed, case.name),
                    ),
                )
                for case in cases
            ]  # fmt: skip
