"""With what a submission's process ended: as it said, by a signal, or as its supervisor told."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from parity_tests.harness.inside.fork_server import PROBLEM, STATUS
from parity_tests.harness.process.process import ForkedProcess, StartedProcess


@pytest.mark.parametrize(
    ("namespaced", "ended", "told"),
    [(True, 128 + 9, -9), (True, 128, 128), (True, 3, 3), (False, 128 + 9, 128 + 9), (False, 0, 0)],
)
def test_bubblewrap_tells_a_signal_by_128_and_its_number(
    namespaced: bool, ended: int, told: int, tmp_path: Path
) -> None:
    with Path(os.devnull).open("wb") as nowhere:
        process = StartedProcess(
            ["/bin/sh", "-c", f"exit {ended}"],
            descriptors=(),
            output=nowhere.fileno(),
            folder=str(tmp_path),
            environment={},
            namespaced=namespaced,
        )
    assert process.exit_status(10.0) == told


@pytest.mark.skipif(sys.platform != "linux", reason="there are fork servers on Linux alone")
@pytest.mark.parametrize(
    ("packet", "told"), [(STATUS + b"7", 7), (STATUS + b"-11", -11), (b"", -signal.SIGKILL), (PROBLEM + b"no", None)]
)
def test_of_a_forked_process_the_supervisor_tells_it(packet: bytes, told: int | None) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = ForkedProcess(ours)
    if packet:
        theirs.send(packet)
    theirs.close()
    assert process.exit_status(1.0) == told
    process.close(0.0)
