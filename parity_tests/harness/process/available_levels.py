"""Finds out which levels of isolation work on this machine, by a trial of each."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.sandbox.isolation import GUARANTEES, LEVELS, Level
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.layout import Layout

_SECONDS = 10.0
TRIAL = Layout("trial")
"""The submission that is run to try a level: an empty file."""


def choose(minimum: str | None) -> Level:
    """Return the strongest level that works here. Raises UsageError if that is weaker than `minimum`.

    With None it is `restricted` at least: `none` must be asked for.
    """
    least = LEVELS.index(_known(minimum or "restricted"))
    for name in reversed(LEVELS[least:]):
        if not problem(name):
            return Level(name, GUARANTEES[name])
    why = "; ".join(f"{name} does not work: {problem(name)}" for name in reversed(LEVELS[least:]))
    rest = ". --isolation none runs code that you trust without any" if minimum is None else ""
    raise UsageError(f"there is no isolation of the level {LEVELS[least]} or a stronger one here: {why}{rest}.")


def require(name: str) -> Level:
    """Return exactly this level. Raises UsageError if it does not work here."""
    why = problem(_known(name))
    if why:
        raise UsageError(f"the isolation level {name} does not work here: {why}.")
    return Level(name, GUARANTEES[name])


@lru_cache
def problem(name: str) -> str:
    """Return why a level does not work on this machine, "" if it does. It is tried once, in a third of a second."""
    if name == "none":
        return ""
    if sys.platform != "linux":
        return "only Linux has it"
    try:
        return _describe_trial(*_run_trial(name))
    except (UsageError, HarnessError, OSError) as error:
        return f"{error}{_hint(name)}".replace("\n", "; ")


@lru_cache
def forking_problem(name: str) -> str:
    """Return why processes of a level that works cannot be forked off a fork server, "" if they can. Tried once."""
    if sys.platform != "linux":
        return "only Linux has what it needs"
    with ForkServers() as servers:
        try:
            escapes, broken = _run_trial(name, servers)
        except (UsageError, HarnessError, OSError) as error:
            return str(error).replace("\n", "; ")
        return servers.problem or _describe_trial([] if name == "none" else escapes, broken)


def _describe_trial(escapes: list[str], broken: list[str]) -> str:
    if escapes:
        return f"a submission could {', '.join(escapes)}"
    return f"a submission could not {', '.join(broken)}" if broken else ""


def _known(name: str) -> str:
    if name not in LEVELS:
        raise UsageError(f"there is no isolation level {name!r}; there are {', '.join(LEVELS)}")
    return name


def _run_trial(name: str, servers: ForkServers | None = None) -> tuple[list[str], list[str]]:
    """Return what a worker at that level can do and must not, and what it cannot do and must."""
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        folder = Path(temporary, "submission")
        folder.mkdir()
        (folder / TRIAL.file).touch()
        Path(temporary).chmod(0o755)
        secret = Path(temporary, "secret")
        secret.touch()
        secret.chmod(0o666)  # so that the walls of the sandbox alone keep it
        # A process namespace of its own holds only bubblewrap, as 1, and the worker.
        others = list(range(2, 1000)) if name == "bubblewrap" else [os.getpid()]
        params = {"secret": str(secret), "processes": others}
        with Runner(
            folder,
            probe=Path(__file__).parents[1] / "inside" / "sandbox_probe.py",
            layout=TRIAL,
            isolation=name,
            case_seconds=_SECONDS,
            servers=servers,
        ) as runner:
            seen = runner.ask("trial", "trial", params, {}, seed=0)
    if "escapes" not in seen.facts or "broken" not in seen.facts:
        raise HarnessError("; ".join(failure.text for failure in seen.failures.values()) or "the trial said nothing")
    return list(seen.facts["escapes"]), list(seen.facts["broken"])


def _hint(name: str) -> str:
    """Return what usually forbids a level whose programs are installed, as the end of a sentence; "" if unknown."""
    for file, open_to in (
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "1"),
    ):
        path = Path(file)
        if name == "bubblewrap" and os.geteuid() != 0 and path.exists() and path.read_text().strip() != open_to:
            setting = f"{file.removeprefix('/proc/sys/').replace('/', '.')}={open_to}"
            return f" (this system refuses namespaces to users other than root: sysctl -w {setting} allows them)"
    return ""
