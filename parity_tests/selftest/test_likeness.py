"""The fingerprint of a source: what it sees through, and what it tells apart."""

from __future__ import annotations

from parity_tests.grading.intake.likeness import fingerprint

CODE = "import numpy as np\n\n\nclass linear_layer:\n    pass\n\n\nclass relu:\n    pass\n"
LONG = CODE + "".join(f"def f{n}(first, second):\n    return first * second + {n}\n" for n in range(20))


def test_likeness_sees_through_names_spaces_and_comments() -> None:
    other = LONG.replace("first", "erste").replace("    ", "  ").replace("class relu", "# mine\nclass relu")
    assert fingerprint(LONG) == fingerprint(other) != ""


def test_likeness_tells_other_code_apart_and_says_nothing_of_a_tiny_one() -> None:
    assert fingerprint(LONG) != fingerprint(LONG.replace("first * second", "second * first * 1", 1))
    assert fingerprint(CODE) == ""
    assert fingerprint(LONG + "def broken(:\n") != ""
