"""Trials in processes of their own, a few at a time: one that crashes or hangs is a row as well."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from parity_tests.proof.opinfo.cases import listed
from parity_tests.proof.opinfo.trial import REFUSED, Row, Trial

DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Wanted:
    """How each operation is tried: samples at most, replicas, seconds."""

    samples: int
    replicas: int
    seconds: float


def run(numbers: Sequence[int], wanted: Wanted, jobs: int) -> Iterator[Row]:
    """The rows of these entries of the list, as they come; `jobs` processes at a time."""
    context = multiprocessing.get_context("fork")  # so that torch's list is imported once
    waiting = [(number, dtype) for number in numbers for dtype in DTYPES]
    running: dict[Connection, tuple[Any, float, int, torch.dtype]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number, dtype = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_try, args=(number, dtype, wanted, theirs), daemon=True)
            process.start()
            theirs.close()
            running[ours] = (process, time.monotonic() + wanted.seconds, number, dtype)
        ready = wait(list(running), timeout=0.5)
        for connection, (process, until, number, dtype) in list(running.items()):
            if connection in ready:
                row = _received(connection, number, dtype)
            elif time.monotonic() > until:
                process.kill()
                row = _failed(number, dtype, f"took over {wanted.seconds:g} s")
            else:
                continue
            process.join()
            connection.close()
            del running[connection]
            yield row


def _received(connection: Connection, number: int, dtype: torch.dtype) -> Row:
    try:
        row: Row = connection.recv()
    except EOFError:
        return _failed(number, dtype, "the process that tried it died")
    return row


def _failed(number: int, dtype: torch.dtype, reason: str) -> Row:
    return Row(listed()[number].name, str(dtype).removeprefix("torch."), REFUSED, reason)


def _try(number: int, dtype: torch.dtype, wanted: Wanted, connection: Connection) -> None:
    import warnings

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    connection.send(Trial(listed()[number], dtype, wanted.samples, wanted.replicas).run())
    connection.close()
