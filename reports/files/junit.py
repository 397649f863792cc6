"""JUnit XML of a run, in the form of pytest's xunit1: a suite for each TODO, a test for each quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from reports.model.records import FAILING, Record, failing
from reports.terminal.text import parts_in, printable, sentence

#: GitLab refuses files beyond 30 MB; a sentence never needs more.
_LONGEST = 2000


def junit_xml(
    records: Sequence[Record],
    parts: Mapping[str, str],
    *,
    places: Mapping[str, tuple[str, int]] | None = None,
    strict: bool = False,
) -> bytes:
    """The run as a UTF-8 document. Undecided is skipped; Parity's own fault is an error; other failures are failures.

    `places` has the file and line of each TODO, for the tests of which the record knows none. Names are unique; text
    holds no character that XML forbids. A test's time is its case's, once for each case.
    """
    root = ElementTree.Element("testsuites")
    timed: set[str] = set()
    for part in parts_in(records):
        group = [record for record in records if record.part == part]
        name = f"TODO {part}: {parts.get(part, '')}" if part.isdecimal() else parts.get(part, part)
        suite = ElementTree.SubElement(root, "testsuite", name=_text(name))
        counts = dict.fromkeys(("failures", "errors", "skipped"), 0)
        seconds = 0.0
        seen: dict[str, int] = {}
        for record in group:
            time = 0.0 if record.case in timed else record.seconds or 0.0
            timed.add(record.case)
            seconds += time
            test = _testcase(record, seen, time, (places or {}).get(record.part))
            suite.append(test)
            outcome = _outcome(record, strict)
            if outcome:
                counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[outcome]] += 1
                said = _text(sentence(record) if record.message else record.note)
                kind = record.verdict if record.verdict != "match" else "note"
                child = ElementTree.SubElement(test, outcome, message=said, type=kind)
                child.text = said
        suite.attrib.update(tests=str(len(group)), **{key: str(count) for key, count in counts.items()})
        suite.set("time", f"{seconds:.3f}")
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _testcase(record: Record, seen: dict[str, int], time: float, place: tuple[str, int] | None) -> ElementTree.Element:
    name = f"{record.case}: {record.quantity}"
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:  # GitLab drops a test whose name has been
        name += f" ({seen[name]})"
    test = ElementTree.Element("testcase", classname=_text(f"parity.{record.check}"), name=_text(name))
    file, line = (record.file, record.line) if record.file else place or ("", None)
    if file:
        test.set("file", _text(file))
        if line:
            test.set("line", str(line))
    test.set("time", f"{time:.3f}")
    return test


def _outcome(record: Record, strict: bool) -> str:
    if record.verdict == "harness_error":
        return "error"
    if record.verdict in FAILING or failing(record, strict):
        return "failure"
    return "skipped" if record.verdict == "undecided" else ""


def _text(text: str) -> str:
    # What is not printable is written out, and with it all that XML forbids.
    return printable(text[:_LONGEST])
