"""Calls that fail: each gets a sentence with its place, costs only its own case, and never disturbs the harness."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from parity_tests.harness.process.child import Child
from parity_tests.protocol.quantity import WHOLE_CASE, Key
from parity_tests.selftest.process_trees import wait_until_gone
from parity_tests.selftest.runners import SHORT, ask, failure, place_of, running

# ---- calling it


@pytest.mark.parametrize(
    ("body", "kind", "error", "sentence"),
    [
        ("raise NotImplementedError", "missing", "NotImplementedError", "f is not implemented (neural_networks.py, l"),
        (
            "np.ones(3) @ np.ones(4)", "crashed", "ValueError",
            "f raised ValueError: matmul: Input operand 1 has a mismatch",
        ),
        ("return np.int(3)", "crashed", "AttributeError", f"; numpy is {np.__version__} here"),
        ("np.Inf", "crashed", "AttributeError", f"; numpy is {np.__version__} here"),
        ("return np.maximun(1, 2)", "crashed", "AttributeError", "and the nearest name that it has is maximum"),
        ("return np.tahn(1)", "crashed", "AttributeError", "and the nearest name that it has is tanh"),
        ("np.random.permutatoin(3)", "crashed", "AttributeError", "the nearest name that it has is permutation"),
        ("raise SystemExit(0)", "crashed", "SystemExit", "f wants to end the program: it raised SystemExit"),
        ("raise KeyboardInterrupt", "crashed", "KeyboardInterrupt", "f wants to end the program"),
        ("exit()", "crashed", "SystemExit", "f wants to end the program"),
        ("return input('? ')", "crashed", "EOFError", "f waits for the keyboard (input(), breakpoint() or the like)"),
        ("breakpoint()", "crashed", "EOFError", "f waits for the keyboard"),
        ("return np.zeros(20 << 27)", "memory", "MemoryError", "f needs more memory than it may have: Unable to"),
        ("return [0] * (20 << 30)", "memory", "MemoryError", "f needs more memory than it may have"),
        ("return f()", "crashed", "RecursionError", "f raised RecursionError: maximum recursion depth exceeded"),
        ("import torch", "crashed", "ModuleNotFoundError", "torch is not available here"),
        ("class E(Exception):\n    def __str__(self): return 1\nraise E", "crashed", "E", "f raised E (neural"),
        ("raise ValueError('\\x1b[31m\\n::error::\\udcff' + 'x' * 10**6)", "crashed", "ValueError", "f raised"),
        ("raise type('E' * 10**6, (BaseException,), {})", "crashed", "E" * 79 + "…", "f raised E"),
    ],
)  # fmt: skip
def test_a_call_that_fails_is_a_sentence_and_the_next_case_is_answered(
    tmp_path: Path, body: str, kind: str, error: str, sentence: str
) -> None:
    failed = failure(tmp_path, body)
    assert (failed.kind, failed.error) == (kind, error)
    assert sentence in failed.text
    assert failed.text.isprintable()
    assert len(failed.text) < 1000
    assert failed.file == "neural_networks.py"


@pytest.mark.parametrize("name", ["relu", "nosuch", "int"])
def test_no_name_of_numpys_is_proposed_that_is_spelt_otherwise(tmp_path: Path, name: str) -> None:
    assert failure(tmp_path, f"np.{name}").text.endswith(f"; numpy is {np.__version__} here")


@pytest.mark.parametrize("body", ["pass", "...", '"""Only words."""', "return"])
def test_a_body_that_does_nothing_is_missing(tmp_path: Path, body: str) -> None:
    failed = failure(tmp_path, body)
    assert (failed.kind, failed.text) == (
        "missing",
        "f is not implemented: it does nothing (neural_networks.py, line 2)",
    )


def test_a_name_that_is_not_defined_is_missing(tmp_path: Path) -> None:
    with running(tmp_path, "") as runner:
        failed = ask(runner, "relu").failures[WHOLE_CASE]
    assert (failed.kind, failed.text) == ("missing", "neural_networks.py defines no relu")


def test_a_method_that_is_not_defined_is_missing(tmp_path: Path) -> None:
    probe = """
        def probe(submission, recorder, params, arrays):
            recorder.call("out", submission.get("relu")().forward, 1)

        PROBES = {"probe": probe}
        """
    with running(tmp_path, "class relu: pass\n", probe) as runner:
        failed = runner.ask("case", "probe", {}, {}, seed=0).failures[WHOLE_CASE]
    assert (failed.kind, failed.text) == ("missing", "relu defines no forward")


def test_the_place_is_the_innermost_frame_of_the_submission_in_whichever_file(tmp_path: Path) -> None:
    files = {
        "neural_networks.py": "import numpy as np\nfrom helpers import deep\ndef f():\n    return deep(np.ones(3))\n",
        "utils.py": "",
        "helpers.py": "import numpy as np\ndef deep(x):\n    return np.linalg.inv(x)\n",
    }
    with running(tmp_path, files) as runner:
        failed = ask(runner, "f").failures[Key("f")]
    assert place_of(failed) == ("helpers.py", 3, "deep")
    assert failed.text.startswith("f raised LinAlgError: ")
    assert failed.text.endswith("(helpers.py, line 3)")


def test_what_was_kept_before_a_failure_stays(tmp_path: Path) -> None:
    source = "import os\ndef a(): return 1.0\ndef b(): raise ValueError\ndef c(): return 2.0\ndef d(): os._exit(3)\n"
    with running(tmp_path, source) as runner:
        observation = ask(runner, "a", "b", "c", "d", "a")
    assert list(observation.values) == [Key("a"), Key("c")]
    assert {key: f.text for key, f in observation.failures.items()} == {
        Key("b"): "b raised ValueError (neural_networks.py, line 3)",
        WHOLE_CASE: "d ended the Python process (exit status 3)",
    }


# ---- loops


def test_an_endless_loop_ends_at_the_limit_with_its_line_and_what_came_before(tmp_path: Path) -> None:
    source = "def a(): return 1.0\ndef f():\n    while True:\n        x = 1\n"
    with running(tmp_path, source) as runner:
        observation = ask(runner, "a", "f", "a", seconds=SHORT)
        assert list(ask(runner, "a").values) == [Key("a")]
    assert list(observation.values) == [Key("a")]
    failed = observation.failures[Key("f")]
    assert (failed.kind, failed.file, failed.function) == ("timeout", "neural_networks.py", "f")
    assert failed.line in (3, 4)
    assert failed.text == f"f did not end within 0.3 s (neural_networks.py, line {failed.line})"


def test_what_a_probe_wrote_down_itself_gets_out_after_the_limit(tmp_path: Path) -> None:
    probe = """
        import numpy as np

        def probe(submission, recorder, params, arrays):
            try:
                recorder.call("f", submission.get("f"))
            finally:
                recorder.keep("tape", np.arange(3.0))
                recorder.add_fact("steps", 3)

        PROBES = {"probe": probe}
        """
    with running(tmp_path, "def f():\n    while True: x = 1\n", probe) as runner:
        observation = runner.ask("case", "probe", {}, {}, seed=0, seconds=SHORT)
    assert list(observation.failures) == [Key("f")]
    assert list(observation.values) == [Key("tape")]
    assert observation.facts == {"steps": 3}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException: pass",
            "swallows the exception",
        ),
        ("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", "did not react"),
        ("import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [14])\nwhile True: pass", "did not react"),
    ],
)
@pytest.mark.usefixtures("short_grace")
def test_a_loop_that_will_not_be_stopped_is_killed(tmp_path: Path, body: str, sentence: str) -> None:
    failed = failure(tmp_path, body, seconds=SHORT)
    assert failed.kind == "timeout"
    assert failed.text.startswith("f did not end within 0.3 s and ")
    assert sentence in failed.text


def test_a_limit_that_was_swallowed_once_counts_all_the_same(tmp_path: Path) -> None:
    body = "import time\ntry:\n    while True: time.sleep(1)\nexcept BaseException:\n    pass\nreturn 1.0"
    failed = failure(tmp_path, body, seconds=SHORT)
    assert (failed.kind, failed.line) == ("timeout", 5)


# ---- dying, flooding, lingering


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("import os; os._exit(0)", "f ended the Python process (exit status 0)"),
        ("import ctypes; ctypes.string_at(0)", "f was killed by signal 11 (a segmentation fault)"),
        ("import os; os.abort()", "f was killed by signal 6 (it aborted)"),
        ("import os; os.kill(0, 9)", "f was killed by signal 9"),
    ],
)
def test_a_death_is_said_in_words(tmp_path: Path, body: str, sentence: str) -> None:
    failed = failure(tmp_path, body)
    assert (failed.kind, failed.error) == ("crashed", "")
    assert failed.text.startswith(sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("import os; os.closerange(3, 200)", "f closed the connection"),
        ("import os; os.write(101, b'x' * 100)", "f disturbed the connection"),
    ],
)
def test_a_connection_that_is_disturbed_fails_the_case_and_the_next_one_is_answered(
    tmp_path: Path, body: str, sentence: str
) -> None:
    with running(tmp_path, f"def f():\n    {body}\ndef g():\n    return 1.5\n") as runner:
        failed = ask(runner, "f").failures[WHOLE_CASE]
        assert (failed.kind, failed.error) == ("crashed", "")
        assert failed.text.startswith(sentence)
        assert ask(runner, "g").values[Key("g")].array == np.array(1.5)


def test_a_print_flood_is_drained_and_kept_to_a_cap(tmp_path: Path) -> None:
    source = "def f():\n    for _ in range(200): print('x' * 10_000)\n    return 1.0\n"
    with running(tmp_path, source) as runner:
        assert ask(runner, "f").values[Key("f")].array == np.array(1.0)
        assert len(runner.output) == 64 << 10


def test_what_was_printed_before_an_answer_is_there_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers_alone(child: Child, seconds: float) -> list[int]:
        return [key.fd for key, _ in child._selector.select(seconds) if key.fd == child._answers]

    monkeypatch.setattr(Child, "_select", answers_alone)
    with running(tmp_path, "def f():\n    print('printed')\n    return 1.0\n") as runner:
        ask(runner, "f")
        assert runner.output == b"printed\n"


def test_endless_names_are_no_fault_of_the_harness(tmp_path: Path) -> None:
    probe = """
        def probe(submission, recorder, params, arrays):
            recorder.add_fact("kind", type(submission.get("f")()).__name__)

        PROBES = {"probe": probe}
        """
    source = (
        "for number in range(2000):\n    globals()[f'x{number}' + 'é\U0001f600' * 100] = 1\n"
        "def f(): return type('E' * (4 << 20), (), {})()\n"
    )
    with running(tmp_path, source, probe) as runner:
        failed = runner.ask("case", "probe", {}, {}, seed=0).failures[WHOLE_CASE]
    assert failed.kind == "crashed"
    assert failed.text.startswith("what the submission makes of kind cannot be taken: ")


@pytest.mark.parametrize("replaced", ["numpy.asarray", "numpy.zeros", "os.getpid", "builtins.len", "numpy.ndarray"])
def test_whoever_replaces_what_the_harness_needs_is_at_fault_itself(tmp_path: Path, replaced: str) -> None:
    probe = """
        import os
        import numpy as np

        def probe(submission, recorder, params, arrays):
            recorder.call("f", submission.get("f"))
            recorder.keep("zeros", np.zeros(len("abc"), np.ndarray and float))
            recorder.keep("pid", os.getpid() > 0)

        PROBES = {"probe": probe}
        """
    module = replaced.partition(".")[0]
    source = f"import {module}\ndef f(): {replaced} = lambda *_, **__: 1 / 0\n"
    with running(tmp_path, source, probe) as runner:
        failed = runner.ask("case", "probe", {}, {}, seed=0).failures
    assert "unjudged" not in {failure.kind for failure in failed.values()}, failed
    assert failed or replaced == "numpy.ndarray"


def test_closed_streams_do_no_harm(tmp_path: Path) -> None:
    source = "import os, sys\ndef f(): print(1); sys.stdout.close(); os.close(1); os.close(2); return 1.0\n"
    with running(tmp_path, source, forked=False) as runner:
        for _ in range(2):
            assert ask(runner, "f").values[Key("f")].array == np.array(1.0)


def test_a_value_too_large_to_take_is_said_without_being_copied(tmp_path: Path) -> None:
    failed = failure(tmp_path, "return np.broadcast_to(1.0, (1 << 20, 1 << 20))")
    assert failed.kind == "crashed"
    assert "an array of shape (1048576, 1048576) and dtype float64 was returned" in failed.text
    assert "at most 64 MiB are taken" in failed.text


def test_an_orphan_that_holds_the_output_open_keeps_nobody(tmp_path: Path) -> None:
    source = """
        import os, time
        def f():
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
            return pid
        def g(): os._exit(0)
        """
    with running(tmp_path, source, forked=False) as runner:
        array = ask(runner, "f").values[Key("f")].array
        assert array is not None
        assert ask(runner, "g").failures[WHOLE_CASE].kind == "crashed"
    wait_until_gone(int(array), seconds=5.0)


def test_a_copy_of_the_process_does_not_answer_for_it(tmp_path: Path) -> None:
    source = "import os\ndef f():\n    os.fork()\n    return 1.0\n"
    with running(tmp_path, source) as runner:
        for _ in range(2):
            observation = ask(runner, "f", "f")
            assert list(observation.values) == [Key("f")]
            assert not observation.failures


def test_a_process_that_dies_between_cases_does_not_cost_the_next(tmp_path: Path) -> None:
    source = """
        import os, threading
        def f():
            threading.Timer(0.05, os._exit, [0]).start()
            return 1.0
        def g(): return 2.0
        """
    with running(tmp_path, source, forked=False) as runner:
        assert not ask(runner, "f").failures
        assert runner.process is not None
        assert runner.process.exit_status(10.0) == 0
        observation = ask(runner, "g")
    assert not observation.failures
    assert observation.values[Key("g")].array == np.array(2.0)


def test_a_file_that_is_too_large_cannot_be_written(tmp_path: Path) -> None:
    body = "with open('big', 'wb') as f:\n    for _ in range(40): f.write(bytes(1 << 20))"
    assert failure(tmp_path, body).error == "OSError"


def test_the_child_does_not_get_the_terminals_interrupt(tmp_path: Path) -> None:
    source = "import os\ndef f(): return os.getsid(0) == os.getpid() and os.getpgrp() != 0\n"
    ours = signal.getsignal(signal.SIGINT)  # which a shell in the background has ignored
    with running(tmp_path, source, forked=False) as runner:
        assert ask(runner, "f").values[Key("f")].array == np.array(True)
    assert signal.getsignal(signal.SIGINT) == ours
