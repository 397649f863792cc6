"""`python -m parity_tests.proof.kernelbench FOLDER`: KernelBench's problems as the jury of the flow.

FOLDER is a copy of KernelBench's problems (folders `level1` to `level3`), which Parity does not bring.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import torch

from parity_tests.proof.jury import forked
from parity_tests.proof.kernelbench import report
from parity_tests.proof.kernelbench.answers import honest
from parity_tests.proof.kernelbench.problems import Sums, listed
from parity_tests.proof.kernelbench.trial import REFUSED, TIME, Row, Trial, of_file
from reference.flow import evaluate

_WALL = 10
"""A process may wait for so many times its processor seconds, and is then taken to be stuck."""


def tried(trial: Trial, seconds: int, memory: int) -> Row:
    """One problem's row, from a process of its own that gets so many processor seconds and GiB."""
    last, status = forked(partial(_try, trial, seconds, memory), seconds * _WALL)
    row = last or replace(trial.row, verdict=TIME)
    if row.verdict == TIME:
        cpu = status in (None, -signal.SIGXCPU)
        row.verdict, row.reason = (TIME, f"over {seconds} s") if cpu else (REFUSED, "the process that tried it died")
    return row


def imported() -> None:
    """What torch imports when it is first needed, once for all processes."""
    torch.set_num_threads(1)
    with torch.device("meta"), Sums():
        torch.nn.functional.layer_norm(torch.rand(2, 3), (3,)) @ torch.rand(3, 2)
    evaluate(lambda x: torch.nn.functional.gelu(x), {"x": torch.ones(2, 3)}, radius="sample", replicas=2)
    list(honest(torch.nn.functional.gelu, {"input": torch.ones(2)}, {}, {}))


def _try(trial: Trial, seconds: int, memory: int, send: Callable[[Row], None]) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (memory << 30, memory << 30))
    torch.set_num_threads(1)
    trial.keep = send
    send(trial.run())


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--own-sizes", is_flag=True, help="Keep the problems' own numbers of terms in all sums.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Inputs times this.")
@click.option("--causes", is_flag=True, help="Look for the cause of each fault that is told, too.")
@click.option("--only", default="", help="Problems whose level and name hold this text, such as level1 or Softmax.")
@click.option("--seconds", type=click.IntRange(min=1), default=150, show_default=True, help="Processor time of each.")
@click.option("--memory", type=click.IntRange(min=1), default=10, show_default=True, help="GiB of each.")
@click.option("--anew", is_flag=True, help="Ask again what is in the table already.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("kernelbench.csv"), show_default=True
)
def main(
    folder: Path,
    own_sizes: bool,
    scale: float,
    causes: bool,
    only: str,
    seconds: int,
    memory: int,
    anew: bool,
    out: Path,
) -> None:
    """Hold KernelBench's models against honest answers, and against answers with faults, beside typed tolerances.

    The table is written after each problem; what is in it is not asked again. Its totals are printed as Markdown.
    """
    paths = [path for path in listed(folder) if only in f"{path.parent.name}/{path.stem}"]
    if not paths:
        raise click.UsageError(f"{folder} has no problem{f' with {only} in its name' if only else 's'}: level1/1_….py")
    rows = {(row.level, row.problem): row for row in report.read(out)}
    asked = [path for path in paths if anew or (path.parent.name, path.stem) not in rows]
    imported()
    for number, path in enumerate(asked, 1):
        row = tried(of_file(path, own_sizes, scale, causes), seconds, memory)
        rows[row.level, row.problem] = row
        report.write([rows[key] for key in sorted(rows, key=_place)], out)
        told = [f"{who} {report.told([row], who)}" for who in report.JUDGES]
        about = f"{len(row.faults)} faults: {', '.join(told)}" if row.faults else row.reason
        click.echo(f"{number} of {len(asked)}: {row.level}/{row.problem}: {row.verdict}; {about}"[:200], err=True)
        for fault, words in row.said.items():
            click.echo(f"    {fault}: {words}", err=True)
    click.echo("\n".join(report.summary([rows[key] for key in sorted(rows, key=_place)])))


def _place(key: tuple[str, str]) -> tuple[str, int]:
    return key[0], int(key[1].partition("_")[0])


if __name__ == "__main__":
    main()
