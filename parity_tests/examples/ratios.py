"""Draws the documentation's figure: `python -m parity_tests.examples.ratios`."""

from __future__ import annotations

from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from reports.model.run import Results
from reports.model.write_whole import write_whole
from reports.pictures.figure import figure
from reports.pictures.ratios import ratios_chart

FIGURE = Path(__file__).resolve().parents[2] / "reports" / "examples" / "ratios.svg"

TITLE = "The gap of every quantity of the shipped network, as a share of what rounding explains"


def main() -> None:
    """Checks the shipped network and draws the ratio of every quantity."""
    FIGURE.parent.mkdir(exist_ok=True)
    run: Results = check(ASSIGNMENT, ASSIGNMENT.solution)
    write_whole(FIGURE, figure(TITLE, [("", ratios_chart(run))]).encode())
    print(FIGURE)


if __name__ == "__main__":
    main()
