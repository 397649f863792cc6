"""Escapes: what a text must not do in each medium, and that nothing is escaped which does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.model.escape import docstring, encodable, markdown, path_text, printable


def test_a_line_of_a_terminal_stays_one_and_a_path_shows_its_characters() -> None:
    assert printable("a\nb\tc\x1b[2J") == "a b c\\x1b[2J"
    assert path_text(Path("a\nb\udcff")) == "a\\nb\\udcff"


@pytest.mark.parametrize(
    "text",
    [
        "gradient of W at [0, 3] is 0.5, torch says -0.25",
        "neural_networks.py, line 7",
        "0.196",
        "a = b + c - d; e != f",
        "def forward(self, X) -> Array:",
    ],
)
def test_harmless_text_stays_readable_in_markdown(text: str) -> None:
    assert markdown(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("**bold** and `code`", "\\*\\*bold\\*\\* and \\`code\\`"),
        ("__init__", "\\_\\_init\\_\\_"),
        ("[click](http://x)", "\\[click\\](http&#58;//x)"),
        ("- [x] done", "\\- [x] done"),
        ("1. one", "1\\. one"),
        ("# heading #7", "\\# heading \\#7"),
        ("<b> & @all", "&lt;b> &amp; &#64;all"),
        ("> quoted", "\\> quoted"),
    ],
)
def test_markup_is_none_in_markdown(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_text_that_no_file_can_hold_is_written_out() -> None:
    assert encodable("home\udcff") == "home\\udcff"
    encodable("home\udcff").encode()


def test_nothing_ends_a_docstring() -> None:
    assert docstring('a\n"""b\\') == "ab"
