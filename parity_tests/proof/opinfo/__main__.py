"""`python -m parity_tests.proof.opinfo`: PyTorch's list of operations and modules as problems of the flow's jury."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import click
import numpy as np
import torch

from parity_tests.proof.jury import line, short, shown
from parity_tests.proof.kernelbench import report
from parity_tests.proof.kernelbench.__main__ import imported, tried
from parity_tests.proof.kernelbench.trial import ACCEPTED, ALARM, REFUSED, TIME, UNASKED, UNDECIDED, Row, Trial
from parity_tests.proof.opinfo.cases import Listed, listed

DTYPES = (torch.float32, torch.float64)
_JUDGED = (ALARM, ACCEPTED, UNDECIDED)
_WORST = (*_JUDGED, TIME, REFUSED, UNASKED)
"""What a row of several samples says: the first that one of them gets."""
FINDINGS = {
    "erfc": "scipy errs by more ulps in the tail than any library documents",
    "nn.functional.softplus": "log(1 + eˣ) as numpy has it here cancels far below 0",
    "std": "numpy divides by n where nothing is said, torch by n − 1",
    "var": "numpy divides by n where nothing is said, torch by n − 1",
}
"""What is known of a difference: mostly the reference of torch's authors is another function, or a worse form."""
_SAYING = re.compile(r"UnknownOperationError: torch runs aten\.(\w+)")
_WITHOUT_A_RULE = {
    "polygamma|bessel_j|bessel_y|airy|polynomial|log_ndtr": "no ulp bound exists near its roots",
    "bessel|zeta|igamma|i0|i1|ndtri|erfinv|erfcx": "neither torch nor other libraries document its error in ulps",
    "linalg|cholesky|lu_|svd|qr|triangular_solve|ormqr|geqrf|inverse":
        "its error grows with the matrix' condition, which no elementwise bound knows",
    "hist|allclose": "it counts or compares, which rounding decides at an edge",
}  # fmt: skip
"""Why operations have no rule, by what is in their names."""


def row_of(entry: Listed, dtype: torch.dtype, samples: int, seconds: int, memory: int) -> Row:
    """What is found of so many samples of an operation in a type, each in a process of its own."""
    row = Row(str(dtype).removeprefix("torch."), entry.name)
    try:
        cases = entry.cases(dtype, samples)
    except Exception as error:
        row.verdict, row.reason = REFUSED, f"its samples cannot be made: {short(error)}"
        return row
    return merged(row, [tried(Trial(row, case.problem), seconds, memory) for case in cases])


def merged(row: Row, found: Sequence[Row]) -> Row:
    """One row of those of all samples: who tells a fault tells it in each sample that was judged and where it shows."""
    if not found:
        row.verdict, row.reason = REFUSED, "torch lists no sample of it"
        return row
    judged = [one for one in found if one.verdict in _JUDGED] or found
    resolutions = [one.resolution for one in judged if one.resolution is not None]
    row.verdict = min((one.verdict for one in found), key=_WORST.index)
    reasons = Counter(_said(row, one.reason) for one in found if one.reason)
    row.reason = "; ".join(f"{said} ({n}×)" if len(found) > 1 else said for said, n in reasons.most_common(4))
    row.longest, row.kinds = max(one.longest for one in found), max((one.kinds for one in judged), key=len)
    row.resolution = float(np.median(resolutions)) if resolutions else None
    row.seconds, row.honest = sum(one.seconds for one in found), sum(one.honest for one in judged)
    row.alarms = {who: sum(one.alarms.get(who, 0) for one in judged) for one in judged for who in one.alarms}
    for name in dict.fromkeys(name for one in judged for name in one.faults):
        told = [one.faults[name] for one in judged if name in one.faults]
        row.faults[name] = [who for who in report.JUDGES if all(who in each for each in told)]
    return row


def _said(row: Row, reason: str) -> str:
    """A reason with what is known of it."""
    if row.verdict == ALARM and row.problem in FINDINGS:
        return f"{FINDINGS[row.problem]}: {reason}"
    if (unknown := _SAYING.match(reason)) is None:
        return reason
    why = next((f": {why}" for words, why in _WITHOUT_A_RULE.items() if re.search(words, unknown[1])), "")
    return f"{unknown[1]} has no rule{why}"


def summary(rows: Sequence[Row]) -> str:
    """The counts, as one paragraph."""
    count, judged = Counter(row.verdict for row in rows), [row for row in rows if row.verdict in _JUDGED]
    told = [report.told(judged, who) for who in report.JUDGES]
    typed = ", ".join(f"{who} {n}" for who, n in zip(report.JUDGES[1:], told[1:], strict=True))
    return (
        f"Of PyTorch's own list of {len({row.problem for row in rows})} operations and modules, in float32 and "
        f"float64 {len(rows)} in all, {count[ACCEPTED]} are accepted, {count[ALARM]} differ from a correct answer, "
        f"{count[UNDECIDED]} are undecided and {len(rows) - len(judged)} are refused, each with its reason. Of "
        f"{sum(len(row.faults) for row in judged)} faults in what is judged `hold` tells {told[0]}; tolerances that "
        f"people type tell: {typed}."
    )


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The counts; the tables of every jury; what is accepted."""
    yield from ("# PyTorch's own list of operations as the jury", "", summary(rows), "", *report.summary(rows), "")
    yield from (line("accepted", "type", "bound", "resolution", "faults told"), line(*["---"] * 5))
    for row in rows:
        if row.verdict == ACCEPTED:
            told = f"{report.told([row], 'hold')} of {len(row.faults)}"
            yield line(row.problem, row.level, row.kinds, shown(row.resolution), told)


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
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at a time.")
@click.option("--seconds", type=click.IntRange(min=1), default=60, show_default=True, help="Processor time of each.")
@click.option("--memory", type=click.IntRange(min=1), default=10, show_default=True, help="GiB of each.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the table.")
def main(operations: str, every: int, samples: int, jobs: int, seconds: int, memory: int, out: Path | None) -> None:
    """Hold torch's operations against other correct answers, and against answers with faults."""
    tasks = [(entry, dtype) for entry, dtype in product(chosen(operations, every), DTYPES) if entry.supports(dtype)]
    imported()
    rows: list[Row] = []
    with ThreadPoolExecutor(jobs) as pool:
        for row in pool.map(lambda task: row_of(task[0], task[1], samples, seconds, memory), tasks):
            rows.append(row)
            told = f"{report.told([row], 'hold')} of {len(row.faults)} faults told"
            about = f"{len(rows)} of {len(tasks)}: {row.problem}, {row.level}: {row.verdict}; {row.reason or told}"
            click.echo(about[:300], err=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        report.write(rows, out / "opinfo.csv")
    click.echo(summary(rows))


if __name__ == "__main__":
    main()
