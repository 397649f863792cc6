"""The jury of torch's own operations: a small part of it, its faults, and that nothing is skipped in silence.

What needs torch's own list, which takes seconds to import, is for the night, beside the whole of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("expecttest")

from parity_tests.proof.opinfo import faults, report
from parity_tests.proof.opinfo.__main__ import main
from parity_tests.proof.opinfo.cases import Listed, listed
from parity_tests.proof.opinfo.trial import ABSENT, ACCEPTED, OVER, REFUSED, Trial

pytestmark = pytest.mark.usefixtures("one_thread")


def entry(name: str) -> Listed:
    """Of torch's list."""
    return next(one for one in listed() if one.name == name)


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ["add", "exp", "softmax", "matmul", "nn.functional.layer_norm", "torch.nn.Linear"])
def test_what_is_right_is_accepted_and_all_faults_over_the_radius_are_caught(name: str, dtype: torch.dtype) -> None:
    """With its gradients."""
    row = Trial(entry(name), dtype, samples=2, replicas=8).run()
    assert (row.verdict, row.refused, row.missed) == (ACCEPTED, 0, 0), row
    assert 0 < row.caught == row.seeded - row.unchanged - row.within
    assert row.ratio <= 1


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
    row = Trial(entry(name), torch.float32, samples=1, replicas=8).run()
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
def test_an_operation_that_torch_lacks_in_a_type_has_its_line() -> None:
    """As those on integers alone."""
    assert Trial(entry("bitwise_and"), torch.float32, samples=1, replicas=8).run().verdict == ABSENT


@pytest.mark.nightly
def test_a_wrong_reference_is_found() -> None:
    """exp held against an exp that is 1e-3 too large: the element and its ratio."""

    class Wrong(Listed):
        def cases(self, dtype: torch.dtype, count: int) -> list[object]:  # type: ignore[override]
            [case] = super().cases(dtype, 1)
            x = case.inputs["x0"].numpy()
            object.__setattr__(case, "numpy", lambda: np.exp(x) * np.float32(1.001))
            return [case]

    row = Trial(Wrong("exp", entry("exp").info, False), torch.float32, samples=1, replicas=8).run()
    assert row.verdict == OVER
    assert row.ratio > 100
    assert row.where.startswith("output[")


def test_the_five_faults() -> None:
    """Each changes what its name says and nothing else."""
    got = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    seeded = dict(faults.seeded(got, np.random.default_rng(0)))
    assert tuple(seeded) == faults.FAULTS
    assert (seeded["one element"] != got).sum() == 1
    assert (seeded["swapped pair"] != got).sum() == 2
    assert (seeded["flipped axis"] == got[::-1]).all()
    assert (seeded["row of zeros"][0] == 0).all()
    assert np.allclose(seeded["times 1.001"], got * 1.001)


@pytest.mark.nightly
def test_a_part_of_the_list_from_the_command(tmp_path: Path) -> None:
    """The table has a line for each operation and type."""
    result = CliRunner().invoke(
        main, ["--operations", "exp,mm,special.bessel_j0", "--samples", "1", "--out", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    assert "6 in all, 4 are accepted" in result.output
    table = pd.read_csv(tmp_path / "opinfo.csv")
    assert list(table.columns) == list(report.COLUMNS)
    assert list(zip(table.operation, table.dtype, strict=True)) == [
        (name, dtype) for name in ("exp", "mm", "special.bessel_j0") for dtype in ("float32", "float64")
    ]
    assert table.missed.sum() == 0
    assert "## Refused or undecided" in list(report.markdown(report.read(tmp_path)))


@pytest.mark.nightly
def test_a_name_that_is_not_in_the_list_is_a_usage_error() -> None:
    """Status 2, with the name."""
    result = CliRunner().invoke(main, ["--operations", "frobnicate"])
    assert result.exit_code == 2
    assert "frobnicate" in result.output


def test_the_documentation_says_what_the_jury_last_found() -> None:
    """The paragraph of counts in the examples' table; no fault over a radius was missed, and nothing lacks a reason."""
    root = Path(__file__).parents[3]
    rows = report.read(root / "reports" / "examples")
    assert report.summary(rows) in (root / "docs" / "figures" / "proof.md").read_text(encoding="utf-8")
    assert len(rows) == 2 * len({row.operation for row in rows})
    assert not [row for row in rows if row.missed]
    assert all(row.reason for row in rows if row.verdict == REFUSED)
