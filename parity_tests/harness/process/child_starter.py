"""Starts the processes of one submission, forked off a fork server if that works, and cold if not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.child import Child
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.process import ForkedProcess, Process, StartedProcess
from parity_tests.harness.sandbox.launch import Launcher, Setup
from parity_tests.harness.sandbox.process_kind import WORKER, ProcessKind
from parity_tests.protocol.errors import HarnessError


class ChildStarter:
    """Starts processes of one kind for the submission in `folder`.

    `output` is what gets what the processes print; `cap` is that of Child. `servers` are the fork
    servers, if there are any. Raises UsageError if the level's programs are not installed.
    """

    def __init__(
        self,
        kind: ProcessKind,
        folder: str,
        *,
        output: bytearray,
        cap: int,
        servers: ForkServers | None,
    ) -> None:
        self._kind = kind
        self._launcher = Launcher(kind, folder)
        self._output = output
        self._cap = cap
        self._servers = servers

    def start(self) -> tuple[Child, dict[str, Any], Mapping[str, NDArray[Any]]]:
        """Start a process, without waiting for it. Returns it with the header and arrays of the setup to send to it.

        Raises HarnessError; UsageError if the level does not work here.
        """
        try:
            child, setup = self._forked() or self._started()
        except OSError as error:
            raise HarnessError(f"the process for the submission cannot be started: {error}") from error
        header = {"folder": setup.folder, "scratch": setup.scratch, "confine": setup.confine}
        if setup.files is None:
            return child, header, {}
        return child, {**header, "files": setup.files.entries}, setup.files.contents

    def refuse_forking(self, child: Child, why: str) -> bool:
        """Fork no more processes if this one, which never got ready, was forked. Returns whether it was."""
        if self._servers is None or not isinstance(child.process, ForkedProcess):
            return False
        self._servers.refuse(self._kind, why)
        return True

    def close(self) -> None:
        """Delete the scratch folders."""
        self._launcher.close()

    def _forked(self) -> tuple[Child, Setup] | None:
        """Have a process forked; None if it must be started cold."""
        servers = self._servers
        if servers is None or not servers.serves(self._kind):
            return None
        forking = self._launcher.fork(self._cap)
        if forking is None:
            return None
        fork, setup = forking

        def start(pipes: Sequence[int]) -> Process:
            return servers.fork(fork, pipes, self._cap)

        return self._child(start, setup), setup

    def _started(self) -> tuple[Child, Setup]:
        """Start a process cold."""
        command, setup = self._launcher.launch()

        def start(pipes: Sequence[int]) -> Process:
            questions, answers, output = pipes
            arguments = (questions, answers, self._cap)
            return StartedProcess(
                [*command.prefix, sys.executable, "-I", "-B", WORKER, *map(str, arguments)],
                descriptors=(questions, answers, *command.descriptors),
                output=output,
                folder="/" if self._kind.namespaced else setup.scratch,
                environment=command.environment,
                namespaced=self._kind.namespaced,
            )

        return self._child(start, setup), setup

    def _child(self, start: Any, setup: Setup) -> Child:
        # A scratch folder in memory has a size of its own; one on a disk must be watched.
        watched = None if self._kind.namespaced else Path(setup.scratch)
        return Child(start, watched, self._cap, self._output)
