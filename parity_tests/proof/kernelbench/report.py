"""What KernelBench's problems found: a line for each problem as CSV, and totals as Markdown."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from parity_tests.proof.jury import line, write_csv
from parity_tests.proof.kernelbench.answers import FAULTS
from parity_tests.proof.kernelbench.trial import (
    ACCEPTED,
    ALARM,
    NAMED,
    OTHERWISE,
    PLACED,
    REFUSED,
    TIME,
    TYPED,
    UNASKED,
    UNDECIDED,
    Row,
)

JUDGES = ("hold", *TYPED)
LONG = 256
"""Terms of a sum from which `hold` takes it for a long one."""
NOBODY = "nobody"
_PLAIN = ("level", "problem", "verdict", "reason", "longest", "kinds", "resolution", "seconds", "honest")
COLUMNS = (*_PLAIN, *(f"alarms {who}" for who in JUDGES), *FAULTS)
"""Below each fault stands who tells it, where it shows in float64."""


def write(rows: Sequence[Row], file: Path) -> None:
    """All rows as CSV."""
    write_csv(
        file,
        COLUMNS,
        (
            [
                *(getattr(row, name) for name in _PLAIN),
                *(row.alarms.get(who) for who in JUDGES),
                *(" ".join(row.faults[fault]) or NOBODY if fault in row.faults else None for fault in FAULTS),
            ]
            for row in rows
        ),
        digits=4,
    )


def read(file: Path) -> list[Row]:
    """The rows that `write` wrote; none where there is no such file."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [_row(cells) for cells in csv.DictReader(lines)]


def _row(cells: dict[str, str]) -> Row:
    return Row(
        level=cells["level"],
        problem=cells["problem"],
        verdict=cells["verdict"],
        reason=cells["reason"],
        longest=int(cells["longest"]),
        kinds=cells["kinds"],
        resolution=float(cells["resolution"]) if cells["resolution"] else None,
        seconds=float(cells["seconds"]),
        honest=int(cells["honest"]),
        alarms={who: int(cells[f"alarms {who}"]) for who in JUDGES if cells[f"alarms {who}"]},
        faults={fault: [who for who in cells[fault].split() if who != NOBODY] for fault in FAULTS if cells[fault]},
    )


def told(rows: Sequence[Row], who: str) -> int:
    """How many faults one of JUDGES tells."""
    return sum(who in each for row in rows for each in row.faults.values())


def without_alarm(rows: Sequence[Row], who: str) -> int:
    """How many of them in problems of which it takes all correct answers for right."""
    return told([row for row in rows if not row.alarms.get(who)], who)


def in_short(rows: Sequence[Row]) -> tuple[str, str]:
    """What `hold` and what typed tolerances tell, in the words of the README's table."""
    faults, honest = sum(len(row.faults) for row in rows), sum(row.honest for row in rows)

    def said(who: str) -> str:
        false = sum(row.alarms.get(who, 0) for row in rows)
        quiet = f" ({without_alarm(rows, who):,} where it gives none)" if false else ""
        return f"{told(rows, who):,}, {false or 'no'} false alarm{'' if false == 1 else 's'}{quiet}"

    ours = f"{said('hold')}, of {faults:,} faults and {honest:,} correct answers"
    return ours, f"its default {said('default')}; 1e-4 {said('1e-4')}"


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Markdown: problems and faults, by level and in all; by fault; what was refused, and why."""
    groups = {level: [row for row in rows if row.level == level] for level in sorted({row.level for row in rows})}
    long = [row for row in rows if row.longest >= LONG]
    groups |= {"all": list(rows), f"sums of {LONG} terms and more": long}
    verdicts = (ACCEPTED, ALARM, UNDECIDED, REFUSED, TIME, UNASKED)
    yield line("", "problems", *verdicts, "resolution, median", "processor seconds of `hold`")
    yield line("---", *["---:"] * (len(verdicts) + 3))
    for name, group in groups.items():
        count = Counter(row.verdict for row in group)
        resolutions = [row.resolution for row in group if row.resolution is not None]
        typical = f"{np.median(resolutions):.1e}" if resolutions else ""
        yield line(name, len(group), *(count[v] for v in verdicts), typical, f"{sum(row.seconds for row in group):.0f}")
    yield from ("", "Faults that show in float64, who tells them, and false alarms of correct answers:", "")
    alarms = [f"alarms {who}" for who in JUDGES]
    quiet = [f"{who} without an alarm" for who in JUDGES]
    yield line("", "faults", *JUDGES, *quiet, "correct answers", *alarms)
    yield line("---", *["---:"] * (2 + 3 * len(JUDGES)))
    for name, group in groups.items():
        faults = sum(len(row.faults) for row in group)
        figures = [told(group, who) for who in JUDGES] + [without_alarm(group, who) for who in JUDGES]
        false = [sum(row.alarms.get(who, 0) for row in group) for who in JUDGES]
        yield line(name, faults, *figures, sum(row.honest for row in group), *false)
    words = {NAMED: "its cause is said", PLACED: "its place", OTHERWISE: "another"} if told(rows, NAMED) else {}
    shown = ("shows", *JUDGES, *words.values())
    yield from ("", line("fault", *shown), line("---", *["---:"] * len(shown)))
    for fault in (*FAULTS, "all") if words else FAULTS:
        found = [each for row in rows for name, each in row.faults.items() if fault in (name, "all")]
        yield line(fault, len(found), *(sum(who in each for each in found) for who in (*JUDGES, *words)))
    yield from ("", line("not judged", "verdict", "why"), line("---", "---", "---"))
    for row in rows:
        if row.verdict != ACCEPTED:
            yield line(f"{row.level}/{row.problem}", row.verdict, row.reason)
