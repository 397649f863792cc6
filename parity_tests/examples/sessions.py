"""Runs what the documentation shows: `python -m parity_tests.examples.sessions` puts what is printed now into it.

`--check` says which pages are not current. A page's blocks of `console` are one session, in a folder of its own, which
holds what readers use of a checkout. A line that begins with `$` is a command; what stands below it is what it
prints, and a line `...` there stands for any lines. A block of code with a `:caption:` is written to a file of that
name. A block below `<!-- dry: why -->` is not run. The code of files stands below `<!-- from FILE -->`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.model.write_whole import write_whole

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 84
"""Columns of the terminal that the commands print to."""
PROGRAMS = {"parity": "-m parity_tests.cli", "python": "", "pytest": "-m pytest"}
"""What stands before a command's own words, by the program that a reader calls."""
COPIED = ("implementation", "parity_tests/examples/course", "parity_tests/examples/port", "parity_tests/examples/cs336")
"""Folders of a checkout that readers use."""
ELLIPSIS = "..."


@dataclass(frozen=True)
class Command:
    """One command, what is shown below it, and the numbers of these lines: the first, and the one behind the last."""

    text: str
    shown: tuple[str, ...]
    first: int
    end: int


@dataclass(frozen=True)
class Block:
    """Commands that stand in one block, or the content of a file; `dry` is why they are not run, "" where they are."""

    commands: tuple[Command, ...] = ()
    dry: str = ""
    file: str = ""
    content: str = ""


_OPEN = re.compile(r"(`{3,})(.*)")
_DRY = re.compile(r"<!-- dry: (.+) -->")
_CAPTION = re.compile(r":caption: (\S+)")


def pages() -> list[Path]:
    """The files of documentation that people write."""
    written = (path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "generated")
    return [ROOT / "README.md", *sorted(written)]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page that hold commands or files, in their order."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opened = _OPEN.fullmatch(lines[number])
        if opened is None:
            number += 1
            continue
        end = next(i for i in range(number + 1, len(lines)) if lines[i].rstrip() == opened[1])
        dry = _DRY.fullmatch(lines[number - 1]) if number else None
        caption = _CAPTION.fullmatch(lines[number + 1])
        if caption is not None:
            options = next(i for i in range(number + 1, end) if not lines[i].startswith(":"))
            yield Block(file=caption[1], content="\n".join(lines[options:end]).lstrip("\n") + "\n")
        elif opened[2].strip() == "console":
            yield Block(tuple(_commands(lines, number + 1, end)), dry[1] if dry else "")
        number = end + 1


def _commands(lines: Sequence[str], first: int, end: int) -> Iterator[Command]:
    """The commands of a block; one that ends with a backslash goes on in the next line."""
    number = first
    while number < end:
        if not lines[number].startswith("$ "):
            raise ValueError(f"line {number + 1} is below no command: {lines[number]}")
        text = lines[number][2:]
        while text.endswith("\\"):
            number += 1
            text = f"{text[:-1].rstrip()} {lines[number].strip()}"
        below = number + 1
        number = next((i for i in range(below, end) if lines[i].startswith("$ ")), end)
        yield Command(text, tuple(lines[below:number]), below, number)


class Session:
    """A folder in which the commands of one page are run. A context manager."""

    def __enter__(self) -> Session:
        self._made = Path(tempfile.mkdtemp(prefix="parity-docs-"))
        self._folder = self._made / "parity"
        for name in COPIED:
            shutil.copytree(ROOT / name, self._folder / name, ignore=_COMPILED)
        programs = self._folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name, words in PROGRAMS.items():
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_"))},
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": str(WIDTH),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._made, ignore_errors=True)

    def write(self, name: str, content: str) -> None:
        """Writes a file that the page shows."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def run(self, command: str) -> list[str]:
        """The lines that a command prints, errors among them."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        text = done.stdout.replace(str(self._folder), "/home/you/parity")
        return [line.rstrip() for line in text.rstrip().splitlines() if not _PROGRESS.match(line)]


_PROGRESS = re.compile(r"parity: ([a-z ]+: )?\d+ of \d+\b")
"""What a slow machine prints meanwhile, and a fast one does not."""
_COMPILED = shutil.ignore_patterns("__pycache__")
_MACHINE = (
    (re.compile(r"\b(\d+/\d+) +\S+.*"), r"\1"),  # the largest ratio of a part, and where that is
    (re.compile(r"\b(ratio|difference|error bound) [^\s;]+"), r"\1 #"),
    (re.compile(r"\d+(\.\d+)?e[+-]\d+|\d+\.\d+"), "#"),
    (
        re.compile(r"(\(|\bDrift: )\d+ of|\[\d+(, \d+)*\]"),
        r"\1#",
    ),  # how many elements or ratios, and the largest's place
    (re.compile(r"(\b\d+|#) (s\b|units? in the last place)"), "#"),
    (re.compile(r"\b(isolation:?) (none|restricted|bubblewrap).*"), r"\1"),
)
"""What another machine, another BLAS or another version prints otherwise, and what is held instead, line by line."""


def held(lines: Sequence[str]) -> str:
    """What must be the same on each machine: no figures of rounding and no times, wherever lines are broken."""
    return " ".join(" ".join(map(_held, lines)).split())


def _held(line: str) -> str:
    for pattern, instead in _MACHINE:
        line = pattern.sub(instead, line)
    return line


def current(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether what is shown, if anything is, is what is printed now."""
    pieces: list[list[str]] = [[]]
    for line in shown:
        if line == ELLIPSIS:
            pieces.append([])
        else:
            pieces[-1].append(line)
    pattern = ".*".join(f" *{re.escape(held(piece))} *" for piece in pieces)
    return not shown or re.fullmatch(pattern, held(printed)) is not None


def run(text: str) -> Iterator[tuple[Command, list[str]]]:
    """Runs the session of a page: each command with the lines that it prints now."""
    with Session() as session:
        for block in blocks(text):
            if block.file:
                session.write(block.file, block.content)
            for command in block.commands if not block.dry else ():
                yield command, session.run(command.text)


def stale(text: str) -> list[str]:
    """What a page shows otherwise than its files hold or its commands print it, each with a comparison of the lines."""
    files = [line for line in difflib.ndiff(text.splitlines(), with_files(text).splitlines()) if line[0] in "-+"]
    return [
        *(["\n".join(["the code of files", *files])] if files else []),
        *_stale_outputs(text),
    ]


def _stale_outputs(text: str) -> list[str]:
    return [
        "\n".join([f"$ {command.text}", *(line for line in difflib.ndiff(command.shown, printed) if line[0] != "?")])
        for command, printed in run(text)
        if not current(command.shown, printed)
    ]


def renewed(text: str) -> str:
    """The page with what its files hold and its commands print now, where that is shown; lines around ... stay."""
    text = with_files(text)
    lines = text.splitlines()
    for command, printed in reversed(list(run(text))):
        if command.shown and ELLIPSIS not in command.shown:
            lines[command.first : command.end] = printed
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Puts what is printed now into the pages; with --check only says which are not current, and ends with 1 if any."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.sessions", description=__doc__)
    parser.add_argument("pages", type=Path, nargs="*", help="pages; all if left out")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a page is not current")
    chosen = parser.parse_args(arguments)
    wrong = 0
    for page in chosen.pages or pages():
        text = page.read_text(encoding="utf-8")
        if chosen.check:
            differences = stale(text)
            wrong += len(differences)
            print("\n\n".join([f"{page}: {len(differences)} outputs are not current", *differences]))
        elif (now := renewed(text)) != text:
            write_whole(page, now.encode())
            print(f"{page}: written anew")
    return 1 if wrong else 0


_SHOWN = re.compile(
    r'(<!-- from (\S+?)(?:, (at|after) "([^"\n]+)")? -->\n```\w+\n)(.*?)(^```$)', re.DOTALL | re.MULTILINE
)


def with_files(text: str, root: Path = ROOT) -> str:
    """The page with what the files hold now. Raises ValueError where a file has no line with the text that is named."""
    return _SHOWN.sub(lambda found: f"{found[1]}{_content(root / found[2], found[3], found[4])}{found[6]}", text)


def _content(path: Path, where: str | None, text: str | None) -> str:
    lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    if where is not None and text is not None:
        place = next((number for number, line in enumerate(lines) if text in line), None)
        if place is None:
            raise ValueError(f"{path} has no line with {text!r}")
        lines = lines[place + (where == "after") :]
    return "\n".join(lines).strip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(main())
