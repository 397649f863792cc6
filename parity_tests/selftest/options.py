"""pytest in Parity's own repository: `pytest` alone checks the shipped network and runs the selftest.

`pytest --implementation=DIR` checks that submission alone. The options --device, --dtype and --seed are those of
`parity check`. Elsewhere their names may belong to other plugins, so only this repository has them: its pyproject.toml
names this module, which must be known before any conftest.py is read.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

SELFTEST = Path(__file__).parent
WITHOUT_SELFTEST = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of the check, beside those of the plugin."""
    group = parser.getgroup("parity")
    group.addoption("--device", default="cpu", help="where torch computes: cpu (default) or cuda")
    group.addoption(
        "--dtype", choices=("float64", "float32", "both"), default="both", help="the precision (default: both)"
    )
    group.addoption("--seed", type=int, default=0, help="the seed of all inputs (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Hands the options to the plugin, and chooses what is run where no tests are named."""
    option = config.option
    given = ["--device", option.device, "--dtype", option.dtype, "--seed", str(option.seed)]
    option.parity_options = shlex.join([*given, *shlex.split(option.parity_options)])
    no_tests_named = config.args_source is not pytest.Config.ArgsSource.ARGS and not option.keyword
    config.stash[WITHOUT_SELFTEST] = no_tests_named and option.implementation is not None
    if no_tests_named and option.implementation is None:
        from parity_tests.assignments import SHIPPED
        from parity_tests.protocol.registry import find

        option.implementation = find(option.assignment or SHIPPED).solution


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves the selftest out where a submission alone is checked."""
    return True if collection_path == SELFTEST and config.stash[WITHOUT_SELFTEST] else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the device is not there, puts one test that says so in place of the check."""
    device = config.getoption("--device")
    if device != "cpu" and config.getoption("--implementation") is not None:
        from reference.device import problem

        if problem(device):
            config.option.implementation = None
            items.append(MissingDevice.from_parent(session, name=f"parity on {device}"))


class MissingDevice(pytest.Item):
    """Stands for a check whose device is not there."""

    def runtest(self) -> None:
        """Skips, or fails where the option names no device at all."""
        skip_without(self.config.getoption("--device"))


def skip_without(device: str) -> None:
    """Skips the test, with the reason, where the device is not there; fails it where that is no device at all."""
    if device == "cpu":
        return
    from reference.device import is_device_name, problem

    why = problem(device)
    if why and is_device_name(device):
        pytest.skip(why)
    if why:
        pytest.fail(why, pytrace=False)
