"""A run as Markdown, for job summaries, pull requests and mails: nothing in it but our own marks has a meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reports.model.records import FAILING, failing
from reports.model.run_folder import Results
from reports.model.summary import largest_ratio, worst
from reports.terminal.text import (
    Entry,
    cases_text,
    entries,
    group_verdict,
    headline,
    hints_of,
    notes,
    number,
    part_label,
    parts_in,
    printable,
    verdict_sentence,
)

_SIGNS = {"match": "✅", "undecided": "⚠️", "note": "⚠️"}
_LONGEST = 600
_MOST_ENTRIES = 40


def escaped(text: str) -> str:
    """Text on one line in which nothing is markup, a link, a mention, or HTML. It must not begin a line."""
    flat = printable(text)
    flat = flat if len(flat) <= _LONGEST else flat[:_LONGEST] + "…"
    # Entities where GitHub makes links and mentions of words whether or not their marks are escaped.
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "&#64;"), ("://", "&#58;//")):
        flat = flat.replace(mark, entity)
    flat = re.sub(r"(?i)\bwww\.", "www&#46;", flat)
    return re.sub(r"([\\`*_{}\[\]|~!$]|#(?!\d+;))", r"\\\1", flat)


def markdown_report(run: Results, *, parts: Mapping[str, str], strict: bool = False) -> str:
    """The verdict, a table of the TODOs, each discrepancy once, what is undecided, the notes folded."""
    records = run.records
    fails = any(failing(record, strict) for record in records)
    lines = [f"## {'❌' if fails else '✅'} Parity: {escaped(verdict_sentence(records, strict))}", ""]
    if records:
        lines += [f"**Checked:** {escaped(headline(run))}", ""]
    lines += ["| TODO | part | verdict | agree | largest ratio | in |", "| --- | --- | --- | ---: | ---: | --- |"]
    for part in parts_in(records):
        group = [record for record in records if record.part == part]
        verdict = group_verdict(group, strict)
        first, ratio = worst(group), largest_ratio(group)
        agree = sum(record.verdict == "match" and not failing(record, strict) for record in group)
        cells = [
            escaped(part),
            escaped(parts.get(part, "")),
            f"{_SIGNS.get(verdict, '❌')} {escaped(verdict)}",
            f"{agree}/{len(group)}",
            escaped(number(ratio)),
            escaped(f"{first.case}, {first.quantity}" if ratio else ""),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    costly, free = notes(records, strict)
    wrong = [r for r in records if r.verdict in FAILING and r.verdict != "harness_error"]
    for title, some in (
        ("Discrepancies", wrong),
        ("Notes that count as discrepancies", costly),
        ("Parity’s own faults", [r for r in records if r.verdict == "harness_error"]),
        ("Undecided (costs nothing)", [r for r in records if r.verdict == "undecided"]),
    ):
        if some:
            lines += ["", f"### {title}", "", *_items(entries(some, run.inputs), hints_of(run))]
    if free:
        lines += ["", "<details><summary>Notes (cost nothing)</summary>", "", *_items(entries(free, run.inputs), {})]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _items(found: Sequence[Entry], hints: Mapping[str, str]) -> list[str]:
    lines = []
    for entry in found[:_MOST_ENTRIES]:
        lines.append(f"- **{escaped(part_label(parts_in(entry.records)))}** {escaped(entry.sentence)}  ")
        hint = hints.get(entry.records[0].diagnosis, "")
        lines += [f"  *Hint:* {escaped(hint)}  "] if hint else []
        lines.append(f"  <sub>{escaped(cases_text(entry))}</sub>")
    if len(found) > _MOST_ENTRIES:
        lines.append(f"- and {len(found) - _MOST_ENTRIES} more")
    return lines
