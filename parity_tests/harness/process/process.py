"""A running process of a submission, as the harness holds it: started cold, or forked off a fork server."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from parity_tests.harness.inside.fork_server import PROBLEM, PROCESS, STATUS

_TEXT = 4096


class Process(Protocol):
    """What can be known of a process, and done to it."""

    def ended(self) -> bool:
        """Whether it has ended, as far as can be told without waiting."""

    def status(self, seconds: float) -> int | None:
        """Its exit status, negative the number of the signal that killed it; None if it has not ended by then."""

    def problem(self) -> str:
        """Why it never came to run anything, "" where it did or where nobody can tell."""

    def kill(self) -> None:
        """End it with all that it started, from any thread."""

    def close(self, seconds: float) -> None:
        """End it, wait until it is gone, or so long, and let go of it."""


class Started:
    """A process that was started cold. `namespaced`: it is the child of bubblewrap, which is what is held."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        descriptors: Sequence[int],
        printed: int,
        folder: str,
        environment: Mapping[str, str],
        namespaced: bool,
    ) -> None:
        self._namespaced = namespaced
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=descriptors,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def ended(self) -> bool:
        return self._process.poll() is not None

    def status(self, seconds: float) -> int | None:
        try:
            status = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        # So bubblewrap says that its child was killed.
        return 128 - status if self._namespaced and status > 128 else status

    def problem(self) -> str:
        return ""

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()

    def close(self, seconds: float) -> None:
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=seconds)


class Forked:
    """A process that a fork server was asked for; `line` is our end of the one to its keeper."""

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self._line = line
        self._handle: int | None = None
        self._status: int | None = None
        self._problem = ""
        self._over = self._closed = False
        self._lock = threading.Lock()

    @property
    def handle(self) -> int | None:
        """A descriptor of the process whose end is the end of all, once it is there."""
        self._listen()
        return self._handle

    def await_handle(self, seconds: float) -> None:
        """Wait until the handle is there, or nothing can come any more, or so long."""
        end = time.monotonic() + seconds
        while self.handle is None and not self._over and _readable(self._line.fileno(), end):
            pass

    def ended(self) -> bool:
        self._listen()
        return self._over

    def status(self, seconds: float) -> int | None:
        self._wait(seconds)
        if self._status is None and self._over and not self._problem:
            return -signal.SIGKILL  # its keeper, or the server before there was one, was killed
        return self._status

    def problem(self) -> str:
        self._listen()
        return self._problem or ("its fork server ended" if self._over and self._handle is None else "")

    def kill(self) -> None:
        with self._lock:
            if self._closed:
                return
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)
            if self._handle is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self, seconds: float) -> None:
        self.kill()
        self._wait(seconds)
        with self._lock:
            self._closed = True
            self._line.close()
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _wait(self, seconds: float) -> None:
        """Wait until the line is shut at the other end, and the process gone."""
        end = time.monotonic() + seconds
        while not self.ended():
            if not _readable(self._line.fileno(), end):
                return
        if self._handle is not None:
            _readable(self._handle, end)

    def _listen(self) -> None:
        with self._lock:
            while not (self._over or self._closed):
                try:
                    said, descriptors, _, _ = socket.recv_fds(self._line, _TEXT, 1, socket.MSG_CMSG_CLOEXEC)
                except BlockingIOError:
                    return
                except ConnectionError:
                    said, descriptors = b"", []
                kind, text = said[:1], said[1:].decode()
                if kind == PROCESS:
                    (self._handle,) = descriptors
                elif kind == STATUS:
                    self._status = int(text)
                elif kind == PROBLEM:
                    self._problem = text
                else:
                    self._over = True


def _readable(descriptor: int, end: float) -> bool:
    """Whether something can be read, waiting until `end` (time.monotonic)."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(max(0.0, end - time.monotonic()) * 1000))
