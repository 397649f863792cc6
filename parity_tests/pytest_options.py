"""The options of the parity tests: which submission, on which device, in which precision."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add them to `pytest --help`, under "parity"."""
    group = parser.getgroup("parity", "hold a numpy network against torch")
    group.addoption(
        "--implementation",
        type=Path,
        default=None,
        metavar="DIR",
        help="the folder with neural_networks.py (default: the shipped network)",
    )
    group.addoption("--assignment", default=None, metavar="NAME", help="the assignment; told by the files if left out")
    group.addoption("--device", default="cpu", help="where torch computes: cpu (default) or cuda")
    group.addoption(
        "--dtype", choices=("float64", "float32", "both"), default="both", help="the precision (default: both)"
    )
    group.addoption("--seed", type=int, default=0, help="the seed of all inputs (default: 0)")
