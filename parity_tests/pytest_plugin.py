"""The pytest plugin for other people's repositories: `pytest --implementation DIR` adds a test for each case.

pytest loads it wherever Parity is installed, so it imports nothing but pytest and the standard library. The repository
may have folders called reports, reference or implementation: the check runs in a process of its own, started elsewhere
without that repository on its path, and what it found comes back as JSON. In Parity's own repository, where
`parity_tests.pytest_options` stands, it does nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OWN = "parity_tests.pytest_options"
PASSING = ("match", "undecided")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds the two options, but in Parity's own repository."""
    if pluginmanager.has_plugin(OWN):
        return
    group = parser.getgroup("parity", "hold a numpy network against torch")
    group.addoption(
        "--implementation",
        type=Path,
        metavar="DIR",
        help="the folder with neural_networks.py: adds a test for each case",
    )
    group.addoption(
        "--parity-options",
        default="",
        metavar="OPTIONS",
        help="options of `parity check`, as one text: '--dtype float64'",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs the check, and adds its cases to what has been collected, so that -k and the like choose among them."""
    if config.pluginmanager.has_plugin(OWN) or config.getoption("--implementation") is None:
        return
    folder = Path(config.invocation_params.dir, config.getoption("--implementation")).resolve()
    document = run_check(folder, shlex.split(config.getoption("--parity-options")))
    module = ParityModule.from_parent(session, name="parity", nodeid="parity", path=folder)
    module.document = document
    items.extend(module.collect())


def run_check(folder: Path, options: list[str]) -> dict[str, Any]:
    """What `parity check --format json` says of the folder. Raises pytest.UsageError where it cannot be checked."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(prefix="parity-") as elsewhere:
        command = [sys.executable, "-P", "-m", "parity_tests.cli", "check", str(folder)]
        command += ["--out", "run", "--format", "json", "--no-github", *options]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != "parity run":
        raise pytest.UsageError(done.stderr.strip() or f"parity check ended with status {done.returncode}")
    return document


class ParityModule(pytest.Collector):
    """The cases of a check."""

    document: dict[str, Any]

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each case, in the order of the check."""
        cases: dict[str, list[dict[str, Any]]] = {}
        for record in self.document["records"]:
            cases.setdefault(record["case"], []).append(record)
        for name, records in cases.items():
            item = ParityCase.from_parent(self, name=name)
            item.records = records
            yield item


class ParityCase(pytest.Item):
    """One case: it passes if each of its quantities agrees with torch."""

    records: list[dict[str, Any]]

    def runtest(self) -> None:
        """Fails with the sentences of what does not agree; warns of what cannot be decided."""
        for record in self.records:
            if record["verdict"] == "undecided":
                warnings.warn(record["message"], stacklevel=1)
        wrong = [record for record in self.records if record["verdict"] not in PASSING]
        if wrong:
            raise DisagreementError("\n".join(map(_said, wrong)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentences alone: there is nothing in a traceback through Parity."""
        if isinstance(excinfo.value, DisagreementError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """The file of the submission where the case failed, if it says so."""
        place = next((record for record in self.records if record["file"]), None)
        if place is None:
            return self.path / "neural_networks.py", None, f"parity: {self.name}"
        return self.path / place["file"], (place["line"] or 1) - 1, f"parity: {self.name}"


class DisagreementError(Exception):
    """What a case found wrong."""


def _said(record: dict[str, Any]) -> str:
    diagnosis = f" It looks like this mistake: {record['diagnosis']}." if record["diagnosis"] else ""
    fault = "Parity's own fault: " if record["verdict"] == "harness_error" else ""
    # Shown as text on one line: a submission wrote parts of it.
    text = f"{fault}{record['message'] or record['verdict']}.{diagnosis}"
    return "".join(symbol if symbol.isprintable() else repr(symbol)[1:-1] for symbol in text)
