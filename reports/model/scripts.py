"""Which reproduction shows which record: by the names of their files, and the last line of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reports.model.escape import docstring
from reports.model.records import Record
from reports.model.verdicts import FAILING


def slug(record: Record) -> str:
    """What a script for this record is called, between `repro-` and `.py`; several have numbers after it."""
    return re.sub(r"[^a-z0-9]+", "-", f"part-{record.part}-{record.check}-{record.quantity}".lower()).strip("-")


def marked(text: str, record: Record) -> str:
    """The text of a script for this record, in whose last line stands which mistake it shows."""
    return f"{text}{_mark(record)}\n"


def _mark(record: Record) -> str:
    return f"# Shows: {docstring(record.diagnosis) or 'no known mistake'}"


def by_quantity(scripts: Mapping[str, str], records: Sequence[Record]) -> dict[str, str]:
    """The text of the script that shows each failing record, by "<case>/<quantity>", of scripts by their file names."""
    shown = {}
    for record in records if scripts else ():
        if record.verdict not in FAILING or record.explained_by:
            continue
        name = re.compile(rf"repro-{re.escape(slug(record))}(-\d+)?\.py")
        # Several mistakes in one quantity have a script each.
        texts = [
            (text.splitlines()[-1:] != [_mark(record)], len(file), file, text)
            for file, text in scripts.items()
            if name.fullmatch(file)
        ]
        if texts:
            shown[f"{record.case}/{record.quantity}"] = min(texts)[-1]
    return shown
