"""Draws the README's figure: `python -m parity_tests.examples.ratios`, with the extra `figures` installed."""

from __future__ import annotations

from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from reports.html.ratios_figure import draw_ratios

FIGURE = Path(__file__).resolve().parents[2] / "reports" / "examples" / "ratios.svg"


def main() -> None:
    """Checks the shipped network and draws the ratio of every quantity."""
    FIGURE.parent.mkdir(exist_ok=True)
    draw_ratios(check(ASSIGNMENT, ASSIGNMENT.solution), FIGURE)
    print(FIGURE)


if __name__ == "__main__":
    main()
