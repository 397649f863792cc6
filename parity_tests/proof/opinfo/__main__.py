"""`python -m parity_tests.proof.opinfo`: PyTorch's list of operations and modules as the jury of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from parity_tests.proof.opinfo import pool, report
from parity_tests.proof.opinfo.cases import listed
from parity_tests.proof.opinfo.trial import Row


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
    total = len(numbers) * len(pool.DTYPES)
    for row in pool.run(numbers, pool.Wanted(samples, replicas, seconds), jobs):
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
