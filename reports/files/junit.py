"""JUnit XML of a run, in the form of pytest's xunit1: a suite for each part, a test for each quantity."""

from __future__ import annotations

from xml.etree import ElementTree

from reports.model.baseline import drift_level, drifted
from reports.model.escape import printable
from reports.model.records import Record, failing
from reports.model.run import Results, parts_of
from reports.model.verdicts import FAILING, Verdict
from reports.model.words import sentence

#: GitLab refuses files beyond 30 MB; a sentence never needs more.
_LONGEST = 2000


def junit_xml(run: Results, *, folder: str = "", strict: bool = False) -> bytes:
    """The run as a UTF-8 document. Undecided is skipped; Parity's own fault is an error; other failures are failures.

    A test stands at the file and line of its record or, where that has none, of its part. Names are unique; text holds
    no character that XML forbids. A test's time is its case's, once for each case. Files are those of the submission in
    `folder`, as seen from the repository.
    """
    root = ElementTree.Element("testsuites")
    parts, source_lines = parts_of(run), run.environment.source_lines or {}
    timed: set[str] = set()
    for part in parts.within(run.records):
        group = [record for record in run.records if record.part == part]
        suite = ElementTree.SubElement(root, "testsuite", name=_text(parts.heading(part)))
        counts = dict.fromkeys(("failures", "errors", "skipped"), 0)
        seconds = 0.0
        seen: dict[str, int] = {}
        for record in group:
            time = 0.0 if record.case in timed else record.seconds or 0.0
            timed.add(record.case)
            seconds += time
            test = _testcase(record, seen, time, source_lines.get(part), folder)
            suite.append(test)
            outcome = _outcome(record, strict)
            if outcome:
                counts[{"failure": "failures", "error": "errors", "skipped": "skipped"}[outcome]] += 1
                text = _text(sentence(record) if record.message else record.note)
                kind = record.verdict if record.verdict != Verdict.MATCH else "note"
                child = ElementTree.SubElement(test, outcome, message=text, type=kind)
                child.text = text
        suite.attrib.update(tests=str(len(group)), **{key: str(count) for key, count in counts.items()})
        suite.set("time", f"{seconds:.3f}")
    document = run.environment.drift
    if document is not None:
        fails = drift_level(document) == "error"
        suite = ElementTree.SubElement(root, "testsuite", name="Drift", tests="1", failures=str(int(fails)))
        test = ElementTree.SubElement(suite, "testcase", classname="parity.drift", name="drift", time="0.000")
        if text := _text(drifted(document)):
            ElementTree.SubElement(test, "failure" if fails else "skipped", message=text, type="drift").text = text
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _testcase(
    record: Record, seen: dict[str, int], time: float, place: tuple[str, int] | None, folder: str
) -> ElementTree.Element:
    name = f"{record.case}: {record.quantity}"
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:  # GitLab drops a test whose name has been
        name += f" ({seen[name]})"
    test = ElementTree.Element("testcase", classname=_text(f"parity.{record.check}"), name=_text(name))
    file, line = (record.file, record.line) if record.file else place or ("", None)
    if file:
        test.set("file", _text(file if folder in ("", ".") else f"{folder}/{file}"))
        if line:
            test.set("line", str(line))
    test.set("time", f"{time:.3f}")
    return test


def _outcome(record: Record, strict: bool) -> str:
    if record.verdict == Verdict.HARNESS_ERROR:
        return "error"
    if record.verdict in FAILING or failing(record, strict):
        return "failure"
    return "skipped" if record.verdict == Verdict.UNDECIDED else ""


def _text(text: str) -> str:
    # What is not printable is written out, and with it all that XML forbids.
    return printable(text[:_LONGEST])
