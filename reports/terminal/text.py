"""What the terminal shows: a run in a page, and one case of it in full, as lines of text."""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reports.model.records import FAILING, Record, costs_when_strict, failing, note_parts, part_order
from reports.model.summary import largest_ratio, worst

if TYPE_CHECKING:
    import numpy as np

    from reports.model.run_folder import Results

#: Puts a style ("good", "bad", "warn", "dim" or "head") on a piece of text.
Paint = Callable[[str, str], str]

GLOSSARY = (
    ("radius", "how far two honest computations of this element may differ, by rounding alone"),
    ("ratio", "the gap between got and want, divided by the radius: up to 1 is what rounding explains"),
    (
        "undecided",
        "too close to a kink, or too far into a chaotic run, for rounding to tell right from wrong; it costs nothing",
    ),
)

#: Checks in which one TODO meets the others: what fails in its own cases mostly fails here again.
WHOLE = frozenset({"network", "trajectory", "main"})

_NEIGHBOURS = 3
_NAMED_CASES = 3


def plain(text: str, style: str) -> str:
    """A Paint without colour."""
    return text


def printable(text: str) -> str:
    """Text that moves no cursor and rings no bell: a submission writes parts of what is shown."""
    if text.isprintable():
        return text
    return "".join(
        symbol if symbol.isprintable() else " " if symbol in "\n\t" else repr(symbol)[1:-1] for symbol in text
    )


def number(value: float | None) -> str:
    """A number in a few digits: 0.31, 12.5, 8.2e+06, inf; "-" for none."""
    return "-" if value is None else f"{value:.3g}"


def run_page(
    run: Results,
    *,
    parts: Mapping[str, str],
    strict: bool = False,
    width: int = 80,
    paint: Paint = plain,
) -> list[str]:
    """The page that `parity check` prints, but for its last sentences.

    A line that says what ran; one line for each TODO; each discrepancy as a sentence, the same ones folded;
    what is undecided; the notes.
    """
    lines = _wrapped(headline(run), width)
    lines += ["", *_part_lines(run.records, parts, strict, width, paint)]
    faults = [record for record in run.records if record.verdict == "harness_error"]
    wrong = [record for record in run.records if record.verdict in FAILING and record.verdict != "harness_error"]
    undecided = [record for record in run.records if record.verdict == "undecided"]
    lines += _section("Discrepancies", "bad", wrong, run, width, paint)
    costly, free = notes(run.records, strict)
    lines += _section("Notes that count as discrepancies (--strict)", "bad", costly, run, width, paint)
    lines += _section("Parity's own faults (the submission is not to blame)", "bad", faults, run, width, paint)
    lines += _section("Undecided (a warning; costs nothing)", "warn", undecided, run, width, paint)
    lines += _section("Notes (cost nothing)", "head", free, run, width, paint)
    return lines


def verdict_sentence(records: Sequence[Record], strict: bool = False) -> str:
    """The whole run in one sentence."""
    bad = [record for record in records if failing(record, strict)]
    undecided = sum(record.verdict == "undecided" for record in records)
    if not records:
        return "Nothing was compared."
    if bad:
        faults = sum(record.verdict == "harness_error" for record in bad)
        names = _todo_names(parts_in(bad))
        text = f"Disagreement: {len(bad)} of {len(records)} quantities do not agree with torch, in {names}."
        if faults:
            text += f" Of these {faults} are Parity's own fault."
    else:
        agreed = len(records) - undecided
        ratio = largest_ratio(records)
        text = f"Agreement: {agreed} of {len(records)} quantities agree with torch"
        text += f"; the largest gap is {number(ratio)} of what rounding explains." if ratio else "."
    return text + (f" {undecided} undecided: see the warning above." if undecided else "")


def first_to_show(records: Sequence[Record], strict: bool = False) -> Record | None:
    """The record whose case to look at first: the worst that has numbers, or else the first that fails.

    A TODO's own cases come before the whole network, and causes before what follows from them.
    """
    bad = [record for record in records if failing(record, strict)]
    for group in (
        [record for record in bad if record.ratio is not None and record.check not in WHOLE],
        [record for record in bad if record.ratio is not None],
    ):
        if group:
            return worst(group)
    return next((record for record in bad if not record.explained_by), bad[0] if bad else None)


def unmatched_page(
    run: Results, name: str, *, strict: bool = False, width: int = 80, paint: Paint = plain
) -> list[str]:
    """What `parity show RUN` prints: the cases with something that did not match, and how to see others."""
    shown = [record for record in run.records if record.verdict != "match" or failing(record, strict)]
    cases: dict[str, list[Record]] = {}
    for record in shown:
        cases.setdefault(record.case, []).append(record)
    lines = [*_wrapped(headline(run), width), ""]
    if cases:
        lines.append(paint("Cases with something that does not match", "head"))
        for case, records in cases.items():
            first = worst(records)
            verdict = first.verdict if first.verdict != "match" else "note"
            lines.append(
                f"  {paint(f'{verdict:<13}', _style(records, strict))} {number(largest_ratio(records)):>8}  "
                f"{printable(case)}"
            )
        lines += ["", *_wrapped(f"The number is the ratio. To see a case in full: `parity show {name} CASE`.", width)]
    else:
        lines.append("Every quantity matches.")
    others = len({record.case for record in run.records}) - len(cases)
    if others:
        they = "case matches; it is" if others == 1 else "cases match; they are"
        example = next(record.case for record in run.records if record.case not in cases)
        lines += _wrapped(
            f"{others} more {they} in {name}/records.csv, and shown the same way, by name or a part of it: "
            f"`parity show {name} {printable(example)}`.",
            width,
        )
    return lines


def case_page(run: Results, case: str, *, width: int = 80, paint: Paint = plain) -> list[str]:
    """What `parity show RUN CASE` prints: what was put in, what came out, numbers at the worst element."""
    records = [record for record in run.records if record.case == case]
    known = run.inputs.get(case)
    inputs = dict(known) if isinstance(known, Mapping) else {}
    title = inputs.pop("title", "")
    lines = [paint(printable(f"{case}: {title}" if title else case), "head")]
    lines += _wrapped(inputs_text(inputs), width, "  ")
    for record in sorted(records, key=lambda record: record.verdict == "match"):
        lines += ["", *_quantity_lines(record, run.arrays, width, paint)]
    lines.append("")
    for word, meaning in GLOSSARY:
        lines += _wrapped(meaning, width, " " * 11, first=f"{word:<11}")
    return lines


def hints_of(run: Results) -> dict[str, str]:
    """What to try for each diagnosis that the run names, by the whole of the diagnosis."""
    known = run.environment.get("hints")
    return {str(name): str(hint) for name, hint in known.items()} if isinstance(known, Mapping) else {}


def headline(run: Results) -> str:
    def distinct(name: str) -> str:
        words = dict.fromkeys(str(getattr(record, name)) for record in run.records)
        return listed([word for word in words if word])

    seed = run.environment.get("seed")

    return printable(
        f"{distinct('submission')}: edition {distinct('edition')}, held against torch on "
        f"{distinct('device')} in {distinct('dtype')}; isolation: {distinct('isolation')}"
        + ("" if seed is None else f"; seed {seed}")
    )


def _part_lines(
    records: Sequence[Record], parts: Mapping[str, str], strict: bool, width: int, paint: Paint
) -> list[str]:
    groups = {part: [record for record in records if record.part == part] for part in parts_in(records)}
    wide = max([len(group_verdict(group, strict)) for group in groups.values()] + [len("verdict")])
    head = f"{'TODO':<5}  {'part':<16}  {'verdict':<{wide}}  {'agree':>7}  {'ratio':>7}  "
    lines = [paint(f"{head}largest in", "dim")]
    for part, group in groups.items():
        agree = sum(record.verdict == "match" and not failing(record, strict) for record in group)
        first = worst(group)
        ratio = largest_ratio(group)
        place = _shortened(f"{first.case}, {first.quantity}" if ratio else "", width - len(head))
        verdict = paint(f"{group_verdict(group, strict):<{wide}}", _style(group, strict))
        lines.append(
            f"{part:<5}  {parts.get(part, ''):<16}  {verdict}"
            f"  {f'{agree}/{len(group)}':>7}  {number(ratio):>7}  {printable(place)}".rstrip()
        )
    lines += _wrapped("ratio: the largest gap, as a share of what rounding explains", width)
    return lines


def group_verdict(records: Sequence[Record], strict: bool) -> str:
    """The verdict that stands for several: the commonest of those that fail, then undecided, then match."""
    bad = Counter(record.verdict for record in records if record.verdict in FAILING)
    if bad:
        return bad.most_common(1)[0][0]
    if any(failing(record, strict) for record in records):
        return "note"
    return "undecided" if any(record.verdict == "undecided" for record in records) else "match"


def _style(records: Iterable[Record], strict: bool) -> str:
    verdicts = {"bad" if failing(record, strict) else record.verdict for record in records}
    return "bad" if "bad" in verdicts else "warn" if "undecided" in verdicts else "good"


def notes(records: Sequence[Record], strict: bool) -> tuple[list[Record], list[Record]]:
    """The notes as records of their own, each note its message: those that cost, and those that do not."""
    costly: list[Record] = []
    free: list[Record] = []
    for record in records:
        for note in note_parts(record):
            alone = replace(record, message=note, quantity="", verdict="match", diagnosis="", explained_by="", file="")
            (costly if strict and costs_when_strict(note) else free).append(alone)
    return costly, free


def _section(title: str, style: str, records: Sequence[Record], run: Results, width: int, paint: Paint) -> list[str]:
    if not records:
        return []
    lines = ["", paint(title, style)]
    for entry in entries(records, run.inputs):
        label = f"  {part_label(parts_in(entry.records)):<8} "
        lines += _wrapped(entry.sentence, width, " " * len(label), first=label)
        lines += [paint(line, "dim") for line in _wrapped(cases_text(entry), width, " " * len(label))]
    return lines


@dataclass(frozen=True)
class Entry:
    """One thing to say: the sentence, the records that it stands for, and those that it kept from being judged."""

    sentence: str
    records: list[Record]
    unjudged: list[Record] = field(default_factory=list)


def entries(records: Sequence[Record], inputs: Mapping[str, Any]) -> list[Entry]:
    """What there is to say about these records, each thing once.

    Told in full are causes, and of those that are alike the first: the same words or the same place in the
    submission, whatever the TODO; or one TODO, quantity, verdict and diagnosis, with other numbers. What only
    follows from them is counted: quantities that something else kept from being judged, and values of the
    whole network that are off in a TODO whose own cases show it.
    """
    shown = {record.part for record in records if record.check not in WHOLE and not record.explained_by}
    causes: dict[tuple[str, ...], list[Record]] = {}
    again: dict[str, list[Record]] = {}
    unjudged: dict[str, list[Record]] = {}
    words = [_words(record, inputs) for record in records]
    said_by = {said: {r.part for r, other in zip(records, words, strict=True) if other == said} for said in set(words)}
    accidents: dict[str, tuple[str, ...]] = {}
    for record, said in zip(records, words, strict=True):
        echo = record.check in WHOLE and record.explained_by in ("", record.part) and record.ratio is not None
        if echo and record.verdict == "mismatch" and record.part in shown and record.check != "main":
            again.setdefault(record.part, []).append(record)
            continue
        if record.explained_by:
            unjudged.setdefault(record.explained_by, []).append(record)
            continue
        key: tuple[str, ...]
        if record.verdict not in ("match", "mismatch"):
            # The same accident is told again with more around it: "after step 1 relu.forward raised ...".
            earlier = next((cause for cause in accidents if cause in said), None)
            place = (record.file, str(record.line)) if record.file else (said,)
            key = accidents.setdefault(said, place) if earlier is None else accidents[earlier]
        elif not record.quantity:  # a note
            key = (record.verdict, _without_numbers(said))
        elif len(said_by[said]) > 1:
            key = (record.verdict, said)
        else:
            key = (record.verdict, record.part, record.quantity, record.diagnosis)
        causes.setdefault(key, []).append(record)
    found = [Entry(sentence(same[0]), same) for same in causes.values()]
    for same in again.values():
        found.append(Entry(f"The same TODO is off in the whole network: {_quantities(len(same))}.", same))
    for cause, same in unjudged.items():
        at_fault = [entry for entry in found if any(record.part == cause for record in entry.records)]
        if len(at_fault) == 1:
            at_fault[0].unjudged.extend(same)
        else:
            name = part_label([cause]) if cause.isdecimal() else printable(cause)
            found.append(Entry(f"Not judged, because of what is wrong at {name}: {_quantities(len(same))}.", same))
    return found


def _words(record: Record, inputs: Mapping[str, Any]) -> str:
    """What a record says beyond the title of its case."""
    known = inputs.get(record.case)
    title = known.get("title", "") if isinstance(known, Mapping) else ""
    said = record.message.removeprefix("import: ") if record.check == "import" else record.message
    return said.removeprefix(f"{title}: ").rstrip(".")


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+", "#", text)


def _quantities(count: int) -> str:
    return f"{count} quantit{'y' if count == 1 else 'ies'}"


def parts_in(records: Sequence[Record]) -> list[str]:
    return sorted({record.part for record in records}, key=part_order)


def part_label(ids: Sequence[str]) -> str:
    if len(ids) > 2:
        return "several"
    return f"TODO {'/'.join(ids)}" if ids[0].isdecimal() else ids[0]


def _todo_names(ids: Sequence[str]) -> str:
    """ "TODO 4", "TODO 1, 4 and utils"."""
    numbered = [part for part in ids if part.isdecimal()]
    return ("TODO " if numbered else "") + listed([*numbered, *(part for part in ids if part not in numbered)])


def sentence(record: Record) -> str:
    parts = [printable(record.message)]
    if record.diagnosis and record.diagnosis not in record.message:
        parts.append(f"It looks like this mistake: {printable(', or '.join(record.diagnosis.split('; ')))}.")
    if record.file and record.file not in record.message:
        parts.append(f"({printable(record.file)}, line {record.line})")
    # A place in brackets ends the sentence before it; brackets within one do not.
    last = parts[-1] if parts[-1].endswith(")") else _stopped(parts[-1])
    return " ".join([*map(_stopped, parts[:-1]), last])


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def cases_text(entry: Entry) -> str:
    also = f"; kept {_quantities(len(entry.unjudged))} from being judged" if entry.unjudged else ""
    names = parts_in(entry.records)
    if len(names) > 2:
        return f"{_quantities(len(entry.records))} of {_todo_names(names)}{also}"
    return printable(_named(list(dict.fromkeys(record.case for record in entry.records)))) + also


def _named(cases: Sequence[str]) -> str:
    if len(cases) == 1:
        return cases[0]
    named = ", ".join(cases[1 : 1 + _NAMED_CASES])
    more = len(cases) - 1
    left = more - _NAMED_CASES
    rest = f", and {left} other{'s' if left > 1 else ''}" if left > 0 else ""
    return f"{cases[0]}, and {more} more case{'s' if more > 1 else ''}: {named}{rest}"


def inputs_text(inputs: Mapping[str, Any]) -> str:
    if not inputs:
        return "it has no inputs"
    return printable("; ".join(f"{key}: {_short(value)}" for key, value in inputs.items()))


def _short(value: Any) -> str:
    text = str(value)
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    elif isinstance(value, list) and all(isinstance(item, int) for item in value):
        text = "×".join(map(str, value)) if value else "()"
    elif isinstance(value, float):
        text = f"{value:g}"
    return _shortened(text, 200)


def _quantity_lines(record: Record, arrays: Mapping[str, np.ndarray], width: int, paint: Paint) -> list[str]:
    lines = [f"{paint(printable(record.quantity), 'head')}: {paint(record.verdict, _style([record], False))}"]
    facts = [
        f"{name} {number(value)}"
        for name, value in (("ratio", record.ratio), ("gap", record.gap), ("radius", record.radius))
        if value is not None
    ]
    if record.bad:
        facts.append(f"{record.bad} of {record.total} elements beyond the radius")
    if record.ulps is not None:
        facts.append(f"{number(record.ulps)} units in the last place")
    if record.blame:
        facts.append(f"whose side is off: {printable(record.blame)}")
    if facts:
        lines += _wrapped("; ".join(facts), width, "  ")
    if record.message and record.verdict != "match":
        lines += _wrapped(sentence(record), width, "  ")
    for note in note_parts(record):
        lines += _wrapped(f"note: {printable(note)}", width, "  ")
    return lines + _elements(record, arrays)


def _elements(record: Record, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Got, want and radius at the worst element and those before and after it in memory order."""
    import numpy as np

    prefix = f"{record.case}/{record.quantity}"
    got, want, radius = (arrays.get(f"{prefix}/{name}") for name in ("got", "want", "radius"))
    if got is None or want is None:
        return []
    if got.shape != want.shape:
        return [f"  got has the shape {got.shape}, want {want.shape}"]
    if got.size == 0:
        return []
    radius = np.zeros_like(want) if radius is None else np.broadcast_to(radius, want.shape)
    centre = position(record.where, got.shape)
    first = max(0, min(centre - _NEIGHBOURS, got.size - 2 * _NEIGHBOURS - 1))
    at_worst = np.unravel_index(centre, got.shape)
    digits = digits_apart(float(got[at_worst]), float(want[at_worst]))
    rows = [("", "element", "got", "want", "gap", "radius", "ratio")]
    for flat in range(first, min(got.size, first + 2 * _NEIGHBOURS + 1)):
        index = np.unravel_index(flat, got.shape)
        g, w, r = float(got[index]), float(want[index]), float(radius[index])
        gap = 0.0 if g == w or (g != g and w != w) else abs(g - w)
        ratio = 0.0 if gap == 0 else gap / r if r else float("inf")
        name = "[" + ", ".join(str(int(i)) for i in index) + "]"
        rows.append(
            (
                ">" if flat == centre else "",
                name,
                f"{g:.{digits}g}",
                f"{w:.{digits}g}",
                number(gap),
                number(r),
                number(ratio),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows]


def position(where: str, shape: tuple[int, ...]) -> int:
    """The flat index of a place such as "[0, 3]"; 0 where it names none inside `shape`."""
    import numpy as np

    index = tuple(map(int, re.findall(r"\d+", where)))
    try:
        return int(np.ravel_multi_index(index, shape)) if index else 0
    except ValueError:
        return 0


def digits_apart(got: float, want: float) -> int:
    """How many significant digits tell two numbers apart, and three more; at least 6, at most 17."""
    gap = abs(got - want)
    if not (math.isfinite(gap) and gap > 0):
        return 6
    apart = math.log10(max(abs(got), abs(want))) - math.log10(gap)
    return min(max(math.ceil(apart) + 3, 6), 17)


def _wrapped(text: str, width: int, indent: str = "", *, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
