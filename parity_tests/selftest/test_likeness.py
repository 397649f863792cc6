"""Likeness of sources: what it sees through, what it tells apart, and how clusters come out."""

from __future__ import annotations

import ast
import base64
import re
import zlib

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT, INSIDE
from parity_tests.grading.intake.concealed import concealed
from parity_tests.grading.intake.likeness import ALIKE, SMALLEST, Cluster, clusters, fingerprint
from parity_tests.grading.task import first_of, own_sources

SHIPPED = (ASSIGNMENT.solution / ASSIGNMENT.layout.file).read_text(encoding="utf-8")
UTILS = (ASSIGNMENT.solution / "utils.py").read_bytes()
OTHER = (INSIDE / "stand_ins.py").read_text(encoding="utf-8")
"""The same parts, written by others in another way."""
SMALL = "import numpy as np\n\n\nclass linear_layer:\n    pass\n\n\nclass relu:\n    pass\n"


def renamed(source: str) -> str:
    """The source with other names for whatever it names itself, other spaces, and no comments or docstrings."""
    names = {"grad": "g_out", "self": "me", "mask": "keep", "momentum": "velo", "np": "numpy_", "X": "inputs", "w": "p"}
    for old, new in names.items():
        source = re.sub(rf"\b{old}\b", new, source)
    return ast.unparse(ast.parse(source)).replace("    ", "  ")


def rearranged(source: str) -> str:
    """The source with its classes and functions in the opposite order."""
    tree = ast.parse(source)
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    rest = [node for node in tree.body if node not in defined]
    tree.body = [*rest, *reversed(defined)]
    return ast.unparse(tree)


def exchanged(source: str, *classes: str) -> str:
    """The source with these classes of somebody else's in the place of its own."""
    theirs = {node.name: node for node in ast.parse(OTHER).body if isinstance(node, ast.ClassDef)}
    tree = ast.parse(source)
    tree.body = [theirs[name] if (name := getattr(node, "name", "")) in classes else node for node in tree.body]
    return ast.unparse(tree)


def padded(source: str) -> str:
    """The source with as much again that does nothing."""
    return source + "".join(f"\n\ndef unused_{n}(a, b):\n    return [a ** {n}, {{b: a % {n}}}]\n" for n in range(200))


def test_names_spaces_comments_and_order_change_nothing() -> None:
    assert fingerprint(renamed(SHIPPED)) == fingerprint(SHIPPED) != ""
    assert len(clusters({"a": fingerprint(SHIPPED), "b": fingerprint(rearranged(SHIPPED))})) == 1


def test_exchanged_parts_and_padding_leave_the_rest_alike() -> None:
    others = {"exchanged": exchanged(SHIPPED, "relu", "tanh"), "padded": padded(renamed(SHIPPED))}
    for source in others.values():
        (found,) = clusters({"a": fingerprint(SHIPPED), "b": fingerprint(source)})
        assert found.lowest > 0.7


def test_what_others_wrote_apart_is_not_alike() -> None:
    assert not clusters({"a": fingerprint(SHIPPED), "b": fingerprint(OTHER)})


def test_a_tiny_source_says_nothing_and_a_broken_one_is_read_as_far_as_it_goes() -> None:
    assert fingerprint(SMALL) == ""
    broken = fingerprint(SHIPPED + "def broken(:\n")
    assert broken == fingerprint(SHIPPED + "def broken((:\n") != ""


def test_a_cluster_has_everybody_who_is_alike_somebody_of_it() -> None:
    sources = {"a": SHIPPED, "b": renamed(SHIPPED), "c": exchanged(SHIPPED, "relu"), "x": OTHER, "tiny": SMALL}
    (found,) = clusters({name: fingerprint(source) for name, source in sources.items()})
    assert found.members == ("a", "b", "c")
    assert ALIKE < found.lowest < found.highest == 1.0


def test_what_most_of_a_class_have_in_common_is_not_compared() -> None:
    common = "".join(f"def given_{n}(a, b):\n    return a[{n}] * b + {n} / a\n" for n in range(60))
    own = ["def own(a):\n" + "".join(f"    a = a ** {k} @ {n}\n" for k in range(40)) for n in range(12)]
    class_ = {f"s{n}": fingerprint(common + text) for n, text in enumerate(own)}
    assert not clusters(class_)
    assert clusters({**class_, "copy": fingerprint(common + own[3] + "print(1)\n")}) == [
        Cluster(("copy", "s3"), lowest=1.0, highest=1.0)
    ]
    few = dict(list(class_.items())[:4])
    assert len(clusters(few)[0].members) == 4, "of so few, nobody can say what was given to all"
    assert len(class_["s0"]) // 8 > SMALLEST


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# \xe9\n"])
def test_the_encoding_of_a_source_changes_nothing(start: bytes) -> None:
    assert fingerprint(start + SHIPPED.encode()) == fingerprint(SHIPPED)


@pytest.mark.parametrize("file", ["layers.py", "package/__init__.py", "utils.py"])
def test_a_copy_in_another_file_is_still_one(file: str) -> None:
    files = {"neural_networks.py": b"from layers import *\n", "utils.py": UTILS, file: renamed(SHIPPED).encode()}
    sources = own_sources(files.items(), ASSIGNMENT)
    (found,) = clusters({"a": fingerprint(*sources.values()), "shipped": fingerprint(SHIPPED)}, given="shipped")
    assert found.lowest > 0.9


def test_no_more_is_compared_than_takes_seconds_and_the_submissions_file_always_is() -> None:
    files = {"a.py": b"#" * 700_000, "b.py": b"#" * 600_000, "neural_networks.py": b"#" * 400_000}
    assert set(first_of(files, "neural_networks.py")) == {"neural_networks.py", "b.py"}
    assert set(first_of({"neural_networks.py": b"", "a.py": b""}, "neural_networks.py")) == {
        "neural_networks.py",
        "a.py",
    }


def test_what_is_lent_to_all_makes_nobody_alike() -> None:
    files = {"neural_networks.py": OTHER.encode(), "utils.py": UTILS}
    assert list(own_sources(files.items(), ASSIGNMENT)) == ["neural_networks.py"]


def test_those_who_copied_the_solution_are_alike_it_also_where_they_are_most_of_a_class() -> None:
    tails = ["".join(f"def own{k}(a):\n    return a ** {k} @ {n}\n" for k in range(9)) for n in range(20)]
    class_ = {f"s{n}": fingerprint(SHIPPED + tail) for n, tail in enumerate(tails)}
    (found,) = clusters({**class_, "shipped": fingerprint(SHIPPED)}, given="shipped")
    assert set(found.members) == {*class_, "shipped"}


PACKED = base64.b85encode(zlib.compress(SHIPPED.encode()))


@pytest.mark.parametrize(
    "source",
    [
        f"import base64, zlib\nexec(zlib.decompress(base64.b85decode({PACKED!r})))\n",
        "eval(compile(open('data.txt').read(), '', 'exec'))\n",
        "getattr(__builtins__, 'ex' + 'ec')(open('data.txt').read())\n",
        "import builtins\ngetattr(builtins, 'ex' + 'ec')('')\n",
        "from types import FunctionType\nforward = FunctionType(code, {})\n",
        "import importlib.machinery as m\nm.SourceFileLoader('x', 'data.txt').load_module()\n",
        "import marshal\n",
    ],
)
def test_code_that_does_not_stand_in_the_files_is_said_with_its_line(source: str) -> None:
    at = concealed({"neural_networks.py": f"import numpy\n{source}".encode()})
    assert re.match(r"neural_networks\.py, line [23] uses \w", at)


def test_code_that_stands_in_the_files_is_not_concealed() -> None:
    assert concealed({"neural_networks.py": SHIPPED.encode(), "utils.py": UTILS, "broken.py": b"def ("}) == ""
    assert concealed({"other.py": OTHER.encode()}) == ""
