"""A running process of a submission, as the harness sees it: started cold, or forked off a fork server."""

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

from parity_tests.harness.inside.fork_server import PIDFD, PROBLEM, STATUS

_PACKET_BYTES = 4096


class Process(Protocol):
    """A process that can be watched and killed."""

    def has_ended(self) -> bool:
        """Return whether it has ended, as far as that can be told without waiting."""

    def exit_status(self, seconds: float) -> int | None:
        """Wait up to so many seconds and return its exit status: minus the signal that killed it; None if it runs."""

    def problem(self) -> str:
        """Return why it never ran anything; "" if it did, or if that is unknown."""

    def kill(self) -> None:
        """Kill it with all that it started. May be called from any thread."""

    def close(self, seconds: float) -> None:
        """Kill it, wait up to so many seconds until it is gone, and release what belongs to it."""


class StartedProcess:
    """A process that was started cold. If it is `namespaced`, this is bubblewrap, and the worker is its child."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        descriptors: Sequence[int],
        output: int,
        folder: str,
        environment: Mapping[str, str],
        namespaced: bool,
    ) -> None:
        """`descriptors` are those that the process inherits, `output` the one that it prints to."""
        self._namespaced = namespaced
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def exit_status(self, seconds: float) -> int | None:
        try:
            status = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        # bubblewrap exits with 128 + the signal if its child was killed.
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


class ForkedProcess:
    """A process that a fork server was asked for; `status_socket` is our end of the one to its supervisor."""

    def __init__(self, status_socket: socket.socket) -> None:
        status_socket.setblocking(False)
        self._socket = status_socket
        self._pidfd: int | None = None
        self._status: int | None = None
        self._problem = ""
        self._shut = self._closed = False
        self._lock = threading.Lock()

    @property
    def pidfd(self) -> int | None:
        """A descriptor of the process whose end ends all of them; None until the fork server has sent it."""
        self._receive()
        return self._pidfd

    def wait_for_pidfd(self, seconds: float) -> None:
        """Wait up to so many seconds until the descriptor has come, or until none can come any more."""
        deadline = time.monotonic() + seconds
        while self.pidfd is None and not self._shut and _wait_readable(self._socket.fileno(), deadline):
            pass

    def has_ended(self) -> bool:
        self._receive()
        return self._shut

    def exit_status(self, seconds: float) -> int | None:
        self._wait(seconds)
        if self._status is None and self._shut and not self._problem:
            return -signal.SIGKILL  # its supervisor was killed, or the server before there was a supervisor
        return self._status

    def problem(self) -> str:
        self._receive()
        return self._problem or ("its fork server ended" if self._shut and self._pidfd is None else "")

    def kill(self) -> None:
        with self._lock:
            if self._closed:
                return
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            if self._pidfd is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self, seconds: float) -> None:
        self.kill()
        self._wait(seconds)
        with self._lock:
            self._closed = True
            self._socket.close()
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None

    def _wait(self, seconds: float) -> None:
        """Wait until the socket is shut at the other end, and the process gone."""
        deadline = time.monotonic() + seconds
        while not self.has_ended():
            if not _wait_readable(self._socket.fileno(), deadline):
                return
        if self._pidfd is not None:
            _wait_readable(self._pidfd, deadline)

    def _receive(self) -> None:
        """Take what has come over the socket, without waiting."""
        with self._lock:
            while not (self._shut or self._closed):
                try:
                    packet, descriptors, _, _ = socket.recv_fds(self._socket, _PACKET_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
                except BlockingIOError:
                    return
                except ConnectionError:
                    packet, descriptors = b"", []
                kind, text = packet[:1], packet[1:].decode()
                if kind == PIDFD:
                    (self._pidfd,) = descriptors
                elif kind == STATUS:
                    self._status = int(text)
                elif kind == PROBLEM:
                    self._problem = text
                else:
                    self._shut = True


def _wait_readable(descriptor: int, deadline: float) -> bool:
    """Wait until something can be read, or until `deadline` (time.monotonic); return whether something can."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
