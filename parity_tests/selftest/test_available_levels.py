"""Which levels of isolation work here, which is chosen, and what is said of one that does not work."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from parity_tests.cli import main
from parity_tests.harness import environment as doctor
from parity_tests.harness.process import available_levels
from parity_tests.harness.process.available_levels import choose, require
from parity_tests.harness.sandbox import seccomp
from parity_tests.harness.sandbox.isolation import LEVELS
from parity_tests.protocol.errors import UsageError


def test_none_always_works_and_is_never_chosen_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require("none").name == "none"
    monkeypatch.setattr(available_levels, "problem", lambda name: "" if name == "none" else "it is broken")
    assert choose("none").name == "none"
    with pytest.raises(UsageError, match=r"bubblewrap does not work: it is broken; restricted .*--isolation none runs"):
        choose(None)
    with pytest.raises(UsageError, match=r"no isolation of the level bubblewrap or a stronger one here: .*broken"):
        choose("bubblewrap")
    with pytest.raises(UsageError, match="the isolation level restricted does not work here: it is broken"):
        require("restricted")


def test_the_strongest_that_works_is_chosen_above_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken" if name == "bubblewrap" else "")
    assert [choose(least).name for least in (None, "none", "restricted")] == ["restricted"] * 3
    monkeypatch.setattr(available_levels, "problem", lambda name: "")
    assert [choose(least).name for least in (None, *LEVELS)] == ["bubblewrap"] * 4
    assert "none" not in [choose(least).name for least in LEVELS]


def test_check_refuses_a_level_that_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken")
    assert main(["check", "--isolation", "bubblewrap", "--out", str(tmp_path / "run")]) == 2
    assert "the isolation level bubblewrap does not work here: it is broken" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_doctor_says_which_levels_work_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available_levels, "problem", lambda name: "it is broken" if name == "bubblewrap" else "")
    monkeypatch.setattr(available_levels, "forking_problem", lambda name: f"{name} does not fork")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(seccomp, "compiled", lambda *_, **__: (_ for _ in ()).throw(UsageError(seccomp.MISSING)))
    report = doctor.isolation()
    assert report["strongest"] == "restricted"
    assert report["bubblewrap"] == "does not work: it is broken"
    assert report["restricted"].startswith("works: ")
    assert report["fork_server"] == (
        "does not work, so every process is started cold, a few times slower: restricted does not fork"
    )
    assert "apt-get install bubblewrap" in report["bubblewrap_program"]
    assert "apt-get install libseccomp2" in report["libseccomp"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="no isolation level 'docker'; there are none, restricted, bubblewrap"):
        choose("docker")


def test_a_level_that_lets_something_through_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    escapes, broken = available_levels._run_trial("none")
    assert {"start a process", "open a socket", "write to a file outside"} <= set(escapes)
    assert not broken
    monkeypatch.setattr(available_levels, "_run_trial", lambda name: (escapes, broken))
    assert available_levels.problem.__wrapped__("restricted").startswith("a submission could start a process, ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the level")
def test_without_landlock_there_is_no_restricted_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity_tests.harness.sandbox.launch.landlock_version", lambda: 0)
    assert "lacks Landlock" in available_levels.problem.__wrapped__("restricted")


def test_what_is_missing_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: None)
        assert "apt-get install bubblewrap" in available_levels.problem.__wrapped__("bubblewrap")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyseccomp", None)
        seccomp.compiled.cache_clear()
        assert "pip install pyseccomp" in available_levels.problem.__wrapped__("restricted")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "pyseccomp", raising=False)
        patch.setattr("ctypes.util.find_library", lambda name: None if name == "seccomp" else f"lib{name}.so.6")
        seccomp.compiled.cache_clear()
        assert "apt-get install libseccomp2" in available_levels.problem.__wrapped__("restricted")
    seccomp.compiled.cache_clear()
