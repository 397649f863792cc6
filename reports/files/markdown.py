"""A run as Markdown, for job summaries, pull requests and mails: nothing in it but our own marks has a meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.model.baseline import drifted
from reports.model.escape import markdown
from reports.model.folding import Entry, entries, label_of, where_seen
from reports.model.groups import grouped
from reports.model.numbers import number
from reports.model.phrases import shortened
from reports.model.records import failing
from reports.model.run import Results
from reports.model.summary import part_summaries
from reports.model.verdicts import row_of, word_of
from reports.model.words import headline, verdict_sentence

_LONGEST = 600
_MOST_ENTRIES = 40


def markdown_report(run: Results, *, strict: bool = False) -> str:
    """The verdict, a table of the parts, each discrepancy once, what is undecided, the notes folded away."""
    fails = any(failing(record, strict) for record in run.records)
    drift = drifted(run.environment.drift)
    sign = "❌" if fails else "⚠️" if drift else "✅"
    lines = [f"## {sign} Parity: {_text(' '.join(filter(None, (drift, verdict_sentence(run, strict)))))}", ""]
    if run.records:
        lines += [f"**Checked:** {_text(headline(run))}", ""]
    lines += _part_table(run, strict)
    groups = grouped(run.records, strict)
    for title, records in (
        ("Discrepancies", groups.discrepancies),
        ("Notes that count as discrepancies", groups.costly_notes),
        ("Parity’s own faults", groups.faults),
        ("Undecided (costs nothing)", groups.undecided),
    ):
        if records:
            lines += ["", f"### {title}", "", *_items(entries(records, run), run, run.environment.hints or {})]
    if groups.free_notes:
        lines += ["", "<details><summary>Notes (cost nothing)</summary>", ""]
        lines += [*_items(entries(groups.free_notes, run), run, {}), "", "</details>"]
    return "\n".join(lines) + "\n"


def _part_table(run: Results, strict: bool) -> list[str]:
    lines = [
        "| part | | verdict | agree | not judged | largest ratio |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for part in part_summaries(run, strict):
        cells = [
            _text(part.label),
            _text(part.title),
            f"{row_of(part.verdict).emoji} {_text(word_of(part.verdict))}",
            part.agreed,
            str(part.waiting or ""),
            _text(number(part.ratio)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _items(folded: Sequence[Entry], run: Results, hints: Mapping[str, str]) -> list[str]:
    lines = []
    for entry in folded[:_MOST_ENTRIES]:
        lines.append(f"- **{_text(label_of(entry, run))}** {_text(entry.sentence)}  ")
        hint = hints.get(entry.records[0].diagnosis, "")
        lines += [f"  *Hint:* {_text(hint)}  "] if hint else []
        seen = _text(where_seen(entry, run))
        lines += [f"  <sub>{seen}</sub>"] * bool(seen)
    if len(folded) > _MOST_ENTRIES:
        lines.append(f"- and {len(folded) - _MOST_ENTRIES} more")
    return lines


def _text(text: str) -> str:
    return markdown(shortened(text, _LONGEST))
