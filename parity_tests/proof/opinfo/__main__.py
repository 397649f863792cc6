"""`python -m parity_tests.proof.opinfo`: PyTorch's list of operations and modules as the jury of the flow."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import click
import torch

from parity_tests.proof.opinfo import report
from parity_tests.proof.opinfo.cases import listed
from parity_tests.proof.opinfo.trial import REFUSED, Row, Trial

DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Wanted:
    """How each operation is tried: samples at most, replicas, seconds."""

    samples: int
    replicas: int
    seconds: float


def tried(numbers: Sequence[int], wanted: Wanted, jobs: int) -> Iterator[Row]:
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


def chosen(operations: str, every: int) -> list[int]:
    """The numbers of the entries that were asked for. Raises click.UsageError for a name that is not in the list."""
    names = [entry.name for entry in listed()]
    if not operations:
        return list(range(0, len(names), every))
    wanted = [word.strip() for word in operations.split(",")]
    unknown = [word for word in wanted if not any(_is(word, name) for name in names)]
    if unknown:
        raise click.UsageError(f"torch's list has no {', '.join(unknown)}; a name is such as nn.functional.conv2d.")
    return [number for number, name in enumerate(names) if any(_is(word, name) for word in wanted)][::every]


def _is(word: str, name: str) -> bool:
    return name == word or name.startswith(f"{word} (")


@click.command()
@click.option("--operations", default="", help="Names in torch's list, with commas between; all if left out.")
@click.option("--every", type=click.IntRange(min=1), default=1, show_default=True, help="Every N-th of them alone.")
@click.option("--samples", type=click.IntRange(min=1), default=6, show_default=True, help="Samples of each, at most.")
@click.option("--replicas", type=click.IntRange(min=2), default=8, show_default=True, help="Replicas of a sample.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at a time.")
@click.option("--seconds", type=float, default=120.0, show_default=True, help="Of one operation in one type, at most.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the table and the curve.")
def main(operations: str, every: int, samples: int, replicas: int, jobs: int, seconds: float, out: Path | None) -> None:
    """Hold torch's operations against other honest answers, and seed faults in what is accepted."""
    numbers = chosen(operations, every)
    rows: list[Row] = []
    total = len(numbers) * len(DTYPES)
    for row in tried(numbers, Wanted(samples, replicas, seconds), jobs):
        rows.append(row)
        click.echo(f"{len(rows)} of {total}: {_told(row)}", err=True)
    rows = in_order(rows)
    if out is not None:
        report.write(rows, out)
    click.echo(report.summary(rows))


def in_order(rows: Sequence[Row]) -> list[Row]:
    """As torch's list has them."""
    places = {entry.name: number for number, entry in enumerate(listed())}
    return sorted(rows, key=lambda row: (places[row.operation], row.dtype))


def _told(row: Row) -> str:
    about = row.reason if row.verdict == "refused" else f"{row.ratio:.3g} {row.where}".strip()
    return f"{row.operation}, {row.dtype}: {row.verdict}; {about}"[:300]


if __name__ == "__main__":
    main()
