"""Benchmarks: what takes turns, what is kept of it, what is never mixed. How fast anything is, no test says."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.bench import cs231n, grading, growth, hold, machine, parts, process, reporting, step, tracing, watch
from parity_tests.bench.figures import Benchmarks, Figure, Share, Size, Slope, draw_sizes, load, report, save
from parity_tests.bench.timing import Timings, alternate, in_turn
from parity_tests.bench.training import by_numpy, by_torch, by_trace, settings
from parity_tests.cli import main as parity
from parity_tests.harness.check import check
from parity_tests.harness.judgement_cache import JudgementCache
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation

command: Any = importlib.import_module("parity_tests.cli.bench")
FIGURE = Figure("step", "batch 5", "numpy step", "torch", 1.1, 1.25, 1.5, 2e-3, 1.6e-3, 15, 1.6)
MEASURED = Benchmarks(
    [FIGURE, replace(FIGURE, target=None)],
    [Size(10, 2.0, 100.0, 400.0, 40.0)],
    [Share("x", "y", 1)],
    [Slope("elements", 1000, 1000000, 0.8, 0.95, 0.5)],
)
HERE: dict[str, Any] = {
    "processor": "a processor", "cores": 2, "memory_gib": 8, "threads": 1, "blas": ["openblas 1"], "versions": {},
}  # fmt: skip


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


def test_a_ratio_is_of_the_same_round() -> None:
    timings = Timings({"a": (1.0, 2.0, 30.0), "b": (1.0, 1.0, 10.0)})
    assert timings.ratio("a", "b") == (1.5, 2.0, 2.5)


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    save(tmp_path / "bench", MEASURED, HERE)
    assert load(tmp_path / "bench") == (MEASURED, HERE)
    assert {"figures.svg", "sizes.svg"} <= {path.name for path in (tmp_path / "bench").iterdir()}
    (tmp_path / "bench" / "sizes.parquet").write_bytes((tmp_path / "bench" / "shares.parquet").read_bytes())
    with pytest.raises(ValueError, match=r"sizes.parquet has other columns"):
        load(tmp_path / "bench")


def test_a_folder_from_before_slopes_were_measured_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "bench", MEASURED, HERE)
    (tmp_path / "bench" / "slopes.parquet").unlink()
    assert load(tmp_path / "bench") == (replace(MEASURED, slopes=()), HERE)


def test_the_slope_of_a_power_is_its_exponent_and_a_start_that_is_always_the_same_lowers_it() -> None:
    sizes = (10, 100, 1000)
    assert growth.slope_of(sizes, [3e-3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    with_start = [1.0 + 1e-2 * size for size in sizes]
    assert 0 < growth.slope_of(sizes, with_start) < growth.last_slope(sizes, with_start) < 1


def test_all_that_grows_is_timed_at_each_size_and_further_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graded: list[int] = []

    def graded_class(number: int) -> Size:
        graded.append(number)
        return Size(number, float(number), 1, 1, 1)

    monkeypatch.setattr(growth, "time_size", graded_class)
    monkeypatch.setattr(growth, "SIZES", dict.fromkeys(growth.SIZES, ((1, 4), (9,))))
    wanted = parts.Wanted(rounds=3, submissions=2, sizes=(2,))
    found = list(parts.growth_slopes(wanted, print))
    assert [slope.what for slope in found] == list(growth.SIZES)
    assert {(slope.low, slope.high) for slope in found} == {(1, 4)}
    assert all(slope.seconds > 0 for slope in found)
    assert graded == [1, 4]
    assert found[-1].slope == pytest.approx(1.0)
    assert found[-1].seconds == 4.0
    *_, longer = parts.growth_slopes(replace(wanted, whole=True), print)
    assert (longer.low, longer.high, graded) == (1, 9, [1, 4, 1, 4, 9])


def test_the_report_has_every_number() -> None:
    text = "\n".join(report(MEASURED))
    assert "| numpy step, batch 5 | torch | 1.25 (1.10–1.50) | 2 ms | ≤ 1.6 |" in text
    assert "| 10 | 2 s | 100 MiB | 400 MiB | 40 MiB |" in text
    assert "| x | y | 1 s |" in text
    assert "| elements | 1,000 … 1,000,000 | 0.80 | 0.95 | 500 ms |" in text
    assert "a second, once" not in text
    sizes = [*MEASURED.sizes, Size(30, 4.0, 100.0, 400.0, 40.0)]
    assert "From 10 to 30: 10.0 submissions a second, once all is started." in report(replace(MEASURED, sizes=sizes))


def test_one_size_is_a_picture_too(tmp_path: Path) -> None:
    assert "submissions" in draw_sizes(MEASURED.sizes)


def test_figures_of_another_machine_are_refused() -> None:
    machine.refuse_other_machine(HERE, {**HERE, "platform": "whatever"}, Path("there"))
    changes: list[dict[str, Any]] = [
        {"processor": "another"},
        {"threads": 2},
        {"blas": []},
        {"versions": {"numpy": "0"}},
    ]
    for change in changes:
        with pytest.raises(UsageError, match=r"there are of another machine.*" + next(iter(change))):
            machine.refuse_other_machine(HERE, {**HERE, **change}, Path("there"))


def test_the_environment_steers_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(process.STEERING):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert process.steering() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert process.steering() == ["OPENBLAS_CORETYPE"]
    said = process.run(
        [sys.executable, "-c", "import os; print(sorted(k for k in os.environ if k.startswith('OPENBLAS')))"]
    )
    assert said.strip() == "['OPENBLAS_NUM_THREADS']"
    with pytest.raises(HarnessError, match="ended with 3: oh no"):
        process.run([sys.executable, "-c", "import sys; sys.stderr.write('oh no'); sys.exit(3)"])


def test_processes_below_are_seen_with_their_memory_and_their_time() -> None:
    code = "x = bytearray(64 << 20); s = sum(range(2_000_000)); print(flush=True); input()"
    with (
        watch.PeakMemory() as peak,
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        assert (child.pid, 1) in set(watch.descendants(os.getpid()))
        assert watch.processor_seconds(os.getpid()) > 0
        while not peak.by_depth.get(1, 0.0):
            assert child.poll() is None
        child.communicate(b"\n")
    assert peak.by_depth[1] > 64


def test_all_three_trainings_take_the_same_steps() -> None:
    given = replace(settings(500, "float32", 2, 1), hidden=8, replicas=2)
    assert by_numpy(given)["step"] > 0
    assert by_torch(given)["step"] > 0
    traced = by_trace(given)
    assert traced["step"] > 0
    assert traced["replica"] > 0


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each part of `parity bench` finds, in place of measuring it."""
    found: dict[str, list[Any]] = {"step": [FIGURE], "check": [replace(FIGURE, benchmark="check", case="shipped")]}
    fakes = {name: lambda _, __, name=name: iter(found[name]) for name in found}
    monkeypatch.setattr(parts, "MEASURES", fakes)
    monkeypatch.setattr(machine, "describe", lambda threads: {**HERE, "threads": threads})
    monkeypatch.setattr(process, "steering", lambda: [])
    return found


def test_every_part_makes_figures_of_what_it_has_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[list[str]] = []

    def run(command: Sequence[str], **_: Any) -> str:
        ran.append(list(command))
        return json.dumps({"step": float(len(ran)), "evaluation": 1.0, "replica": 3.0})

    for module in (process, tracing, grading, reporting):
        monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(tracing, "CASES", ((5, 50, 10),))
    monkeypatch.setattr(grading, "shares", lambda number: [Share("cases", "submission", 0.1)])
    monkeypatch.setattr(reporting, "_class", lambda students: contextlib.nullcontext(tmp_path))
    (tmp_path / "submissions" / "one").mkdir(parents=True)
    monkeypatch.setattr(reporting, "_write_pages", lambda folder, names: None)
    assert tuple(parts.MEASURES) == command.PARTS
    wanted = parts.Wanted(rounds=3, submissions=2, sizes=(2,))
    for part in ("check", "trace", "grade", "reports"):
        found = list(parts.MEASURES[part](wanted, print))
        assert found
        assert {row.benchmark for row in found if isinstance(row, Figure)} == {part}
    traced = {row.subject: row for row in parts.trace_figures(wanted, print)}
    assert traced["trace step, with its replicas"].target == 4
    assert traced["one replica"].seconds == 0.3
    assert {word for words in ran for word in words} >= {"numpy", "torch", "trace", "grade", "regrade", "check"}


@pytest.mark.nightly
def test_a_class_of_copies_is_regraded_and_its_pages_written() -> None:
    timings = reporting.time_reports(1, students=6)
    assert min(timings.seconds["regrade"] + timings.seconds["page"]) > 0


@pytest.mark.nightly
def test_grading_without_isolation_does_the_same_work(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(ASSIGNMENT.solution, wrong)
    (wrong / "neural_networks.py").write_text("")
    alone = [sys.executable, "-m", "parity_tests.bench.in_process"]
    assert subprocess.run([*alone, str(ASSIGNMENT.solution)]).returncode == 0
    assert subprocess.run([*alone, str(wrong)], stderr=subprocess.DEVNULL).returncode == 1


def test_a_step_has_a_target_on_one_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    timings = Timings({"numpy": (1.0,), "torch": (1.0,), "limit": (1.0,)})
    monkeypatch.setattr(step, "time_step", lambda *_: timings)
    targets = {
        threads: {row.target for row in parts.step_figures(parts.Wanted(3, 2, (2,), threads), print)}
        for threads in (1, 2)
    }
    assert targets == {1: {None, 1.1, 1.2, 1.3}, 2: {None}}


@pytest.mark.nightly
def test_cs231n_is_timed_against_torch_by_kinds_and_as_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cs231n, "SIZES", {"a small one": (2, 2, 5, 3, 3, 1)})
    kinds = {"layer": (1.0,), "all kinds": (4.0,)}
    again = {f"{name}{cs231n.AGAIN}": (0.5 * seconds[0],) for name, seconds in kinds.items()}
    monkeypatch.setattr(cs231n, "time_kinds", lambda rounds: Timings(kinds | again))
    monkeypatch.setattr(
        cs231n, "time_class", lambda write: Timings({"parity grade": (0.2,), cs231n.GRADE_ASKED: (0.5,)})
    )
    found = list(parts.cs231n_figures(parts.Wanted(3, 2, (2,)), print))
    assert [row.subject for row in found[:2]] == ["numpy convolution, forward and backward"] * 2
    assert {row.target for row in found[:2]} == {4.0}
    assert [(row.ratio, row.seconds) for row in found[2:]] == [
        (0.25, 1.0),
        (1, 4),
        (0.25, 0.5),
        (1, 2),
        *[(0.4, 0.2)] * 2,
    ]
    assert [row.case.rpartition(", ")[2] for row in found[-2:]] == ["all right", "135 in 171 wrong"]
    assert {row.target for row in parts.cs231n_figures(parts.Wanted(3, 2, (2,), 2), print)} == {None, 1.0}


def test_both_convolutions_compute_the_same() -> None:
    rng = np.random.default_rng(0)
    shapes = {"x": (2, 3, 5, 5), "w": (4, 3, 3, 3), "b": (4,), "dout": (2, 4, 5, 5)}
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    for ours, torchs in zip(cs231n.by_numpy(arrays, 1)(), cs231n.by_torch(arrays, 1)(), strict=True):
        np.testing.assert_allclose(ours, torchs.numpy(), rtol=1e-12, atol=1e-12)


def test_each_kind_of_the_exam_is_asked_and_judged() -> None:
    plan = CS231N.cases(cs231n.EDITION, ("float64",))
    with cs231n.ExamSitting() as sitting:
        assert sitting.seconds([case for case in plan if case.probe == "dropout"], 1) > 0


class Counting(JudgementCache):
    """Counts the cases that were judged, and did not come out of it."""

    judged = 0

    def judge(self, case: Case, seed: int, context: Context, seen: Observation, judge: Any) -> dict[str, Comparison]:
        def counted() -> Any:
            self.judged += 1
            return judge()

        return super().judge(case, seed, context, seen, counted)


def test_nobody_in_a_class_of_cs231n_comes_out_of_the_cache(tmp_path: Path) -> None:
    forms = len(CS231N.proof().honest)
    cases = len(CS231N.cases(cs231n.EDITION, ("float64", "float32"), {"relu_forward"}))
    cache = Counting()
    judged: list[int] = []
    for student in (0, forms, 0):  # two who wrote the same form, and one of them again
        cs231n.write_right(tmp_path / str(len(judged)), student)
        run = check(CS231N, tmp_path / str(len(judged)), parts=frozenset({"relu_forward"}), cache=cache)
        assert {record.verdict for record in run.records} == {"match"}
        judged.append(cache.judged)
    assert judged == [cases, 2 * cases, 2 * cases]


@pytest.mark.nightly
def test_a_mixed_class_of_cs231n_has_as_many_wrong_submissions_as_real_ones(tmp_path: Path) -> None:
    """Each has one to five functions wrong, and nobody the same ones as the one before."""
    wrong: list[int] = []
    for student in range(171):
        cs231n.write_mixed(tmp_path / "mixed", student)
        cs231n.write_right(tmp_path / "right", student)
        same = all(
            (tmp_path / "mixed" / file).read_text() == (tmp_path / "right" / file).read_text()
            for file in CS231N.layout.files
        )
        wrong += [] if same else [student]
    assert len(wrong) == 135
    assert {len(cs231n.mistakes_of(student)) for student in wrong} == {1, 2, 3, 4, 5}
    names = [mistake.name for student in wrong for mistake in cs231n.mistakes_of(student)]
    assert len(set(names)) > len(names) / 3


def test_holding_is_timed_against_the_bare_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "DTYPES", ("float64",))
    for size in ("D", "M", "BATCH"):
        monkeypatch.setattr(hold, size, 20)
    for threads, targets in ((1, {4.0, 25.0}), (2, {None})):
        found = list(parts.hold_figures(parts.Wanted(1, 2, (2,), threads, short=True), print))
        assert [row.subject for row in found] == ["hold, bound", "hold, sample, 8 replicas"]
        assert {row.target for row in found} == targets
        assert all(row.against == "the bare call of forward and gradients" and row.ratio > 1 for row in found)


def test_larger_models_are_timed_by_their_bounds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless what takes long is left out."""
    seconds = Timings({**dict.fromkeys(hold.SUBJECTS, (30.0,)), hold.AGAINST: (2.0,)})
    monkeypatch.setattr(hold, "time_hold", lambda dtype, rounds: seconds)
    monkeypatch.setattr(hold, "time_long", lambda asked, rounds: seconds)
    monkeypatch.setattr(hold, "LONG", dict.fromkeys(hold.LONG, str))
    found = list(parts.hold_figures(parts.Wanted(1, 2, (2,)), print))
    models = [f"{model}, {dtype}" for model in hold.LONG for dtype in hold.DTYPES]
    assert [row.case for row in found if "784" not in row.case] == models
    assert {(row.subject, row.target) for row in found if row.case in models} == {("hold, bound", 15.0)}
    short = list(parts.hold_figures(parts.Wanted(1, 2, (2,), short=True), print))
    assert short == [row for row in found if row.case not in models]


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


def test_a_submission_more_takes_what_the_larger_class_took_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Size(10, 4.0, 1, 1, 1), Size(110, 14.0, 1, 1, 1)
    more = grading.time_of_more([small, large], 0.5)
    assert more is not None
    assert more.median("parity grade") == pytest.approx(0.1)
    assert more.ratio("parity grade", "import torch") == pytest.approx((0.2, 0.2, 0.2))
    assert grading.time_of_more([small], 0.5) is None


def test_parts_are_kept_beside_one_another_and_fill_a_page(
    measures: dict[str, list[Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n", encoding="utf-8")

    def run(*arguments: str) -> Sequence[Figure]:
        assert parity(["bench", *arguments, "--out", str(tmp_path / "out")]) == 0
        return load(tmp_path / "out")[0].figures

    assert run("check") == measures["check"]
    assert run("step", "--readme", str(readme)) == [*measures["step"], *measures["check"]]
    measures["check"] = [replace(measures["check"][0], ratio_low=9.0, ratio=9.0, ratio_high=9.0)]
    assert run("check", "--compare", str(tmp_path / "out"))[1].ratio == 9.0
    assert "numpy step, shipped, against torch: 1.25 → 9.00" in capsys.readouterr().out
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
        (["grade", "--sizes", "10,many"], "no list of numbers"),
        (["flight"], "flight"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    measures: dict[str, list[Any]],
    arguments: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "out", MEASURED, HERE)
    (tmp_path / "readme").write_text("nothing", encoding="utf-8")
    places = {name: tmp_path / name for name in ("out", "empty", "readme")}
    assert parity(["bench", *(word.format(**places) for word in arguments)]) == 2
    assert says in capsys.readouterr().err
    assert load(tmp_path / "out")[0] == MEASURED
