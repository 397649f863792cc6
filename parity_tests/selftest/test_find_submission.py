"""Finding a submission in a folder, and the sentences for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.runners import write


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
