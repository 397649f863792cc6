"""The pages in a real Chromium: no request, no complaint, no sideways scrolling, nothing that axe-core finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parity_tests.assignments.mlp.parts import PARTS
from parity_tests.examples.chromium import Browser, find
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from parity_tests.selftest.hostile_text import TEXTS, hostile_run
from reports.html.run_page import report_page
from reports.model.fixes import Fix, to_rows

pytestmark = pytest.mark.skipif(find() is None, reason="there is no Chromium: install the system's package chromium")

SETTINGS = [(width, dark) for width in (1280, 390) for dark in (False, True)]


def flawed() -> FakeRun:
    """A run with a card of every kind: numbers, a crash with a place, a diagnosis, notes, undecided, our own fault."""
    long = "a-very-long-name" * 12
    return FakeRun(
        records=[
            *(record(part=part, ratio=0.3, dtype=dtype) for part in PARTS for dtype in ("float64", "float32")),
            mismatch(case="linear/wide/float64", diagnosis="mean instead of sum", note="overwrites its input"),
            mismatch(part="3", quantity=long, message=f"{long} is wrong", verdict="crashed", file=f"{long}.py", line=3),
            mismatch(part="7", message="another", ratio=float("inf")),
            record(part="8", verdict="missing", ratio=None, message="f is not implemented"),
            record(part="10", check="main", verdict="undecided", message="cannot be told", ratio=0.0),
            record(part="utils", verdict="harness_error", message="the worker spoke nonsense"),
        ],
        environment=replace(
            DESCRIBED,
            versions={"numpy": "2.4.6"},
            hints={"mean instead of sum": "Look at how the rows of a batch are put together."},
        ),
    )


def far_out() -> FakeRun:
    """A run whose worst number stands in the last column of a wide window, and whose fix has long lines."""
    long = "a-very-long-name" * 12
    wide = np.full((1, 6), -1.234567e-101)
    off = np.where(np.arange(6) == 5, 1.2345678901234567e-100, wide)
    fix = Fix("4", f"{long}.py", 3, "`a` is used where `b` belongs", f"return {long}", f"return {long}2")
    arrays = {"actual": off, "expected": wide, "radius": np.zeros((1, 6))}
    return FakeRun(
        records=[mismatch(case="linear/wide/float64", where="[0, 5]")],
        environment=replace(DESCRIBED, fixes=to_rows([fix])),
        arrays={f"linear/wide/float64/gradient of W/{word}": array for word, array in arrays.items()},
    )


PAGES = {
    "far out": report_page(far_out()),
    "agreement": report_page(FakeRun(records=[record(), record(part="3")])),
    "flawed": report_page(
        flawed(),
        scripts={"linear/wide/float64/gradient of W": "import numpy as np\n" * 30},
    ),
    "nothing": report_page(FakeRun(records=[], arrays={}, output=b"")),
}


@pytest.mark.parametrize(("width", "dark"), SETTINGS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_clean(browser: Browser, tmp_path: Path, name: str, width: int, dark: bool) -> None:
    path = tmp_path / f"{name}.html"
    path.write_text(PAGES[name], encoding="utf-8")
    seen = browser.open(path, width=width, dark=dark)
    assert seen.console == []
    assert seen.requests == []
    assert browser.overflow() <= 0
    assert browser.run("[...document.querySelectorAll('.strip a')].every(a => a.scrollWidth <= a.clientWidth)")
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.overflow() <= 0
    assert browser.axe() == []


def test_the_browser_of_these_tests_sees_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<title>x</title><img src=a.png><p style='width: 3000px; color: #777; background: #888'>text</p>"
        "<script>console.error('said')</script>"
    )
    seen = browser.open(path, width=390)
    assert any("said" in line for line in seen.console)
    assert [url for url in seen.requests if url.endswith("a.png")]
    assert browser.overflow() > 0
    assert {line.partition(":")[0] for line in browser.axe()} >= {"image-alt", "color-contrast", "html-has-lang"}


def test_a_page_is_read_without_javascript(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "flawed.html"
    path.write_text(PAGES["flawed"], encoding="utf-8")
    browser.open(path, script=False)
    text = str(browser.run("document.body.innerText"))
    for word in ("Disagreement: 4 of", "mean instead of sum", "Look at how the rows", "Actual (the submission)"):
        assert word in text
    assert browser.run("document.querySelectorAll('button:not([hidden] *)').length") == 0


def test_the_worst_element_and_those_beyond_their_radius_are_marked(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "flawed.html"
    path.write_text(PAGES["flawed"], encoding="utf-8")
    browser.open(path)
    assert browser.run("[...document.querySelectorAll('td.worst')].map(t => t.textContent)") == [
        "0.25 (worst)",
        "0.5 (worst)",
    ]
    assert browser.run("document.querySelectorAll('td.e4').length") == 1


def test_the_line_at_1_parts_the_dots(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "flawed.html"
    path.write_text(PAGES["flawed"], encoding="utf-8")
    browser.open(path)
    left, right = browser.run(
        """(() => {
          const chart = document.querySelector('.chart.wide');
          const line = chart.querySelector('.serie-0 .line').getBoundingClientRect().x;
          const dots = [...chart.querySelectorAll('.dot')].map(d => d.getBoundingClientRect().x);
          return [dots.filter(x => x < line - 4).length, dots.filter(x => x > line + 4).length];
        })()"""
    )
    assert (left, right) == (22, 2)  # none of a part that is not implemented
    hovers = browser.run("[...document.querySelectorAll('.chart.wide .dots title')].map(t => t.textContent)")
    assert "linear/wide/float64, gradient of W: ratio 2.5e+15" in hovers


def test_the_dots_are_read_by_the_arrow_keys_row_by_row_and_stand_in_a_table_too(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "flawed.html"
    path.write_text(PAGES["flawed"], encoding="utf-8")
    browser.open(path)
    browser.run("document.querySelector('.chart.wide').focus()")
    press = (
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{}'}}));"
        "(c => [document.querySelector('.chart.wide + .told').textContent, c.getAttribute('cx'), c.getAttribute('cy')])"
        "(document.querySelector('.chart.wide .at circle'))"
    )
    told = [browser.run(press.format(key)) for key in ("ArrowRight", "ArrowDown", "End", "ArrowRight", "Home")]
    assert told[0] == told[4] != told[1]
    assert float(told[1][2]) > float(told[0][2])
    assert told[2] == told[3] != told[0]
    assert all(": ratio " in text for text, _, _ in told)
    browser.open(path, script=False)
    rows = browser.run("document.querySelectorAll('[aria-label=\"Every quantity\"] tbody tr').length")
    assert rows == len(flawed().records)


def test_the_marked_line_is_seen_to_its_end_on_a_small_screen_and_in_print(browser: Browser, tmp_path: Path) -> None:
    code = {"4": {"n.py": {7: f"        return {'longName' * 9}({' + '.join('abcdefghijklmnopqrstuvwxyz')})"}}}
    run = FakeRun([mismatch(part="4")], replace(DESCRIBED, excerpts=code, versions={"numpy": "2.4.6"}))
    path = tmp_path / "code.html"
    path.write_text(report_page(run), encoding="utf-8")
    browser.open(path, width=390)
    cut = "[...document.querySelectorAll('.code pre')].map(e => e.scrollWidth > e.clientWidth)"
    assert browser.run(cut) == [False]
    browser.print_media()
    shown = str(browser.run("document.body.innerText"))
    assert "numpy 2.4.6" in shown
    assert "What the words mean\n" in shown
    assert "· What the words mean" not in shown


def test_a_narrow_picture_is_no_higher_than_a_part_of_a_printed_page_and_whole(
    browser: Browser, tmp_path: Path
) -> None:
    expected = np.ones((128, 6))
    actual = expected + (np.arange(128) % 7 < 3)[:, None] * 10.0 ** np.arange(-9, 3, 2)
    arrays = {"actual": actual, "expected": expected, "radius": np.full((128, 6), 1e-9)}
    kept = {f"linear/wide/float64/gradient of W/{word}": array for word, array in arrays.items()}
    path = tmp_path / "narrow.html"
    path.write_text(report_page(FakeRun([mismatch(case="linear/wide/float64")], arrays=kept)), encoding="utf-8")
    browser.open(path)
    size = (
        "(e => [e.clientWidth, e.clientHeight, getComputedStyle(e).breakInside])(document.querySelector('.errors img'))"
    )
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    width, height, _ = browser.run(size)
    browser.print_media()
    printed = browser.run(size)
    assert printed[1] < 190 < height
    assert abs(printed[0] / printed[1] - width / height) < 0.02
    assert printed[2] == "avoid"


def test_copying_selects_and_says_so(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "flawed.html"
    path.write_text(PAGES["flawed"], encoding="utf-8")
    browser.open(path)
    browser.run("document.querySelectorAll('article details').forEach(d => d.open = true)")
    browser.run("document.querySelector('article details button.copy').click()")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert browser.run("document.querySelector('article details button.copy').textContent") in (
        "Copied",
        "Selected: press Ctrl+C",
    )
    assert "import numpy as np" in str(browser.run("String(getSelection())"))


def test_hostile_text_does_nothing_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """All texts in one page, and every page's script policy beneath the escaping."""
    path = tmp_path / "hostile.html"
    pages = [report_page(hostile_run(text), scripts={f"{text}/a": text}) for text in TEXTS]
    for page in pages:
        path.write_text(page, encoding="utf-8")
        seen = browser.open(path, width=390)
        assert (seen.console, seen.requests) == ([], [])
        assert browser.run("window.pwned === undefined && document.querySelectorAll('iframe, img').length === 0")
        assert browser.overflow() <= 0


def test_a_script_that_got_through_would_not_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "leaky.html"
    path.write_text(PAGES["agreement"].replace("<main>", f"<main>{TEXTS[0]}{TEXTS[1]}"), encoding="utf-8")
    seen = browser.open(path)
    assert seen.requests == []
    assert seen.console  # the policy says what it refused
    assert browser.run("window.pwned === undefined")
