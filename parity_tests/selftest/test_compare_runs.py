"""Two runs side by side: what changed verdict, what drifted, what only one of them asked; as text and as a page."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parity_tests.examples.chromium import Browser
from parity_tests.selftest.fake_records import DESCRIBED, FakeRun, mismatch, record
from parity_tests.selftest.hostile_text import TEXTS, hostile_run
from reports.html.two_runs_page import two_runs_html
from reports.model.parts import Parts
from reports.model.records import Record
from reports.model.run_folder import save
from reports.model.two_runs import compare_runs, comparison_sentence
from reports.terminal.two_runs import two_runs_page

Parity = Callable[..., tuple[int, str, str]]


def run_of(*records: Record, **environment: Any) -> FakeRun:
    known = replace(DESCRIBED, seed=0, edition="2019", versions={"numpy": "1", "torch": "2"})
    return FakeRun(records=list(records), environment=replace(known, **environment), arrays={})


def rows(**ratios: float) -> list[Record]:
    return [record(case=f"linear/{name}/float64", ratio=ratio) for name, ratio in ratios.items()]


def text(before: FakeRun, after: FakeRun) -> str:
    return " ".join(" ".join(two_runs_page(before, after, compare_runs(before, after))).split())


def test_a_run_is_the_same_as_itself_and_that_is_said() -> None:
    run = run_of(*rows(a=0.1, b=0.2), mismatch(case="linear/c/float64"))
    two = compare_runs(run, run)
    assert not two
    assert two.compared == 3
    assert "The verdicts of 3 quantities are the same." in text(run, run)


def test_what_no_longer_agrees_and_what_agrees_now_are_told_apart_with_the_mistake() -> None:
    good = run_of(*rows(a=0.1, b=0.2))
    bad = run_of(*rows(a=0.1), mismatch(case="linear/b/float64", diagnosis="a mean"))
    worse, better = compare_runs(good, bad), compare_runs(bad, good)
    assert [change.now.case for change in worse.worse] == ["linear/b/float64"]
    assert (worse.better, worse.other, better.worse) == ([], [], [])
    said = text(good, bad)
    assert "No longer agrees TODO 4 gradient of W: match → mismatch, ratio 0.2 → 2.5e+15: a mean" in said
    assert "1 quantity no longer agrees, in TODO 4." in said
    assert "1 quantity agrees now, in TODO 4." in text(bad, good)


def test_another_failure_of_the_same_quantity_is_neither_better_nor_worse() -> None:
    before, after = run_of(mismatch()), run_of(record(verdict="crashed", ratio=None, message="it raised"))
    two = compare_runs(before, after)
    assert (two.worse, two.better, len(two.other)) == ([], [], 1)
    assert "mismatch → crashed" in text(before, after)


def test_what_drifted_is_told_of_what_has_the_same_verdict() -> None:
    before = run_of(*rows(a=0.1, b=0.2, c=0.3))
    after = run_of(*rows(a=0.7, b=0.25), mismatch(case="linear/c/float64"), versions={"numpy": "1.1", "torch": "2"})
    two = compare_runs(before, after)
    assert two.drift is not None
    assert [(moved.case, moved.was, moved.now) for moved in two.drift.moved] == [("linear/a/float64", 0.1, 0.7)]
    said = text(before, after)
    assert "0.1 → 0.7 linear/a/float64, gradient of W" in said
    assert "Versions: numpy 1 → 1.1." in said


def test_ratios_of_another_exam_are_not_compared_but_verdicts_are() -> None:
    before, after = run_of(*rows(a=0.1, b=0.1)), run_of(*rows(a=0.9), mismatch(case="linear/b/float64"), seed=1)
    two = compare_runs(before, after)
    assert two.drift is None
    assert len(two.worse) == 1
    assert "The ratios are not compared, since A asked other questions than B: it was made with seed" in text(
        before, after
    )


def test_what_one_run_alone_was_asked_is_told() -> None:
    before, after = run_of(*rows(a=0.1, b=0.1)), run_of(*rows(a=0.1, c=0.1))
    two = compare_runs(before, after)
    assert (two.only_before, two.only_after) == (
        [("linear/b/float64", "gradient of W")],
        [("linear/c/float64", "gradient of W")],
    )
    said = text(before, after)
    assert "Only in A 1 quantities: linear/b/float64" in said
    assert "1 quantity is in the first run alone." in said


def test_runs_with_nothing_in_common_are_no_agreement() -> None:
    before, after = run_of(*rows(a=0.1)), run_of(*rows(b=0.1))
    two = compare_runs(before, after)
    sentence = comparison_sentence(two, Parts.of(DESCRIBED.parts))
    assert sentence == "The runs have no quantity in common, so nothing was compared."


def test_the_command_ends_with_1_where_something_no_longer_agrees(
    parity: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(Path("good"), run_of(*rows(a=0.1, b=0.2)))
    save(Path("bad"), run_of(*rows(a=0.1), mismatch(case="linear/b/float64")))
    save(Path("apart"), run_of(*rows(z=0.1)))
    status, out, _ = parity("compare", "good", "bad", "--out", "page.html")
    assert (status, "1 quantity no longer agrees, in TODO 4." in out) == (1, True)
    assert "<h1>" in Path("page.html").read_text(encoding="utf-8")
    assert parity("compare", "bad", "good")[0] == 0
    assert parity("compare", "good", "good")[0] == 0
    status, _, err = parity("compare", "good", "apart")
    assert (status, "no quantity in common" in err) == (2, True)
    status, _, err = parity("compare", "good", "nowhere")
    assert (status, "there is no run folder nowhere" in err) == (2, True)
    assert parity("compare", "good", "bad", "--out", "no/such/folder.html")[0] == 2


def test_a_check_says_what_is_new_since_the_run_before_and_keeps_it(
    parity: Parity, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    four, six = record(), record(part="6", check="tanh", case="tanh/small/float64")
    wrong = {row.part: replace(row, verdict="mismatch", message="it is 2") for row in (four, six)}
    waiting = replace(four, verdict="missing", explained_by="6")
    runs = [
        (run_of(four, wrong["6"]), ""),
        (run_of(wrong["4"], six), "Since last time: TODO 6 agrees now; TODO 4 does not agree any more."),
        (run_of(wrong["4"]), "Since last time: the same parts disagree."),
        (run_of(four, wrong["6"]), "Since last time: TODO 4 agrees now; TODO 6 does not agree any more."),
        (run_of(waiting, wrong["6"]), "Since last time: the same parts disagree."),
        (run_of(four, six), "Since last time: TODO 4 and 6 agree now."),
        (run_of(*wrong.values()), "Since last time: TODO 4 and 6 do not agree any more."),
        (run_of(wrong["4"]), "Since last time: the same parts disagree."),
        (run_of(wrong["4"]), "Since last time: the same parts disagree."),
        (run_of(four, six), "Since last time: TODO 4 and 6 agree now."),
        (run_of(four, six), ""),
        (run_of(wrong["4"], submission="another"), ""),
    ]
    said = []
    for run, _ in runs:
        check = SimpleNamespace(check=lambda *_, run=run, **__: run)
        monkeypatch.setitem(sys.modules, "parity_tests.harness.check", check)
        out = " ".join(parity("check", "--shipped")[1].split())
        said.append("".join(re.findall(r"Since last time: [^.]*\.", out)))
        if run is runs[1][0]:
            assert "1 quantity no longer agrees, in TODO 4;" in parity("compare")[1]
            assert (
                parity("compare")
                == parity("compare", "parity-run")
                == parity("compare", "parity-run/before", "parity-run")
            )
    assert said == [expected for _, expected in runs]
    status, _, err = parity("compare")
    assert status == 2
    assert "parity-run keeps no run before it" in err


def test_the_page_has_both_runs_part_by_part_and_every_change() -> None:
    before = run_of(*rows(a=0.1, b=0.2), record(part="7", check="relu"))
    after = run_of(*rows(a=0.7), mismatch(case="linear/b/float64"), record(part="8", check="relu", case="x"))
    html = two_runs_html(before, after, compare_runs(before, after))
    assert '<th scope="row">linear/b/float64</th><td>gradient of W</td>' in html
    assert '<tr class="changed"><th scope="row">TODO 4</th>' in html
    assert '<tr class="changed"><th scope="row">TODO 7</th>' in html
    assert html.count("not asked") == 2
    assert "gradient of W: match → mismatch, ratio 0.2 → 2.5e+15" in html
    assert '<td class="number">0.1</td><td class="number">0.7</td>' in html
    same = two_runs_html(before, before, compare_runs(before, before))
    assert "Nothing: every ratio of what has the same verdict in both runs is within 0.1." in same
    assert 'class="changed"' not in same


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_is_clean(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    before, after = run_of(*rows(a=0.1, b=0.2)), run_of(*rows(a=0.7), mismatch(case="linear/b/float64"))
    path = tmp_path / "two.html"
    path.write_text(two_runs_html(before, after, compare_runs(before, after)), encoding="utf-8")
    seen = browser.open(path, width=width, dark=dark)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.overflow() <= 0
    assert browser.axe() == []
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert browser.run(cut) == 0, "both runs are seen"


def test_hostile_text_stays_text_in_both_media(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "two.html"
    for hostile in TEXTS[:8]:
        before, after = hostile_run(hostile), run_of(*hostile_run(hostile).records[1:], mismatch(case=hostile))
        two = compare_runs(before, after)
        path.write_text(two_runs_html(before, after, two), encoding="utf-8")
        seen = browser.open(path, width=390)
        assert (seen.console, seen.requests) == ([], [])
        assert browser.run("window.pwned === undefined && document.querySelectorAll('iframe, img').length === 0")
        assert browser.overflow() <= 0
    for hostile in TEXTS:
        before, after = hostile_run(hostile), run_of(*hostile_run(hostile).records[1:], mismatch(case=hostile))
        lines = two_runs_page(before, after, compare_runs(before, after))
        assert not [line for line in lines if re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", line)]
