"""Starts fork servers, one for each kind of process that is asked for, and keeps them while many submissions are run.

isolation.py has the theory of operation.
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

from parity_tests.harness.process.process import ForkedProcess
from parity_tests.harness.sandbox.bubblewrap import SCRATCH_BYTES, SCRATCH_FILES
from parity_tests.harness.sandbox.launch import Fork
from parity_tests.harness.sandbox.process_kind import FORK_SERVER, ProcessKind

_OUTPUT_BYTES = 2000


class ForkServers:
    """Fork servers, each started at the first request for a process of its kind (a context manager).

    Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._servers: dict[ProcessKind, _Server] = {}
        self._refused: dict[ProcessKind, str] = {}
        self._lock = threading.Lock()
        # The kernel ends a server together with the thread that started it.
        self._starter = ThreadPoolExecutor(1)

    def __enter__(self) -> ForkServers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers. Processes that they have forked outside a sandbox must be ended by their Runners."""
        with self._lock:
            for server in self._servers.values():
                server.close()
            self._servers.clear()
        self._starter.shutdown()

    @property
    def problem(self) -> str:
        """Why some kind of process could not be forked; "" if none has failed."""
        return next(iter(self._refused.values()), "")

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that were started for the servers, bubblewrap's where there is a sandbox."""
        return [server.pid for server in self._servers.values()]

    def serves(self, kind: ProcessKind) -> bool:
        """Return whether processes of this kind may be asked for: none has failed to start."""
        return kind not in self._refused

    def refuse(self, kind: ProcessKind, why: str) -> None:
        """Fork no more processes of a kind. Those that its server has forked go on."""
        with self._lock:
            server = self._servers.get(kind)
            output = server.output() if server is not None else ""
            self._refused[kind] = f"{why}\n{output}".strip()

    def fork(self, fork: Fork, pipes: Sequence[int], cap: int) -> ForkedProcess:
        """Ask for a process, without waiting for it.

        `pipes` are the new process's ends of the pipes for questions, answers and output. `cap` is the number
        of bytes of arrays that one message to it may have. Raises OSError; HarnessError if no server can be started.
        """
        request = {"user": fork.user, "cap": cap, "scratch_bytes": SCRATCH_BYTES}
        request["scratch_files"] = SCRATCH_FILES
        with self._lock:
            server = self._servers.get(fork.kind)
            if server is not None and server.has_ended():
                server.close()
                server = None
            if server is None:
                server = self._starter.submit(_Server, fork.kind).result()
                self._servers[fork.kind] = server
            return server.fork(request, pipes)


class _Server:
    def __init__(self, kind: ProcessKind) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY) if kind.namespaced else -1
        try:
            server = kind.server_command()
            command = [*server.prefix, sys.executable, "-I", "-B", FORK_SERVER, str(theirs.fileno()), str(proc)]
            self._process = subprocess.Popen(
                [*command, json.dumps(kind.preloaded)],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=[theirs.fileno(), *[proc] * (proc >= 0), *server.descriptors],
                cwd="/",
                env=server.environment,
                start_new_session=True,
            )
        except BaseException:
            self._requests.close()
            self._output.close()
            raise
        finally:
            theirs.close()
            if proc >= 0:
                os.close(proc)

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def fork(self, request: dict[str, Any], pipes: Sequence[int]) -> ForkedProcess:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.suppress(ConnectionError):  # the server has ended: the closed socket tells
            socket.send_fds(self._requests, [json.dumps(request).encode()], [*pipes, theirs.fileno()])
        return ForkedProcess(ours)

    def output(self) -> str:
        """Return the end of what it has printed."""
        descriptor = self._output.fileno()
        start = max(0, os.fstat(descriptor).st_size - _OUTPUT_BYTES)
        return os.pread(descriptor, _OUTPUT_BYTES, start).decode(errors="replace")

    def close(self) -> None:
        """End it, and with it all that it has forked if that is in its sandbox."""
        self._requests.close()
        self._process.kill()
        self._process.wait()
        self._output.close()
