"""Messages between the harness and the process that runs a submission, at the process's end.

The submission's process loads this file by its path: it may import numpy, the standard library and the files beside it
only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from typing import Any

from parity_tests.harness.inside import failures
from parity_tests.harness.wire import frames

_FSTAT = os.fstat
"""The function itself: the submission may put another in its place."""
HIGH = 100
"""File descriptors from here on are above the limit of the submission, which therefore cannot open them."""


class Channel:
    """The pipes to the harness."""

    def __init__(self, questions: int, answers: int, cap: int) -> None:
        """The arguments are the descriptors of the two pipes, and the bytes of arrays that one message may have.

        All other descriptors but the standard ones are closed.
        """
        self._questions, self._answers = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for fd in (questions, answers))
        low, high = sorted((self._questions, self._answers))
        for start, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
            os.closerange(start, end)
        self._pipes = {pipe: _identity(pipe) for pipe in (self._questions, self._answers)}
        self._process = os.getpid()
        self._decoder = frames.Decoder(cap)

    def receive(self) -> frames.Message | None:
        """Return the next message; None when the harness has gone."""
        while (message := self._decoder.next()) is None:
            if not self._decoder.read(self._questions):
                return None
        return message

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Send a whole message."""
        if os.getpid() != self._process:  # a copy that the submission forked off must not answer
            os._exit(0)
        try:
            pieces = frames.encode(header, arrays)
        except frames.WireError as error:
            if header.get("kind") != "fact":
                raise
            # Facts hold names and kinds as probes find them: if these are endless, that is the submission's failure.
            text = f"what the submission makes of {header['key']} cannot be taken: {error}"
            failed = failures.failure("crashed", "", text)
            pieces = frames.encode({"kind": "failure", "name": "", "call": 0, **failed}, {})
        for piece in pieces:
            while piece:
                piece = piece[os.write(self._answers, piece) :]

    def connected(self) -> bool:
        """Whether the pipes are still those that it was begun with."""
        return all(_identity(pipe) == identity for pipe, identity in self._pipes.items())


def _identity(descriptor: int) -> tuple[int, int]:
    """Return what tells an open file from all others; (0, 0) for a closed one."""
    try:
        status = _FSTAT(descriptor)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
