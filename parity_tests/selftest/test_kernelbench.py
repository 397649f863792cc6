"""KernelBench's problems as the jury: two made-up ones, their sizes, their faults and the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from parity_tests.proof.kernelbench import __main__ as command
from parity_tests.proof.kernelbench import report
from parity_tests.proof.kernelbench.answers import FAULTS, ONE_OFF, shows
from parity_tests.proof.kernelbench.problems import OWN, listed, opened
from parity_tests.proof.kernelbench.trial import (
    ACCEPTED,
    ALARM,
    NAMED,
    OTHERWISE,
    PLACED,
    REFUSED,
    TYPED,
    Row,
    of_file,
)  # fmt: skip

PRODUCT = """
import torch
from torch import nn
class Model(nn.Module):
    def forward(self, a, b):
        return a @ b
N = 1024 * 2
def get_inputs():
    return [torch.rand(N, N), torch.rand(N, 4096)]
def get_init_inputs():
    return []
"""
NETWORK = """
import torch
from torch import nn
class Model(nn.Module):
    def __init__(self, features, out):
        super().__init__()
        self.linear = nn.Linear(features, out)
    def forward(self, x):
        return nn.functional.leaky_relu(self.linear(x), 0.3)
batch_size, features = 128, 512
def get_inputs():
    return [torch.rand(batch_size, features)]
def get_init_inputs():
    return [features, 64]
"""
NORM = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.layer_norm(x, x.shape[1:])
def get_inputs():
    return [torch.rand(2, 65536) + 100.0]
def get_init_inputs():
    return []
"""
DRAWING = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return torch.tanh(x) + torch.randn(x.shape)
def get_inputs():
    return [torch.rand(64)]
def get_init_inputs():
    return []
"""
FIRST, SECOND = FAULTS[:2]
Change = Callable[[torch.Tensor], torch.Tensor]
REFUSED_ONE = PRODUCT.replace("a @ b", "torch.special.bessel_j0(a @ b)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three problems, of which one has an operation without a rule."""
    folder = tmp_path_factory.mktemp("problems")
    for level, name, text in (("1", "1_product", PRODUCT), ("1", "10_refused", REFUSED_ONE), ("2", "2_net", NETWORK)):
        path = folder / f"level{level}" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    """What is found of each in small sizes."""
    return [of_file(path, False).run() for path in listed(folder)]


def test_own_sizes_keep_the_length_of_a_sum_and_make_the_rest_small(folder: Path) -> None:
    """Inputs of a square matrix are cut; in small sizes the sum is shorter too."""
    path = listed(folder)[0]
    own, small = opened(path, own=True), opened(path, own=False)
    assert own.longest == 2048
    assert own.inputs["a"].shape[1] == own.inputs["b"].shape[0] == 2048
    assert own.inputs["a"].shape[0] * own.inputs["b"].shape[1] * 2048 <= OWN
    assert small.longest < 1024


def test_faults_are_told_and_honest_answers_are_not(rows: list[Row]) -> None:
    """Of a fault that a typed tolerance overlooks, too; where nothing was judged, none is told."""
    product, network, refused = rows[0], rows[2], rows[1]
    for row in (product, network):
        assert (row.verdict, row.alarms["hold"]) == (ACCEPTED, 0)
        assert row.honest == 3
        assert "hold" in row.faults["one element is off by a thousandth"]
        assert "1e-2" not in row.faults["one element is off by a thousandth"]
    assert set(product.faults) == set(FAULTS) - {"a constant is off by a hundredth"}
    assert set(network.faults) == set(FAULTS)
    assert "hold" in network.faults["a constant is off by a hundredth"]
    assert refused.verdict == REFUSED
    assert "bessel_j0" in refused.reason
    assert refused.faults
    assert report.told([refused], "hold") == 0 < report.told([refused], "1e-4")


def test_an_honest_answer_that_is_off_is_a_false_alarm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a table of none says something."""

    def off(function: object, inputs: object, wide: dict[str, torch.Tensor], right: object) -> list[object]:
        return [("off", {name: x.float() * 1.01 for name, x in wide.items()})]

    monkeypatch.setattr("parity_tests.proof.kernelbench.answers.honest", off)
    row = of_file(listed(folder)[0], False).run()
    assert row.verdict == ALARM
    assert (row.alarms["hold"], row.alarms["1e-4"], row.alarms["1e-2"]) == (1, 1, 0)


def test_a_fault_that_changes_nothing_does_not_show() -> None:
    right = {"output": torch.ones(3, dtype=torch.float64)}
    assert not shows({"output": right["output"] * (1 + 1e-9)}, right)
    assert shows({"output": right["output"] * (1 + 1e-5)}, right)


def test_the_table_goes_on_where_it_was_left(folder: Path, tmp_path: Path) -> None:
    """What is in it is not asked again, and it reads as it was written."""
    table = tmp_path / "found.csv"
    report.write([Row("level1", "1_product", ACCEPTED, honest=7, faults={FIRST: ["hold", NAMED], SECOND: []})], table)
    result = CliRunner().invoke(command.main, [str(folder), "--only", "level1/1", "--out", str(table)])
    assert result.exit_code == 0, result.output
    first, second = report.read(table)
    assert (first.honest, first.faults) == (7, {FIRST: ["hold", NAMED], SECOND: []})
    assert (second.problem, second.verdict) == ("10_refused", REFUSED)
    assert "1 of 1: level1/10_refused" in result.output
    assert "| all | 2 | 1 | 0 | 0 | 1 |" in result.output
    assert re.search(rf"\| {FIRST} \| 2 \| 1 \|.*\| 1 \| 0 \| 0 \|\n", result.output)


def test_the_cause_of_a_fault_is_said_to_be_what_was_seeded_or_its_place_or_something_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what was seeded where float64 says so, not where float32 cannot tell; what is no change is a place."""
    product, tried = torch.matmul, []

    def seeded(name: str, change: Change, more: float = 0.0, in_float64: Change | None = None) -> list[str]:
        def one(function: object, inputs: dict[str, torch.Tensor]) -> list[object]:
            a, b = inputs["a"], inputs["b"]
            exact = product(a.double(), b.double())
            narrow, wide = {"output": change(product(a, b))}, {"output": (in_float64 or change)(exact)}
            wide["output"] = wide["output"] + more * exact
            return [(name, lambda in_float64: wide if in_float64 else narrow)]

        monkeypatch.setattr("parity_tests.proof.kernelbench.answers.faulty", one)
        row = of_file(listed(folder)[0], False, causes=True).run()
        tried.append(row.said[name])
        return row.faults[name]

    def one_off(x: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(x.numel()).view(x.shape) == 5, 1.1 * x, x)

    assert seeded(FIRST, torch.neg)[-1] == NAMED
    assert seeded(FIRST, torch.neg, 0.1)[-1] == OTHERWISE
    assert seeded(ONE_OFF, one_off)[-1] == NAMED
    assert seeded(FIRST, one_off)[-1] == PLACED
    assert seeded(FIRST, one_off, in_float64=lambda x: torch.where(one_off(x) == x, 1.1 * x, x))[-1] == OTHERWISE
    assert not {NAMED, PLACED, OTHERWISE} & {*seeded(FIRST, one_off, 0.1)}, "it moves more than what is over its bound"
    assert tried[-1].startswith("no cause, missed by 0: something that touches output[0, 5]: ")
    assert "other sign" in tried[0], tried


def test_of_a_norm_of_long_rows_faults_are_told_beneath_their_error_bound(tmp_path: Path) -> None:
    """What is told beside its row alone has no cause looked for."""
    path = tmp_path / "level1" / "1_norm.py"
    path.parent.mkdir()
    path.write_text(NORM)
    row = of_file(path, own=True, causes=True).run()
    assert row.verdict == ACCEPTED
    assert "hold" in row.faults[ONE_OFF]
    assert not {NAMED, PLACED, OTHERWISE} & {*row.faults[ONE_OFF]}


def test_numbers_that_a_model_draws_in_float64_are_no_other_right_answer(tmp_path: Path) -> None:
    """They are others than those in float32."""
    path = tmp_path / "level1" / "1_drawing.py"
    path.parent.mkdir()
    path.write_text(DRAWING)
    row = of_file(path, own=False).run()
    assert (row.verdict, row.honest, row.alarms["hold"], row.alarms["1e-2"]) == (ACCEPTED, 2, 0, 0)


def test_a_folder_without_problems_is_a_usage_error(tmp_path: Path) -> None:
    """Status 2, and how problems are named."""
    result = CliRunner().invoke(command.main, [str(tmp_path)])
    assert result.exit_code == 2
    assert "level1/1_" in result.output


def test_the_readme_says_what_was_found() -> None:
    """Of both levels that were asked as a whole, with sums as long as their own."""
    root = Path(__file__).parents[2]
    table = report.read(root / "reports" / "examples" / "kernelbench-own-sizes.csv")
    rows = [row for row in table if row.level in ("level1", "level2")]
    assert len(rows) == 200
    ours, typed = report.in_short(rows)
    assert f"| {ours} | {typed} |" in (root / "README.md").read_text(encoding="utf-8")
    assert sum(row.alarms.get("hold", 0) for row in table) == 0
    assert report.told(rows, "hold") > max(report.told(rows, who) for who in TYPED)
