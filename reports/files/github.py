"""What GitHub's runner shows of a run: annotations at files and lines, and a guard around everything else."""

from __future__ import annotations

import secrets
from pathlib import PurePath

from reports.model.baseline import drift_level, drifted
from reports.model.escape import workflow_message, workflow_property
from reports.model.folding import entries, label_of, place_of
from reports.model.groups import grouped
from reports.model.run import Results
from reports.model.words import verdict_sentence

#: About as many as the runner shows of one step.
_MOST = 10
#: A job summary may hold a mebibyte for each step; more, and none of it is shown.
SUMMARY_LIMIT = 1 << 20


def guarded(text: str) -> str:
    """Text within which the runner takes no line for a command: a submission writes parts of what is printed."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def annotation_lines(run: Results, *, folder: str = "", strict: bool = False) -> list[str]:
    """Workflow commands: an error for each discrepancy, a warning for what is undecided, at most ten in all.

    `folder` is the submission's, from the repository's root, so that an annotation stands at its line: where the
    record says that it failed, or else where its part begins.
    """
    groups = grouped(run.records, strict)
    drift = drifted(run.environment.drift)
    level, name = drift_level(run.environment.drift), str((run.environment.drift or {}).get("baseline", ""))
    commands = [_command(level, drift, title="Parity: drift", file=name)] if drift else []
    for level, records in (
        ("error", [*groups.discrepancies, *groups.faults, *groups.costly_notes]),
        ("warning", groups.undecided),
    ):
        for entry in entries(records, run):
            title = f"Parity: {label_of(entry, run)}"
            file, line = place_of(entry, run)
            commands.append(_command(level, entry.sentence, title=title, file=_path(folder, file), line=line))
    if len(commands) > _MOST:
        commands[_MOST - 1 :] = [_command("notice", verdict_sentence(run, strict), title="Parity: and more")]
    return commands


def _path(folder: str, file: str) -> str:
    return str(PurePath(folder, file)) if file and folder else file


def _command(level: str, message: str, *, title: str, file: str = "", line: int | None = None) -> str:
    properties = {"file": file, "line": str(line) if file and line else "", "title": title}
    listed = ",".join(f"{key}={workflow_property(value)}" for key, value in properties.items() if value)
    return f"::{level} {listed}::{workflow_message(message)}"
