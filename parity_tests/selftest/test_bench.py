"""Benchmarks: what takes turns, what is kept of it, what is never mixed. How fast anything is, no test says."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyperf
import pytest
import torch

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.bench import commands, growth, hold, reporting, results, step, timing
from parity_tests.bench.timing import Timed, Wanted, alternate, in_turn
from parity_tests.cli import main as parity
from parity_tests.harness.check import check
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation

command: Any = importlib.import_module("parity_tests.cli.bench")
WANTED = Wanted(rounds=3, submissions=2)
TORCH = Timed("torch, batch 5", [1.6e-3, 1.6e-3, 1.6e-3])
STEP = Timed("numpy step, batch 5", [1.6e-3, 2e-3, 2.4e-3], {TORCH.name: 1.6})
GROWN = [
    Timed("10 elements", [1.0], about={results.MORE: "elements", results.NUMBER: 10}),
    Timed("1000 elements", [10.0], about={results.MORE: "elements", results.NUMBER: 1000, results.MEMORY: "40 MiB"}),
]
LIMITED = Timed("a page", [0.1], about={results.ASKED: "≤ 5 ms"})
HERE: dict[str, str | int] = {
    "cpu_model_name": "a processor", "cpu_count": 2, "memory_gib": 8, "threads": 1, "blas": "openblas 1",
    "python_version": "3", "numpy": "2", "torch": "2",
}  # fmt: skip


def benchmarks(part: str, *rows: Timed) -> list[Any]:
    """As they are kept."""
    return [results.benchmark(part, row, HERE) for row in rows]


def test_subjects_take_turns_and_each_begins_a_round_in_turn() -> None:
    order: list[str] = []

    def called(name: str) -> int:
        order.append(name)
        return len(order)

    found = in_turn({name: partial(called, name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert found[1] == {"b": 4, "c": 5, "a": 6}


def test_a_short_subject_is_called_until_it_can_be_timed_and_a_long_one_once_a_round() -> None:
    calls = {"short": 0, "long": 0}

    def count(name: str) -> None:
        calls[name] += 1

    alternate({"short": lambda: count("short")}, rounds=3, least=1e-3)
    alternate({"long": lambda: count("long")}, rounds=3, least=0.0, warm_up=0)
    assert calls["short"] > 50
    assert calls["long"] == 3


def test_a_ratio_is_of_the_same_round_and_of_medians_where_rounds_are_not_alike() -> None:
    one = Timed("a", [1.0, 2.0, 30.0], {"b": None, "c": 2.0})
    found = results.ratios(benchmarks("step", one, Timed("b", [1.0, 1.0, 10.0]), Timed("c", [0.5])))
    assert [(other, ratio, asked) for _, other, ratio, asked in found] == [
        ("step: b", (1.5, 2.0, 2.5), ""),
        ("step: c", (4.0, 4.0, 4.0), "≤ 2"),
    ]


def test_what_is_saved_is_loaded_again_on_this_machine_alone(tmp_path: Path) -> None:
    saved = benchmarks("step", TORCH, STEP, *GROWN, LIMITED)
    results.save(tmp_path, saved)
    assert results.report(results.load(tmp_path, HERE)) == results.report(saved)
    assert pyperf.BenchmarkSuite.load(str(tmp_path / results.FILE)).get_benchmark_names()[0] == f"step: {TORCH.name}"
    results.load(tmp_path, {**HERE, "platform": "whatever"})
    others: dict[str, str | int] = {"cpu_model_name": "another", "threads": 2, "numpy": "0"}
    for name, value in others.items():
        with pytest.raises(UsageError, match=rf"are of another machine.*\({name}: "):
            results.load(tmp_path, HERE | {name: value})


def test_this_machine_is_told_whole() -> None:
    assert set(HERE) < set(results.machine(1))
    assert "unknown" not in results.machine(1).values()


def test_the_report_has_every_number() -> None:
    text = "\n".join(results.report(benchmarks("step", TORCH, STEP, *GROWN, LIMITED)))
    assert "| numpy step, batch 5 | torch | 1.25 (1.12–1.38) | 2 ms | ≤ 1.6 |" in text
    assert "| torch | |" not in text
    assert "| a page | | | 100 ms | ≤ 5 ms |" in text
    assert "| elements | 10 | 1 s |  |  |" in text
    assert "| elements | 1,000 | 10 s | 0.50 | 40 MiB |" in text


def test_all_that_grows_is_done_at_each_size_and_further_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A class is stood in for; a submission more is what the largest takes longer."""
    monkeypatch.setattr(growth, "SIZES", dict.fromkeys(growth.SIZES, ((1, 4), (9,))))
    monkeypatch.setattr(growth, "traced", lambda batch, steps, *_, **__: float(steps))
    monkeypatch.setattr(growth, "_grade", lambda assignment, size: (5.0 + size, 40.0))
    monkeypatch.setattr(growth, "import_torch", lambda: None)
    for whole, sizes in ((False, (1, 4)), (True, (1, 4, 9))):
        *found, more, _ = growth.measure(replace(WANTED, whole=whole))
        assert [row.name for row in found] == [f"{size} {what}" for what in growth.SIZES for size in sizes]
        assert (more.name, list(more.seconds)) == (f"{growth.ANOTHER}, from 1 to {sizes[-1]}", [1.0])
    assert found[-1].about[results.MEMORY] == "40 MiB"


@pytest.mark.nightly
def test_a_class_of_copies_is_regraded_its_pages_written_and_its_memory_told(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: list[float] = []
    monkeypatch.setattr(reporting, "STUDENTS", 6)
    monkeypatch.setattr(reporting, "grade", lambda *given: memory.append(commands.grade(*given)))
    assert min(min(row.seconds) for row in reporting.measure(replace(WANTED, rounds=1))) > 0
    assert 50 < memory[0] < 1000


def test_the_environment_steers_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(timing.STEERING):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert timing.steering() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert timing.steering() == ["OPENBLAS_CORETYPE"]
    said = timing.run(
        [sys.executable, "-c", "import os; print(sorted(k for k in os.environ if k.startswith('OPENBLAS')))"]
    )
    assert said.strip() == "['OPENBLAS_NUM_THREADS']"
    with pytest.raises(HarnessError, match="ended with 3: oh no"):
        timing.run([sys.executable, "-c", "import sys; sys.stderr.write('oh no'); sys.exit(3)"])


def test_every_command_is_timed_beside_what_it_is_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole processes are stood in for, and so is training."""
    ran: list[str] = []

    def run(words: Sequence[str], **_: Any) -> str:
        ran.extend(words)
        return "2048"

    monkeypatch.setattr(commands, "run", run)
    monkeypatch.setattr(commands, "traced", lambda batch, steps, dtype: float(steps))
    monkeypatch.setattr(commands, "TRACED", {5: (2, 3.0)})
    monkeypatch.setattr(commands, "write_mixed", commands.write_right)
    assert commands.grade(CS231N, Path("class"), Path("out")) == 2.0
    for measure in (commands.measure_check, commands.measure_grade, commands.measure_trace):
        rows = list(measure(WANTED))
        assert {other for row in rows for other in row.against} <= {row.name for row in rows}
        assert any(row.against for row in rows)
    assert [list(row.seconds) for row in rows if row.name.startswith(commands.TRACE)] == [[1.0] * 3] * 2
    assert {*ran} >= {"check", "grade", "cs231n", "--implementation", "import torch"}


def test_a_trace_is_timed_from_its_first_step_on(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = partial(Settings, hidden=8, replicas=2)
    monkeypatch.setattr(commands, "Settings", settings)
    assert commands.traced(500, 2, "float32") > 0


def test_of_what_is_wrong_a_repair_is_what_fixing_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: dict[str, list[str]] = {}
    known = {part: [SimpleNamespace(function=part)] for part in ("relu_forward", commands.REPAIRED)}
    monkeypatch.setattr(commands, "_mutants", lambda: known)
    monkeypatch.setattr(
        commands, "write_wrong", lambda _, folder, k, them: wrong.update({folder.name: [one.function for one in them]})
    )
    ran: list[tuple[Any, ...]] = []
    monkeypatch.setattr(commands, "run", lambda words, status: ran.append((*words, status)))

    def taken(subjects: Any, **_: Any) -> Any:
        for subject in subjects.values():
            subject()
        return {name: [3.0 if name == "--fix" else 1.0] for name in subjects}

    monkeypatch.setattr(commands, "alternate", taken)
    assert [list(row.seconds) for row in commands.measure_wrong(WANTED)] == [[2.0], [1.0] * 3]
    everything = [commands.REPAIRED, "relu_forward"]
    assert wrong == {"one": [commands.REPAIRED], **{f"all-{k}": everything for k in range(3)}}
    assert [("--fix" in words, words[-1]) for words in ran] == [(False, 1), (True, 1), *[(False, 1)] * 3]


def test_a_step_has_a_target_on_one_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "alternate", lambda subjects, **_: dict.fromkeys(subjects, (1.0,)))
    for made in ("numpy_step", "torch_step", "limit"):
        monkeypatch.setattr(step, made, lambda *_: None)
    targets = {
        threads: {target for row in step.measure(replace(WANTED, threads=threads)) for target in row.against.values()}
        for threads in (1, 2)
    }
    assert targets == {1: {None, 0.7, 1.2}, 2: {None}}


class Counting(JudgementCache):
    """Counts the cases that were judged, and did not come out of it."""

    judged = 0

    def judge(self, case: Case, seed: int, context: Context, seen: Observation, judge: Any) -> dict[str, Comparison]:
        def counted() -> Any:
            self.judged += 1
            return judge()

        return super().judge(case, seed, context, seen, counted)


@pytest.mark.nightly
def test_nobody_in_a_class_of_cs231n_comes_out_of_the_cache(tmp_path: Path) -> None:
    forms = len(CS231N.proof().honest)
    cases = len(CS231N.cases(CS231N.editions.default, ("float64", "float32"), {"relu_forward"}))
    cache = Counting()
    judged: list[int] = []
    for student in (0, forms, 0):  # two who wrote the same form, and one of them again
        commands.write_right(CS231N, tmp_path / str(len(judged)), student)
        run = check(CS231N, tmp_path / str(len(judged)), parts=frozenset({"relu_forward"}), cache=cache)
        assert {record.verdict for record in run.records} == {"match"}
        judged.append(cache.judged)
    assert judged == [cases, 2 * cases, 2 * cases]


@pytest.mark.nightly
def test_a_mixed_class_of_cs231n_has_as_many_wrong_submissions_as_real_ones(tmp_path: Path) -> None:
    """Each has one to five functions wrong, and nobody the same ones as the one before."""
    wrong: list[int] = []
    for student in range(171):
        commands.write_mixed(CS231N, tmp_path / "mixed", student)
        commands.write_right(CS231N, tmp_path / "right", student)
        same = all(
            (tmp_path / "mixed" / file).read_text() == (tmp_path / "right" / file).read_text()
            for file in CS231N.layout.files
        )
        wrong += [] if same else [student]
    assert len(wrong) == 135
    assert {len(commands.mutants_of(student)) for student in wrong} == {1, 2, 3, 4, 5}
    names = [slip.name for student in wrong for slip in commands.mutants_of(student)]
    assert len(set(names)) > len(names) / 3


def test_holding_is_timed_against_the_bare_call_and_of_larger_models_the_bound_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless what takes long is left out."""
    for size in ("D", "M", "BATCH"):
        monkeypatch.setattr(hold, size, 20)
    once = partial(alternate, rounds=1, warm_up=0)
    monkeypatch.setattr(hold, "alternate", lambda subjects, **_: once(subjects))
    monkeypatch.setattr(hold, "LONG", {"a small one": partial(hold.layer_norm, rows=3, columns=4)})
    for threads, targets in ((1, {15.0, 4.0, 5.0, 25.0, 40.0}), (2, {None})):
        found = list(hold.measure(replace(WANTED, threads=threads)))
        assert {target for row in found for target in row.against.values()} == targets
    small, larger = ([row.name for row in found if word in row.name] for word in ("784", "a small one"))
    held = ["hold, bound", "the bare call of forward and gradients", "hold, sample, 8 replicas"]
    assert [name.partition(", 784")[0] for name in small] == held * 2
    assert [name.partition(", a small one")[0] for name in larger] == held[:2] * 2
    few = "hold, bound, an operation on 20 numbers"
    assert [row.name for row in hold.measure(replace(WANTED, short=True))] == [*small, few]
    assert [row.about for row in found if row.name == few] == [{results.ASKED: "≤ 50 µs"}]


def test_larger_models_are_asked_with_the_gradients_of_all_parameters() -> None:
    for reference, inputs in (
        hold.lstm("float64", steps=2, batch=2, inputs=3, width=4),
        hold.vgg("float64", batch=1, thinner=64),
        hold.layer_norm("float64", rows=3, columns=4),
    ):
        found = reference(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        assert set(found) == {"output", *inputs} - {"g"}
        assert all(found[name].shape == inputs[name].shape for name in inputs if name != "g")
        assert found["output"].shape == inputs["g"].shape


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Timed]]:
    """What each part of `parity bench` finds, in place of measuring it."""
    imported, checked = Timed("import torch", TORCH.seconds), Timed("parity check", [2e-3] * 3, {"import torch": 2.2})
    found = {"step": [TORCH, STEP], "check": [imported, checked]}
    monkeypatch.setattr(step, "measure", lambda _: iter(found["step"]))
    monkeypatch.setattr(commands, "measure_check", lambda _: iter(found["check"]))
    monkeypatch.setattr(results, "machine", lambda threads: {**HERE, "threads": threads})
    monkeypatch.setattr(timing, "steering", lambda: [])
    return found


def test_parts_are_kept_beside_one_another_and_fill_a_page(
    measures: dict[str, list[Timed]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n", encoding="utf-8")

    def run(*arguments: str) -> list[str]:
        assert parity(["bench", *arguments, "--out", str(tmp_path / "out")]) == 0
        return [one.get_name() for one in results.load(tmp_path / "out", HERE)]

    checked, stepped = ([f"{part}: {row.name}" for row in measures[part]] for part in ("check", "step"))
    assert run("check") == checked
    assert run("step", "--readme", str(readme)) == [*stepped, *checked]
    measures["check"][1] = replace(measures["check"][1], seconds=[8e-3] * 3)
    run("check", "--compare", str(tmp_path / "out"))
    assert "parity check, against import torch: 1.25 → 5.00" in capsys.readouterr().out
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{command.BEGIN}\n\n| what | against |")
    assert text.endswith(f"{command.END}\nafter\n")
    assert "old" not in text
    assert "a processor, 2 cores" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["step", "--threads", "2", "--out", "{out}"], "another machine"),
        (["step", "--compare", "{empty}"], "holds no benchmarks"),
        (["step", "--readme", "{readme}"], "has no lines"),
        (["flight"], "flight"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    measures: dict[str, list[Timed]],
    arguments: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    results.save(tmp_path / "out", benchmarks("step", TORCH, STEP))
    before = (tmp_path / "out" / results.FILE).read_bytes()
    (tmp_path / "readme").write_text("nothing", encoding="utf-8")
    places = {name: tmp_path / name for name in ("out", "empty", "readme")}
    assert parity(["bench", *(word.format(**places) for word in arguments)]) == 2
    assert says in capsys.readouterr().err
    assert (tmp_path / "out" / results.FILE).read_bytes() == before
