"""`parity selftest`: measure what the harness catches, what it names, and whether it raises false alarms."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.assignments import SHIPPED
from parity_tests.cli.options import Whole, assignment_option, json_option, quiet_option, verbose_option
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES
from parity_tests.cli.terminal import Progress
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


GROUPS = {
    "mutants": "slips",
    "adversarial": "evasions",
    "correct": "honest",
    "nulls": "nulls",
    "nearmisses": "nearmisses",
}
"""What the groups are called, and their kinds in the frame, by which they were called before."""
_BEFORE = {kind: name for name, kind in GROUPS.items()}


@click.command(context_settings={"token_normalize_func": lambda word: _BEFORE.get(word, word)})
@assignment_option
@click.option(
    "--only",
    type=click.Choice([*GROUPS]),
    help="Only one of the groups; near misses only where they are named.",
)
@click.option(
    "--seeds",
    "exams",
    type=Whole(min=1),
    metavar="N",
    help="For each of the exams of N seeds one in --share of all variants, the next exam the next ones.",
)
@click.option(
    "--share",
    type=Whole(min=1),
    default=5,
    show_default=True,
    metavar="K",
    help="With --seeds: one in K variants an exam.",
)
@click.option("--jobs", type=Whole(min=1), help="Processes; as many as there are cores if left out.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("parity-selftest"),
    show_default=True,
    help="Folder for the frame.",
)
@verbose_option("Say each variant as it is judged.")
@quiet_option
@json_option
def selftest(
    assignment: str | None,
    only: str | None,
    exams: int | None,
    share: int,
    jobs: int | None,
    out: Path,
    verbose: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Test Parity itself.

    Variants are made of the assignment's own solution, and checked as any submission is. Each mutant must be caught
    unless it gives the same numbers or what it changes is not asked for, each adversarial submission be caught, each
    correct variant match, and no null submission, which knows nothing, earn more than 2 of 100. A near miss, wrong in
    some elements, calls or rounds alone, must not get the name of what is wrong in all. Exit status 1 for a survivor, a
    wrong name or a false alarm.
    """
    import pandas as pd

    from parity_tests.proof.proof import KINDS, prove, tasks

    kinds = (GROUPS[only],) if only else KINDS
    rows: list[dict[str, Any]] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {out} cannot be made ({error.strerror}).") from error
    with Progress(verbose=verbose, quiet=quiet) as progress:
        wanted = tasks(assignment or SHIPPED, kinds, range(exams or 1), share if exams else 1)
        for done, (task, row) in enumerate(prove(wanted, jobs=jobs), 1):
            progress(done, len(wanted), row.name)
            rows.append({**asdict(row), "seed": task.seed})
    frame = pd.DataFrame(rows)
    frame.to_csv(out / "selftest.csv", index=False)
    good = bool(frame["good"].all())
    if as_json:
        click.echo(frame.to_json(orient="records", indent=1))
    elif quiet:
        click.echo(f"{int(frame['good'].sum())} of {len(frame)} variants are judged as they should be.")
    else:
        _print_table(frame)
    if not (as_json or quiet):
        click.echo(f"The frame is in {out}.")
    return AGREEMENT if good else DISCREPANCIES


def _print_table(frame: pd.DataFrame) -> None:
    from reports.terminal.lines import table

    rows = [["", "asked", "caught", "equivalent", "not asked", "survivors", "false alarms"]]
    for label, kind in GROUPS.items():
        group = frame[frame["kind"] == kind]
        if not len(group):
            continue
        outcomes, honest, slips = group["outcome"], kind == "honest", kind == "slips"
        counts = (
            len(group),
            None if honest else int((outcomes == "caught").sum()),
            int((outcomes == "equivalent").sum()) if slips else None,
            int((outcomes == "not asked").sum()) if slips else None,
            None if honest else int((outcomes == "survived").sum()),
            int((outcomes == "false alarm").sum()) if honest else None,
        )
        rows.append([label, *("-" if count is None else str(count) for count in counts)])
    click.echo("\n".join(table(rows, "lrrrrrr")))
    for row in frame[frame["kind"] == "nulls"].to_dict("records"):
        click.echo(f"  {row['detail']}: {row['name']}")
    for row in frame[~frame["good"]].to_dict("records"):
        click.echo(f"  {row['outcome']}: {row['name']}" + (f": {row['detail']}" if row["detail"] else ""))
    excused = frame[frame["outcome"].isin(["equivalent", "not asked"])]
    for row in excused.value_counts(["outcome", "detail"]).reset_index(name="count").to_dict("records"):
        click.echo(f"  {row['count']} {row['outcome']}: {row['detail']}")
