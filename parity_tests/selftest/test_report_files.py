"""The files made of a run: read back by parsers made elsewhere, and whatever a submission wrote stays text in them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, from_frame, mismatch, record
from parity_tests.selftest.hostile_text import TEXTS, hostile_run
from reports.files.document import SCHEMA, columns_table, completed, json_text
from reports.files.github import annotation_lines, guarded
from reports.files.junit import junit_xml
from reports.files.markdown import markdown_report
from reports.files.sarif import sarif_text
from reports.html.run_page import report_page
from reports.model.baseline import baseline_text, read_baseline
from reports.model.csv_table import csv_text
from reports.model.environment import Environment
from reports.model.escape import markdown, markdown_with_code
from reports.model.records import COLUMNS, Record, to_frame
from reports.model.run_folder import load, save
from reports.terminal.case import case_page
from reports.terminal.run import mistakes_page, run_page

XSD = Path(__file__).with_name("junit-xunit1.xsd")
SARIF_SCHEMA = Path(__file__).parent / "vendor" / "sarif-2.1.0-rtm.5.json"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def hostile(test: Callable[[str], None]) -> Callable[[], None]:
    """The test with each hostile text; where it fails, it says with which."""

    def with_each() -> None:
        for text in TEXTS:
            try:
                test(text)
            except BaseException as error:
                error.add_note(f"of the hostile text {text[:60]!a}")
                raise

    return with_each


class Shape(HTMLParser):
    """The elements of a page, and of their attributes all that is not text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":  # where a name may break, which depends on the name
            self.found.append((tag, tuple(name for name, _ in attrs)))
        assert not [value for name, value in attrs if name == "href" and not (value or "").startswith("#")]

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", ()))


def page(text: str) -> str:
    return report_page(hostile_run(text), scripts={f"{text}/a": text})


def plain(text: str) -> str:
    """Harmless text in the same number of parts: notes and diagnoses are several, with semicolons between them."""
    return "; ".join(f"plain {letter}" for letter, _ in zip("abcdefgh", text.split("; "), strict=False))


@hostile
def test_hostile_text_adds_nothing_to_a_page(text: str) -> None:
    written = page(text)
    written.encode()
    assert not CONTROL.search(written)
    assert Shape(written).found == Shape(page(plain(text))).found


def test_a_page_that_did_not_escape_would_be_noticed() -> None:
    assert Shape(page("plain").replace("plain", TEXTS[1])).found != Shape(page("plain")).found


@hostile
def test_hostile_text_adds_nothing_to_junit(text: str) -> None:
    root = ElementTree.fromstring(junit_xml(hostile_run(text)))
    harmless = ElementTree.fromstring(junit_xml(hostile_run(plain(text))))
    assert [element.tag for element in root.iter()] == [element.tag for element in harmless.iter()]


@hostile
def test_hostile_text_adds_nothing_to_markdown(text: str) -> None:
    from markdown_it import MarkdownIt

    def shape(text: str) -> list[str]:
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        tokens = parser.parse(markdown_report(hostile_run(text)))
        return [child.type for token in tokens for child in (token, *(token.children or ()))]

    def without_text(types: list[str]) -> list[str]:
        # An escaped mark is a token of text; blank text is none.
        return [kind for kind in types if kind not in ("text", "text_special")]

    assert without_text(shape(text)) == without_text(shape(plain(text)))
    (quoted,) = MarkdownIt("commonmark").enable("strikethrough").parseInline(markdown_with_code(f"x in “{text}”, y"))
    assert {child.type for child in quoted.children or ()} <= {"text", "text_special", "code_inline"}
    written = markdown(text)
    assert "\n" not in written
    assert "@" not in written
    assert "://" not in written
    assert not re.search(r"www\.", written)


def commands(output: str) -> list[str]:
    """What a workflow's runner would obey, read as the runner reads: line by line, both forms."""
    obeyed: list[str] = []
    token = ""
    for line in re.split(r"\r\n|\n|\r", output):
        if token:
            if line.strip() == f"::{token}::":
                token = ""
        elif line.strip().startswith("::stop-commands::"):
            token = line.strip().removeprefix("::stop-commands::")
        elif line.lstrip().startswith("::") or "##[" in line:
            obeyed.append(line)
    assert not token
    return obeyed


@hostile
def test_hostile_text_commands_no_workflow(text: str) -> None:
    run = hostile_run(text)
    shown = "\n".join(run_page(run)) + "\n" + text.encode("utf-8", "replace").decode()
    assert commands(guarded(shown)) == []
    assert commands(json_text(run)) == []
    lines = annotation_lines(run, folder="homework")
    assert commands("\n".join(lines)) == lines
    assert all(re.match(r"::(error|warning|notice) ", line) for line in lines)
    # A property ends at a comma, and the properties at the first "::".
    for line in lines:
        properties = line.split("::")[1].partition(" ")[2].split(",")
        assert {name.partition("=")[0] for name in properties} <= {"file", "line", "title"}


def test_the_runner_of_this_test_obeys_what_is_not_guarded() -> None:
    assert commands("a\n  ::error::x\nb ##[debug]y") == ["  ::error::x", "b ##[debug]y"]


@hostile
def test_hostile_text_is_no_formula_and_no_terminal_command_in_csv(text: str) -> None:
    frame = to_frame(hostile_run(text).records)
    written = csv_text(frame)
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * (len(frame) + 1)
    numbers = {COLUMNS.index(name) for name in frame.columns if frame[name].dtype != "string"}
    for row in rows[1:]:
        for index, cell in enumerate(row):
            assert index in numbers or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", cell)


@hostile
def test_hostile_text_comes_through_json_and_parquet_unharmed(text: str) -> None:
    run = hostile_run(text)
    written = json_text(run)
    assert written.isascii()
    assert json.loads(written)["records"][1]["message"] == text
    buffer = io.BytesIO()
    frame = to_frame(run.records)
    frame.to_parquet(buffer, index=False)
    assert from_frame(pd.read_parquet(buffer)) == from_frame(frame)


@hostile
def test_hostile_text_moves_no_cursor(text: str) -> None:
    run = hostile_run(text)
    for lines in (
        run_page(run),
        mistakes_page(run, "parity-run"),
        case_page(run, run.records[0].case),
        annotation_lines(run, folder="homework"),
    ):
        assert not CONTROL.search("\n".join(lines).replace("\n", ""))


@hostile
def test_hostile_names_come_through_a_baseline(text: str) -> None:
    run = hostile_run(text)
    written = baseline_text(run.records, run.environment)
    assert not CONTROL.search(written.replace("\n", ""))
    assert len(read_baseline(written).ratios) == len({(r.case, r.quantity) for r in run.records if _has_ratio(r)})


def _has_ratio(row: Record) -> bool:
    return row.ratio is not None and row.verdict != "undecided"


@cache
def of_sarif() -> Any:
    """What checks a log against SARIF's schema."""
    import jsonschema

    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    chosen = jsonschema.validators.validator_for(schema)
    chosen.check_schema(schema)
    return chosen(schema)


def sarif(run: Any, **options: Any) -> Any:
    """The SARIF log of a run, checked against its schema."""
    log = json.loads(sarif_text(run, **options))
    of_sarif().validate(log)
    return log["runs"][0]


@hostile
def test_hostile_text_adds_nothing_to_sarif(text: str) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return [shape(inner) for inner in value] if isinstance(value, list) else type(value)

    assert shape(sarif(hostile_run(text), folder=text)) == shape(sarif(hostile_run(plain(text)), folder="plain"))
    assert not CONTROL.search(sarif_text(hostile_run(text), folder=text).replace("\n", ""))


def test_sarif_has_each_discrepancy_once_at_its_line_and_parity_s_own_fault_apart() -> None:
    records = [
        mismatch(part="2", case="linear/a/float64"),
        mismatch(part="2", case="linear/b/float64"),
        mismatch(part="3", verdict="crashed", file="utils.py", line=7, message="it raised"),
        record(part="4", verdict="undecided", message="it is undecided"),
        record(part="4", quantity="output", note="it is slow"),
        record(part="4", quantity="mask", verdict="harness_error", message="Parity failed"),
    ]
    lines_of = {"1": ("utils.py", 1), "2": ("neural networks.py", 12), "4": ("neural networks.py", 1)}
    run = sarif(
        FakeRun(records=records, environment=Environment(assignment="mlp", source_lines=lines_of)), folder="my work"
    )

    def place(result: Any) -> tuple[str, int]:
        place = result["locations"][0]["physicalLocation"]
        return place["artifactLocation"]["uri"], place["region"]["startLine"]

    assert [(result["level"], result["ruleId"], *place(result)) for result in run["results"]] == [
        ("error", "mlp/2", "my%20work/neural%20networks.py", 12),
        ("error", "mlp/3", "my%20work/utils.py", 7),
        ("warning", "mlp/4", "my%20work/neural%20networks.py", 1),
        ("note", "mlp/4", "my%20work/neural%20networks.py", 1),
    ]
    assert run["results"][0]["properties"]["cases"] == ["linear/a/float64", "linear/b/float64"]
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert "Parity failed" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    agreement = sarif(FakeRun(records=[record()]))
    assert agreement["results"] == []
    assert agreement["invocations"][0]["executionSuccessful"]


def test_a_discrepancy_is_the_same_to_code_scanning_when_its_line_and_its_numbers_have_moved() -> None:
    def fingerprint(**fields: Any) -> Any:
        return sarif(FakeRun(records=[mismatch(**fields)]))["results"][0]["partialFingerprints"]

    assert fingerprint(file="a.py", line=3) == fingerprint(file="a.py", line=9, message="another number", ratio=7.0)
    assert fingerprint() != fingerprint(diagnosis="the bias is left out")


def test_junit_is_valid_and_read_by_another_parser() -> None:
    import xmlschema
    from junitparser import JUnitXml

    records = [
        replace(row, seconds=2.5)
        for row in (
            record(),
            record(quantity="gradient of b"),
            record(),
            mismatch(part="3"),
            mismatch(quantity="u", verdict="crashed", file="neural_networks.py", line=41),
            record(quantity="v", verdict="undecided"),
            record(quantity="w", verdict="harness_error", part="utils", message="it broke"),
            record(quantity="x", note="overwrites its input"),
        )
    ]
    lines_of = {"3": ("neural_networks.py", 12)}
    run = FakeRun(records=records, environment=replace(DESCRIBED, source_lines=lines_of))
    written = junit_xml(run)
    schema = xmlschema.XMLSchema(XSD)
    schema.validate(io.BytesIO(written))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(io.BytesIO(written.replace(b" (2)", b"")))
    read: Any = JUnitXml.fromstring(written)
    read.update_statistics()
    assert (read.tests, read.failures, read.errors, read.skipped) == (8, 2, 1, 1)
    assert read.time == pytest.approx(2.5)
    by_name = {(suite.name, case.name): case for suite in read for case in suite}
    crashed = by_name["TODO 4: linear, backward", "linear/one-row/float64: u"]
    assert crashed._elem.get("file") == "neural_networks.py"
    assert crashed._elem.get("line") == "41"
    assert (
        "torch says 0.25" in by_name["TODO 3: linear, forward", "linear/one-row/float64: gradient of W"].result[0].text
    )
    strict: Any = JUnitXml.fromstring(junit_xml(run, strict=True))
    assert sum(suite.failures for suite in strict) == 3


@pytest.mark.parametrize("text", ["plain", TEXTS[0], TEXTS[20]])
def test_json_is_what_its_schema_says(text: str) -> None:
    import jsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    document = json.loads(json_text(hostile_run(text)))
    validator.validate(document)
    assert list(document["records"][0]) == list(COLUMNS)
    assert completed(schema) == schema, "write json.dumps(completed(schema), indent=2) into reports/files/schema.json"
    document["records"][0]["verdict"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_the_documentation_has_the_columns_as_they_are_declared() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "records.md").read_text(encoding="utf-8")
    assert columns_table() in page, "write columns_table() into docs/reference/records.md"
    assert [name for name in COLUMNS if f"| `{name}` |" not in page] == []


def test_json_writes_numbers_that_json_lacks_as_text() -> None:
    run = FakeRun(records=[mismatch(ratio=float("inf"), actual=float("nan"), expected=float("-inf"))])
    (row,) = json.loads(json_text(run), parse_constant=pytest.fail)["records"]
    assert (row["ratio"], row["actual"], row["expected"]) == ("inf", "nan", "-inf")


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([record()], "agreement"),
        ([record(verdict="undecided")], "agreement"),
        ([mismatch()], "disagreement"),
        ([mismatch(), record(verdict="harness_error")], "harness_error"),
    ],
)
def test_json_says_the_outcome_in_a_word(records: list[Record], outcome: str) -> None:
    assert json.loads(json_text(FakeRun(records=records)))["outcome"] == outcome


def test_annotations_stand_at_the_line_and_are_ten_at_most() -> None:
    records = [mismatch(part=str(n), quantity=f"q{n}", message=f"m{n}") for n in range(1, 4)]
    lines_of = {"2": ("neural_networks.py", 12)}
    records[2] = mismatch(part="3", verdict="crashed", file="utils.py", line=7, message="100%, and more")
    lines = annotation_lines(FakeRun(records=records, environment=Environment(source_lines=lines_of)), folder="a,b")
    assert lines == [
        "::error title=Parity%3A 1::m1.",
        "::error file=a%2Cb/neural_networks.py,line=12,title=Parity%3A 2::m2.",
        "::error file=a%2Cb/utils.py,line=7,title=Parity%3A 3::100%25, and more.",
    ]
    many = [mismatch(part="4", quantity=f"q{n}", message=f"m{n}", diagnosis=f"d{n}") for n in range(30)]
    lines = annotation_lines(FakeRun(records=many))
    assert len(lines) == 10
    assert lines[-1].startswith("::notice title=Parity%3A and more::Disagreement: 30 of 30")


def test_the_page_lies_in_the_run_folder_and_another_version_of_it_replaces_it(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        save(tmp_path / "run", FakeRun(), {"report.html": content})
        assert (tmp_path / "run" / "report.html").read_bytes() == content
        assert load(tmp_path / "run").records == FakeRun().records
