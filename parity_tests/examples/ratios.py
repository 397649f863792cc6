"""Draws the ratio of every quantity of the shipped network."""

from __future__ import annotations

from pathlib import Path

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import check
from reports.model.write_whole import write_whole
from reports.pictures.figure import figure
from reports.pictures.ratios import ratios_chart

TITLE = "The gap of every quantity of the shipped network, as a share of what rounding explains"


def draw_ratios(file: Path) -> None:
    """Checks the shipped network and draws the ratio of every quantity, as SVG."""
    run = check(ASSIGNMENT, ASSIGNMENT.solution)
    write_whole(file, figure(TITLE, [("", ratios_chart(run))]).encode())
