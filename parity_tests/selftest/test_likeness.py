"""Likeness of sources: what it sees through, what it tells apart, and how clusters come out."""

from __future__ import annotations

import ast
import base64
import re
import zlib
from collections.abc import Mapping

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT, INSIDE
from parity_tests.grading.intake.concealed import concealed
from parity_tests.grading.intake.likeness import (
    ALIKE,
    FEWEST,
    Cluster,
    Pair,
    clusters,
    fingerprint,
    given_to_all,
    lines_of,
    rows_of,
)
from parity_tests.grading.intake.own_sources import first_of, names_asked, own_sources

SHIPPED = (ASSIGNMENT.solution / ASSIGNMENT.layout.file).read_text(encoding="utf-8")
UTILS = (ASSIGNMENT.solution / "utils.py").read_bytes()
OTHER = (INSIDE / "stand_ins.py").read_text(encoding="utf-8")
"""The same parts, written by others in another way."""
ASKED = names_asked(ASSIGNMENT)
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


def prints(sources: Mapping[str, str]) -> dict[str, str]:
    return {name: fingerprint(source, asked=ASKED) for name, source in sources.items()}


def alike(one: str, other: str) -> list[Cluster]:
    return clusters(prints({"a": one, "b": other}))


def test_names_spaces_comments_and_order_change_nothing() -> None:
    assert fingerprint(renamed(SHIPPED), asked=ASKED) == fingerprint(SHIPPED, asked=ASKED) != ""
    (found,) = alike(SHIPPED, rearranged(SHIPPED))
    assert found.pairs[0].share > 0.9


def test_exchanged_parts_and_padding_leave_the_rest_alike() -> None:
    for source in (exchanged(SHIPPED, "relu", "tanh"), padded(renamed(SHIPPED))):
        (found,) = alike(SHIPPED, source)
        assert ALIKE < found.pairs[0].share <= 1


def test_what_others_wrote_apart_is_not_alike() -> None:
    assert not alike(SHIPPED, OTHER)
    rows = [rows_of(fingerprint(source, asked=ASKED)) for source in (SHIPPED, OTHER)]
    assert len(rows[0] & rows[1]) < 0.1 * len(rows[1])


def test_another_function_of_numpys_or_another_name_that_is_asked_for_is_another_line() -> None:
    text = "import numpy as np\ndef forward(self, X):\n    a = X + 1\n    return np.maximum(a)\n"
    one, same, other, asked = (
        fingerprint(text.replace(name, new), asked=("forward", "backward"))
        for name, new in (("a", "a"), ("X", "inputs"), ("maximum", "minimum"), ("forward", "backward"))
    )
    assert one == same
    assert len(rows_of(one) & rows_of(other)) == 1
    assert len(rows_of(one) & rows_of(asked)) == 1


def test_so_few_lines_say_nothing_and_a_broken_source_is_read_line_by_line() -> None:
    assert fingerprint(SMALL) == ""
    few = "def f(a):\n" + "".join(f"    a = a + {n}\n" for n in range(FEWEST - 1))
    assert not alike(few, few)
    assert alike(few + "    a = 1.5\n", few + "    a = 1.5\n")
    broken = SHIPPED + "def broken(:\n"
    assert fingerprint(broken) == fingerprint(broken.replace("    ", "\t") + "# the end\n") != fingerprint(SHIPPED)


def test_a_cluster_has_everybody_who_is_alike_somebody_of_it_and_says_by_how_many_lines() -> None:
    sources = {"a": SHIPPED, "b": renamed(SHIPPED), "c": exchanged(SHIPPED, "relu"), "x": OTHER, "tiny": SMALL}
    (found,) = clusters(prints(sources))
    assert found.members == ("a", "b", "c")
    whole, part = found.pairs
    assert (whole.one, whole.other, whole.common) == ("a", "b", whole.own)
    assert ALIKE < part.share < 1
    assert part.own <= whole.own


COMMON = "".join(f"def given_{n}(a, b):\n    return a[{n}] * b + {n} / a\n" for n in range(60))
OWN = ["def own(a):\n" + "".join(f"    a = a ** {k} @ {n}\n" for k in range(40)) for n in range(5)]


def test_what_was_given_to_all_is_not_compared_whether_it_is_known_or_told_by_the_class() -> None:
    class_ = {f"s{n}": fingerprint(COMMON + text) for n, text in enumerate(OWN)}
    derived = given_to_all(class_)
    assert derived == rows_of(fingerprint(COMMON))
    copied = {**class_, "copy": fingerprint(COMMON + OWN[3] + "print(1)\n")}
    assert clusters(copied, derived) == [Cluster(("copy", "s3"), (Pair("s3", "copy", 40, 40),))]
    few = dict(list(class_.items())[:4])
    assert not given_to_all(few), "of so few, nobody can say what was given to all"
    starters = dict.fromkeys("abcdef", fingerprint(COMMON))
    assert clusters(starters)
    assert not clusters(starters, rows_of(fingerprint(COMMON))), "who hands in the starter alone copied from nobody"


def test_a_line_is_where_its_statement_stands() -> None:
    source = "def f(a):\n    b = (a +\n         1)\n    if b:\n        a = 2\n    return b\n"
    assert [(line.first, line.last) for line in lines_of(source)] == [(2, 3), (4, 4), (5, 5), (6, 6)]


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# \xe9\n"])
def test_the_encoding_of_a_source_changes_nothing(start: bytes) -> None:
    assert fingerprint(start + SHIPPED.encode()) == fingerprint(SHIPPED)


@pytest.mark.parametrize("file", ["layers.py", "package/__init__.py", "utils.py"])
def test_a_copy_in_another_file_is_still_one(file: str) -> None:
    start = b"from layers import *\nfrom package import *\n"
    files = {"neural_networks.py": start, "utils.py": UTILS, file: renamed(SHIPPED).encode(), "solver.py": b"x = 1"}
    sources = own_sources(files.items(), ASSIGNMENT)
    assert "solver.py" not in sources, "nothing names it"
    copied = fingerprint(*sources.values(), asked=ASKED)
    (found,) = clusters({"a": copied, "shipped": fingerprint(SHIPPED, asked=ASKED)})
    assert found.pairs[0].share > 0.9


def test_a_file_counts_that_one_that_counts_names_also_through_another() -> None:
    files = {"neural_networks.py": b"import one", "one.py": b"import two", "two.py": b"", "three.py": b"import two"}
    assert list(own_sources(files.items(), ASSIGNMENT)) == ["neural_networks.py", "one.py", "two.py"]


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
        "from builtins import exec as run\nrun(open('data.txt').read())\n",
        "run = exec\nrun(open('data.txt').read())\n",
        "def forward(exec=0):\n    def run(): global exec; exec(open('data.txt').read())\n    run()\n",
        "globals()['exec'](open('data.txt').read())\n",
        "key = open(__file__).read()\n",
        "from pathlib import Path\nkey = Path(__file__).read_text()\n",
        "import inspect\nkey = inspect.getsource(forward)\n",
    ],
)
def test_code_that_does_not_stand_in_the_files_is_said_with_its_line(source: str) -> None:
    at = concealed({"neural_networks.py": f"import numpy\n{source}".encode()})
    assert re.match(r"neural_networks\.py, line [23] uses \w", at)


def test_code_that_stands_in_the_files_is_not_concealed() -> None:
    assert concealed({"neural_networks.py": SHIPPED.encode(), "utils.py": UTILS, "broken.py": b"def ("}) == ""
    assert concealed({"other.py": OTHER.encode()}) == ""


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import print_function\nfrom builtins import range, object\nfrom past.builtins import xrange\n",
        "from six.moves import cPickle as pickle\nimport importlib\nimportlib.reload(np)\n",
        "import builtins\nprint(builtins.max(1, 2))\n",
        "import re\nwords = re.compile('a').findall('a')\nmodel.eval()\nmode = 'eval'\nif config['eval']:\n    pass\n",
        "import os\ndata = open(os.path.join(os.path.dirname(__file__), 'mnist.json'))\n",
        "def eval(model):\n    return model\neval(3)\n",
        "assert eval('1 + 1') == 2\n",
        "class Norm:\n    def forward(self, Z, eval=False):\n        return Z if eval else 2 * Z\n",
    ],
)
def test_what_honest_files_say_conceals_nothing(source: str) -> None:
    assert concealed({"neural_networks.py": f"import numpy as np\n{source}".encode()}) == ""
