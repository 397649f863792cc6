"""Every Python, and the oldest and newest packages that are declared, where they are there: `nox`, in .ci/nightly."""

import tempfile
import tomllib
from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = False
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ASKED = tuple(
    f"parity_tests/selftest/{name}" for name in ("flow", "test_cli.py", "test_grade.py", "test_report_files.py")
)


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """The newest of all packages."""
    session.install("-e", ".[test]")
    _try(session)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """The oldest that pyproject.toml declares, on the oldest Python."""
    session.install(*_oldest("class"), "-e", ".[test]")
    _try(session)


def _try(session: nox.Session) -> None:
    # The folder of nox itself lies in this checkout, where the shipped network is meant if none is named.
    with tempfile.TemporaryDirectory() as folder:
        session.run("parity", "check", "implementation", "--out", f"{folder}/run")
    session.run("pytest", "-q", *ASKED)


def _oldest(extra: str) -> list[str]:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"][extra]]
    return [requirement.replace(">=", "==") for requirement in declared]
