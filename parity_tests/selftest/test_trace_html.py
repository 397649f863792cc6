"""The page of a trace: the first divergence marked, hover numbers, hostile text, and clean in Chromium."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from parity_tests.examples.chromium import Browser
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from parity_tests.selftest.hostile_text import TEXTS
from parity_tests.selftest.test_report_files import Shape
from reports.html.trace_page import trace_html
from reports.model.environment import Environment
from reports.pictures.figure import STYLE

SETTINGS = {"dtype": "float32", "eta": 0.01, "alpha": 0.9}


def traced(steps: int = 300, text: str = "") -> tuple[FakeRun, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A trace that diverges at step 7, in the gradient of L1's W."""
    names = ("updated L1 W", "updated L2 W", "L1 gradient of W", "L1 output")
    quantities = pd.DataFrame(
        [
            {"step": n, "quantity": name, "gap": 1e-9 * n if n < 7 else 0.5, "radius": 1e-7 * n}
            for n in range(1, steps + 1)
            for name in names
        ]
    )
    losses = pd.DataFrame([{"step": n, "loss": 2.3 / n, "torch_loss": 2.3 / n} for n in range(1, steps + 1)])
    sides = {f"{side}{word}": 0.5 for side in ("", "torch_") for word in ("training_loss", "training_accuracy")}
    sides |= {f"{side}{word}": 0.5 for side in ("", "torch_") for word in ("validation_loss", "validation_accuracy")}
    records = [
        record(check="import", case="import", verdict="match"),
        mismatch(quantity=f"updated L1 W{text}", step=7, explained_by="4"),
        mismatch(
            quantity=f"L1 gradient of W{text}", step=7, message=f"updated by what is off{text}", diagnosis="a mean"
        ),
        record(quantity="loss", verdict="undecided", step=200, message=f"loss is undecided{text}"),
    ]
    environment = Environment(
        submission=f"homework{text}",
        setting=f"relu{text}",
        advice="To see further, try no momentum (--alpha 0).",
        panels={"weights": ["updated L1 W", "updated L2 W"], "gradients": [names[2]], "activations": [names[3]]},
        trace={**SETTINGS, "note": text},
    )
    return (
        FakeRun(records=records, environment=environment),
        quantities,
        losses,
        pd.DataFrame([{"epoch": 1, **sides}]),
    )


def test_the_page_names_the_first_divergence_its_step_and_the_start_of_undecided() -> None:
    page = trace_html(*traced())
    assert "Divergence at step 7, in L1 gradient of W." in page
    assert "Likely cause: a mean." in page
    assert re.search(r'<p class="first">[A-Z]', page)
    assert "no momentum (--alpha 0)" in page
    assert "First divergence: step 7. Undecided from here on: step 200." in page
    assert (
        "<title>step 8, updated L1 W: difference: 0.5</title>" in page
        or "<title>step 7, updated L1 W: difference: 0.5" in page
    )
    assert len(re.findall("<svg", page)) == 8  # each in two widths; of the losses no difference is ever above 0


def test_what_comes_after_the_first_divergence_follows_and_the_first_stands_on_top() -> None:
    page = trace_html(*traced())
    table = page.partition('aria-label="Quantities"')[2].partition("</table>")[0]
    rows = re.findall(r'<th scope="row">([^<]*)</th><td class="word (\w+)"><span[^>]*>.</span> (\w+)', table)
    assert rows == [
        ("L1 gradient of W", "mismatch", "mismatch"),
        ("updated L1 W", "follows", "follows"),
        ("loss", "undecided", "undecided"),
    ]
    assert "wrong after a divergence, in what was computed from it" in page
    run, *frames = traced()
    alone = trace_html(FakeRun(records=[run.records[2]], environment=run.environment), *frames)
    assert "computed from it" not in alone


def test_the_page_shows_the_code_of_the_part_that_diverges() -> None:
    run, *frames = traced()
    excerpts = {"4": {"n.py": {7: "return X.T @ grad / N"}}}
    shown = trace_html(FakeRun(records=run.records, environment=replace(run.environment, excerpts=excerpts)), *frames)
    assert "return X.T @ grad / N" in shown
    assert "The code of" not in trace_html(run, *frames)


def lines_of(page: str, chart: str) -> str:
    return page.partition(f'id="chart-{chart}"')[2].partition("</svg>")[0]


def test_legends_show_lines_as_they_are_drawn_axes_have_titles_and_lines_their_names() -> None:
    weights = lines_of(trace_html(*traced()), "weights")
    samples = re.findall(r'<line class="sample (color-\d)"[^>]*/><text[^>]*>([^<]*)</text>', weights)
    words = ("difference", "error bound")
    names = [f"updated {layer} W: {word}" for layer in ("L1", "L2") for word in words]
    assert samples == [
        ("color-0", "undecided"),
        ("color-1", "first divergence"),
        *((f"color-{number}", name) for number, name in enumerate(names, 2)),
    ]
    assert re.findall(r'class="line-name"[^>]*>([^<]*)<', weights) == names
    ends = max(float(x) for x in re.findall(r'<circle cx="([\d.]+)"', weights))
    assert all(float(x) > ends for x in re.findall(r'class="line-name" x="([\d.]+)"', weights))  # beside the lines
    assert {"training step", "difference"} <= set(re.findall(r'class="title[^>]*>([^<]*)<', weights))
    style = STYLE.read_text(encoding="utf-8")
    found = [re.search(rf"\.gaps \.sample\.color-{n} {{ stroke-dasharray: ([^;]*)", style) for n in (2, 3, 4, 5)]
    dashes = [match[1] if match else "" for match in found]
    assert len(set(dashes)) == 4  # they are told apart without their colours


def test_the_difference_of_the_losses_is_drawn_where_there_is_one() -> None:
    run, quantities, losses, epochs = traced()
    assert 'id="chart-difference"' not in trace_html(run, quantities, losses, epochs)
    losses.loc[9:, "loss"] += 0.25
    page = trace_html(run, quantities, losses, epochs)
    assert re.search(r"<title>step \d+, difference of the losses: 0.25</title>", lines_of(page, "difference"))


def test_pictures_can_be_read_on_a_telephone(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "trace.html"
    path.write_text(trace_html(*traced(40)), encoding="utf-8")
    sizes = (
        "[...document.querySelectorAll('.chart svg text')].filter(t => t.getClientRects().length)"
        ".map(t => t.getBoundingClientRect().height)"
    )
    for width in (1280, 390):
        browser.open(path, width=width)
        shown = browser.run("[...document.querySelectorAll('.chart')].filter(c => c.offsetWidth).length")
        assert shown == 4
        assert min(browser.run(sizes)) >= 9.5
        assert browser.run("[...document.querySelectorAll('.chart')].every(c => c.scrollWidth <= c.clientWidth + 1)")


def test_a_long_trace_is_no_larger_than_a_short_one() -> None:
    assert len(trace_html(*traced(6000))) < 1.5 * len(trace_html(*traced(300)))


def test_a_trace_that_agrees_or_has_no_steps_says_so() -> None:
    run, quantities, losses, epochs = traced()
    agreed = FakeRun(records=[record(quantity="loss", step=3)], environment=run.environment)
    assert "Agreement: every quantity of 300 steps" in trace_html(agreed, quantities, losses, epochs)
    empty: Any = pd.DataFrame()
    page = trace_html(agreed, empty, empty, empty)
    assert "Nothing was traced" in page
    assert "<svg" not in page


def test_hostile_text_adds_nothing_to_the_page() -> None:
    plain = Shape(trace_html(*traced(10, "plain"))).found
    for text in TEXTS[:7]:
        assert Shape(trace_html(*traced(10, text))).found == plain, text


def test_the_page_is_clean_and_hostile_text_does_nothing(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "trace.html"
    for width, dark in ((1280, True), (390, False)):
        path.write_text(trace_html(*traced(40)), encoding="utf-8")
        seen = browser.open(path, width=width, dark=dark)
        assert (seen.console, seen.requests) == ([], [])
        assert browser.overflow() <= 0
        assert browser.axe() == []
    for text in TEXTS[:6]:
        path.write_text(trace_html(*traced(10, text)), encoding="utf-8")
        seen = browser.open(path)
        assert (seen.console, seen.requests) == ([], [])
        assert browser.run("window.pwned === undefined")
