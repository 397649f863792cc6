"""Single changes of Parity's own code, drawn at random, and which test of Parity's notices each.

`python -m parity_tests.proof.mutants_of_parity TABLE.csv` draws them into the table where there is none yet, and tries
those in it that were not tried: in a copy of the last commit it runs the test files that import or name what is
changed, and with --whole all tests after these. cosmic-ray would do where one command served for all mutants.
"""

from __future__ import annotations

import argparse
import ast
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

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("reference", "parity_tests/harness", "parity_tests/grading", "parity_tests/pairs")
PLACES = ("line", "start", "end")
COLUMNS = ("number", "file", *PLACES, "before", "after", "outcome", "killed by")
SECONDS = 1800
"""What a run of the tests may take: a mutant that takes longer is noticed."""
HOPS = 4
FLIPPED = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
           ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}  # fmt: skip
OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
DROPPED = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


class Change(NamedTuple):
    """A text that takes the place of the bytes from `start` to `end` of a file."""

    file: str
    line: int
    start: int
    end: int
    before: str
    after: str


def changes(file: str) -> list[Change]:
    """All single changes of a file, in their order."""
    source = (ROOT / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node in _executed(ast.parse(source)):
        for after in _in_place_of(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            before = " ".join(source[start:end].decode().split())
            found.append(Change(file, node.lineno, start, end, before, after))
    return found


def _executed(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """What runs: no docstring, annotation, import, or part of an f-string, whose places Python 3.11 does not know."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _executed(child)


def _in_place_of(node: ast.AST) -> Iterator[str]:
    """The texts that may take a node's place."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in FLIPPED:
            yield ast.unparse(ast.Compare(node.left, [FLIPPED[type(op)]()], node.comparators))
        case ast.BinOp(op=op) if type(op) in OTHER:
            yield ast.unparse(ast.BinOp(node.left, OTHER[type(op)](), node.right))
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(other, node.values))})"
        case ast.UnaryOp(op=ast.Not()):
            yield f"({ast.unparse(node.operand)})"
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            yield from (f"({value + 1})", f"({value - 1})")
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "return None"
        case ast.Expr(value=ast.Call()):
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case _ if isinstance(node, DROPPED):
            yield "pass"


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
