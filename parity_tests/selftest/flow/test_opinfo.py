"""The jury of torch's own operations: a small part of it, and that nothing is skipped in silence.

What needs torch's own list, which takes seconds to import, is for the night, beside the whole of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("expecttest")

from parity_tests.proof.kernelbench import report
from parity_tests.proof.kernelbench.answers import FAULTS
from parity_tests.proof.kernelbench.trial import ACCEPTED, ALARM, REFUSED, Row, Trial
from parity_tests.proof.opinfo.__main__ import main, markdown, merged, row_of, summary
from parity_tests.proof.opinfo.cases import Listed, listed

pytestmark = pytest.mark.usefixtures("one_thread")


def entry(name: str) -> Listed:
    """Of torch's list."""
    return next(one for one in listed() if one.name == name)


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ["add", "exp", "softmax", "matmul", "nn.functional.layer_norm", "torch.nn.Linear"])
def test_what_is_right_is_accepted_and_faults_are_told(name: str, dtype: torch.dtype) -> None:
    """With its gradients; of numpy's answer where torch's authors have one."""
    row = row_of(entry(name), dtype, 2, 60, 10)
    assert (row.verdict, row.alarms["hold"]) == (ACCEPTED, 0), row
    assert row.honest > 2
    assert len(row.faults) >= 8
    assert report.told([row], "hold") >= len(row.faults) - 2


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("special.bessel_j0", "near its roots"),
        ("complex", "complex numbers"),
        ("bernoulli", "draws random"),
        ("empty_like", "memory as it lies"),
        ("geqrf", "condition"),
    ],
)
def test_what_cannot_be_held_is_refused_in_words(name: str, reason: str) -> None:
    """None is left out of the table."""
    row = row_of(entry(name), torch.float32, 1, 60, 10)
    assert row.verdict == REFUSED
    assert reason in row.reason


@pytest.mark.nightly
def test_the_samples_are_the_same_each_time() -> None:
    (entry,) = (entry for entry in listed() if entry.name == "torch.nn.BatchNorm2d")
    first, second = (entry.cases(torch.float32, 2) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(one.inputs[name], other.inputs[name]) for name in one.inputs)
    assert not torch.equal(first[0].inputs["x0"], first[1].inputs["x0"])


@pytest.mark.nightly
def test_a_wrong_reference_is_found() -> None:
    """exp held against an exp that is 1e-3 too large: the answer, the element and how far it is off."""
    case = entry("exp").cases(torch.float32, 1)[0]
    wrong = replace(case, numpy=lambda: np.exp(case.inputs["x0"].numpy()) * np.float32(1.001))
    row = Trial(Row("float32", "exp"), wrong.problem).run()
    assert (row.verdict, row.alarms["hold"]) == (ALARM, 1)
    assert row.reason.startswith("numpy: ")
    assert "at [" in row.reason


def test_a_row_of_several_samples_says_the_worst_and_what_is_told_in_each_of_them() -> None:
    """A sample that was refused says its reason; of it no fault counts."""
    first, second = FAULTS[:2]
    samples = [
        Row("float32", "exp", ACCEPTED, honest=3, faults={first: ["hold", "1e-4"], second: ["hold"]}),
        Row("float32", "exp", ACCEPTED, honest=4, faults={first: ["hold"]}, resolution=1e-6),
        Row("float32", "exp", REFUSED, "complex numbers", honest=2, faults={first: []}),
    ]
    row = merged(Row("float32", "exp"), samples)
    assert (row.verdict, row.honest, row.resolution) == (ACCEPTED, 7, 1e-6)
    assert row.faults == {first: ["hold"], second: ["hold"]}
    assert row.reason == "complex numbers (1×)"
    wrong = merged(Row("float32", "exp"), [samples[0], replace(samples[1], verdict=ALARM, reason="numpy: off")])
    assert (wrong.verdict, wrong.reason) == (ALARM, "numpy: off (1×)")
    assert merged(Row("float32", "exp"), []).verdict == REFUSED


@pytest.mark.nightly
def test_a_part_of_the_list_from_the_command(tmp_path: Path) -> None:
    """The table has a line for each operation and type that torch has it in."""
    names = "exp,mm,special.bessel_j0,bitwise_and"
    result = CliRunner().invoke(main, ["--operations", names, "--samples", "1", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "6 in all, 4 are accepted" in result.output
    table = pd.read_csv(tmp_path / "opinfo.csv")
    assert list(table.columns) == list(report.COLUMNS)
    assert list(zip(table.problem, table.level, strict=True)) == [
        (name, dtype) for name in ("exp", "mm", "special.bessel_j0") for dtype in ("float32", "float64")
    ]
    rows = report.read(tmp_path / "opinfo.csv")
    assert summary(rows) in result.output
    assert any(line.startswith("| float32/special.bessel_j0 | refused |") for line in markdown(rows))


@pytest.mark.nightly
def test_a_name_that_is_not_in_the_list_is_a_usage_error() -> None:
    """Status 2, with the name."""
    result = CliRunner().invoke(main, ["--operations", "frobnicate"])
    assert result.exit_code == 2
    assert "frobnicate" in result.output


def test_the_documentation_says_what_the_jury_last_found() -> None:
    """The paragraph of counts in the examples' table; nothing lacks a reason."""
    root = Path(__file__).parents[3]
    rows = report.read(root / "reports" / "examples" / "opinfo.csv")
    assert summary(rows) in (root / "docs" / "figures" / "proof.md").read_text(encoding="utf-8")
    assert len({row.problem for row in rows}) > 750
    assert all(row.reason for row in rows if row.verdict != ACCEPTED)
