"""Files and folders are written whole or not at all, and leave nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.model.write_whole import UNFINISHED, replacing_file, replacing_folder, write_whole


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
