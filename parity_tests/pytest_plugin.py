"""The pytest plugin: `pytest --implementation DIR` and `pytest --pairs FILE` add a test for each case that is checked.

pytest loads it wherever Parity is installed, so it imports nothing but pytest and the standard library. The repository
that is tested may have folders called reports, reference or implementation: the check runs in a process of its own,
started elsewhere without that repository on its path, and its result comes back as JSON.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]
_NAMED = 3
"""Quantities that a line names beside the first."""
PASSING = ("match", "undecided")
ROOT = str(Path(__file__).resolve().parents[1])
COMMAND = f"import sys; sys.path.append({ROOT!r}); from parity_tests.cli import main; sys.exit(main(sys.argv[1:]))"
"""The `parity` that this file belongs to; it comes last on the path, behind the standard library."""


SHORT = "PARITY_SHORT_MESSAGES"
"""Set in the environment where a result's message is to say what is wrong in a sentence: without `-v`."""


def pytest_configure(config: pytest.Config) -> None:
    """Notes how much is asked for."""
    os.environ[SHORT] = "1" if config.option.verbose < 1 else ""


def pytest_unconfigure() -> None:
    """Whatever runs afterwards says all."""
    os.environ.pop(SHORT, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> None:
    """Lets `assert hold(…)` say its message, of which pytest would show both ends in one line."""
    error = call.excinfo.value if call.excinfo else None
    if call.excinfo is None or type(error) is not AssertionError:
        return
    for value in list(call.excinfo.traceback[-1].frame.f_locals.values()):
        is_wrong = type(value).__module__ == "parity_tests.pairs.result" and not value
        if is_wrong and str(value).split("\n")[0] in str(error):
            error.args = (str(error).partition("assert ")[0] + value.message,)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options, under names that no other plugin is likely to have."""
    group = parser.getgroup("parity", "compare a numpy network with torch")
    group.addoption(
        "--implementation",
        type=Path,
        metavar="DIR",
        help="the folder of a submission: adds a test for each case",
    )
    group.addoption(
        "--assignment",
        metavar="NAME",
        help="the assignment, by name or as module:NAME; found from the files if left out",
    )
    group.addoption(
        "--parity-options",
        default="",
        metavar="OPTIONS",
        help="options of `parity check`, as one text: '--dtype float64'",
    )
    group.addoption(
        "--pairs",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a file of pairs, candidates and the torch functions that they must agree with: adds a test for each case",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs the checks, and adds their cases to what has been collected, so that -k and the like choose among them."""
    if config.option.collectonly:  # the cases of a check are known when it has run
        for path in [*config.getoption("--pairs"), *filter(None, [config.getoption("--implementation")])]:
            items.append(NotRun.from_parent(session, name=f"parity: the cases of {path}"))
        return
    for file in config.getoption("--pairs"):
        path = Path(config.invocation_params.dir, file).resolve()
        pairs = ParityModule.from_parent(session, name="pairs", nodeid=f"pairs/{path.name}", path=path.parent)
        pairs.records = run_parity("hold", path, ())
        items.extend(pairs.collect())
    if config.getoption("--implementation") is None:
        return
    folder = Path(config.invocation_params.dir, config.getoption("--implementation")).resolve()
    options = shlex.split(config.getoption("--parity-options"))
    if config.getoption("--assignment"):
        options += ["--assignment", config.getoption("--assignment")]
    module = ParityModule.from_parent(session, name="parity", nodeid="parity", path=folder)
    module.records = run_parity("check", folder, options)
    items.extend(module.collect())


def run_parity(command_name: str, path: Path, options: Sequence[str]) -> list[Record]:
    """The records of `parity check` or `parity hold` on a path, with the labels of their parts and of what causes them.

    Raises pytest.UsageError where it cannot be checked.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(prefix="parity-") as elsewhere:
        command = [sys.executable, "-P", "-c", COMMAND, command_name, str(path)]
        command += ["--out", "run", "--json", "--no-github", *options]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != "parity run" or not document["records"]:
        raise pytest.UsageError(done.stderr.strip() or f"parity {command_name} ended with status {done.returncode}")
    labels = {row["id"]: row.get("label", row["id"]) for row in document["environment"].get("parts") or ()}
    return [
        {**record, "label": labels.get(record["part"], ""), "cause": labels.get(record["explained_by"], "")}
        for record in document["records"]
    ]


class ParityModule(pytest.Collector):
    """The cases of a check."""

    records: list[Record]

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each case, in the order of the check."""
        cases: dict[str, list[Record]] = {}
        for record in self.records:
            cases.setdefault(record["case"], []).append(record)
        for name, records in cases.items():
            item = ParityCase.from_parent(self, name=name)
            item.records = records
            yield item


class ParityCase(pytest.Item):
    """One case: it passes if each of its quantities agrees with torch."""

    records: list[Record]

    def runtest(self) -> None:
        """Raises DisagreementError where a quantity does not agree; warns of those that cannot be decided."""
        hold(self.name, self.records)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentences alone: there is nothing in a traceback through Parity."""
        if isinstance(excinfo.value, DisagreementError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """The file and line of the submission where the case failed, its folder where no record names a file."""
        for record in self.records:
            if record["file"]:
                return self.path / record["file"], (record["line"] or 1) - 1, f"parity: {self.name}"
        return self.path, None, f"parity: {self.name}"


class NotRun(pytest.Item):
    """Stands for cases that are only named once they have run."""

    def runtest(self) -> None:
        """Nothing: it is there to be listed."""


class DisagreementError(Exception):
    """A case of which something does not agree with torch; the message has a sentence a line."""


def hold(case: str, records: Sequence[Record]) -> None:
    """Raises DisagreementError where a record of the case fails or there is none; warns of the undecided ones."""
    if not records:
        raise DisagreementError(f"nothing was compared for {case}")
    for record in records:
        if record["verdict"] == "undecided" and not asks_nothing(record):
            warnings.warn(record["message"], stacklevel=1)
    wrong = [record for record in records if record["verdict"] not in PASSING or asks_nothing(record)]
    if wrong:
        raise DisagreementError("\n".join(_each_once(wrong)))


def _each_once(wrong: Sequence[Record]) -> Iterator[str]:
    """A line for each thing that is wrong: its part, what the first record says, and in how many others it shows."""
    alike: dict[tuple[Any, ...], list[Record]] = {}
    for record in sorted(wrong, key=lambda record: bool(record["explained_by"])):
        where = () if record["verdict"] == "mismatch" else (record["file"], record["line"])
        key = (record["part"], record["explained_by"], record["verdict"], record["diagnosis"], *where)
        alike.setdefault(key, []).append(record)
    for first, *others in alike.values():
        label, cause = first.get("label", ""), first.get("cause", "")
        part = f"{label}, because of {cause}" if cause and cause != label else label
        names = [record["quantity"] for record in others]
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        also = f" The same in {shown}." if names else ""
        yield _printable(f"{part}: " * bool(part) + sentence(first) + also)


def asks_nothing(record: Record) -> bool:
    """Whether no element of a pair's result could be told right from wrong: that is no agreement."""
    return bool(
        record["check"] == "hold" and record["verdict"] == "undecided" and record["undecided"] == record["total"]
    )


def sentence(record: Record) -> str:
    """What a failing record says, as printable text on one line: a submission wrote parts of it."""
    diagnosis = f" Likely cause: {record['diagnosis']}." if record["diagnosis"] else ""
    fault = "Parity's own fault: " if record["verdict"] == "harness_error" else ""
    return _printable(f"{fault}{record['message'] or record['verdict']}.{diagnosis}")


def _printable(text: str) -> str:
    return "".join(symbol if symbol.isprintable() else repr(symbol)[1:-1] for symbol in text)
