"""The process of a submission with the three pipes to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from parity_tests.harness.process.process import Process
from parity_tests.harness.sandbox.bubblewrap import SCRATCH_BYTES
from parity_tests.harness.wire import frames
from parity_tests.protocol.errors import HarnessError

OUTPUT_BYTES = 64 << 10
"""Bytes kept of what a submission prints."""
GRACE = 1.0
"""Seconds that a process has, after its time limit has struck inside, before it is killed."""
CASE_BYTES = 4 * frames.MAX_BODY
"""Bytes that one case may send through the pipe."""
_SCRATCH_INTERVAL = 0.25
"""Seconds between two measurements of a scratch folder on disk."""
_DRAINED_PIECES = 64
_QUESTIONS_BYTES = 1 << 20
"""Bytes that wait in the pipe of questions at most; of the usual 64 KiB, a large question takes 300 turns."""
_SIGNALS = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "it aborted",
    signal.SIGXCPU: "too much processor time",
    signal.SIGKILL: "killed from outside, perhaps for lack of memory",
}


class ProcessEnded(Exception):  # noqa: N818 - not an error
    """The process has ended, or must be ended."""


class DeadlinePassed(Exception):  # noqa: N818 - not an error
    """The process has not answered before the deadline."""


class Child:
    """A process and what connects us to it. It never waits for the end of a pipe: an orphan may hold it open."""

    def __init__(
        self,
        start: Callable[[Sequence[int]], Process],
        scratch: Path | None,
        cap: int,
        output: bytearray,
    ) -> None:
        """`start` starts the process, given its ends of the pipes.

        `scratch` is the folder whose size must be watched, or None. `cap` is the number of bytes of arrays that one
        message may have. What the process prints is added to `output`.
        """
        self._scratch = scratch
        self._scratch_measured, self._scratch_full = time.monotonic(), False
        self._output = output
        self._decoder = frames.Decoder(cap)
        self._received = 0
        their_questions, self._questions = os.pipe()
        with contextlib.suppress(OSError, AttributeError):  # a user with many pipes, or a system without it, has less
            fcntl.fcntl(self._questions, fcntl.F_SETPIPE_SZ, _QUESTIONS_BYTES)
        self._answers, their_answers = os.pipe()
        self._printed, their_output = os.pipe()
        theirs = (their_questions, their_answers, their_output)
        try:
            self.process = start(theirs)
        except BaseException:
            for descriptor in (self._questions, self._answers, self._printed):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._questions, self._answers, self._printed):
            os.set_blocking(descriptor, False)
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._selector.register(self._printed, selectors.EVENT_READ)

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], deadline: float) -> None:
        """Send a whole message. Raises ProcessEnded, DeadlinePassed, and HarnessError for what is no message."""
        self._received = 0
        try:
            pieces = list(frames.encode(header, arrays))
        except frames.WireError as error:
            raise HarnessError(f"this cannot be put to a submission: {error}") from error
        try:
            for piece in pieces:
                while piece:
                    try:
                        piece = piece[os.write(self._questions, piece[: frames.PIECE]) :]
                    except BlockingIOError:
                        self._wait_writable(deadline)
        except BrokenPipeError:
            raise ProcessEnded from None

    def receive(self, deadline: float) -> frames.Message:
        """Return the next message. Raises ProcessEnded, DeadlinePassed, WireError."""
        while (message := self._decoder.next()) is None:
            if self._answers not in self._wait(deadline):
                continue
            size = self._decoder.read(self._answers)
            self._received += size
            if self._received > CASE_BYTES:
                raise frames.WireError(f"one case sent more than {CASE_BYTES} bytes")
            if not size:
                raise ProcessEnded
        return message

    def describe_end(self, seconds: float = 0.0) -> str:
        """Return how the process ended, or why it must be ended, as the predicate of a sentence.

        It has up to so many seconds and GRACE to end by itself.
        """
        if self._scratch_full:
            return f"wrote more than {SCRATCH_BYTES >> 20} MiB to its scratch folder"
        status = self.process.exit_status(seconds + GRACE)
        if problem := self.process.problem():
            return f"could not be forked: {problem}"
        if status in (None, frames.CUT_OFF):
            return "closed the connection between its process and Parity"
        if status >= 0:
            return f"ended the Python process (exit status {status})"
        name = _SIGNALS.get(signal.Signals(-status), "")
        return f"was killed by signal {-status}{f' ({name})' if name else ''}"

    def kill(self) -> None:
        """Kill the process with all that it started."""
        self.process.kill()

    def close(self) -> None:
        """Kill the process with all that it started, and close the pipes."""
        self.process.close(5.0)
        self.drain_output()
        self._selector.close()
        for descriptor in (self._questions, self._answers, self._printed):
            os.close(descriptor)

    def _wait_writable(self, deadline: float) -> None:
        """Wait until more can be written to the process, or it has answered. Raises ProcessEnded, DeadlinePassed."""
        self._selector.register(self._questions, selectors.EVENT_WRITE)
        try:
            self._wait(deadline)
        finally:
            self._selector.unregister(self._questions)

    def _wait(self, deadline: float) -> list[int]:
        """Wait a moment; return the descriptors of questions and answers that are ready, with the output drained.

        Raises ProcessEnded, DeadlinePassed.
        """
        left = deadline - time.monotonic()
        if left <= 0 and not self.process.has_ended():
            raise DeadlinePassed
        if self._scratch is not None and time.monotonic() - self._scratch_measured > _SCRATCH_INTERVAL:
            self._scratch_measured = time.monotonic()
            self._scratch_full = _disk_bytes(self._scratch) > SCRATCH_BYTES
            if self._scratch_full:
                raise ProcessEnded
        ready = self._select(min(left, 0.05))
        if not ready and self.process.has_ended():
            ready = self._select(0.0)  # what it sent before its end
            if self._answers not in ready:
                raise ProcessEnded
        return ready

    def _select(self, seconds: float) -> list[int]:
        ready = [key.fd for key, _ in self._selector.select(max(0.0, seconds))]
        if self._printed in ready:
            ready.remove(self._printed)
            self.drain_output()
        return ready

    def drain_output(self) -> None:
        """Take what the process has printed so far. What it printed before a message it wrote before that message."""
        for _ in range(_DRAINED_PIECES):  # an orphan that floods the pipe must not keep us here
            data = _read(self._printed)
            if not data:
                return
            self._output += data[: max(0, OUTPUT_BYTES - len(self._output))]


def _disk_bytes(folder: Path) -> int:
    """Return the bytes that the files below a folder take, while others write there; a file takes a block at least.

    Counting stops at the first file beyond SCRATCH_BYTES.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += max(Path(parent, name).lstat().st_blocks, 8) * 512
            if total > SCRATCH_BYTES:
                return total
    return total


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, frames.PIECE)
    except BlockingIOError:
        return b""
