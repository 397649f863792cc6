"""Run folders: saved whole, read back, never put in the place of anything else, never trusted when damaged."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from parity_tests.selftest.fake_records import FakeRun, record
from reports.model.environment import Environment
from reports.model.run_folder import RunFolderError, load, refuse_unwritable, save
from reports.model.write_whole import UNFINISHED, replacing_file, replacing_folder, write_whole

FILES = {
    ".gitignore",
    "records.parquet",
    "records.csv",
    "summary.csv",
    "environment.json",
    "inputs.json",
    "arrays.npz",
    "output.txt",
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def spoil_array(path: Path, name: str) -> None:
    """Changes one byte of this array, in the midst of the file, whose table of contents stays whole."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        here = member.header_offset + len(member.FileHeader()) + member.compress_size // 2
    data = bytearray(path.read_bytes())
    data[here] ^= 0xFF
    path.write_bytes(data)


def test_a_run_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    run = FakeRun()
    save(tmp_path / "run", run)
    back = load(tmp_path / "run")
    assert names(tmp_path / "run") == FILES
    assert names(tmp_path) == {"run"}
    assert back.records == run.records
    assert back.inputs == run.inputs
    assert back.output == run.output
    assert back.environment.seed == 0
    assert back.arrays.keys() == run.arrays.keys()
    assert all(np.array_equal(back.arrays[key], run.arrays[key]) for key in run.arrays)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
@pytest.mark.parametrize("kept", [True, False])
def test_a_run_is_no_part_of_a_commit(tmp_path: Path, kept: bool) -> None:
    save(tmp_path / "parity-run", FakeRun())
    if not kept:  # as it would be without
        (tmp_path / "parity-run" / ".gitignore").unlink()
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    asked = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    untracked = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert untracked == ("" if kept else "?? parity-run/\n")


def test_an_earlier_run_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, FakeRun())
    (folder / "stale.html").write_text("old")
    save(folder, FakeRun(records=[record(case="new/one/float64")]))
    assert names(folder) == FILES
    assert [each.case for each in load(folder).records] == ["new/one/float64"]
    assert names(tmp_path) == {"run"}


def test_an_empty_folder_and_missing_parents_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b" / "run"):
        refuse_unwritable(folder)
        save(folder, FakeRun())
        assert names(folder) == FILES


def test_the_folder_we_stand_in_is_filled_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    for _ in range(2):
        save(Path(), FakeRun())
        assert names(tmp_path) == FILES
    assert tmp_path.stat().st_ino == before


def test_a_link_to_a_run_stays_a_link(tmp_path: Path) -> None:
    save(tmp_path / "real", FakeRun())
    (tmp_path / "link").symlink_to("real")
    save(tmp_path / "link", FakeRun(output=b"second"))
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "real").output == b"second"


@pytest.mark.parametrize("content", [None, "{}", "not JSON", '{"format": "another tool"}', "[" * 100_000])
def test_any_other_folder_is_refused_and_left_as_it_is(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    if content is not None:
        (tmp_path / "environment.json").write_text(content)
    before = names(tmp_path)
    with pytest.raises(RunFolderError, match="left as it is"):
        refuse_unwritable(tmp_path)
    with pytest.raises(RunFolderError, match="left as it is"):
        save(tmp_path, FakeRun())
    assert names(tmp_path) == before


def test_a_file_or_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="is a file"):
        refuse_unwritable(tmp_path / "file")
    with pytest.raises(RunFolderError, match="cannot be written"):
        refuse_unwritable(tmp_path / "file" / "run")
    with pytest.raises(RunFolderError, match="cannot be written"):
        refuse_unwritable(Path("/proc/parity-run"))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(RunFolderError, match="cannot be written"):
        refuse_unwritable(tmp_path / "loop")


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "run")
    assert names(tmp_path) == set()


def test_a_save_that_fails_leaves_the_earlier_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, FakeRun())
    broken: Any = FakeRun(environment=Environment(others={"new": object()}))
    with pytest.raises(TypeError):
        save(folder, broken)
    assert load(folder).environment.seed == 0
    assert names(tmp_path) == {"run"}


def test_objects_are_never_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        save(tmp_path / "run", FakeRun(arrays={"a/b/actual": np.array([{}], dtype=object)}))
    assert names(tmp_path) == set()


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "a\r=cmd()"])
def test_no_cell_of_the_tables_is_a_formula(tmp_path: Path, text: str) -> None:
    hostile = record(message=text, case=text, quantity=text, part=text, note="plain", actual=-1.5)
    save(tmp_path / "run", FakeRun(records=[hostile]))
    for name in ("records.csv", "summary.csv"):
        with (tmp_path / "run" / name).open(newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        cells = {key: value for key, value in row.items() if key not in ("actual", "expected")}
        assert not [cell for cell in cells.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert ("'" + text if text[0] != "a" else text) in cells.values()
    assert pd.read_csv(tmp_path / "run" / "records.csv")["actual"][0] == -1.5
    assert load(tmp_path / "run").records == [hostile]


def test_no_folder_and_a_foreign_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="there is no run folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="is not a run folder"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["records.parquet", "arrays.npz", "inputs.json", "output.txt"])
def test_damage_is_said_with_the_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    save(folder, FakeRun())
    path = folder / name
    if name != "output.txt":  # of which any bytes will do
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(RunFolderError, match=f"damaged: {name}"):
            load(folder)
    path.unlink()
    with pytest.raises(RunFolderError, match=f"damaged: {name}"):
        load(folder)


def test_a_pickle_among_the_arrays_is_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, FakeRun())
    np.savez(folder / "arrays.npz", evil=np.array([{}], dtype=object))
    arrays = load(folder).arrays
    with pytest.raises(RunFolderError, match=r"damaged: arrays\.npz"):
        arrays["evil"]


def test_a_damaged_array_is_said_when_it_is_asked_for_and_the_others_are_whole(tmp_path: Path) -> None:
    run, folder = FakeRun(), tmp_path / "run"
    save(folder, run)
    damaged, *whole = run.arrays
    spoil_array(folder / "arrays.npz", damaged)
    arrays = load(folder).arrays
    assert arrays.keys() == run.arrays.keys()
    assert whole
    assert all(np.array_equal(arrays[name], run.arrays[name]) for name in whole)
    said = r"run is damaged: arrays\.npz cannot be read \(.+\); run `parity check` again"
    for _ in range(2):
        with pytest.raises(RunFolderError, match=said):
            arrays[damaged]
    with pytest.raises(RunFolderError, match="damaged"):
        save(tmp_path / "copy", load(folder))
    assert names(tmp_path) == {"run"}


def test_the_arrays_are_those_of_the_run_that_was_loaded(tmp_path: Path) -> None:
    run, folder = FakeRun(), tmp_path / "run"
    save(folder, run)
    loaded = load(folder)
    save(folder, FakeRun(arrays={name: array + 1 for name, array in run.arrays.items()}))
    assert all(np.array_equal(loaded.arrays[name], run.arrays[name]) for name in run.arrays)


def test_a_single_array_in_the_place_of_the_archive_is_damage(tmp_path: Path) -> None:
    save(tmp_path / "run", FakeRun())
    with (tmp_path / "run" / "arrays.npz").open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(RunFolderError, match=r"damaged: arrays\.npz"):
        load(tmp_path / "run")


def test_records_of_another_version_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, FakeRun())
    path = folder / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(RunFolderError, match="another version"):
        load(folder)


@pytest.mark.skipif(os.name != "posix", reason="only there are names bytes")
def test_a_name_with_odd_characters_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"r\xff n")
    save(folder, FakeRun(records=[record(submission=str(folder))]))
    assert len(load(folder).records) == 1


def test_an_environment_of_another_version_is_read_and_damage_costs_what_it_is_in(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(
        folder, FakeRun(environment=Environment(seed=3, excerpts={"4": {"n.py": {7: "return x"}}}, others={"new": [1]}))
    )
    path = folder / "environment.json"
    written = json.loads(path.read_text())
    damage = {"device": 3, "hints": ["none"], "source_lines": {"4": ["n.py", 7], "5": ["n.py"]}}
    path.write_text(json.dumps({**written, **damage}))
    back = load(folder).environment
    assert back.to_json() == {
        "seed": 3,
        "excerpts": {"4": {"n.py": {7: "return x"}}},
        "new": [1],
    }
    path.write_text(json.dumps({**written, "for_students": {"told": {"a case": "nothing"}, "printed": 0}}))
    with pytest.raises(RunFolderError, match=r"damaged: environment\.json"):
        load(folder)  # rather than show a student all of it


# ---- whole or not at all


def interrupt_after(path: Path) -> None:
    path.write_bytes(b"half")
    raise KeyboardInterrupt


def test_a_file_takes_its_place_at_once(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for content in (b"one", b"two"):
        write_whole(target, content)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
        assert target.read_bytes() == content


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    write_whole(file, b"kept")
    with replacing_folder(folder) as made:
        (made / "inside").write_bytes(b"kept")
    with pytest.raises(KeyboardInterrupt), replacing_file(file) as unfinished:
        interrupt_after(unfinished)
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder) as unfinished:
        interrupt_after(unfinished / "inside")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert file.read_bytes() == (folder / "inside").read_bytes() == b"kept"


def test_what_a_killed_run_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    with replacing_file(tmp_path / "file") as unfinished:
        assert UNFINISHED.fullmatch(unfinished.name)
        unfinished.touch()
    with replacing_folder(tmp_path / "folder") as unfinished:
        assert UNFINISHED.fullmatch(unfinished.name)
    assert not UNFINISHED.fullmatch(".parity-notes")
