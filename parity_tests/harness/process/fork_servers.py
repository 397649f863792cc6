"""Keeps fork servers, one for each kind of process that is asked for, for as long as many submissions are run.

What they are, and what they do not change, stands in isolation.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any

from parity_tests.harness.process.process import Forked
from parity_tests.harness.sandbox.launch import FORK_SERVER, SCRATCH_BYTES, Fork, Kind

_PRINTED = 2000


class Servers:
    """Fork servers, each started when first asked for a process (a context manager; for any number of threads)."""

    def __init__(self) -> None:
        self._running: dict[Kind, _Server] = {}
        self._refused: dict[Kind, str] = {}
        self._lock = threading.Lock()
        # The kernel ends a server with the thread that started it.
        self._starter = ThreadPoolExecutor(1)

    def __enter__(self) -> Servers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers; processes that they have forked outside a sandbox are their Runners' to end."""
        with self._lock:
            for server in self._running.values():
                server.close()
            self._running.clear()
        self._starter.shutdown()

    @property
    def problem(self) -> str:
        """Why some kind of process could not be forked, "" where none has failed."""
        return next(iter(self._refused.values()), "")

    def serves(self, kind: Kind) -> bool:
        """Whether processes of this kind may be asked for: none has failed to start."""
        return kind not in self._refused

    def refuse(self, kind: Kind, why: str) -> None:
        """Ask no more for processes of a kind. Those that its server has forked go on."""
        with self._lock:
            server = self._running.get(kind)
            printed = server.printed() if server is not None else ""
            self._refused[kind] = f"{why}\n{printed}".strip()

    def fork(self, fork: Fork, pipes: Sequence[int], cap: int, room: int) -> Forked:
        """Ask for a process, without waiting for it. Raises OSError, HarnessError where no server can be started.

        `pipes` are its ends of those that it is asked by, answers by, and prints to, and its shelf, where it has one
        with that `room`; `cap` the bytes of arrays that one message to it may have.
        """
        asked = {"user": fork.user, "cap": cap, "room": room, "scratch_bytes": SCRATCH_BYTES}
        with self._lock:
            server = self._running.get(fork.kind)
            if server is not None and server.ended():
                server.close()
                server = None
            if server is None:
                server = self._starter.submit(_Server, fork.kind).result()
                self._running[fork.kind] = server
            return server.fork(asked, pipes)


class _Server:
    def __init__(self, kind: Kind) -> None:
        self._printed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY) if kind.namespaced else -1
        try:
            launch = kind.launch()
            command = [*launch.prefix, sys.executable, "-I", "-B", FORK_SERVER, str(theirs.fileno()), str(proc)]
            self._process = subprocess.Popen(
                [*command, json.dumps(kind.material)],
                stdin=subprocess.DEVNULL,
                stdout=self._printed,
                stderr=self._printed,
                pass_fds=[theirs.fileno(), *[proc] * (proc >= 0), *launch.descriptors],
                cwd="/",
                env=launch.environment,
                start_new_session=True,
            )
        except BaseException:
            self._control.close()
            self._printed.close()
            raise
        finally:
            theirs.close()
            if proc >= 0:
                os.close(proc)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def fork(self, asked: dict[str, Any], pipes: Sequence[int]) -> Forked:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.suppress(ConnectionError):  # it has ended: the line says so
            socket.send_fds(self._control, [json.dumps(asked).encode()], [*pipes, theirs.fileno()])
        return Forked(ours)

    def printed(self) -> str:
        """The end of what it has printed."""
        descriptor = self._printed.fileno()
        start = max(0, os.fstat(descriptor).st_size - _PRINTED)
        return os.pread(descriptor, _PRINTED, start).decode(errors="replace")

    def close(self) -> None:
        """End it, and all that it has forked where that is in its sandbox."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._printed.close()
