"""The page of one submission: one HTML file that asks nobody for anything and is readable without scripts."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.html.charts import ratios_chart
from reports.model.records import FAILING, Record, failing
from reports.model.summary import largest_ratio, worst
from reports.terminal.text import (
    WHOLE,
    Entry,
    cases_text,
    digits_apart,
    entries,
    group_verdict,
    headline,
    hints_of,
    inputs_text,
    notes,
    number,
    part_label,
    parts_in,
    position,
    printable,
    verdict_sentence,
)

if TYPE_CHECKING:
    import jinja2
    import numpy as np

    from reports.model.run_folder import Results

TEMPLATES = Path(__file__).parent / "templates"

GLOSSARY = (
    ("gap", "how far the submission's number is from torch's, at one element"),
    ("radius", "how far two honest computations of that element may differ by rounding alone; derived, not chosen"),
    (
        "ratio",
        "the gap divided by the radius: up to 1 is what rounding explains, a mistake is usually thousands or more",
    ),
    ("match", "every element of the quantity has a ratio of at most 1"),
    (
        "undecided",
        "too close to a kink of relu, or too far into a chaotic run, for rounding to tell right from wrong; "
        "it costs nothing",
    ),
    ("note", "worth knowing, but not wrong; it costs nothing unless --strict is asked for"),
)

#: A sign beside each word, so that nobody has to tell colours apart.
SIGNS = {"match": "✓", "undecided": "?", "note": "!", "harness_error": "!"}

_AGAIN, _NOT_JUDGED = "The same TODO is off", "Not judged, because"
_ROWS, _COLUMNS = 6, 6
_LONGEST = 1500
_OUTPUT = 4000


@dataclass(frozen=True)
class Cell:
    """One element in a heat map: its text, and the classes that colour and mark it."""

    text: str
    style: str
    worst: bool


@dataclass(frozen=True)
class Heat:
    """A window of got and want around the worst element. `shown` says what part of the array it is."""

    columns: list[int]
    rows: list[tuple[int, list[Cell], list[Cell]]]
    shown: str


@dataclass(frozen=True)
class Card:
    """One thing that does not match."""

    name: str
    part: str
    title: str
    verdict: str
    sign: str
    heading: str
    sentence: str
    asked: str = ""
    diagnosis: str = ""
    hint: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    heat: Heat | None = None
    script: str = ""
    command: str = ""
    cases: str = ""
    folded: bool = False


def report_page(
    run: Results,
    *,
    parts: Mapping[str, str],
    strict: bool = False,
    scripts: Mapping[str, str] | None = None,
    folder: str = "parity-run",
) -> str:
    """The page of a run as a whole HTML document.

    `parts` names each TODO; `scripts` has a reproduction for "<case>/<quantity>"; `folder` is the run's, for the
    commands that the page shows.
    """
    records = list(run.records)
    bad = [record for record in records if record.verdict in FAILING and record.verdict != "harness_error"]
    faults = [record for record in records if record.verdict == "harness_error"]
    undecided = [record for record in records if record.verdict == "undecided"]
    costly, free = notes(records, strict)
    maker = _Cards(run, parts, scripts or {}, folder)
    groups = [
        ("Discrepancies", maker.of(bad)),
        ("Notes that count as discrepancies (--strict)", maker.of(costly)),
        ("Parity’s own faults: the submission is not to blame", maker.of(faults)),
        ("Undecided: a warning that costs nothing", maker.of(undecided)),
    ]
    cards = [card for _, some in groups for card in some]
    fails = any(failing(record, strict) for record in records)
    verdict, _, more = verdict_sentence(records, strict).partition(". ")
    return template("report.html").render(
        title=f"Parity: {records[0].submission if records else ''}",
        fails=fails,
        verdict=verdict.rstrip(".") + ".",
        more=more.replace("see the warning above", "see the warnings below"),
        headline=headline(run) if records else "",
        first=cards[0] if fails and cards else None,
        strip=_strip(records, parts, strict, cards),
        groups=[(title, some) for title, some in groups if some],
        wide=markup(ratios_chart(records, parts)),
        narrow=markup(ratios_chart(records, parts, narrow=True)),
        notes=_folded(free, run),
        output=_printed(run.output),
        environment=flat({key: value for key, value in run.environment.items() if key != "hints"}),
        glossary=GLOSSARY,
    )


class _Cards:
    """Makes cards of records, numbering them through."""

    def __init__(self, run: Results, parts: Mapping[str, str], scripts: Mapping[str, str], folder: str) -> None:
        self._run, self._parts, self._scripts, self._folder = run, parts, scripts, folder
        self._made = 0
        self._opened: set[str] = set()

    def of(self, records: Sequence[Record]) -> list[Card]:
        # A TODO's own cases before the whole network, causes before what follows from them.
        found = sorted(entries(records, self._run.inputs), key=_echoes)
        return [self._card(entry) for entry in found]

    def _card(self, entry: Entry) -> Card:
        record = worst(entry.records)
        if record.verdict == "mismatch" and not _is_told_in_full(entry):
            return self._plain(entry)
        first = entry.records[0]
        self._made += 1
        known = self._run.inputs.get(first.case)
        inputs = dict(known) if isinstance(known, Mapping) else {}
        title = str(inputs.pop("title", "import" if first.check == "import" else ""))
        key = f"{first.case}/{first.quantity}"
        names = parts_in(entry.records)
        return Card(
            name=f"discrepancy-{self._made}",
            part=part_label(names),
            title=self._parts.get(names[0], "") if len(names) == 1 else "",
            verdict=first.verdict if first.quantity else "note",
            sign=SIGNS.get(first.verdict if first.quantity else "note", "✗"),
            heading=f"{title}: {first.quantity}" if title and first.quantity else title or first.quantity or first.case,
            sentence=_shortened((first.message or entry.sentence).removeprefix(f"{title}: ")),
            asked=_shortened(inputs_text(inputs)) if inputs else "",
            diagnosis=", or ".join(name for name in first.diagnosis.split("; ") if name),
            hint=hints_of(self._run).get(first.diagnosis, ""),
            facts=_facts(first),
            heat=_heat(first, self._run.arrays),
            script=next((self._scripts[k] for k in (key, first.case) if k in self._scripts), ""),
            command=f"parity show {shlex.quote(self._folder)} {shlex.quote(first.case)}",
            cases=cases_text(entry),
            folded=self._seen_before(part_label(names)),
        )

    def _seen_before(self, part: str) -> bool:
        """Whether a TODO has a card already: the numbers of the further ones are folded away."""
        before = part in self._opened
        self._opened.add(part)
        return before

    def _plain(self, entry: Entry) -> Card:
        self._made += 1
        names = parts_in(entry.records)
        return Card(
            name=f"discrepancy-{self._made}",
            part=part_label(names),
            title=self._parts.get(names[0], "") if len(names) == 1 else "",
            verdict=entry.records[0].verdict,
            sign="✗",
            heading="not judged" if entry.sentence.startswith(_NOT_JUDGED) else "the same again, where parts meet",
            sentence=entry.sentence,
            cases=cases_text(entry),
        )


def _echoes(entry: Entry) -> tuple[bool, bool]:
    return (not _is_told_in_full(entry), all(record.check in WHOLE for record in entry.records))


def _is_told_in_full(entry: Entry) -> bool:
    return not entry.sentence.startswith((_AGAIN, _NOT_JUDGED))


def _facts(record: Record) -> list[tuple[str, str]]:
    facts = []
    if record.ratio is not None and record.gap is not None and record.verdict != "match":
        endless = "where rounding explains none at all"
        times = f"{number(record.ratio)} times the radius of {number(record.radius)}"
        facts.append(("Gap", f"{number(record.gap)}, {endless if math.isinf(record.ratio) else times}"))
    if record.file:
        facts.append(("Where", f"{record.file}, line {record.line}" if record.line else record.file))
    if record.step is not None:
        facts.append(("Step", str(record.step)))
    if record.bad and record.total and record.total > 1:
        facts.append(("Beyond their radius", f"{record.bad} of {record.total} elements"))
    if record.ulps is not None and record.verdict == "mismatch":
        facts.append(("Units in the last place", number(record.ulps)))
    if record.blame:
        facts.append(("Whose side is off", f"{record.blame} (held against higher precision)"))
    return facts


def _heat(record: Record, arrays: Mapping[str, np.ndarray]) -> Heat | None:
    """Got and want around the worst element, or None where the run kept no arrays of one shape."""
    import numpy as np

    prefix = f"{record.case}/{record.quantity}"
    got, want, radius = (arrays.get(f"{prefix}/{name}") for name in ("got", "want", "radius"))
    if got is None or want is None or got.shape != want.shape or got.size < 2 or got.dtype.kind not in "fiub":
        return None
    centre = position(record.where, got.shape)
    width = got.shape[-1]
    table_got, table_want = (np.asarray(a).reshape(-1, width).astype(np.float64) for a in (got, want))
    allowed = np.zeros_like(table_want)
    if radius is not None:
        allowed = np.broadcast_to(radius, got.shape).reshape(-1, width).astype(np.float64)
    row, column = divmod(centre, width)
    rows, columns = _window(row, table_got.shape[0], _ROWS), _window(column, width, _COLUMNS)
    inside = np.ix_(rows, columns)
    finite = np.abs(np.concatenate([table_got[inside].ravel(), table_want[inside].ravel()]))
    finite = finite[np.isfinite(finite)]
    scale = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    digits = digits_apart(float(table_got[row, column]), float(table_want[row, column]))

    def cells(table: np.ndarray, i: int, mark: bool) -> list[Cell]:
        made = []
        for j in columns:
            value = float(table[i, j])
            here = (i, j) == (row, column)
            with np.errstate(all="ignore"):
                gap = abs(float(table_got[i, j]) - float(table_want[i, j]))
            off = mark and not (gap <= float(allowed[i, j]))
            style = f"{_shade(value, scale)}{' off' if off else ''}{' worst' if here else ''}"
            made.append(Cell(f"{value:.{digits if here else 3}g}".replace("-", "−"), style, here))
        return made

    whole = (len(rows), len(columns)) == table_got.shape
    size = "×".join(map(str, got.shape))
    shown = f"All {size} elements." if whole else f"{len(rows)}×{len(columns)} of {size} elements, around the worst."
    return Heat(columns, [(i, cells(table_got, i, True), cells(table_want, i, False)) for i in rows], shown)


def _window(centre: int, length: int, most: int) -> list[int]:
    first = max(0, min(centre - most // 2, length - most))
    return list(range(first, min(length, first + most)))


def _shade(value: float, scale: float) -> str:
    """The class of a value on a scale from −scale to scale, in nine steps; "odd" for what is not finite."""
    if not math.isfinite(value):
        return "odd"
    step = min(4, math.ceil(abs(value) / scale * 4 - 1e-9))
    return "z" if step == 0 else f"{'p' if value > 0 else 'n'}{step}"


def _strip(
    records: Sequence[Record], parts: Mapping[str, str], strict: bool, cards: Sequence[Card]
) -> list[dict[str, Any]]:
    rows = []
    for part in parts_in(records):
        group = [record for record in records if record.part == part]
        verdict = group_verdict(group, strict)
        first = worst(group)
        ratio = largest_ratio(group)
        card = next((card for card in cards if card.part == part_label([part])), None)
        rows.append(
            {
                "part": part,
                "label": part_label([part]),
                "title": parts.get(part, ""),
                "verdict": verdict,
                "sign": SIGNS.get(verdict, "✗"),
                "agree": sum(record.verdict == "match" and not failing(record, strict) for record in group),
                "total": len(group),
                "ratio": number(ratio),
                "largest": f"{first.case}, {first.quantity}" if ratio else "",
                "target": card.name if card else f"part-{part}",
            }
        )
    return rows


def _folded(free: Sequence[Record], run: Results) -> list[tuple[str, str, str]]:
    found = entries(free, run.inputs)
    return [(part_label(parts_in(entry.records)), _shortened(entry.sentence), cases_text(entry)) for entry in found]


def _printed(output: bytes) -> str:
    text = output[:_OUTPUT].decode("utf-8", "backslashreplace")
    more = f"\n… and {len(output) - _OUTPUT} more bytes" if len(output) > _OUTPUT else ""
    return text + more


def flat(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """An environment as rows of text."""
    rows: list[tuple[str, str]] = []
    for key, value in environment.items():
        if isinstance(value, Mapping):
            rows += [(f"{key}: {inner}", str(said)) for inner, said in value.items()]
        elif isinstance(value, list):
            rows.append((key, ", ".join(map(str, value))))
        else:
            rows.append((key, str(value)))
    return [(key.replace("_", " "), value) for key, value in rows]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def markup(svg: str) -> Any:
    """An SVG of charts.py as something that a template does not escape."""
    from markupsafe import Markup

    return Markup(svg)  # of our own making: charts.py has escaped what is foreign in it


def lines(text: str) -> str:
    """Text of several lines with everything unprintable made visible, for a `pre`."""
    return "\n".join(printable(line) for line in re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text))


def _said(value: Any) -> Any:
    """What a template writes of a value: text that moves no cursor, rings no bell and turns no line around."""
    return printable(value) if type(value) is str else value


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_said,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["lines"] = _lines_filter
    script = _own("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    found.globals.update(
        style=markup(_own("simple.css") + _own("parity.css")), script=markup(script), script_hash=markup(digest)
    )
    return found


def _lines_filter(text: str) -> Any:
    from markupsafe import escape

    return escape(lines(text))


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def template(name: str) -> jinja2.Template:
    """A template of a page, which escapes what is put into it and makes unprintable text visible."""
    return _environment().get_template(name)
