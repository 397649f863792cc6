"""What GitHub's runner shows of a run: annotations at files and lines, and a guard around everything else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import PurePath

from reports.model.records import FAILING
from reports.model.run_folder import Results
from reports.terminal.text import entries, notes, part_label, parts_in, printable, verdict_sentence

#: About as many as the runner shows of one step.
_MOST = 10
#: A job summary may hold a mebibyte for each step; more, and none of it is shown.
SUMMARY_LIMIT = 1 << 20


def guarded(text: str) -> str:
    """Text within which the runner takes no line for a command: a submission writes parts of what is printed."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def annotation_lines(
    run: Results,
    *,
    folder: str = "",
    places: Mapping[str, tuple[str, int]] | None = None,
    strict: bool = False,
) -> list[str]:
    """Workflow commands: an error for each discrepancy, a warning for what is undecided, at most ten in all.

    `folder` is the submission's, from the repository's root, so that an annotation stands at its line: where the
    record says that it failed, or else where `places` says that its TODO begins.
    """
    records = run.records
    costly, _ = notes(records, strict)
    wrong = [record for record in records if record.verdict in FAILING]
    undecided = [record for record in records if record.verdict == "undecided"]
    commands = []
    for level, some in (("error", [*wrong, *costly]), ("warning", undecided)):
        for entry in entries(some, run.inputs):
            known: tuple[str, int | None] = (places or {}).get(entry.records[0].part, ("", None))
            file, line = next(((record.file, record.line) for record in entry.records if record.file), known)
            title = f"Parity: {part_label(parts_in(entry.records))}"
            commands.append(_command(level, entry.sentence, title, _path(folder, file), line))
    if len(commands) > _MOST:
        commands[_MOST - 1 :] = [_command("notice", verdict_sentence(records, strict), "Parity: and more", "", None)]
    return commands


def _path(folder: str, file: str) -> str:
    return str(PurePath(folder, file)) if file and folder else file


def _command(level: str, message: str, title: str, file: str, line: int | None) -> str:
    properties = {"file": file, "line": str(line) if file and line else "", "title": title}
    said = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{level} {said}::{_data(message)}"


def _data(text: str) -> str:
    return _percent(printable(text))


def _property(text: str) -> str:
    return _percent(printable(text)).replace(":", "%3A").replace(",", "%2C")


def _percent(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
