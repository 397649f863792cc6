"""Writes what is proposed as the folder of an assignment: a declaration, a rubric, the solution or the starter."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_tests.declared.declaration import FILE, OPEN
from parity_tests.declared.proposing.proposal import Proposal
from parity_tests.protocol.errors import UsageError
from reports.model.escape import path_text

WIDTH = 110
RUBRIC = "rubric.toml"
POINTS = 100


@dataclass(frozen=True)
class Plan:
    """What the declaration says of the whole assignment."""

    name: str
    module: str
    source: str
    notebook: bool
    inert: tuple[str, ...]
    lent: tuple[str, ...]
    left_out: tuple[str, ...]
    titles: Mapping[str, str]


def declaration(plan: Plan, proposals: Sequence[Proposal]) -> str:
    """The text of `assignment.toml`."""
    lines = [*_comment(_head(plan, proposals)), f"name = {_quoted(plan.name)}", f"module = {_quoted(plan.module)}"]
    lines += ["notebook = true"] if plan.notebook else []
    lines += [f"lent = {_list(plan.lent)}"] if plan.lent else []
    lines += [f"inert = {_list(plan.inert)}"] if plan.inert else []
    for one in sorted(proposals, key=lambda one: not one.open):
        lines += ["", *_question(one)]
    for number, part in enumerate((part for one in proposals for part in one.parts), 1):
        lines += ["", f"[part.{_key(part)}]", f"label = {_quoted(f'Task {number}')}"]
        lines += [f"title = {_quoted(plan.titles.get(part) or part)}"]
    return "\n".join(lines) + "\n"


def rubric(proposals: Sequence[Proposal]) -> str:
    """The text of `rubric.toml`: the same points for each part."""
    parts = [part for one in proposals for part in one.parts]
    lines = _comment("What each part is worth: the same for all, until you say otherwise.")
    for number, part in enumerate(parts):
        points = POINTS * (number + 1) // len(parts) - POINTS * number // len(parts)
        lines += ["", "[[item]]", f"name = {_quoted(part)}", f"points = {points}", f"parts = {_list([part])}"]
    return "\n".join(lines).lstrip("\n") + "\n"


def refuse_what_is_there(folder: Path) -> None:
    """Raises UsageError where something lies in the folder that is to be written."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(f"{path_text(folder)} is there already, and nothing is written over: name another by --out.")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Writes the files of a new folder, the declaration last. Raises UsageError where something lies there already."""
    from reports.model.write_whole import write_whole

    refuse_what_is_there(folder)
    for name in sorted(files, key=lambda name: name == FILE):
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, files[name].encode())
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}).") from error


def _head(plan: Plan, proposals: Sequence[Proposal]) -> str:
    said = (
        f"Proposed from {plan.source}. In `given`, letters are sizes; `run` is called, and compared with `torch`, in "
        "which grad(y, x, dy) is the gradient of y in x where dy is the one in y."
    )
    if any(one.open for one in proposals):
        said += f" Dots ({OPEN}) are still to be replaced."
    if plan.left_out:
        said += f" Not asked: {', '.join(plan.left_out)}."
    return said


def _question(one: Proposal) -> Iterator[str]:
    said = [one.signature, *one.said, *one.not_compared]
    yield from _comment("; ".join(said) + ".")
    yield from _comment(f"STILL TO BE SAID: {'; '.join(one.open)}.") if one.open else ()
    yield "[[question]]"
    yield f"name = {_quoted(one.name)}"
    inline = ", ".join(f"{name} = {_value(told)}" for name, told in one.given.items())
    if len(inline) <= WIDTH:
        yield f"given = {{ {inline} }}"
    else:
        yield from (f"given.{name} = {_value(told)}" for name, told in one.given.items())
    if one.sizes:
        yield f"sizes = {{ {', '.join(f'{letter} = {_value(told)}' for letter, told in one.sizes.items())} }}"
    for key, lines in (("run", one.run), ("torch", one.torch)):
        yield from (f'{key} = """', *lines, '"""')
    for part, text in one.texts.items():
        yield f"texts.{_key(part)} = {_quoted(text)}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _value(told: Any) -> str:
    if isinstance(told, list):
        return f"[{', '.join(map(_value, told))}]"
    return _quoted(told) if isinstance(told, str) else json.dumps(told)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)
