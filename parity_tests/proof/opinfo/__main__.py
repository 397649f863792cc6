"""`python -m parity_tests.proof.opinfo`: PyTorch's list of operations and modules as the jury of the flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import click
import torch

from parity_tests.proof.jury import forked
from parity_tests.proof.opinfo import report
from parity_tests.proof.opinfo.cases import Listed, listed
from parity_tests.proof.opinfo.trial import Row, Trial

DTYPES = (torch.float32, torch.float64)


def tried(
    tasks: Sequence[tuple[Listed, torch.dtype]], samples: int, replicas: int, seconds: float, jobs: int
) -> Iterator[Row]:
    """The rows of these entries of the list in these types, in their order; `jobs` processes at a time."""

    def row_of(task: tuple[Listed, torch.dtype]) -> Row:
        trial = Trial(*task, samples, replicas)
        row, status = forked(partial(_try, trial), seconds)
        if row is None:
            trial.row.reason = f"took over {seconds:g} s" if status is None else "the process that tried it died"
        return row or trial.row

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(row_of, tasks)


def _try(trial: Trial, send: Callable[[Row], None]) -> None:
    import warnings

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    send(trial.run())


def chosen(operations: str, every: int) -> list[Listed]:
    """The entries that were asked for. Raises click.UsageError for a name that is not in the list."""
    wanted = [word.strip() for word in operations.split(",") if word.strip()]
    unknown = [word for word in wanted if not any(_is(word, entry.name) for entry in listed())]
    if unknown:
        raise click.UsageError(f"torch's list has no {', '.join(unknown)}; a name is such as nn.functional.conv2d.")
    return [entry for entry in listed() if not wanted or any(_is(word, entry.name) for word in wanted)][::every]


def _is(word: str, name: str) -> bool:
    return name == word or name.startswith(f"{word} (")


@click.command()
@click.option("--operations", default="", help="Names in torch's list, with commas between; all if left out.")
@click.option("--every", type=click.IntRange(min=1), default=1, show_default=True, help="Every N-th of them alone.")
@click.option("--samples", type=click.IntRange(min=1), default=6, show_default=True, help="Samples of each, at most.")
@click.option("--replicas", type=click.IntRange(min=2), default=8, show_default=True, help="Replicas of a sample.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at a time.")
@click.option("--seconds", type=float, default=120.0, show_default=True, help="Of one operation in one type, at most.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the table.")
def main(operations: str, every: int, samples: int, replicas: int, jobs: int, seconds: float, out: Path | None) -> None:
    """Hold torch's operations against other honest answers, and seed faults in what is accepted."""
    tasks = list(product(chosen(operations, every), DTYPES))
    rows: list[Row] = []
    for row in tried(tasks, samples, replicas, seconds, jobs):
        rows.append(row)
        click.echo(f"{len(rows)} of {len(tasks)}: {_told(row)}", err=True)
    if out is not None:
        report.write(rows, out)
    click.echo(report.summary(rows))


def _told(row: Row) -> str:
    about = row.reason if row.verdict == "refused" else f"{row.ratio:.3g} {row.where}".strip()
    return f"{row.operation}, {row.dtype}: {row.verdict}; {about}"[:300]


if __name__ == "__main__":
    main()
