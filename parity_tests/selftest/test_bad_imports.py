"""Submissions whose import fails: each gets a sentence with its place, and what was defined before stays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from parity_tests.protocol.observation import Failure
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.runners import SHORT, ask, place_of, running


def import_failure(tmp_path: Path, source: str | bytes) -> Failure:
    with running(tmp_path, source, case_seconds=SHORT) as runner:
        failed = runner.hello.import_failure
        assert failed is not None
        missing = ask(runner, "nosuch").failures
        assert [(f.kind, f.text) for f in missing.values()] == [("missing", failed.text)]
    assert failed.text.isprintable()
    return failed


@pytest.mark.parametrize(
    ("source", "error", "line", "sentence"),
    [
        ("x = 1\ndef f(:\n    pass\n", "SyntaxError", 2, "neural_networks.py, line 2 is not Python: .*“def f\\(:”"),
        ("def f():\n    print 'loss'\n", "SyntaxError", 2, "this is Python 2, and Python 3 is expected"),
        ("def f():\n\tx = 1\n        y = 2\n", "TabError", 3, "inconsistent use of tabs"),
        ("def f():\nreturn 1\n", "IndentationError", 2, "expected an indented block"),
        ("x = 1\0", "SyntaxError", 0, "null bytes"),
        ("x = 1".encode("utf-16"), "SyntaxError", 0, "saved as UTF-16, which Python does not read"),
        (b"\n# \xe9t\xe9\n", "SyntaxError", 0, "line 2 holds the byte 0xe9, which is not in utf-8, as Python reads it"),
        ("x = " + "(" * 1000 + ")" * 1000, "SyntaxError", 1, "nested"),
        ("x = " + "-" * 100_000 + "1", "SyntaxError", 0, "nested too deeply"),
        ("#" * (5 << 20), "SyntaxError", 0, "more than 1 MiB"),
    ],
)
def test_source_that_is_not_python(tmp_path: Path, source: str | bytes, error: str, line: int, sentence: str) -> None:
    failed = import_failure(tmp_path, source)
    assert (failed.kind, failed.error, failed.file, failed.line) == ("crashed", error, "neural_networks.py", line)
    assert failed.text.startswith("neural_networks.py")
    assert re.search(sentence, failed.text)


def test_an_exception_at_import_says_where_and_keeps_what_was_defined(tmp_path: Path) -> None:
    source = "def f(): return 1.0\ndef train():\n    open('mnist_subset.json')\ntrain()\ndef g(): return 2.0\n"
    with running(tmp_path, source) as runner:
        failed = runner.hello.import_failure
        assert runner.hello.names == ("f", "train")
        observation = ask(runner, "f", "g")
    assert failed is not None
    assert (failed.error, *place_of(failed)) == ("FileNotFoundError", "neural_networks.py", 3, "train")
    assert (
        "train raised FileNotFoundError" in failed.text or "neural_networks.py raised FileNotFoundError" in failed.text
    )
    assert 'belongs under `if __name__ == "__main__":`' in failed.text
    assert observation.values[Key("f")].array == np.array(1.0)
    assert observation.failures[WHOLE_CASE].kind == "missing"


def test_training_that_never_ends_at_import_does_not_cost_the_rest(tmp_path: Path) -> None:
    source = "def f(): return 1.0\ndef train():\n    while True:\n        pass\n\nif True:\n    train()\n"
    with running(tmp_path, source, case_seconds=SHORT) as runner:
        failed = runner.hello.import_failure
        first = ask(runner, "f")
        second = ask(runner, "f")
    assert failed is not None
    assert (failed.kind, failed.file, failed.function) == ("timeout", "neural_networks.py", "train")
    assert 'belongs under `if __name__ == "__main__":`' in failed.text
    for observation in (first, second):
        assert not observation.failures
        assert observation.values[Key("f")].array == np.array(1.0)


@pytest.mark.parametrize(
    ("source", "kind", "sentence"),
    [
        ("import nosuchmodule\n", "crashed", "nosuchmodule is not available here: .* numpy.*--allow nosuchmodule"),
        ("from utils import nosuch\n", "crashed", "cannot import name 'nosuch' from 'utils'"),
        ("import numpy as np\nx = np.int\n", "crashed", "AttributeError: .*; numpy is " + np.__version__),
        ("raise SystemExit\n", "crashed", "wants to end the program: it raised SystemExit"),
        ("import sys\nsys.exit(0)\n", "crashed", "wants to end the program.*belongs under"),
        ("name = input('name? ')\n", "crashed", "waits for the keyboard"),
        ("x = [0] * (20 << 30)\n", "memory", "needs more memory than it may have"),
        ("undefined\n", "crashed", r"NameError: name 'undefined' is not defined \(neural_networks.py, line 1\)"),
    ],
)
def test_an_import_that_fails(tmp_path: Path, source: str, kind: str, sentence: str) -> None:
    failed = import_failure(tmp_path, source)
    assert failed.kind == kind
    assert re.search(sentence, failed.text), failed.text


@pytest.mark.parametrize(
    ("source", "kind", "sentence"),
    [
        (
            "import os\nos._exit(0)\n",
            "crashed",
            r"the import of neural_networks.py ended the Python process \(exit status 0\)",
        ),
        ("import os\nos.abort()\n", "crashed", "the import of neural_networks.py was killed by signal 6"),
        (
            "import time\nwhile True:\n  try:\n    time.sleep(9)\n  except BaseException: pass\n",
            "timeout",
            "swallows the exception",
        ),
    ],
)
def test_an_import_that_ends_every_process_is_said_of_each_case(
    tmp_path: Path, source: str, kind: str, sentence: str
) -> None:
    with running(tmp_path, source, case_seconds=SHORT) as runner:
        failed = runner.hello.import_failure
        assert ask(runner, "f").failures == ask(runner, "g").failures == {WHOLE_CASE: failed}
        assert runner.hello.edition == "2019"
    assert failed is not None
    assert failed.kind == kind
    assert re.search(sentence, failed.text), failed.text


def test_broken_utils_are_told_apart(tmp_path: Path) -> None:
    files = {"neural_networks.py": "def f(): return 1.0\n", "utils.py": "x = 1\nx.y\n"}
    with running(tmp_path, files) as runner:
        hello = runner.hello
        assert ask(runner, "f").values[Key("f")].array == np.array(1.0)
    assert hello.import_failure is None
    assert hello.support_failure is not None
    assert place_of(hello.support_failure) == ("utils.py", 2, "<module>")
