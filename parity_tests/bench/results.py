"""What was timed, as a suite of pyperf's in a folder: kept, held to one machine, told as tables, compared.

The file is pyperf's own format, so `pyperf show`, `pyperf hist` and `pyperf compare_to` read it as well.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyperf

from parity_tests.bench.timing import Timed
from parity_tests.protocol.errors import UsageError
from reports.model.numbers import duration
from reports.model.write_whole import write_whole

FILE = "bench.json"
ASKED, MORE, NUMBER, MEMORY = "asked", "more of", "number", "Parity's memory"
"""What may be said of a row besides: what is asked of its time; of what it has how many, with how much memory."""
_AGAINST, _NO_TARGET = "against ", "no target"
_MACHINE = ("cpu_model_name", "cpu_count", "memory_gib", "threads", "blas", "python_version", "numpy", "torch")
"""What must be alike where figures are put beside one another."""


def machine(threads: int) -> dict[str, str | int]:
    """What pyperf knows of this machine, its memory, the threads in use, BLAS and the versions that have a say."""
    import torch
    from threadpoolctl import threadpool_info

    blas = [f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')})" for pool in threadpool_info()]
    known = {
        **pyperf.Run([1.0]).get_metadata(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "threads": threads,
        "blas": ", ".join(sorted(blas)) or "none",
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
    return {name: known.get(name, "unknown") for name in (*_MACHINE, "platform")}


def benchmark(part: str, row: Timed, here: Mapping[str, str | int]) -> Any:
    """A benchmark of pyperf's with a run for each round."""
    against = {
        f"{_AGAINST}{part}: {other}": _NO_TARGET if target is None else f"≤ {target:g}"
        for other, target in row.against.items()
    }
    known = {"name": f"{part}: {row.name}", "unit": "second", **here, **against, **row.about}
    least = 1e-9  # pyperf takes no time that is not above 0
    return pyperf.Benchmark(
        [pyperf.Run([max(float(value), least)], metadata=known, collect_metadata=False) for value in row.seconds]
    )


def save(folder: Path, benchmarks: Sequence[Any]) -> None:
    """Write them into `folder`, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    pyperf.BenchmarkSuite(benchmarks).dump(text)
    write_whole(folder / FILE, text.getvalue().encode())


def load(folder: Path, here: Mapping[str, str | int]) -> list[Any]:
    """What a folder holds. Raises UsageError where that cannot be read, or was not taken on this machine."""
    try:
        found = pyperf.BenchmarkSuite.load(str(folder / FILE)).get_benchmarks()
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no benchmarks that can be read ({error}); name another folder.") from error
    there = found[0].get_metadata()
    if differing := [name for name in _MACHINE if there.get(name) != here[name]]:
        what = "; ".join(f"{name}: {there.get(name)} there, {here[name]} here" for name in differing)
        raise UsageError(
            f"the figures in {folder} are of another machine or other versions, and such are not compared ({what})"
        )
    return list(found)


def part_of(benchmark: Any) -> str:
    """The part of `parity bench` that timed it."""
    return str(benchmark.get_name()).partition(": ")[0]


def ratios(benchmarks: Sequence[Any]) -> Iterator[tuple[Any, str, tuple[float, float, float], str]]:
    """What is held against what: the benchmark, the other's name, quartiles of the ratio by round, what is asked.

    Where the two have other numbers of rounds, it is the ratio of the medians.
    """
    values = {one.get_name(): np.asarray(one.get_values()) for one in benchmarks}
    for one in benchmarks:
        mine = values[one.get_name()]
        for key, asked in one.get_metadata().items():
            other = key.removeprefix(_AGAINST)
            if other == key:
                continue
            same = len(mine) == len(values[other])
            each = mine / values[other] if same else np.median(mine) / np.median(values[other])
            low, middle, high = np.percentile(each, (25, 50, 75))
            yield one, other, (float(low), float(middle), float(high)), "" if asked == _NO_TARGET else asked


def report(benchmarks: Sequence[Any]) -> list[str]:
    """All of it as tables in Markdown: ratios, what has a limit of its own, and what grows."""
    lines = ["| what | against | ratio (quartiles) | time | asked |", "| --- | --- | --- | --- | --- |"]
    for one, other, (low, middle, high), asked in ratios(benchmarks):
        figures = f"{middle:.2f} ({low:.2f}–{high:.2f}) | {duration(one.median())} | {asked}"
        name = _short(one.get_name())
        lines.append(f"| {name} | {_without_case(_short(other), name)} | {figures} |")
    for one in benchmarks:
        if asked := one.get_metadata().get(ASKED):
            lines.append(f"| {_short(one.get_name())} | | | {duration(one.median())} | {asked} |")
    return [*lines, *_growth([one for one in benchmarks if MORE in one.get_metadata()])]


def _growth(growing: Sequence[Any]) -> Iterator[str]:
    """Seconds by size, with the slope on logarithmic axes from the size before: 1 is in proportion."""
    if growing:
        yield from ("", f"| more of | number | time | slope | {MEMORY} |", "| --- | ---: | ---: | ---: | --- |")
    before: dict[str, tuple[int, float]] = {}
    for one in growing:
        known, seconds = one.get_metadata(), one.median()
        what, number = known[MORE], known[NUMBER]
        less, earlier = before.get(what, (number, seconds))
        slope = "" if less == number else f"{np.log(seconds / earlier) / np.log(number / less):.2f}"
        before[what] = number, seconds
        yield f"| {what} | {number:,} | {duration(seconds)} | {slope} | {known.get(MEMORY, '')} |"


def _short(name: str) -> str:
    return name.partition(": ")[2]


def _without_case(other: str, name: str) -> str:
    """What a name is held against, without the end that both share."""
    words, own = other.split(", "), name.split(", ")
    while len(words) > 1 and words[-1] == own[-1]:
        words.pop()
        own.pop()
    return ", ".join(words)


def changes(earlier: Sequence[Any], now: Sequence[Any]) -> Iterator[str]:
    """How each ratio that both have has changed."""
    before = {(one.get_name(), other): ratio for one, other, (_, ratio, _), _ in ratios(earlier)}
    for one, other, (_, ratio, _), _ in ratios(now):
        if (was := before.get((one.get_name(), other))) is not None:
            yield f"{_short(one.get_name())}, against {_short(other)}: {was:.2f} → {ratio:.2f}"


def sentence(here: Mapping[str, str | int]) -> str:
    """The machine and what it runs, in a sentence."""
    return (
        f"{here['cpu_model_name']}, {here['cpu_count']} cores, {here['memory_gib']} GiB; threads of BLAS: "
        f"{here['threads']}; python {here['python_version']}, numpy {here['numpy']}, torch {here['torch']}; "
        f"{here['blas']}."
    )
