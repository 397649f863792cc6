"""What a user's own files and limits may not be: a sentence with the place and what to do, and exit status 2."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli.open_files import LEAST
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.runners import write
from parity_tests.selftest.test_grade import asked, class_folder

Parity = Callable[..., tuple[int, str, str]]
__all__ = ["asked"]

WITH_CONTROL = {
    "a NUL in the roster": (
        "--roster", "name,email\nBob,b@x\nAn\0n,a@x\n",
        "line 3: there is the control character U+0000",
    ),
    "an escape in an address": (
        "--roster", "name,email\nAnn,a\x1b[2J@x\n",
        "line 2: there is the control character U+001B",
    ),
    "a line break in a number": ("--roster", 'name,id\nAnn,"7\n8"\n', "line 2: there is the control character U+000A"),
    "a NUL in an override": (
        "--overrides", "submission,item,points,reason\nann,relu,1,so\nann,tanh,1,be\0cause\n",
        "line 3: there is the control character U+0000 in the column reason",
    ),
    "a NUL in the name of an override": (
        "--overrides", "submission,item,points,reason\nan\0n,relu,1,so\n",
        "line 2: there is the control character U+0000 in the column submission",
    ),
    "a bell in a comment": (
        "--comments", "submission,comment\nann,ring \x07\n",
        "line 2: there is the control character U+0007",
    ),
    "a NUL in a late policy": (
        "--late", 'percent_a_day = 10\n\n[hours_late]\n"ann" = 1\n"an\\u0000n" = 2\n',
        "line 5: there is the control character U+0000",
    ),
    "a raw one in a late policy": ("--late", 'percent_a_day = 10\n[hours_late]\n"an\x01n" = 2\n', "line 3: "),
}  # fmt: skip


@pytest.mark.parametrize("what", WITH_CONTROL)
def test_a_control_character_in_a_file_of_the_classs_is_said_with_its_line(
    asked: list[str], parity: Parity, tmp_path: Path, what: str
) -> None:
    option, text, words = WITH_CONTROL[what]
    path = tmp_path / "file"
    path.write_bytes(text.encode())
    status, _, err = parity("grade", class_folder(tmp_path / "class", ann=""), "--out", tmp_path / "out", option, path)
    assert status == 2
    assert words in err
    assert not asked, "nothing was run"


def test_a_comment_of_several_lines_with_tabs_is_taken(asked: list[str], parity: Parity, tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(b'submission,comment\r\nann,"one\r\n\ttwo"\r\n')
    source = class_folder(tmp_path / "class", ann="")
    status, _, err = parity("grade", source, "--out", tmp_path / "out", "--comments", path)
    assert status == 0, err


PRINTS_THE_LIMIT = """
import resource, sys
from parity_tests.cli import main
status = main(sys.argv[1:])
print("may have open", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
sys.exit(status)
"""


def limited(soft: int, hard: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that may have so many files open, which then says how many it may have."""
    return subprocess.run(
        [sys.executable, "-c", PRINTS_THE_LIMIT, *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["check", "grade", "doctor"])
def test_too_few_open_files_are_a_sentence_that_says_what_to_do(tmp_path: Path, command: str) -> None:
    done = limited(20, 20, command, *([] if command == "doctor" else [str(tmp_path)]))
    assert done.returncode == 2
    assert done.stderr.startswith("parity: only 20 files may be open at once here")
    assert f"ulimit -n {LEAST}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_low_limit_that_may_be_raised_is_raised(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = limited(20, hard, "grade", str(class_folder(tmp_path, ann="")), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"may have open {LEAST}\n" in done.stdout


# ---- finding a submission


def test_a_folder_or_its_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "it", {"neural_networks.py": ""})
    assert find_submission(folder, ASSIGNMENT) == folder
    assert find_submission(folder / "neural_networks.py", ASSIGNMENT) == folder
    monkeypatch.chdir(folder)
    assert find_submission(Path(), ASSIGNMENT) == folder


@pytest.mark.parametrize(
    ("files", "path", "sentence"),
    [
        ({}, "nosuch", r"there is no folder .*nosuch"),
        ({"a.py": ""}, "a.py", r"a\.py is not a folder; name the folder that holds neural_networks\.py"),
        ({"a.py": ""}, ".", r"there is no file neural_networks\.py in .*; what is there: a\.py$"),
        ({f"{k}.py": "" for k in range(7)}, ".", r"; what is there: 0\.py, .*, 4\.py and 2 more$"),
        ({".git/config": ""}, ".", r"; the folder is empty$"),
        ({"sub/neural_networks.py": ""}, ".", r"there is one in .*sub: name that folder"),
        ({"Neural_Networks.py": ""}, ".", r"there is Neural_Networks\.py: rename it neural_networks\.py$"),
        ({"neural networks.py": ""}, ".", r"there is neural networks\.py: rename it neural_networks\.py$"),
        (
            {"neural_networks.ipynb": ""},
            ".",
            r"is neural_networks\.ipynb, a notebook: save its code as neural_networks\.",
        ),
        ({"homework.ipynb": ""}, ".", r"there is homework\.ipynb, a notebook: .* or call parity_tests.check\(globals"),
        ({".hidden.ipynb": "", "a.txt": ""}, ".", r"; what is there: a\.txt$"),
        (
            {"hw.ipynb": ""},
            "hw.ipynb",
            r"hw\.ipynb is not a folder but a notebook: save its code as neural_networks\.py",
        ),
        (
            {"notes.txt": ""},
            "notes.txt",
            r"notes\.txt is not a folder, nor a Python file or a notebook; name",
        ),
        ({"neural_networks.zip": ""}, ".", r"there is neural_networks\.zip: unpack it$"),
        (
            {"hw.zip": ""},
            "hw.zip",
            r"is not a folder but an archive: unpack it, and name the folder that holds neural_",
        ),
        (
            {"p.py": "@pair(reference=f)\n"},
            "p.py",
            r"not a folder but a file of pairs: `parity hold .*p\.py` ",
        ),
        ({"p.py": "# @pair(...)\n"}, "p.py", r"p\.py is not a folder; name the folder that holds"),
        ({"hw/a": ""}, "hv", r"there is no folder .*hv; is hw meant\?$"),
        ({"other/a": "", "hw": "", ".hw/a": ""}, "hv", r"there is no folder .*hv$"),
        ({"nested/alice/neural_networks.py": ""}, ".", r"there is one in .*nested/alice: name that folder$"),
        ({"a/b/c/neural_networks.py": ""}, ".", r"; what is there: a$"),
        ({f"{k}/neural_networks.py": "" for k in "ab"}, ".", r"in each of .*/a and .*/b: name one of these folders$"),
        ({f"{k}/neural_networks.py": "" for k in "abcde"}, ".", r"each of .*/a, .*/b, .*/c and 2 more folders: name"),
        ({"neural_network_1.py": ""}, ".", r"there is neural_network_1\.py: rename it neural_networks\.py$"),
        ({"neural_networks.py/x": ""}, ".", r"neural_networks\.py: a folder, not a file"),
        ({"dnn_misc.py": ""}, ".", r"holds dnn_misc\.py, which makes it the 2017-18 edition .* not supported"),
        ({}, "new\nline", r"there is no folder .*new\\nline$"),
        ({}, "byte\udcff", r"there is no folder .*byte\\udcff$"),
    ],
)
def test_what_is_no_submission_is_refused_with_a_sentence(
    tmp_path: Path, files: dict[str, str], path: str, sentence: str
) -> None:
    write(tmp_path, files)
    with pytest.raises(UsageError, match=sentence):
        find_submission(tmp_path / path, ASSIGNMENT)
