"""Counts what an assignment took, in lines: `python -m parity_tests.examples.lines [NAME] [--history]`.

A module is *contract* where it names something that only this assignment has (a function, a part, a file, an edition,
a check, a kind, an array), or works on a module of it that does. What is left is *machinery*, which any assignment
could use, and which has no place there. With `--history`, it lists what the commits that changed the assignment
changed of the rooms that know none.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.registry import find

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("reference", "reports", *(f"parity_tests/{room}" for room in (
    "protocol", "harness", "grading", "pairs", "trace", "proof", "api", "cli",
)))  # fmt: skip
"""The rooms that know no assignment."""


def folder_of(assignment: Assignment) -> Path:
    """The package that an assignment is."""
    return assignment.inside.probes.parent.parent


def own_words(assignment: Assignment) -> frozenset[str]:
    """What only this assignment has names for."""
    names = {*assignment.by_function, *(part.id for part in assignment.parts), *assignment.editions.names}
    names |= {*assignment.checks, *assignment.kinds, *map(module_name, assignment.layout.files)}
    names |= {label for kind in assignment.kinds.values() for label in kind.labels if len(label) > 1}
    names |= {name.partition(".")[0] for name in names}
    return frozenset(name for name in names if not name.isdigit() and name)


def module_name(file: str) -> str:
    """The last name of a file's module."""
    return Path(file).stem


def dotted(file: Path) -> str:
    """The name of a module by its file; that of a package by its `__init__.py`."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def machinery(assignment: Assignment, sources: dict[str, str]) -> set[str]:
    """Which of these modules, by their dotted names, have nothing of the contract."""
    words = own_words(assignment)
    contract = {name for name, source in sources.items() if words & set(re.findall(r"[\w.-]+", source))}
    used = {name: set(_imports(source)) for name, source in sources.items()}
    while more := {name for name in sources if name not in contract and used[name] & contract}:
        contract |= more
    return {name for name, source in sources.items() if name not in contract and ast.parse(source).body[1:]}


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def table(assignment: Assignment) -> list[str]:
    """Lines of the assignment by its folders, in Markdown."""
    folder = folder_of(assignment)
    package = ".".join(folder.relative_to(ROOT).parts)
    files = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}
    sources = {dotted(path): source for path, source in files.items()}
    spare = machinery(assignment, sources)
    kinds: dict[str, Counter[str]] = {}
    for name, source in sources.items():
        first, _, _ = name.removeprefix(package).removeprefix(".").partition(".")
        row = kinds.setdefault(f"{first}/" if first and (folder / first).is_dir() else "itself", Counter())
        row["machinery" if name in spare else "contract"] += source.count("\n")
    rows = [f"| {place} | {row['contract']} | {row['machinery']} |" for place, row in kinds.items()]
    whole = sum(kinds.values(), Counter())
    lines = [f"| `{assignment.name}` | contract | machinery |", "| --- | ---: | ---: |", *rows]
    lines += [f"| in all | {whole['contract']} | {whole['machinery']} |"]
    return lines + [f"\nMachinery: {', '.join(sorted(spare))}."] * bool(spare)


def history(assignment: Assignment) -> list[str]:
    """The commits that changed the assignment or its solution and a room that knows none, and how many lines there."""
    own = [str(path.relative_to(ROOT)) for path in (folder_of(assignment), assignment.solution)]
    commits = _git("log", "--format=%h %s", "--", *own).splitlines()
    lines = ["| commit | lines added | taken away |", "| --- | ---: | ---: |"]
    both = [0, 0]
    for commit in commits:
        short, _, subject = commit.partition(" ")
        counts = _git("show", "--format=", "--numstat", short, "--", *SHARED).splitlines()
        numbers = [tuple(map(int, row.split("\t")[:2])) for row in counts if row.endswith(".py") and row[0] != "-"]
        if numbers:
            added, taken = (sum(column) for column in zip(*numbers, strict=True))
            both = [both[0] + added, both[1] + taken]
            lines.append(f"| {short} {subject} | {added} | {taken} |")
    return [*lines, f"| in all, {len(lines) - 2} of {len(commits)} commits | {both[0]} | {both[1]} |"]


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main(arguments: Sequence[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.lines")
    parser.add_argument("assignment", nargs="?", default="cs231n", help="its name (default: %(default)s)")
    parser.add_argument("--history", action="store_true", help="what its commits changed of the rooms that know none")
    given = parser.parse_args(arguments)
    assignment = find(given.assignment)
    print("\n".join(table(assignment)))
    if given.history:
        print("\n" + "\n".join(history(assignment)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
