"""The process that runs a submission: what its calls return comes back whole, and cases know nothing of each other."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.inside.fork_server import PROBLEM, STATUS
from parity_tests.harness.inside.worker import FILES
from parity_tests.harness.process.process import ForkedProcess, StartedProcess
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.observation import Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.runners import ask, failure, running, write


@pytest.fixture(scope="module")
def evaluating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    source = "import numpy as np\nclass Sub(np.ndarray): pass\ndef f(text): return eval(bytes(text))\n"
    with running(tmp_path_factory.mktemp("evaluating"), source) as runner:
        yield runner


def returned(runner: Runner, expression: str) -> Returned:
    return ask(runner, "f", text=np.frombuffer(expression.encode(), np.uint8)).values[Key("f")]


def test_arrays_come_back_with_their_dtype_shape_and_bits(tmp_path: Path) -> None:
    with running(tmp_path, "def f(X): return X.T[::-1]\n") as runner:
        for dtype in ("?", "i1", "u8", "f2", "f4", "f8", "g"):
            sent = np.arange(12).reshape(3, 4).astype(dtype)
            got = ask(runner, "f", X=sent).values[Key("f")]
            assert got.kind == "array"
            assert got.array is not None
            assert got.array.dtype == sent.dtype
            np.testing.assert_array_equal(got.array, sent.T[::-1])


@pytest.mark.parametrize(
    ("expression", "kind", "has_array"),
    [
        ("3", "scalar", True),
        ("True", "scalar", True),
        ("2.5", "scalar", True),
        ("np.float32(2.5)", "scalar", True),
        ("np.float64('nan')", "scalar", True),
        ("np.array(2.5)", "array", True),
        ("np.zeros((0, 3))", "array", True),
        ("np.array([np.nan, np.inf])", "array", True),
        ("np.zeros(3, '>f8')", "array", True),
        ("10**30", "scalar", False),
        ("2j", "complex", False),
        ("np.complex128(2j)", "complex128", False),
        ("[None][0]", "none", False),
        ("[1.0, 2.0]", "list", False),
        ("(np.zeros(2), 1)", "tuple", False),
        ("'text'", "str", False),
        ("np.matrix([[1.0]])", "matrix", False),
        ("np.ma.array([1.0], mask=[True])", "MaskedArray", False),
        ("np.zeros(2).view(Sub)", "Sub", False),
        ("np.array([1, None])", "array", False),
        ("np.array([1j])", "array", False),
        ("np.array(['a'])", "array", False),
        ("np.zeros(2, 'i4,f8')", "array", False),
        ("(x for x in [1])", "generator", False),
        ("lambda: 1", "function", False),
        ("type('Equal', (), {'__eq__': lambda *_: True, '__class__': np.ndarray})()", "Equal", False),
    ],
)
def test_whatever_is_returned_is_described(evaluating: Runner, expression: str, kind: str, has_array: bool) -> None:
    got = returned(evaluating, expression)
    assert (got.kind, got.array is not None) == (kind, has_array)
    assert (got.detail != "") == (kind != "none")


def test_a_detail_says_shape_and_dtype(evaluating: Runner) -> None:
    assert returned(evaluating, "np.matrix([[1.0]])").detail == "a matrix of dtype float64 and shape (1, 1)"


def test_a_value_is_copied_before_the_submission_can_change_it(tmp_path: Path) -> None:
    source = "import numpy as np\nkept = np.zeros(3)\ndef f(): return kept\ndef g(): kept[:] = 9; return kept\n"
    with running(tmp_path, source) as runner:
        values = ask(runner, "f", "g").values
    assert [values[Key(name)].array.tolist() for name in "fg"] == [[0, 0, 0], [9, 9, 9]]  # type: ignore[union-attr]


def test_edited_inputs_are_the_submissions_own_copies(tmp_path: Path) -> None:
    X = np.zeros(3)
    with running(tmp_path, "def f(X): X += 1; return X\n") as runner:
        for _ in range(2):
            got = ask(runner, "f", X=X).values[Key("f")].array
            assert got is not None
            assert got.tolist() == [1, 1, 1]
    assert X.tolist() == [0, 0, 0]


def test_no_case_knows_what_another_left_in_globals_modules_settings_or_files(tmp_path: Path) -> None:
    files = {
        "neural_networks.py": """
            import os, sys, warnings
            import numpy as np
            import utils
            from inner import deep
            count = 0
            def f():
                global count
                count += 1
                utils.count += 1
                deep.count += 1
                left = len(os.listdir("."))
                open("left", "w").write("x")
                divided = np.geterr()["divide"]
                np.seterr(all="raise")
                warnings.simplefilter("error")
                sys.stdout = sys.argv = None
                sys.modules["odd"] = None
                sys.path.clear()
                sys.meta_path.clear()
                sys.setrecursionlimit(500)
                return np.array([count, utils.count, deep.count, left, divided == "warn"])
            """,
        "utils.py": "count = 0\n",
        "inner/__init__.py": "",
        "inner/deep.py": "count = 0\n",
    }
    with running(tmp_path, files) as runner:
        for _ in range(3):
            got = ask(runner, "f").values[Key("f")].array
            assert got is not None
            assert got.tolist() == [1, 1, 1, 0, 1]
    assert sorted(path.name for path in (tmp_path / "submission").rglob("*")) == [
        "__init__.py", "deep.py", "inner", "neural_networks.py", "utils.py"
    ]  # fmt: skip


def test_the_same_seed_draws_the_same_numbers_alone_or_after_others(tmp_path: Path) -> None:
    source = "import random, numpy as np\ndef f(): return np.array([np.random.normal(), random.random()])\n"
    with running(tmp_path, source) as runner:
        first, other, again = (ask(runner, "f", seed=seed).values[Key("f")].array for seed in (7, 1 << 40, 7))
    assert first is not None
    assert other is not None
    assert again is not None
    assert first.tolist() == again.tolist() != other.tolist()


def test_an_argument_that_failed_is_passed_on_and_its_cause_is_repeated(tmp_path: Path) -> None:
    probe = """
        def probe(submission, recorder, params, arrays):
            made = recorder.call("made", submission.get("Layer"))
            out = recorder.call("out", made.forward, 1)
            recorder.call("last", submission.get("f"), out)
            recorder.call("other", submission.get("f"), 2.0)
            recorder.add_fact("failed", out is recorder.FAILED)

        PROBES = {"probe": probe}
        """
    source = "def f(x): return x\nclass Layer:\n    def __init__(self): raise ValueError('no')\n"
    with running(tmp_path, source, probe) as runner:
        observation = runner.ask("case", "probe", {}, {}, seed=0)
    assert list(observation.values) == [Key("other")]
    assert set(observation.failures) == {Key("made"), Key("out"), Key("last")}
    assert {f.text for f in observation.failures.values()} == {
        "Layer.__init__ raised ValueError: no (neural_networks.py, line 3)"
    }
    assert observation.facts == {"failed": True}


def test_a_failure_can_be_forgiven(tmp_path: Path) -> None:
    probe = """
        def probe(submission, recorder, params, arrays):
            for argument in (None, 1.0):
                if recorder.call(None, submission.get("f"), argument) is not recorder.FAILED:
                    recorder.withdraw_failure()

        PROBES = {"probe": probe}
        """
    with running(tmp_path, "def f(x): return x + 1\n", probe) as runner:
        assert not runner.ask("case", "probe", {}, {}, seed=0).failures


def test_warnings_are_told_once_with_the_submissions_own_line(tmp_path: Path) -> None:
    source = """
        import numpy as np
        def f():
            for _ in range(3):
                np.exp(np.array([1000.0]))
            return np.linspace(0, 1, 2) / np.zeros(2)
        """
    with running(tmp_path, source) as runner:
        warned = [ask(runner, "f").warnings for _ in range(2)]
    assert warned[0] == warned[1]
    assert warned[0][0] == "RuntimeWarning: overflow encountered in exp (neural_networks.py, line 5)"
    assert len(warned[0]) == 3


@pytest.mark.parametrize(
    ("parameters", "seen"),
    [
        ("model, momentum, _lambda, _alpha, _learning_rate", "2019"),
        ("a, b, c, d", "2020-22"),
        ("model, _learning_rate", "2022-23"),
        ("model", ""),
        ("*everything", ""),
    ],
)
def test_the_number_of_parameters_tells_the_edition(tmp_path: Path, parameters: str, seen: str) -> None:
    with running(tmp_path, f"def miniBatchGradientDescent({parameters}): pass\n") as runner:
        assert (runner.hello.edition_seen, runner.hello.edition) == (seen, "2019")


def test_an_edition_that_is_asked_for_is_judged_whatever_is_seen(tmp_path: Path) -> None:
    with running(tmp_path, "def miniBatchGradientDescent(a, b): pass\n", edition="2020-22") as runner:
        assert (runner.hello.edition_seen, runner.hello.edition) == ("2022-23", "2020-22")


def test_the_edition_with_a_progress_bar_is_lent_one(tmp_path: Path) -> None:
    source = """
        import matplotlib.pyplot as plt
        from tqdm import tqdm, trange
        from tqdm.auto import tqdm as auto
        def miniBatchGradientDescent(model, _learning_rate): pass
        def f():
            figure, axes = plt.subplots()
            figure, ((a, b), (c, d)) = plt.subplots(2, 2)
            axes.plot([1, 2], label="x").anything
            plt.savefig("x.png")
            with tqdm(total=3) as bar:
                bar.update(1)
            return sum(tqdm([1, 2], desc="epoch")) + sum(trange(3)) + sum(auto(range(4)))
        """
    with running(tmp_path, source, edition="2022-23") as runner:
        assert runner.hello.import_failure is None
        assert runner.hello.fixtures == ("tqdm", "matplotlib")
        got = ask(runner, "f").values[Key("f")].array
    assert got == np.array(12)
    with running(tmp_path, source, edition="2019") as runner:
        assert runner.hello.import_failure is not None
        assert runner.hello.fixtures == ()


def test_utils_are_lent_where_there_are_none(tmp_path: Path) -> None:
    stand_in = write(tmp_path / "fixture", {"utils.py": "count = 0\ndef helper(): return 3.0\n"}) / "utils.py"
    source = "import utils\nfrom utils import helper\ndef f(): utils.count += 1; return helper() + utils.count\n"
    with running(tmp_path, {"neural_networks.py": source}, fixture=stand_in) as runner:
        assert runner.hello.fixtures == ("utils",)
        for _ in range(2):
            assert ask(runner, "f").values[Key("f")].array == np.array(4.0)
    own = {"neural_networks.py": source, "utils.py": "count = 0\ndef helper(): return 5.0\n"}
    with running(tmp_path, own, fixture=stand_in) as runner:
        assert runner.hello.fixtures == ()
        assert ask(runner, "f").values[Key("f")].array == np.array(6.0)


def test_what_utils_defines_can_be_asked_for(tmp_path: Path) -> None:
    with running(tmp_path, {"neural_networks.py": "", "utils.py": "def helper(): return 3.0\n"}) as runner:
        assert ask(runner, "helper").values[Key("helper")].array == np.array(3.0)


def test_a_submission_may_have_files_with_the_names_of_the_harnesss(tmp_path: Path) -> None:
    names = ("probe", "worker", *FILES, "stand_ins", "editions")
    files = {f"{name}.py": f"mine = {name!r}\n" for name in names}
    files["numpy.py"] = "raise RuntimeError('shadowed')\n"
    files["neural_networks.py"] = f"import numpy as np\nimport {', '.join(names)}\n"
    files["neural_networks.py"] += f"def f(): return float(all(m.mine == m.__name__ for m in ({', '.join(names)})))\n"
    probe = """
        import stand_ins
        from stand_ins import answer

        def probe(submission, recorder, params, arrays):
            import stand_ins as late
            recorder.call("f", submission.get("f"))
            recorder.add_fact("answers", [answer, stand_ins.answer, late.answer])

        PROBES = {"probe": probe}
        """
    companion = write(tmp_path / "probes", {"stand_ins.py": "answer = 42\n"}) / "stand_ins.py"
    with running(tmp_path, files, probe, companions=[companion]) as runner:
        for _ in range(2):
            observation = runner.ask("case", "probe", {}, {}, seed=0)
            assert observation.values[Key("f")].array == np.array(1.0)
            assert observation.facts == {"answers": [42, 42, 42]}


BESIDE = {"script_probe", "asking", "call_tracer", "probe", "stand_ins"}
"""Modules that are there while a case is put, since a probe may import them late."""


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a module that stands beside the probe: one for all, so that one server forks their processes."""
    return write(tmp_path_factory.mktemp("probes"), {"stand_ins.py": ""}) / "stand_ins.py"


def test_nothing_of_the_harness_or_its_libraries_can_be_imported_by_a_call(tmp_path: Path, beside: Path) -> None:
    source = "def f(text): return float(__import__(bytes(text).decode()).__name__ == 'random')\n"
    with running(tmp_path, source, companions=[beside], forked=True) as runner:
        for name in ("parity_tests", "worker", *FILES.keys() - BESIDE, "reference", "torch", "pandas", "click"):
            failed = ask(runner, "f", text=np.frombuffer(name.encode(), np.uint8)).failures[Key("f")]
            assert failed.error == "ModuleNotFoundError", name
            assert f"{name} is not available here" in failed.text
        assert ask(runner, "f", text=np.frombuffer(b"random", np.uint8)).values[Key("f")].array == np.array(1.0)


@pytest.mark.parametrize("names", ["parity_tests", "worker", "torch", *sorted(BESIDE)])
def test_what_cannot_be_imported_is_said_with_the_option_that_allows_it(
    tmp_path: Path, beside: Path, names: str
) -> None:
    with running(tmp_path, f"import {names}\n", companions=[beside], forked=True) as runner:
        problem = runner.hello.import_failure
    assert problem is not None
    assert problem.error == "ModuleNotFoundError"
    assert problem.text.startswith(
        f"neural_networks.py cannot be imported (neural_networks.py, line 1): {names} is not"
    )
    assert f"--allow {names}" in problem.text


def test_an_allowed_module_brings_what_it_needs(tmp_path: Path) -> None:
    with running(tmp_path, "import pandas, dateutil\ndef f(): return 1.0\n", allow=["pandas"]) as runner:
        assert runner.hello.import_failure is None
    with running(tmp_path, "import pandas\nimport torch\n", allow=["pandas"]) as runner:
        problem = runner.hello.import_failure
    assert problem is not None
    assert "torch is not available" in problem.text


def test_allowing_what_is_not_installed_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--allow nosuchmodule: no module of that name is installed"):
        Runner(tmp_path, probe=tmp_path, layout=ASSIGNMENT.layout, allow=["nosuchmodule"])


def test_odd_source_encodings_are_read_as_python_reads_them(tmp_path: Path) -> None:
    for head in (b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n"):
        with running(tmp_path, head + b"def f(): return 1.0\r\n") as runner:
            assert runner.hello.names == ("f",)


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "new\nline", "日本語", "-option", "byte\udcff"])
def test_odd_folder_names_do_no_harm(tmp_path: Path, name: str) -> None:
    with running(tmp_path, "from utils import *\ndef f(): raise ValueError(__file__)\n", name=name) as runner:
        failed = ask(runner, "f").failures[Key("f")]
    assert (failed.file, failed.line) == ("neural_networks.py", 2)
    assert failed.text.isprintable()


def test_the_caller_s_environment_stays_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    assert "KeyError" in failure(tmp_path, "import os\nreturn os.environ['SECRET_TOKEN']").text
    assert "KeyError" in failure(tmp_path, "import os\nreturn os.environ['OMP_NUM_THREADS']").text


def test_a_probe_s_own_mistake_is_not_yet_said_to_be_anybodys_fault(tmp_path: Path) -> None:
    probe = "def probe(submission, recorder, params, arrays): return 1 / 0\n\nPROBES = {'probe': probe}\n"
    with running(tmp_path, "", probe) as runner:
        failed = runner.ask("case", "probe", {}, {}, seed=0).failures[WHOLE_CASE]
        assert runner.ask("case", "nosuch", {}, {}, seed=0).failures[WHOLE_CASE].kind == "unjudged"
    assert failed.kind == "unjudged"
    assert "ZeroDivisionError" in failed.text
    assert "probe.py, line 1" in failed.text


def test_a_probe_that_cannot_be_loaded_stops_parity(tmp_path: Path) -> None:
    with running(tmp_path, "", "import nosuchmodule\n") as runner, pytest.raises(HarnessError, match="nosuchmodule"):
        _ = runner.hello


def test_a_python_that_cannot_be_started_stops_parity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, "", forked=False) as runner:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "nosuch"))
        with pytest.raises(HarnessError, match="cannot be started"):
            _ = runner.hello


def test_starting_early_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "def f(): return 1.0\n", forked=False) as runner:
        runner.start()
        runner.start()
        assert ask(runner, "f").values[Key("f")].array == np.array(1.0)


def test_closing_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with running(tmp_path, "def f(): open('left', 'w').write('x'); return 1.0\n", forked=False) as runner:
        ask(runner, "f")
        assert list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "tmp").iterdir())


# ---- with what a process ended


@pytest.mark.parametrize(
    ("namespaced", "ended", "told"),
    [(True, 128 + 9, -9), (True, 128, 128), (True, 3, 3), (False, 128 + 9, 128 + 9), (False, 0, 0)],
)
def test_bubblewrap_tells_a_signal_by_128_and_its_number(
    namespaced: bool, ended: int, told: int, tmp_path: Path
) -> None:
    with Path(os.devnull).open("wb") as nowhere:
        process = StartedProcess(
            ["/bin/sh", "-c", f"exit {ended}"],
            descriptors=(),
            output=nowhere.fileno(),
            folder=str(tmp_path),
            environment={},
            namespaced=namespaced,
        )
    assert process.exit_status(10.0) == told


@pytest.mark.skipif(sys.platform != "linux", reason="there are fork servers on Linux alone")
@pytest.mark.parametrize(
    ("packet", "told"), [(STATUS + b"7", 7), (STATUS + b"-11", -11), (b"", -signal.SIGKILL), (PROBLEM + b"no", None)]
)
def test_of_a_forked_process_the_supervisor_tells_it(packet: bytes, told: int | None) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = ForkedProcess(ours)
    if packet:
        theirs.send(packet)
    theirs.close()
    assert process.exit_status(1.0) == told
    process.close(0.0)
