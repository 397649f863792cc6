"""What a student must find on the page of a submission, each with what would be there otherwise."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.harness.check import check
from parity_tests.harness.source_lines import excerpts
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from parity_tests.selftest.records_of_cases import FEWEST_NAME, QUICK
from reports.files.feedback import feedback_page
from reports.html.run_page import report_page
from reports.model.elements import told_apart
from reports.model.points import Lateness
from reports.model.records import Record
from reports.model.relation import relation_of
from reports.model.verdicts import VERDICTS, word_of
from reports.model.words import GLOSSARY
from reports.pictures.errors import error_picture, levels_of

USUAL = parse_rubric(ASSIGNMENT.rubric_text, "rubric.toml", Vocabulary.of(ASSIGNMENT))


def text_of(html: str) -> str:
    """What the page says, without markup, its style and its script."""
    bare = re.sub(r"<(style|script|title)>.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", bare)).split())


def run_of(*records: Record, **environment: Any) -> FakeRun:
    return FakeRun(records=list(records), environment=replace(DESCRIBED, **environment))


def missing(part: str, **fields: Any) -> Record:
    return record(part=part, verdict="missing", ratio=None, message=f"f{part} is not implemented", **fields)


def test_points_stand_for_each_item_with_the_reason_in_the_words_of_the_rubric() -> None:
    run = run_of(
        record(check="linear", quantity="output", part="3"),
        mismatch(check="linear", quantity="gradient of W"),
        missing("1", check="sgd", quantity="updated W"),
        missing("1", check="main", quantity="weights", explained_by="1"),
    )
    said = text_of(report_page(run, points=score(run.records, USUAL)))
    assert "7.5 of 45 points" in said
    assert "linear 7.5 of 15 1 of 2 quantities is right" in said
    assert "sgd 0 of 10 Nothing that counts is right in every case" in said
    assert "main 0 of 20 Not judged, because TODO 1 (SGD) is not implemented" in said
    assert "A mistake costs points at its own item." in said
    assert " of 45 points" not in text_of(report_page(run))


def test_what_is_taken_off_for_being_late_stands_beside_the_total() -> None:
    run = run_of(record(check="linear", quantity="output", part="3"))
    points = score(run.records, USUAL)
    html = report_page(run, points=replace(points, late=Lateness(10.0, "2 days")))
    assert "13.5 of 15 points (90 %)" in html
    assert "Handed in 2 days late: 10 %" in html
    assert "late" not in text_of(report_page(run, points=points))


def test_the_page_and_the_grade_agree_where_a_part_is_missing(tmp_path: Path) -> None:
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    head, rest = source.split("def miniBatchStochasticGradientDescent", 1)
    signature, body = rest.split(") -> Model:\n", 1)
    assert body
    stub = f"{signature}) -> Model:\n    raise NotImplementedError\n\n\nclass linear_layer"
    broken = f"{head}def miniBatchStochasticGradientDescent{stub}{body.split('class linear_layer', 1)[1]}"
    (tmp_path / "neural_networks.py").write_text(broken, encoding="utf-8")
    (tmp_path / "utils.py").write_bytes((ASSIGNMENT.solution / "utils.py").read_bytes())
    run = check(QUICK, tmp_path, dtypes=("float64",))
    points = score(run.records, USUAL)
    assert points.total == 90
    said = text_of(report_page(run, points=points))
    assert "1 of 10 TODOs is not implemented (TODO 1)" in said
    assert "90 of 100 points" in said
    assert "sgd 0 of 10" in said
    assert " 90 of 90 full points" in said.replace("Full", "full")


def test_one_mistake_is_one_card_whatever_the_quantities_with_every_case_beneath() -> None:
    cases = [("a", "gradient of W"), ("b", "gradient of W, second input"), ("c", "gradient of b")]
    mistakes = [mismatch(case=f"linear/{case}/float64", quantity=name, diagnosis="a mean") for case, name in cases]
    echo = mismatch(check="network", case="network/x/float64", explained_by="4")
    html = report_page(run_of(*mistakes, echo))
    assert len(re.findall("<article", html)) == 1
    assert "Every case (4)" in html
    assert all(f"linear/{case}/float64</th><td>{name}</td>" in html for case, name in cases)
    assert "It shows in 4 quantities." in html
    run = run_of(*mistakes, echo, mismatch(part="6", check="network", explained_by="4"))
    told = feedback_page("ann", run, score(run.records, USUAL)).partition("## Points")[0]
    assert "- **Likely cause: a mean.** " in told
    assert "The same shows in other quantities. Others follow from it.\n" in told
    assert not re.findall(r"\d+ quantities|not judged", told)
    two = report_page(run_of(*mistakes, mismatch(diagnosis="another")))
    assert len(re.findall("<article", two)) == 2


def test_what_was_not_judged_is_grey_and_no_mismatch() -> None:
    waiting = mismatch(part="6", check="tanh", verdict="crashed", ratio=None, explained_by="5")
    html = report_page(run_of(missing("5", check="tanh"), waiting, record(part="6", check="tanh")))
    assert re.search(r'<li class="not-judged"><a [^>]*><b>TODO 6</b>', html)
    assert "1 of 2 TODOs is not implemented (TODO 5); 1 quantity could not be judged" in html
    assert "do not agree" not in text_of(html).partition("What the words mean quantity")[0]
    own = report_page(run_of(mismatch(part="6", check="tanh")))
    assert re.search(r'<li class="mismatch"><a [^>]*><b>TODO 6</b>', own)
    assert "do not agree" in own


def test_a_starter_is_told_in_one_card() -> None:
    todos = [missing(str(n)) for n in range(1, 11)]
    html = report_page(run_of(*todos, record(part="utils")))
    assert "Disagreement: 10 of 10 TODOs are not implemented." in html
    assert len(re.findall("<article", html)) == 1
    assert '<th scope="row">TODO&nbsp;10</th>' in html
    assert "10 of 10 TODOs" not in report_page(run_of(*todos[1:], record(part="1")))
    dots = [report_page(run_of(*todos, record(part=part))).count('class="dots"') for part in ("9", "utils")]
    assert (dots[0], dots[1] > 0) == (0, True)


def test_a_pairs_name_stands_once_in_a_heading() -> None:
    case = "gelu/drawn/float32"
    own, other = (text_of(report_page(run_of(mismatch(part=part, case=case)))) for part in ("gelu", "silu"))
    assert ("gelu drawn/float32: " in own, f"gelu {case}: " in own) == (True, False)
    assert f"silu {case}: " in other


def test_a_picture_of_another_case_than_the_one_above_says_so() -> None:
    sizes = {"linear/a/float64": (7, 7), "linear/b/float64": (9, 9)}
    arrays = {
        f"{case}/gradient of W/{name}": array
        for case, shape in sizes.items()
        for name, array in {
            "actual": np.eye(*shape),
            "expected": np.zeros(shape),
            "radius": np.full(shape, 0.5),
        }.items()
    }
    found = [mismatch(case=case, where="[0, 0]", total=n * n) for case, (n, _) in sizes.items()]
    both, alone = (text_of(report_page(FakeRun(records=some, arrays=arrays))) for some in (found, found[1:]))
    assert "All of gradient of W of linear/b/float64, not the case above, 9×9: 9 of 81 elements" in both
    assert "All of gradient of W of linear/b/float64, 9×9: 9 of 81 elements" in alone


def test_the_students_page_shows_code_as_code_and_says_that_nothing_else_was_judged() -> None:
    said = "n.py, line 3 is not Python: expected ':', in “if _a > `0`”"
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message=said)
    run = run_of(broken, record(part="7", check="relu", verdict="missing", ratio=None))
    told = feedback_page("ann", run, score(run.records, USUAL))
    assert "\n- n.py, line 3 is not Python: expected ':', in `` if _a > `0` ``. Nothing else could be judged.\n" in told


def test_what_is_noted_of_the_files_has_no_place_behind_it() -> None:
    lent = record(check="import", case="import", part="utils", note="no utils.py", note_kinds="lent")
    assert "no utils.py." in text_of(report_page(run_of(lent)))
    assert "in import" not in text_of(report_page(run_of(lent)))


def test_what_cannot_be_imported_is_one_card_and_everything_else_was_not_judged() -> None:
    said = "neural_networks.py cannot be imported: line 3 is not Python"
    broken = record(check="import", part="utils", verdict="crashed", ratio=None, message=f"import: {said}")
    rest = [
        record(part=part, check=check, verdict="missing", ratio=None, message=f"{check}: not seen, since {said}")
        for part, check in (("3", "linear"), ("7", "relu"))
    ]
    rest.append(missing("9", check="dropout"))
    waiting = record(part="9", check="dropout", verdict="missing", ratio=None, explained_by="9", message="not judged")
    run = run_of(broken, *rest, waiting)
    html = report_page(run, points=score(run.records, USUAL), scripts={broken.case: "import neural_networks"})
    assert "The smallest script" not in html
    assert len(re.findall("<article", html)) == 1
    assert "are not implemented" not in text_of(html)
    assert text_of(html).count("line 3 is not Python") == 1
    assert "What the words mean" not in text_of(html)
    assert "there is no such function" not in text_of(html)
    assert not re.findall('<li class="not-judged">|class="dots"', html)
    assert "linear, relu, dropout 0 of 45 Not judged, because the files cannot be imported" in text_of(html)
    assert "import of n.py, line 3" in text_of(report_page(run_of(replace(broken, file="n.py", line=3))))
    assert "import of" not in text_of(html)
    apart = report_page(run_of(*rest))
    assert '<li class="not-judged">' not in apart


def test_what_was_asked_is_said_in_sizes_and_settings_and_not_how_it_was_put() -> None:
    case = "linear/one-row/float64"
    inputs = {"inputs": [{"shape": [2, 3], "memory": "usual"}], "calls": [["forward", 0]], "D": 4, "alpha": 0.5}
    html = report_page(FakeRun(records=[mismatch()], inputs={case: {"title": "linear, one row", **inputs}}))
    assert "What was asked: linear, one row with 2×3, D = 4, α = 0.5" in text_of(html)


def test_the_student_sees_the_lines_of_the_place_and_of_the_part(tmp_path: Path) -> None:
    (tmp_path / "neural_networks.py").write_text(
        "class relu:\n    def forward(self, X):\n        return X\n\n"
        "    def backward(self, X, grad):\n        raise ValueError\n"
    )
    crash = mismatch(part="8", verdict="crashed", ratio=None, file="neural_networks.py", line=6)
    kept = excerpts(tmp_path, ASSIGNMENT, [crash, record(part="7")])
    assert kept == {
        "8": {
            "neural_networks.py": {
                4: "",
                5: "    def backward(self, X, grad):",
                6: "        raise ValueError",
            }
        }
    }
    html = report_page(run_of(crash, excerpts=kept))
    assert re.search(r'line here"><span class="at">6 ▸</span>        raise ValueError', html)
    assert re.search(r'line"><span class="at">5</span>    def backward', html)
    assert "raise ValueError" not in report_page(run_of(crash))


def test_only_files_of_the_assignment_are_read_for_the_lines(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("TOKEN = 1\n")
    crash = mismatch(part="8", verdict="crashed", ratio=None, file="secret.py", line=1)
    assert "TOKEN" not in str(excerpts(tmp_path, ASSIGNMENT, [crash]))


def test_a_link_is_not_followed_for_the_lines(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOKEN = 1\n")
    folder = tmp_path / "homework"
    folder.mkdir()
    (folder / "neural_networks.py").write_text("x = 1\n")
    (folder / "utils.py").symlink_to(secret)
    crash = mismatch(part="utils", verdict="crashed", ratio=None, file="utils.py", line=1)
    assert "TOKEN" not in str(excerpts(folder, ASSIGNMENT, [crash]))
    (folder / "utils.py").unlink()
    (folder / "utils.py").write_bytes(secret.read_bytes())
    assert "TOKEN" in str(excerpts(folder, ASSIGNMENT, [crash]))


@pytest.mark.parametrize(
    ("got", "want", "said"),
    [
        ([0.2, 0.4], [1.0, 2.0], "Gradient of W is 0.2 × torch's, at every element."),
        ([0.2, 0.4, 0.0], [1.0, 2.0, 0.0], "Gradient of W is 0.2 × torch's, wherever torch's is not 0."),
        ([0.5, 1.5, 2.5], [0.0, 1.0, 2.0], "Gradient of W is torch's + 0.5, at every element."),
        ([-1.0, 2.0, 3.0], [1.0, -2.0, -3.0], "Gradient of W is torch's with the other sign, at every element."),
        ([0.0, 0.0], [1.0, 2.0], "Gradient of W is 0 everywhere, and torch's is not."),
        ([1.5, 2.5], [1.0, 2.0], "Gradient of W is torch's + 0.5, at every element."),
        ([2.0, 4.0, 3.0], [1.0, 2.0, 3.0], "Gradient of W is 2 × torch's, at the 2 of 3 elements that are wrong."),
        ([2.0, 1.0, 3.0], [1.0, 2.0, 3.0], "Gradient of W has torch's numbers, but at other places."),
        ([1.0, 2.5, 3.1], [1.0, 2.0, 3.0], "Gradient of W is wrong at 2 of 3 elements."),
        ([np.nan, 2.0], [1.0, 2.0], "Gradient of W is not a finite number at 1 of 2 elements."),
        ([1.0], [5.0], ""),
    ],
)
def test_how_the_numbers_are_off_is_said_in_plain_words_and_only_if_true(
    got: list[float], want: list[float], said: str
) -> None:
    case = "linear/one-row/float64"
    arrays = {f"{case}/gradient of W/{name}": np.array(a) for name, a in (("actual", got), ("expected", want))}
    run = FakeRun(records=[mismatch()], arrays=arrays)
    assert relation_of(run, run.records[0]) == said
    html = report_page(run)
    assert said in unescape(html)
    if said:
        said = text_of(html)
        assert "Expected at [0, 3] (torch) 0. 25 Actual (the submission) 0. 5 Difference 0.25 Error bound" in said
        assert "1e-16; the difference is 2.5e+15 times that" in said


def test_the_digits_that_tell_two_numbers_apart_are_marked_where_digits_compare() -> None:
    assert told_apart(1.8320519, 1.8320524) == (("1.83205", "19"), ("1.83205", "24"))
    assert told_apart(-0.5, 0.5) == (("", "−0.5"), ("", "0.5"))
    for actual, expected in ((12.5, 1.25), (1.5e-30, 1.5e-31), (float("nan"), 1.0)):
        assert told_apart(actual, expected)[0][0] == ""


def test_the_picture_of_an_array_shows_a_wrong_row_and_each_tile_of_more_dimensions() -> None:
    def dots(multiples: np.ndarray) -> list[bytes]:
        image = b64decode(error_picture(levels_of(multiples)).source.partition(",")[2])
        width = int.from_bytes(image[16:20], "big")
        rows = zlib.decompress(image.partition(b"IDAT")[2][:-16])
        return [rows[at + 1 : at + 1 + width] for at in range(0, len(rows), width + 1)]

    matrix = np.zeros((3, 4))
    matrix[1] = 0.5, 5.0, 1e5, np.inf
    assert dots(matrix) == [bytes(4), bytes([0, 1, 3, 4]), bytes(4)]
    images = np.zeros((2, 2, 1, 2))
    images[1, 0] = 5.0
    assert dots(images) == [bytes([0, 0, 5, 0, 0]), bytes([5] * 5), bytes([1, 1, 5, 0, 0])]
    large = np.zeros((1000, 3))
    large[999, 2] = 5.0
    assert dots(large)[-1] == bytes([0, 0, 1])
    assert len(dots(large)) <= 128


def test_a_long_function_stands_open_at_the_marked_line_and_whole_beneath() -> None:
    lines = {"4": {"n.py": {n: f"line_{n}()" for n in range(1, 41)}}}
    html = report_page(run_of(mismatch(verdict="crashed", ratio=None, file="n.py", line=30), excerpts=lines))
    shown, whole = html.partition("All 40 lines")[::2]
    assert "line_25()" in shown
    assert "line_35()" in shown
    assert not {"line_24()", "line_36()"} & set(re.findall(r"line_\d+\(\)", shown))
    assert "line_1()" in whole
    function = dict(enumerate(("def f():", '    """One.', "", "    second", '    """', "    return 1"), 1))
    wrong = mismatch(verdict="mismatch", step=3)
    html = report_page(run_of(wrong, excerpts={"4": {"n.py": function}}))
    shown, whole = html.partition("All 6 lines")[::2]
    assert ("return 1" in shown, "second" in shown, "second" in whole) == (True, False, True), "no line is known"
    assert html.index("<dt>Error bound</dt>") < html.index("<dt>Step</dt>") == html.rindex("<dt>Step</dt>")


def test_links_stand_on_top_only_where_there_are_some() -> None:
    html = report_page(run_of(record()), links=[("feedback.md", "the words")], who="bob")
    assert '<nav class="links"><a href="feedback.md">the words</a></nav>' in html
    assert "<bdi>bob</bdi>" in html
    assert 'class="links"' not in report_page(run_of(record()))


def test_every_word_that_is_used_is_explained() -> None:
    verdicts = [verdict for verdict in VERDICTS if verdict != "harness_error"]
    html = report_page(run_of(*(record(part=str(n), verdict=v) for n, v in enumerate(verdicts, 1))))
    explained = re.findall("<dt>([^<]*)</dt>", html.partition('class="glossary"')[2].partition("</dl>")[0])
    assert explained == [word_of(word) for word in GLOSSARY if word not in ("harness_error", "not judged", "note")]
    assert {*map(word_of, verdicts), "quantity", "case", "error bound", "ratio"} <= set(explained)
    shown = set(re.findall(r'class="word [\w-]+">([^<]+)<', html))
    assert shown <= set(explained)
    assert shown


def test_drift_stands_on_the_page_where_the_run_keeps_it() -> None:
    moved = {"case": "linear/a/float64", "quantity": "output", "was": 0.1, "is": float("inf")}
    drift = {"baseline": "b.json", "moved": [moved], "new": ["x, y"], "gone": [], "versions": {"numpy": ["1", "2"]}}
    html = report_page(run_of(record(), drift=drift))
    said = text_of(html)
    assert "1 ratio has moved by more than 0.1 against b.json; 1 is not in b.json." in said
    assert "linear/a/float64 output 0.1 inf" in said
    assert "1 not in the baseline: x, y." in said
    assert "Since then: numpy 1 → 2." in said
    assert 'id="drift"' not in report_page(run_of(record()))
    assert "No ratio has moved" in report_page(run_of(record(), drift={**drift, "moved": [], "new": []}))
    assert report_page(run_of(record(), drift={"moved": "x", "versions": 3}))


@pytest.mark.usefixtures("no_pool")
def test_a_class_brings_each_page_its_points_its_script_and_no_word_of_others_and_an_anonymous_one_no_code(
    parity: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    wrong = source.replace("return grad * self.mask", "return grad * 2  # Ann Smith wrote this", 1)
    breaks = source.replace("return grad * self.mask", "raise ValueError(__file__)", 1) + "\nprint(__file__)\n"
    for name, text in (("annquist", wrong), ("bobtail", source), ("cemlik", breaks)):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "neural_networks.py").write_text(text, encoding="utf-8")
        if name == "bobtail":
            (tmp_path / "class" / name / "utils.py").write_bytes((ASSIGNMENT.solution / "utils.py").read_bytes())
    out = tmp_path / "out"
    overrides = tmp_path / "overrides.csv"
    overrides.write_text("submission,item,points,reason\nannquist,relu,9,seen with Ann Smith\n")
    options = ["--assignment", FEWEST_NAME, "--isolation", "none", "--jobs", "1", "--overrides", overrides]
    assert parity("grade", tmp_path / "class", "--out", out, "--seed", 987654321, *options)[0] == 0
    ann, bob, cem = (
        (out / "submissions" / name / "report.html").read_text(encoding="utf-8")
        for name in ("annquist", "bobtail", "cemlik")
    )
    assert "94 of 100 points" in ann
    assert "Given by hand in place of" in ann
    assert "seen with Ann Smith" in ann
    assert "Ann Smith wrote this" in ann
    script = ann.partition("The smallest script that shows it")[2].partition("</pre>")[0]
    assert "import neural_networks as nn" in script
    assert str(tmp_path) not in script
    assert "parity-" not in script
    assert "100 of 100 points" in bob
    assert "The smallest script" not in bob
    for name, page in (("annquist", ann), ("bobtail", bob), ("cemlik", cem)):
        given = [(out / "submissions" / name / file).read_text() for file in ("feedback.md", "results.json")]
        given += [script.read_text() for script in (out / "submissions" / name).glob("repro-*.py")]
        for text in (page, *given):
            assert not {"annquist", "bobtail", "cemlik", "class.html"}.difference({name}) & set(
                re.findall(r"[\w.]+", text)
            )
            assert not re.findall(r"(?<![\w.<)])/(?:tmp|home|root|work|usr|var)/[^\s<]*", text), "a folder of ours"
        assert list((out / "submissions" / name).glob("repro-*.py")) or name == "bobtail"
    assert not [page for page in (ann, bob, cem) if "987654321" in page]
    assert parity("report", out, "--anonymous", "--out", tmp_path / "anonymous")[0] == 0
    pages = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "anonymous").iterdir())]
    assert len(pages) == 4
    assert not [page for page in pages if re.search("Ann Smith|annquist|bobtail|cemlik", text_of(page))]
    assert any("94 of 100 points" in page for page in pages)
