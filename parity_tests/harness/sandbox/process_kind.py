"""What processes that one fork server can fork have in common, and which files they load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parity_tests.harness.inside import fork_server, worker
from parity_tests.harness.sandbox import users
from parity_tests.harness.sandbox.bubblewrap import sandboxed
from parity_tests.harness.sandbox.command import Command, environment
from parity_tests.harness.sandbox.runtime_files import runtime

WORKER, FORK_SERVER = worker.__file__, fork_server.__file__
CODE = (WORKER, *map(str, worker.FILES.values()))
"""The files of the worker's own code."""


@dataclass(frozen=True)
class ProcessKind:
    """A kind of process.

    `level` is the level of isolation. The worker loads `probe`, `companions` and `told_by` beside its own code, and a
    fork server loads them in advance; it loads `others` for one submission. `modules` are the packages beyond numpy
    that the submission may import.
    """

    level: str
    told_by: str | None
    companions: tuple[str, ...]
    probe: str
    others: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """All files that the worker loads."""
        editions = [self.told_by] if self.told_by else []
        return [*CODE, *editions, *self.companions, self.probe, *self.others]

    @property
    def preloaded(self) -> dict[str, Any]:
        """The arguments of worker.Preloaded: what a fork server loads before it is asked for anything."""
        return {"told_by": self.told_by, "companions": self.companions, "probe": self.probe}

    @property
    def namespaced(self) -> bool:
        """Whether a process has namespaces of its own, and a scratch folder in memory."""
        return self.level == "bubblewrap"

    def server_command(self) -> Command:
        """Return how to start the fork server. Raises UsageError, HarnessError, OSError."""
        if self.level != "bubblewrap":
            return Command((), environment("/", "LD_LIBRARY_PATH", *["PATH"] * (self.level == "none")))
        block = users.block() if users.available() else None
        rights = ("CAP_SETUID", "CAP_SETGID")
        files = [FORK_SERVER, *self.files]
        return sandboxed(runtime(self.modules), files, "", block, rights, closed=False)
