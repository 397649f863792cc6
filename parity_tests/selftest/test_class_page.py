"""The page of a class: what a teaching assistant must find on it, what an anonymous one must not say, and its size."""

from __future__ import annotations

import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from parity_tests.examples.chromium import Browser
from parity_tests.grading.alike import SOLUTION, side_by_side
from parity_tests.grading.flags import Flag, FlagKind, flags_frame, likeness_flags
from parity_tests.grading.folder import HALF_WRITTEN, GradingFolder
from parity_tests.grading.gradebook import gradebook_frame
from parity_tests.grading.intake.likeness import Cluster, Pair, clusters, fingerprint
from parity_tests.grading.intake.own_sources import CODE, code_file
from parity_tests.grading.pages import write_anonymous_pages
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.fake_records import DESCRIBED
from parity_tests.selftest.hostile_text import TEXTS
from reports.html.class_page import About, Who, class_page, codes, mistakes_by_submission
from reports.html.class_table import class_table
from reports.model.parts import Parts
from reports.pictures.classes import attempts_line

ITEMS = ("linear", "tanh", "relu", "dropout", "network")
PARTS = Parts.of(DESCRIBED.parts)
MISTAKES = ("the gradient of W is averaged over the rows", "the derivative is 1 − X², of the input", "")


def class_of(names: list[str]) -> dict[str, Any]:
    """The frames of a fake class; the same for the same names."""
    draw = random.Random(0)
    rows, records = [], []
    for name in names:
        points = {item: float(draw.choice((0, 7.5, 15))) for item in ITEMS}
        rows.append(
            {"submission": name, "student": f"Student {name}", "late": draw.choice(("", "2 days")), "edition": "2019"}
            | points
            | {"total": sum(points.values()), "maximum": 75.0, "status": "graded", "overridden": ""}
        )
        for part in draw.sample(("1", "4", "6", "8", "9", "10"), 4):
            records += [
                (name, "linear", draw.choice(MISTAKES), part, "gradient of W", "mismatch", ""),
                (name, "linear", "", part, "updated W", "mismatch", part),
            ]
    columns = ["submission", "check", "diagnosis", "part", "quantity", "verdict", "explained_by"]
    items = [(p, len(names), 1, 1, len(names) - 2, 0, 0, 0.5, "") for p in ITEMS]
    part_columns = ["item", "asked", "right", "partly", "none", "not_judged", "undecided", "mean_share", "commonest"]
    return {
        "grades": gradebook_frame(rows, ITEMS),
        "items": pd.DataFrame(items, columns=part_columns),
        "flags": flags_frame(
            [
                Flag(names[0], FlagKind.IDENTICAL, f"the same code as {names[-1]}"),
                Flag("Zoe Roster", FlagKind.HANDED_IN_NOTHING, "why"),
            ],
            {},
        ),
        "mistakes": pd.DataFrame(records, columns=columns),
    }


def page(names: list[str], anonymous: bool = False) -> str:
    code = codes(names, "secret") if anonymous else {name: name for name in names}
    people = {name: Who(code[name], f"submissions/{n}/report.html") for n, name in enumerate(names)}
    return class_page(**class_of(names), parts=PARTS, people=people, anonymous=anonymous)


def test_each_mistake_is_counted_once_a_submission_with_who_made_it() -> None:
    frame = class_of(["anna", "bob"])["mistakes"]
    twice = pd.concat([frame, frame])
    found = mistakes_by_submission(twice, PARTS)
    assert found == mistakes_by_submission(frame, PARTS)
    assert len(found["anna"]) == 4
    assert all(made.part.startswith("TODO ") for made in found["anna"])
    assert not [made for made in found["anna"] if "updated W" in made.text]  # it only follows


def test_an_anonymous_page_says_nothing_of_who_they_are() -> None:
    names = [f"family-name-{n}" for n in range(30)]
    written = page(names, anonymous=True)
    assert "family-name" not in written
    assert "Student" not in written
    assert "Roster" not in written
    known = codes(names, "secret")
    assert len(set(known.values())) == len(names)
    assert known == codes(names, "secret") != codes(names, "other")
    assert all(code in written for code in known.values())
    row = r'<tr data[^>]*><th scope="row"><a href="[^"]*"><bdi>(\w+)</bdi></a>.*?data-name="total">([\d.]+)'
    rows = [(float(total), code) for code, total in re.findall(row, written)]
    assert rows == sorted(rows)  # the order of names would tell something of them
    assert {code for _, code in rows} == {*known.values()}


def test_who_is_called_as_their_submission_has_one_name() -> None:
    people = {name: Who(f"Student {name}", "") for name in ("anna", "bob")}
    shown = class_page(**class_of([*people]), parts=PARTS, people=people, anonymous=False)
    assert '<span class="name">student</span>' not in shown
    assert '<span class="name">student</span>' in page([*people])


def test_many_who_are_alike_are_a_number_over_their_names() -> None:
    for count, heading in ((9, "<summary>9 submissions: cluster 1</summary>"), (8, "<li><a")):
        names = [f"name{n}" for n in range(count)]
        flags = flags_frame([Flag(name, FlagKind.IDENTICAL, "cluster 1") for name in names], {})
        people = {name: Who(name, f"{name}.html") for name in names}
        shown = class_page(**{**class_of(names), "flags": flags}, parts=PARTS, people=people, anonymous=False)
        assert heading in shown.partition("<h2>Submissions</h2>")[0]


def test_a_class_of_500_is_under_5_megabytes() -> None:
    written = page([f"submission_{n:06d}" for n in range(500)])
    assert len(written.encode()) < 5_000_000
    assert len(re.findall('<tr data[^>]*><th scope="row"><a href', written)) == 500


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_is_clean(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "class.html"
    path.write_text(page([f"name{n}" for n in range(40)]), encoding="utf-8")
    seen = browser.open(path, width=width, dark=dark)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.overflow() <= 0
    assert browser.axe() == []


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


SHOWN = "[...document.querySelectorAll('table.sortable tbody tr:not([hidden])')]"
COLUMN = SHOWN + ".map(r => r.cells[{}].textContent.replace(' feedback', ''))"


def test_the_table_is_sorted_and_searched(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(tmp_path / "class.html", page([f"name{n}" for n in range(12)])))
    sort = "document.querySelectorAll('table.sortable thead button')[{}].click()"
    totals = [float(text) for text in browser.run(COLUMN.format(2))]
    assert totals == sorted(totals)
    browser.run(sort.format(0))
    assert browser.run(COLUMN.format(0)) == [f"name{n}" for n in range(12)]
    browser.run(sort.format(2))
    assert [float(text) for text in browser.run(COLUMN.format(2))] == totals
    browser.run(sort.format(2))
    assert [float(text) for text in browser.run(COLUMN.format(2))] == sorted(totals, reverse=True)
    assert browser.run("document.querySelector('th[aria-sort] .name').textContent") == "total"
    search(browser, "name11")
    assert browser.run(COLUMN.format(0)) == ["name11"]
    assert browser.run("document.querySelector('[role=status]').textContent") == "1 of 12 rows"


def search(browser: Browser, text: str) -> None:
    browser.run(
        f"(b => {{ b.value = {text!r}; b.dispatchEvent(new Event('input', {{bubbles: true}})) }})"
        "(document.querySelector('input'))"
    )


def test_the_search_finds_every_mistake_of_a_row_also_those_that_are_folded_away(
    browser: Browser, tmp_path: Path
) -> None:
    names = [f"name{n}" for n in range(12)]
    browser.open(write(tmp_path / "class.html", page(names)))
    made = mistakes_by_submission(class_of(names)["mistakes"], PARTS)
    texts = {mistake.text for some in made.values() for mistake in some}
    assert max(map(len, made.values())) > 3
    for text in texts:
        who = [name for name in names if text in [mistake.text for mistake in made[name]]]
        search(browser, f"{text} ({len(who)})")
        assert sorted(browser.run(COLUMN.format(0))) == sorted(who)
    search(browser, "TODO 77: nobody does this")
    assert browser.run(COLUMN.format(0)) == []


def test_a_click_on_a_mistake_shows_who_made_it_and_the_choices_filter(browser: Browser, tmp_path: Path) -> None:
    names = [f"name{n}" for n in range(12)]
    browser.open(write(tmp_path / "class.html", page(names)))
    made = mistakes_by_submission(class_of(names)["mistakes"], PARTS)
    text = browser.run("(a => { a.click(); return a.textContent })(document.querySelector('a.filter'))")
    browser.run("new Promise(done => setTimeout(done))")
    who = [name for name in names if text in [mistake.text for mistake in made[name]]]
    assert sorted(browser.run(COLUMN.format(0))) == sorted(who)
    browser.run("document.querySelector('.filters button[type=reset]').click()")
    browser.run("new Promise(done => setTimeout(done))")
    assert len(browser.run(COLUMN.format(0))) == 12
    browser.run(
        "(s => { s.value = [...s.options].find(o => o.textContent.startsWith('TODO 8 (')).value;"
        " s.dispatchEvent(new Event('input', {bubbles: true})) })(document.querySelector('select[name=part]'))"
    )
    with_8 = [n for n in names if "TODO 8" in [mistake.part for mistake in made[n]]]
    assert sorted(browser.run(COLUMN.format(0))) == sorted(with_8)
    assert 0 < len(with_8) < 12


def test_the_table_is_never_cut_and_its_header_stays(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "class.html", page([f"name{n}" for n in range(80)]))
    cells = "[...document.querySelectorAll('.whole th, .whole td')]"
    beyond = f"{cells}.filter(cell => cell.getBoundingClientRect().right > innerWidth)"
    for width in (1280, 390):
        browser.open(path, width=width)
        assert browser.run(f"{beyond}.length") == 0
        assert browser.overflow() <= 0
        assert browser.run("getComputedStyle(document.querySelector('.whole')).overflow") == "visible"
    browser.open(path)
    browser.run("document.querySelectorAll('table.sortable tr')[40].scrollIntoView()")
    assert browser.run("document.querySelector('table.sortable thead th').getBoundingClientRect().y") == 0


def test_of_many_items_a_column_says_where_points_were_lost() -> None:
    many = [f"part_{n}" for n in range(12)]
    rows = [
        {"submission": name, "total": 11.0 + share, "status": "graded", **dict.fromkeys(many, 1.0), "part_3": share}
        | {f"part_{n}": share for n in range(1, 12)}
        for name, share in (("ann", 0.5), ("bob", 1.0))
    ]
    maxima = {**dict.fromkeys(many, 1.0), "total": 12.0}
    people = {"ann": ("ann", ""), "bob": ("bob", "")}
    table = class_table(rows, many, maxima=maxima, people=people, mistakes={}, attempts={})
    assert [column.name for column in table.columns] == ["total", "points lost"]
    lost = [row.cells[1].text for row in table.rows]
    assert lost[0].startswith("part_1 0.5 of 1; part_2 0.5 of 1")
    assert lost[1] == ""
    few = class_table(rows, many[:4], maxima=maxima, people=people, mistakes={}, attempts={})
    assert [column.name for column in few.columns] == ["total", "part_1", "part_2", "part_3"]


def test_attempts_are_a_line_of_points() -> None:
    line = attempts_line([40.0, 70.0, 100.0], 100)
    assert "3 attempts: 40, 70, 100" in line
    assert 'points="3.0,9.0 24.0,6.0 45.0,3.0"' in line
    assert attempts_line([40.0], 100) == ""


def test_filters_and_order_stand_in_the_address_and_come_back_from_it(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "class.html", page([f"name{n}" for n in range(12)]))
    browser.open(path)
    search(browser, "name1")
    browser.run("document.querySelector('[aria-label=\"Sort by total\"]').click()")
    kept, shown = browser.run("location.hash"), browser.run(COLUMN.format(0))
    assert kept == "#submissions?search=name1&up=total"
    browser.run("document.querySelector('.filters button[type=reset]').click()")
    browser.open(path, place=kept)
    assert browser.run(COLUMN.format(0)) == shown
    assert 0 < len(shown) < 12


def test_the_table_comes_after_what_needs_a_look_and_without_scripts_all_of_it_is_there(
    browser: Browser, tmp_path: Path
) -> None:
    browser.open(write(tmp_path / "class.html", page([f"name{n}" for n in range(12)])), script=False)
    heads = browser.run("[...document.querySelectorAll('h2')].map(h => h.textContent)")
    assert heads[:3] == ["What a grader should look at", "Mistakes, the most common first", "Submissions"]
    assert browser.run("getComputedStyle(document.querySelector('.filters')).display") == "none"
    assert len(browser.run(COLUMN.format(0))) == 12


def test_columns_that_are_the_same_for_all_are_left_out_and_told(browser: Browser, tmp_path: Path) -> None:
    frames = class_of(["anna", "bob", "cem"])
    frames["grades"]["linear"] = [15.0, 7.5, 0.0]
    frames["grades"]["relu"] = 15.0
    frames["grades"]["late"] = ""
    people = {name: Who(name, "") for name in ("anna", "bob", "cem")}
    about = About("a class", dict.fromkeys(ITEMS, 15.0), [("Graded", "2026-01-02"), ("Parity", "9.9")])
    written = class_page(**frames, parts=PARTS, people=people, about=about)
    browser.open(write(tmp_path / "class.html", written))
    heads = browser.run("[...document.querySelectorAll('table.sortable thead th')].map(t => t.textContent)")
    assert not {"relu of 15", "late", "status"} & set(heads)
    assert {"linear of 15", "total of 75"} <= set(heads)
    assert "Left out, since it is the same for all: relu: 15 of 15; status: graded." in written
    lost = browser.run("[...document.querySelectorAll('td.lost')].map(t => t.textContent)")
    assert "15" not in lost
    assert lost
    assert browser.run("getComputedStyle(document.querySelector('td.number')).textAlign") == "end"
    foot = browser.run("[...document.querySelectorAll('footer dt, footer dd')].map(t => t.textContent)")
    assert foot == ["Graded", "2026-01-02", "Parity", "9.9"]


def test_each_mistake_is_counted_in_order_and_a_cluster_is_one_line() -> None:
    frames = class_of(["anna", "bob", "cem"])
    rows = [("anna", "a"), ("bob", "a"), ("anna", "b"), ("bob", "b"), ("cem", "d 10"), ("cem", "d 9")]
    frames["mistakes"] = pd.DataFrame(
        [(name, "linear", text, "4", "gradient of W", "mismatch", "") for name, text in rows],
        columns=frames["mistakes"].columns,
    )
    nameless = "97 to 100 % are the same"
    flags = [Flag(name, FlagKind.ALIKE, f"{nameless}: anna, bob", nameless) for name in ("anna", "bob")]
    frames["flags"] = flags_frame([*flags, Flag("cem", FlagKind.LEFT_OUT, "cem wrote cluster 1: 97 % of the code")], {})
    people = {name: Who(name, "") for name in ("anna", "bob", "cem")}
    written = class_page(**frames, parts=PARTS, people=people)
    lines = [re.sub("<[^>]*>", "", line) for line in re.findall("<li>.*?</li>", written)]
    assert lines == [
        "cem: cem wrote cluster 1: 97 % of the code",
        "anna, bob: 97 to 100 % are the same",
        "TODO 4: a (2)",
        "TODO 4: b (2)",
        "TODO 4: d 9 (1)",
        "TODO 4: d 10 (1)",
    ]
    coded = {name: Who(f"code{n}", "") for n, name in enumerate(people)}
    anonymous = class_page(**frames, parts=PARTS, people=coded, anonymous=True)
    assert "code0</bdi>, <bdi>code1</bdi>: 97 to 100 % are the same<" in anonymous
    assert "anna" not in anonymous
    assert "cem" not in anonymous


@pytest.mark.parametrize("anonymous", [False, True])
def test_why_nothing_was_run_is_no_mistake_and_what_lateness_costs_stands_in_the_table(anonymous: bool) -> None:
    frames = class_of(["anna", "bob"])
    frames["flags"] = flags_frame([Flag("anna", FlagKind.NOTHING_TO_RUN, "hw.zip is empty")], {})
    frames["grades"] = frames["grades"].assign(late=["", "1 day 2 h"], taken_off=[0.0, 12.5])
    people = {name: Who(name, "") for name in ("anna", "bob")}
    looks, _, rest = class_page(**frames, parts=PARTS, people=people, anonymous=anonymous).partition("<h2>Mistakes")
    assert ("hw.zip is empty" in looks, "hw.zip" in rest) == (not anonymous, False)
    table = rest.partition("<tbody>")[2]
    assert ('<td class="long"></td>' in table, "<bdi>graded" in table) == (True, False)
    assert "<bdi>1 day 2 h: −12.5</bdi>" in table


def test_who_cannot_be_imported_has_no_mistake() -> None:
    frame = class_of(["anna", "bob"])["mistakes"]
    broken = pd.DataFrame([("anna", "import", "", "utils", "module", "crashed", "")], columns=frame.columns)
    found = mistakes_by_submission(pd.concat([frame, broken]), PARTS)
    assert found == {"bob": mistakes_by_submission(frame, PARTS)["bob"]}


def test_copies_within_a_cluster_are_a_box_of_their_own_before_it_and_link_to_both_codes() -> None:
    pairs = [Pair("anna", "bob", 20, 20, True), Pair("dan", SOLUTION, 20, 20, True), Pair("anna", "cem", 17, 20)]
    cluster = Cluster(("anna", "bob", "cem", "dan", SOLUTION), tuple(pairs))
    names = ["anna", "bob", "cem", "dan"]
    frames = class_of(names) | {
        "flags": flags_frame(likeness_flags([cluster], dict(zip(names, names, strict=True))), {})
    }
    people = {name: Who(name, "") for name in names}
    written = class_page(**frames, parts=PARTS, people=people, about=About(alike="alike.html"))
    copies, others = re.findall("(?s)<details open>.*?</details>", written.partition("<h2>Mistakes")[0])
    link = '<p><a href="alike.html">Side by side</a></p>'
    assert [copies.count(link), others.count(link), written.count(link)] == [1, 0, 1]
    assert "<summary>identical (2)</summary>" in copies
    same = "100 % of own lines shared"
    assert f"<bdi>anna</bdi>, <bdi>bob</bdi>: cluster 1.1: {same}<" in copies, "dan has the solution's lines alone"
    assert "<summary>alike (4)</summary>" in others
    assert "</bdi>, <bdi>dan</bdi>: cluster 1, with" in others
    assert f"solution: 85 to {same}<" in others
    whole = likeness_flags([Cluster(("anna", "bob"), (pairs[0],))], {"anna": "anna", "bob": "bob"})
    assert [(flag.kind, flag.nameless) for flag in whole] == [("identical", f"cluster 1: {same}")] * 2
    code = "".join(f"x = {n} * x\n" for n in range(20))
    more = likeness_flags(
        clusters({"anna": fingerprint(code), "bob": fingerprint(f"{code}y = x + 1\n")}), {"anna": "", "bob": ""}
    )
    assert {(flag.kind, flag.nameless) for flag in more} == {("alike", f"cluster 1: {same}")}, "bob has a line more"


def test_side_by_side_begins_with_the_likest_of_all_clusters(tmp_path: Path) -> None:
    names = ["anna", "bob", "cem", "dan", "eve"]
    for name in names:
        (tmp_path / "submissions" / name).mkdir(parents=True)
        (tmp_path / "submissions" / name / CODE).write_bytes(code_file({"n.py": b"x = 1\ny = 2\n"}))
    some = Cluster(("anna", "bob", "cem"), (Pair("anna", "bob", 19, 20), Pair("anna", "cem", 18, 20)))
    copies = Cluster(("dan", "eve"), (Pair("dan", "eve", 20, 20),))
    info = SimpleNamespace(asked=())
    written = side_by_side(GradingFolder(tmp_path), [some, copies], cast("Any", info), (), {n: n for n in names})
    heads = re.findall("<summary>(.*?)</summary>", re.sub("</?bdi>", "", written))
    assert [head.partition(":")[0] for head in heads] == ["dan and eve", "anna and bob", "anna and cem"]


def test_late_and_status_are_not_named_twice_and_the_sixth_mistake_is_the_sixth() -> None:
    frames = class_of(["anna", "bob"])
    frames["grades"] = frames["grades"].assign(late=["late", "2 h"], status=["graded", "does not import"])
    frames["mistakes"] = pd.DataFrame(
        [("anna", "linear", f"mistake {n}", "4", "gradient of W", "mismatch", "") for n in range(7)],
        columns=frames["mistakes"].columns,
    )
    written = class_page(**frames, parts=PARTS, people={name: Who(name, "") for name in ("anna", "bob")})
    assert '<td class="text"><bdi>late</bdi>' in written
    assert '<td class="text" data-name="late"><bdi>2 h</bdi>' in written
    assert '<td class="text"><bdi>graded</bdi>' in written
    assert re.findall('<ol class="mistakes" start="(.)">', written) == ["1", "6"]


def test_on_a_telephone_every_row_is_a_whole_box_and_no_choice_lies_under_its_arrow(
    browser: Browser, tmp_path: Path
) -> None:
    browser.open(write(tmp_path / "class.html", page([f"name{n}" for n in range(5)])), width=390)
    borders = "[...document.querySelectorAll('#submissions tbody tr')].map(r => getComputedStyle(r).borderBottomWidth)"
    assert browser.run(borders) == ["1px"] * 5
    assert browser.run("parseFloat(getComputedStyle(document.querySelector('.filters select')).paddingRight)") >= 20


def test_those_with_all_points_have_a_bar_of_their_own_and_numbers_stand_on_bars(
    browser: Browser, tmp_path: Path
) -> None:
    frames = class_of([f"name{n}" for n in range(5)])
    frames["grades"]["total"] = [75.0, 74.0, 70.0, 10.0, 0.0]
    people = {f"name{n}": Who(f"name{n}", "") for n in range(5)}
    browser.open(write(tmp_path / "class.html", class_page(**frames, parts=PARTS, people=people)))
    titles = browser.run("[...document.querySelectorAll('.points .bar title')].map(t => t.textContent)")
    assert titles[-2:] == ["67.5–75 points", "all 75 points"]
    printed = browser.run("[...document.querySelectorAll('.points .text-overlay text')].map(t => t.textContent)")
    assert [text for text in printed if text] == ["1", "1", "2", "1"]


def test_what_pointing_shows_is_had_with_the_arrow_keys(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(tmp_path / "class.html", page([f"name{n}" for n in range(40)])))
    browser.run("document.querySelector('.chart').focus()")
    told = "document.querySelector('.chart + .told').textContent"
    press = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{}'}})); " + told
    assert browser.run(told) == "Arrow keys go from one to the next."
    first = browser.run(press.format("ArrowRight"))
    second = browser.run(press.format("ArrowRight"))
    assert first != second
    assert first.endswith(" points")
    assert browser.run(press.format("ArrowLeft")) == first
    assert browser.run(press.format("End")) == "all 75 points"


def test_what_is_written_in_charts_can_be_read_at_both_widths(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "class.html", page([f"name{n}" for n in range(40)]))
    for width in (1280, 390):
        browser.open(path, width=width)
        sizes = "[...document.querySelectorAll('.chart svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)"
        scale = " * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width)"
        assert min(browser.run(sizes + scale)) >= 9


LONG = (
    "👩‍👩‍👧‍👦" * 20,
    "שלום עולם mixed ‎latin‎ مرحبا ١٢٣",
    "x" * 300,
    "Wolfeschlegelsteinhausenbergerdorff " * 8,
)


@pytest.mark.parametrize("width", [1280, 390])
def test_long_and_mixed_names_wrap_and_joined_emoji_stay_joined(browser: Browser, tmp_path: Path, width: int) -> None:
    written = page([*LONG, "ann", "\u202eevil"])
    browser.open(write(tmp_path / "class.html", written), width=width)
    assert browser.overflow() <= 0
    assert LONG[0] in written  # ZWJ and all
    assert "\u202e" not in written
    widths = browser.run(SHOWN + ".map(r => r.cells[0].getBoundingClientRect().width)")
    assert max(widths) < 260
    assert browser.run("[...document.querySelectorAll('tbody th bdi')].length") == 6


def test_it_is_printed_whole(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "class.html", page([f"name{n}" for n in range(80)]))
    browser.open(path)
    browser.print_media()
    assert browser.overflow() <= 0
    hidden = "[...document.querySelectorAll('td details, .mistakes details')].filter(d => d.offsetHeight < 25).length"
    assert browser.run(hidden) == 0
    assert browser.run("getComputedStyle(document.querySelector('.filters')).display") == "none"


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "class.html"
    names = [text.encode("utf-8", "backslashreplace").decode() for text in TEXTS]  # as a frame holds them
    frames = class_of(names)
    frames["mistakes"]["diagnosis"] = frames["mistakes"]["submission"]
    people = {name: Who(name, "") for name in names}
    path.write_text(class_page(**frames, parts=PARTS, people=people), encoding="utf-8")
    seen = browser.open(path, width=390)
    assert (seen.console, seen.requests) == ([], [])
    assert browser.run("window.pwned === undefined && document.querySelectorAll('iframe, img').length === 0")
    assert browser.overflow() <= 0


def test_of_tables_of_two_runs_no_anonymous_page_is_made(tmp_path: Path) -> None:
    (tmp_path / HALF_WRITTEN).touch()
    with pytest.raises(UsageError, match="are of two runs"):
        write_anonymous_pages(tmp_path, tmp_path / "out")
