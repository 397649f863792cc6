"""SARIF 2.1.0 of a run, for code scanning and editors: each discrepancy once, at its line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from reports.model.baseline import drift_level, drifted
from reports.model.escape import printable
from reports.model.folding import Entry, entries, place_of
from reports.model.groups import grouped
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.words import GLOSSARY

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_text(run: Results, *, folder: str = "", strict: bool = False) -> str:
    """The run as a SARIF log: a rule for each part; results are errors, what is undecided a warning, notes are notes.

    `folder` is the submission's, from the repository's root. A result stands where its record failed, or where its part
    begins, or at the top of the file that holds the other parts. Parity's own faults are no results: they are
    notifications of an execution that did not succeed. Source: OASIS, SARIF version 2.1.0.
    """
    groups = grouped(run.records, strict)
    rules = _rules(run)
    found = [
        *_results("error", [*groups.discrepancies, *groups.costly_notes], run, folder, list(rules)),
        *_results("warning", groups.undecided, run, folder, list(rules)),
        *_results("note", groups.free_notes, run, folder, list(rules)),
    ]
    if drift := drifted(run.environment.drift):
        place = quote(str((run.environment.drift or {}).get("baseline", "")).encode("utf-8", "backslashreplace"))
        found.append(
            {
                "ruleId": "drift",
                "level": drift_level(run.environment.drift),
                "message": {"text": printable(drift)},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": place, "uriBaseId": "%SRCROOT%"}}}],
                "partialFingerprints": {"parity/v1": _digest("drift")},
            }
        )
    faults = [{"level": "error", "message": {"text": entry.sentence}} for entry in entries(groups.faults, run)]
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Parity", **_version(run), "rules": list(rules.values())}},
                "invocations": [{"executionSuccessful": not faults, "toolExecutionNotifications": faults}],
                "results": found,
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _version(run: Results) -> Mapping[str, str]:
    known = (run.environment.versions or {}).get("parity")
    return {"version": printable(known)} if known else {}


def _rules(run: Results) -> dict[str, Mapping[str, Any]]:
    parts = parts_of(run)
    help_text = f"mismatch: {GLOSSARY['mismatch']}; unjudged: {GLOSSARY['unjudged']}."
    return {
        part: {
            "id": _rule(part, run),
            "shortDescription": {"text": printable(parts.heading(part)) or "The whole run"},
            "help": {"text": help_text},
        }
        for part in parts.within(run.records)
    }


def _rule(part: str, run: Results) -> str:
    """The name of a part's rule: that of its assignment, and its own."""
    return printable("/".join(filter(None, (run.environment.assignment, part or "run"))))


def _results(
    level: str, records: Sequence[Record], run: Results, folder: str, rules: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    for entry in entries(records, run):
        first = entry.records[0]
        yield {
            "ruleId": _rule(first.part, run),
            "ruleIndex": rules.index(first.part),
            "level": level,
            "message": {"text": entry.sentence},
            "locations": _locations(entry, run, folder),
            # The same when lines have moved: not of the sentence, which has numbers in it.
            "partialFingerprints": {"parity/v1": _digest(first.part, first.check, first.quantity, first.diagnosis)},
            "properties": {
                "verdict": first.verdict,
                "cases": list(dict.fromkeys(printable(record.case) for record in entry.records)),
                "quantities": [printable(name) for name in entry.quantities],
            },
        }


def _locations(entry: Entry, run: Results, folder: str) -> list[Mapping[str, Any]]:
    file, line = place_of(entry, run)
    if not file:
        files = Counter(name for name, _ in (run.environment.source_lines or {}).values())
        if not files:
            return []
        file, line = files.most_common(1)[0][0], 1
    path = PurePath(folder, file).as_posix().encode("utf-8", "backslashreplace")
    artifact = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
    return [{"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(line or 1, 1)}}}]


def _digest(*words: str) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]
