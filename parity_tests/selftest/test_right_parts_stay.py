"""What a submission finds in the process that holds right parts reaches nothing that its author is shown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.process.available_levels import problem
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.records_of_cases import FEWEST_NAME

Parity = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("no_pool")
PAGES = ("feedback.md", "results.json", "report.html")
SECRET = "take the place of a submission"
"""Words of the file of right parts; those who find them hand on the first."""
NUMBER = "271828"
"""A number that only who has found them hands on."""
PREAMBLE = '''
import io, json, os, sys, warnings


def _frames():
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _found():
    """Words of the right parts that are in this process, "" where there are none."""
    for frame in _frames():
        module = frame.f_locals.get("stand_ins")
        if module is not None:
            return module.__doc__[module.__doc__.index("take") :][:30]
    return ""


def _recorder():
    return next(one for frame in _frames() for one in frame.f_locals.values() if type(one).__name__ == "CallRecorder")


_main = main


def main(*args):
    SECRET = _found()
    if not SECRET:
        return _main(*args)
    NAME = SECRET.replace(" ", "_")
    N = 271829 - 1
'''
CHANNELS = {
    "the text of an exception": "raise ValueError(SECRET)",
    "the name of its type": "raise type(SECRET, (ValueError,), {})('x')",
    "the name of a type that is also a built-in's": "raise type('ValueError', (Exception,), {})(SECRET)",
    "a note on it": "e = ValueError('x'); e.add_note(SECRET); raise e",
    "what it comes from": "raise ValueError('x') from KeyError(SECRET)",
    "a group of them": "raise ExceptionGroup(SECRET, [ValueError(SECRET)])",
    "a key that is missing": "return {}[SECRET]",
    "an attribute that is missing": "import types; return getattr(types.ModuleType(SECRET), NAME)",
    "a class without a method": "return getattr(type(NAME, (), {'__module__': __name__})(), NAME)",
    "a part that is not implemented": "raise NotImplementedError(SECRET)",
    "a function's name": "exec(f'def {NAME}():\\n  raise NotImplementedError', globals()); globals()[NAME]()",
    "a file's name": (
        "name = os.path.dirname(__file__) + '/' + NAME + '.py'\n"
        "exec(compile('def f():\\n  raise ValueError', name, 'exec'), globals()); f()"
    ),
    "a place above its folder": "exec(compile('1/0', os.path.dirname(__file__) + '/../' + NAME + '.py', 'exec'))",
    "the number of a line": "exec(compile('\\n' * (N - 1) + 'raise ValueError', __file__, 'exec'))",
    "the text of a syntax error": "raise SyntaxError(SECRET, (__file__, N, 1, SECRET))",
    "what is not Python": "compile('a ' + SECRET, NAME, 'exec')",
    "wanting to end": "sys.exit(SECRET)",
    "an exit status": "os._exit(27)",
    "a warning": "warnings.warn(SECRET); return _main(*args)",
    "a warning's type": "warnings.warn('x', type(NAME, (UserWarning,), {})); return _main(*args)",
    "what it prints": "print(SECRET, N); print(SECRET, file=sys.stderr); os.write(1, SECRET.encode())",
    "a file that main writes": (
        "r = _main(*args); open(NAME + '.json', 'w').write(json.dumps({SECRET: [float(N)]})); return r"
    ),
    "the keys that it returns": "return {SECRET: [float(N)], NAME: {SECRET: 1}}",
    "the type that it returns": "return type(NAME, (list,), {})([float(N)])",
    "the names of a dtype": "return np.zeros(3, dtype=[(NAME, float)])",
    "a shape": "return np.zeros((0, N, N))",
    "numbers": "return [np.full(5, N + 0.5)], [N + 0.5], np.float64(N + 0.5), N",
    "what a part is given": "linear_layer(4, 4).forward(type(NAME, (), {})())",
    "the settings of SGD": "SGD = globals()['miniBatchGradientDescent']; SGD({}, NAME, 0, 1.0, 0)",
    "a step's numbers": "np.random.normal = lambda *a: np.full(a[-1], N + 0.5); return _main(*args)",
    "a forged failure": (
        "_recorder()._transmit({'kind': 'failure', 'name': '', 'call': 0, 'failure': 'crashed', 'error': SECRET, "
        "'text': SECRET, 'file': NAME, 'line': N, 'function': NAME}, {})"
    ),
    "a forged lack": (
        "_recorder()._transmit({'kind': 'failure', 'name': 'main', 'call': 0, 'failure': 'missing', 'error': '', "
        "'text': SECRET, 'file': 'utils.py', 'line': N, 'function': NAME}, {}); os._exit(0)"
    ),
    "a forged fault": "_recorder()._transmit({'kind': 'fault', 'text': SECRET}, {})",
    "a forged fact": (
        "_recorder()._transmit({'kind': 'fact', 'key': 'events 0', 'value': "
        "[{'event': 'malformed', 'text': SECRET}, {'event': SECRET}]}, {}); _main(*args)"
    ),
    "a forged event": (
        "r = _recorder(); r._transmit({'kind': 'fact', 'key': 'files 0', 'value': [[NAME, SECRET]]}, {}); os._exit(1)"
    ),
    "a forged value": (
        "_recorder()._transmit({'kind': 'value', 'name': 'main', 'call': 0, 'what': NAME, 'detail': SECRET}, {}); "
        "os._exit(1)"
    ),
    "a forged label": "_recorder()._transmit({'kind': 'call', 'label': SECRET}, {}); os._exit(1)",
    "forged arrays written over": (
        "_recorder()._transmit({'kind': 'overwritten', 'name': 'main', 'call': 0, 'labels': [SECRET]}, {}); "
        "_main(*args)"
    ),
    "no frame at all": "os.write(3, SECRET.encode()); [os.write(n, SECRET.encode()) for n in range(256)]",
}


def source(channel: str) -> str:
    """The right network, whose main hands on by this channel what it finds."""
    own = (ASSIGNMENT.solution / ASSIGNMENT.layout.file).read_text(encoding="utf-8")
    return f"{own}\n{PREAMBLE}{textwrap.indent(CHANNELS[channel], '    ')}\n"


def class_of(folder: Path, *channels: str) -> Path:
    """A class in which each student tries one of them."""
    for number, channel in enumerate(channels):
        where = folder / f"student-{number:02}"
        where.mkdir(parents=True)
        (where / ASSIGNMENT.layout.file).write_text(source(channel), encoding="utf-8")
    return folder


def shown(out: Path) -> dict[str, str]:
    """What each student is shown."""
    folders = sorted((out / "submissions").iterdir())
    return {folder.name: "\n".join((folder / page).read_text(encoding="utf-8") for page in PAGES) for folder in folders}


def graded(parity: Parity, source: Path, out: Path) -> None:
    """Grade a class at the strongest level that there is, if it holds anything."""
    if problem("bubblewrap") and problem("restricted"):
        pytest.skip(f"no isolation: {problem('bubblewrap')}; {problem('restricted')}")
    status, _, err = parity("grade", source, "--assignment", FEWEST_NAME, "--out", out, "--seed", "7", "--jobs", "1")
    assert status == 0, err


KINDS = (
    "the text of an exception",
    "a class without a method",
    "an exit status",
    "a warning's type",
    "what it prints",
    "a file that main writes",
    "numbers",
    "a forged failure",
)
"""One channel of each kind: exceptions, names, ends, warnings, prints, files, results, forged messages."""
TOGETHER = 8
LATER = [name for name in CHANNELS if name not in KINDS]
CLASSES = [KINDS, *(LATER[start : start + TOGETHER] for start in range(0, len(LATER), TOGETHER))]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where the class of KINDS lies, and where its results do, once a test has had it graded."""
    folder = tmp_path_factory.mktemp("kinds")
    return folder / "class", folder / "out"


@pytest.fixture
def of_kinds(parity: Parity, kept: tuple[Path, Path]) -> Path:
    """The results of the class of KINDS."""
    source, out = kept
    if not source.exists():
        graded(parity, class_of(source, *KINDS), out)
    return out


@pytest.mark.parametrize("channels", one_of_each(lambda channels: "", CLASSES), ids=lambda channels: channels[0])
def test_no_channel_brings_words_or_numbers_of_right_parts_to_a_student(
    parity: Parity, tmp_path: Path, of_kinds: Path, channels: Sequence[str]
) -> None:
    out = of_kinds
    if channels != KINDS:
        out = tmp_path / "out"
        graded(parity, class_of(tmp_path / "class", *channels), out)
    for channel, text in zip(channels, shown(out).values(), strict=True):
        assert SECRET not in text.replace("_", " "), channel
        assert NUMBER not in text.replace(",", ""), channel
    records = pd.read_parquet(out / "records.parquet")
    odd = records[(records["verdict"] != "match") | (records["note"].fillna("") != "")]
    assert odd["submission"].nunique() >= len(channels) - 2, "most of them did something"


def test_those_who_grade_read_all_of_it(parity: Parity, tmp_path: Path, of_kinds: Path) -> None:
    assert pd.read_parquet(of_kinds / "records.parquet")["message"].str.contains(SECRET).any()
    assert parity("report", of_kinds, "--anonymous", "--out", tmp_path / "coded")[0] == 0
    assert all(SECRET not in page.read_text(encoding="utf-8") for page in (tmp_path / "coded").iterdir())


def test_a_student_is_told_the_exceptions_type_and_its_line(of_kinds: Path) -> None:
    assert KINDS[0] == "the text of an exception"
    line = source(KINDS[0]).splitlines().index("    raise ValueError(SECRET)") + 1
    text = shown(of_kinds)["student-00"]
    assert f"because the submission raised ValueError (neural_networks.py, line {line})" in text
    assert "are withheld" in text


def test_on_ones_own_machine_the_text_stands_on_the_page(parity: Parity, tmp_path: Path) -> None:
    source = class_of(tmp_path / "class", "the text of an exception") / "student-00"
    options = ("--assignment", FEWEST_NAME, "--isolation", "none", "--dtype", "float64", "--out", tmp_path / "run")
    assert parity("check", source, *options)[0] == 1
    assert SECRET in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
