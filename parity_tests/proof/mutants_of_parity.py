"""Single changes of Parity's own code, drawn at random, and which test of Parity's notices each.

`python -m parity_tests.proof.mutants_of_parity TABLE.csv` draws them into the table where there is none yet, and tries
those in it that were not tried: in a copy of the last commit it runs the test files that import or name what is
changed, and with --whole all tests after these. cosmic-ray would do where one command served for all mutants.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from parity_tests.operators.changes import changes_of
from parity_tests.operators.source import Source

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("reference", "parity_tests/harness", "parity_tests/grading", "parity_tests/pairs")
PLACES = ("line", "start", "end")
COLUMNS = ("number", "file", *PLACES, "before", "after", "outcome", "killed by")
SECONDS = 1800
"""What a run of the tests may take: a mutant that takes longer is noticed."""
HOPS = 4
OPERATORS = frozenset(("operation", "comparison", "condition", "number", "left out", "statement", "slice"))
LAST_RANK = 4
"""Changes of a higher rank put another name in a place, which any call tells."""
SAID = re.compile(r"\s*(raise |@|from |import |\"\"\")")
"""Lines that no test need notice, or that any does."""


class Change(NamedTuple):
    """A text that takes the place of the bytes from `start` to `end` of a file."""

    file: str
    line: int
    start: int
    end: int
    before: str
    after: str


def changes(file: str) -> list[Change]:
    """All single changes of a file's functions, in their order."""
    source = Source((ROOT / file).read_text(encoding="utf-8"))
    found = []
    for change in changes_of(source, source.functions):
        start, end, after = change.edits[0]
        likely = change.operator in OPERATORS and change.rank <= LAST_RANK
        if likely and len(change.edits) == 1 and not SAID.match(source.line(change.line)):
            before = " ".join(source.bytes[start:end].decode().split())
            found.append(Change(file, change.line, start, end, before, after))
    return sorted(found, key=lambda change: change[1:4])


def drawn(rooms: Sequence[str], count: int, seed: int) -> list[Change]:
    """So many changes, of the rooms in turn."""
    rng = random.Random(seed)
    pools = []
    for room in rooms:
        files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / room).rglob("*.py"))
        pools.append([change for file in files for change in changes(file)])
    return [rng.choice(pools[number % len(pools)]) for number in range(count)]


def tests_of(file: str) -> list[str]:
    """The test files that import or name a module or, where none does, one that imports it; the smallest first."""
    tests = list((ROOT / "parity_tests/selftest").rglob("test_*.py"))
    modules = [module for room in ROOMS for module in (ROOT / room).rglob("*.py")]
    names, found = {file}, set[str]()
    for _ in range(HOPS):
        found |= {test for name in names for test in _naming(name, tests)}
        if found:
            break
        names |= {module for name in names for module in _naming(name, modules)}
    return sorted(found, key=lambda test: (ROOT / test).stat().st_size)


def _naming(file: str, among: Sequence[Path]) -> Iterator[str]:
    """Those that import a module, or have its name in their own."""
    package, _, stem = file.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".").rpartition(".")
    importing = re.compile(
        rf"\b{re.escape(f'{package}.{stem}')}\b|from {re.escape(package)} import [(\w\s,]*\b{stem}\b"
    )
    for one in among:
        if importing.search(one.read_text(encoding="utf-8")) or f"test_{stem}" in one.stem:
            yield str(one.relative_to(ROOT))


def tried(change: Change, whole: bool, arguments: Sequence[str]) -> tuple[str, str]:
    """What became of a change, and the test that noticed it."""
    with tempfile.TemporaryDirectory(prefix="parity-mutant-") as copy:
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), copy], check=True)
        file = Path(copy) / change.file
        source = file.read_bytes()
        if " ".join(source[change.start : change.end].decode(errors="replace").split()) != change.before:
            return "not tried", "what it changes is no longer there"
        chosen = tests_of(change.file)
        for files in [*([chosen] if chosen else []), *([[]] if whole else [])]:
            file.write_bytes(source[: change.start] + change.after.encode() + source[change.end :])
            failed = _first_failure(copy, [*arguments, *files])
            file.write_bytes(source)
            if failed.startswith("parity_tests/") and _first_failure(copy, [*arguments, failed]):
                return "not tried", f"{failed} fails without it too"
            if failed:
                return "killed", failed
        return ("survived", "") if chosen or whole else ("not tried", "no test names it: --whole")


def _first_failure(folder: str, arguments: Sequence[str]) -> str:
    """The first test that fails there, or what else went wrong; "" where all pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, text=True)
    except subprocess.TimeoutExpired:
        return f"more than {SECONDS} s"
    test = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - |$)", run.stdout, re.MULTILINE)
    return "" if run.returncode == 0 else test[1] if test else f"exit status {run.returncode}: {run.stderr[-200:]}"


def main() -> int:
    """Draws and tries; 1 where one in the table has survived."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.proof.mutants_of_parity")
    parser.add_argument("table", type=Path)
    parser.add_argument("--draw", type=int, default=30)
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--rooms", nargs="+", default=ROOMS)
    parser.add_argument("--only", nargs="+", type=int, help="numbers in the table, which are tried again; 0: none")
    parser.add_argument("--whole", action="store_true", help="all tests for what the nearest ones let pass")
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, default=[], help="arguments for pytest")
    chosen = parser.parse_args()
    if chosen.table.exists():
        with chosen.table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = [
            {"number": str(number), **{key: str(value) for key, value in change._asdict().items()}, "outcome": ""}
            for number, change in enumerate(drawn(chosen.rooms, chosen.draw, chosen.seed), 1)
        ]
    _write(chosen.table, rows)
    for row in rows:
        if int(row["number"]) in chosen.only if chosen.only else not row["outcome"]:
            line, start, end = (int(row[key]) for key in PLACES)
            change = Change(row["file"], line, start, end, row["before"], row["after"])
            row["outcome"], row["killed by"] = tried(change, chosen.whole, chosen.pytest)
            _write(chosen.table, rows)
        place, told = f"{row['file']}:{row['line']}", f"{row['before'][:60]}  →  {row['after'][:60]}"
        print(f"{row['number']:>3} {row['outcome']:<9} {place}  {told}  {row.get('killed by', '')}", flush=True)
    return int(any(row["outcome"] == "survived" for row in rows))


def _write(table: Path, rows: Sequence[dict[str, str]]) -> None:
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
