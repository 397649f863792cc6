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
        ({"Neural_Networks.py": ""}, ".", r"there is Neural_Networks\.py: it must be called exactly so"),
        ({"neural networks.py": ""}, ".", r"there is neural networks\.py: it must be called exactly so"),
        ({"neural_networks.ipynb": ""}, ".", r"there is neural_networks\.ipynb: it must be called exactly so"),
        ({"neural_network_1.py": ""}, ".", r"there is neural_network_1\.py: it must be called exactly so"),
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
