"""What somebody may have meant who names what holds no submission: what is there instead, as the end of a sentence."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from reports.model.escape import path_text
from reports.model.phrases import listed

_MAX_ENTRIES = 10_000
_NAMED = 5
"""Entries of a folder that holds no submission which are told by name."""
_NEAR = 0.5
"""The likeness, by difflib, from which on a folder is taken for the one that was meant: hw for hv."""
_PAIRS = re.compile(rb"^@(\w+\.)?pair\(", re.MULTILINE)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def other_folder(folder: Path) -> str:
    """Of a folder that is not there: which is there that is called nearly so."""
    try:
        names = [entry.name for entry in islice(folder.parent.iterdir(), _MAX_ENTRIES) if entry.is_dir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(folder.name, [name for name in names if name[:1] != "."], n=1, cutoff=_NEAR)
    return f"; is {path_text(near[0])} meant?" if near else ""


def instead_of_a_folder(path: Path, wanted: Sequence[str]) -> str:
    """Of a file in place of a folder: what takes it, or what to do with it."""
    files, name = " or ".join(wanted), path_text(path)
    if path.suffix == ".ipynb":
        return f" but a notebook: {_from_notebook(wanted)}"
    if path.suffix in _ARCHIVES:
        return f" but an archive: unpack it, and name the folder that holds {files}"
    try:
        with path.open("rb") as file:
            head = file.read(1 << 20) if path.suffix == ".py" else b""
    except OSError:
        head = b""
    if _PAIRS.search(head):
        return f" but a file of pairs: `parity hold {name}` takes it"
    neither = "" if path.suffix == ".py" else ", nor a Python file or a notebook"
    return f"{neither}; name the folder that holds {files}"


def what_is_there(entries: Sequence[str]) -> str:
    """A folder's visible entries, the first few by name."""
    visible = [path_text(name) for name in entries if not name.startswith(".")]
    if not visible:
        return "the folder is empty"
    more = len(visible) - _NAMED
    return f"what is there: {', '.join(visible[:_NAMED])}{f' and {more} more' if more > 0 else ''}"


def near_misses(folder: Path, entries: Sequence[str], wanted: Sequence[str]) -> str:
    """What in a folder may be one of the files that are wanted, each thing once; "" for nothing. Raises OSError."""
    misnamed = dict.fromkeys(filter(None, (_misnamed(entries, file) for file in wanted)))
    deeper = dict.fromkeys(place for file in wanted for place in _deeper(folder, entries, file))
    alike = dict.fromkeys(filter(None, (_alike(entries, file) for file in wanted)))
    notebooks = [name for name in entries if name.endswith(".ipynb") and not name.startswith(".")]
    if misnamed:
        return "".join(misnamed)
    if len(deeper) == 1:
        return f"; there is one in {path_text(next(iter(deeper)))}: name that folder"
    if deeper:
        shown = [path_text(place) for place in islice(deeper, 3)]
        more = [f"{len(deeper) - 3} more folders"] if len(deeper) > 3 else []
        return f"; there is one in each of {listed([*shown, *more])}: name one of these folders"
    if alike:
        return "".join(alike)
    if notebooks:
        return f"; there is {path_text(notebooks[0])}, a notebook: {_from_notebook(wanted)}"
    return ""


def _from_notebook(wanted: Sequence[str]) -> str:
    return (
        f"save its code as {' or '.join(wanted)} (`jupyter nbconvert --to script` writes it), or call "
        "parity_tests.check(globals()) in it"
    )


def _misnamed(entries: Sequence[str], wanted: str) -> str:
    for name in entries:
        if name.lower() == wanted or name.lower().replace("-", "_").replace(" ", "_") == wanted:
            kind = "a folder, not a file" if name == wanted else f"rename it {wanted}"
            return f"; there is {path_text(name)}: {kind}"
    return ""


def _deeper(folder: Path, entries: Sequence[str], wanted: str) -> Iterator[Path]:
    """The folders within, one or two deep, that hold the file."""
    for name in entries[:_MAX_ENTRIES]:
        inner = folder / name
        if name.startswith(".") or not inner.is_dir():
            continue
        if (inner / wanted).is_file():
            yield inner
            continue
        try:
            within = sorted(islice(inner.iterdir(), _MAX_ENTRIES))
        except OSError:  # somebody else's
            continue
        yield from (one for one in within if one.name[:1] != "." and (one / wanted).is_file())


def _alike(entries: Sequence[str], wanted: str) -> str:
    for name in entries:
        stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122
        if suffix in (".py", ".txt", ".zip") and stem.startswith(wanted.removesuffix(".py")[:-1]):
            return f"; there is {path_text(name)}: {'unpack it' if suffix == '.zip' else f'rename it {wanted}'}"
    return ""
