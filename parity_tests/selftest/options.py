"""pytest in Parity's own repository: `pytest` alone runs the selftest, by two workers, and says what it left out.

`pytest --implementation=DIR` checks that submission alone. The options --device, --dtype and --seed are those of
`parity check`. Elsewhere their names may belong to other plugins, so only this repository has them: its pyproject.toml
names this module, which must be known before any conftest.py is read.
"""

from __future__ import annotations

import gc
import os
import shlex
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SELFTEST = Path(__file__).parent
WORKERS = 2
FILE_BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
"""How workers are given tests: what a file shares is made once, and a file that takes long is begun early."""
LONG = """
test_blame test_verdicts test_forms test_names test_right_forms test_null_submissions test_diagnoses test_grade
test_right_parts_stay test_proof test_submissions test_pytest_front test_reproduce test_trace test_honest_forms
test_isolation test_hostile test_pairs test_nothing_lost test_judge_results test_class_attacks test_gradebook
test_fork_servers test_main test_bad_calls test_main_exam test_settings_of_parts test_dlai test_mytorch test_worker
test_whose_fault
"""
"""Files that take more than some five seconds, which come first, so that both workers end at the same time."""
TOGETHER = SELFTEST / "cs231n"
"""A folder whose files hold results against the same answers of torch: one worker runs it, and computes them once."""
UNCOLLECTED = 200_000
"""So many new objects the collector lets come, as in the command: else it goes over all tests again and again."""
LATER = {"nightly": "for the night (.ci/nightly)", "pages": "for the second step (pytest -m pages)"}
"""The marks of tests that `pytest` alone leaves out, and how it says so."""
WITHOUT_SELFTEST = pytest.StashKey[bool]()
LEFT = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of the check, beside those of the plugin."""
    group = parser.getgroup("parity")
    group.addoption("--device", default="cpu", help="where torch computes: cpu (default) or cuda")
    group.addoption(
        "--dtype", choices=("float64", "float32", "both"), default="both", help="the precision (default: both)"
    )
    group.addoption("--seed", type=int, default=0, help="the seed of all inputs (default: 0)")
    group.addoption(
        "--night-share",
        type=_share,
        metavar="K/N",
        help="of the tests for the night, the K-th of N shares alone: N nights run them all",
    )


def _share(text: str) -> tuple[int, int]:
    which, _, all_of_them = text.partition("/")
    if not (which.isdigit() and all_of_them.isdigit() and 1 <= int(which) <= int(all_of_them)):
        raise ValueError(text)
    return int(which), int(all_of_them)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Lets two workers run the selftest, a file at a time, where pytest-xdist is there and nothing else was asked."""
    known = early_config.known_args_namespace
    if not early_config.pluginmanager.hasplugin("xdist") or "PYTEST_XDIST_WORKER" in os.environ:
        return
    alone = not (known.file_or_dir or known.keyword or known.implementation or known.collectonly or known.usepdb)
    if alone and known.numprocesses is None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of two workers would only wait for one another
        args[:] = ["-n", str(WORKERS), *FILE_BY_FILE, *args]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives the workers a file at a time, and the files of one folder to one of them."""
    from xdist.scheduler.loadfile import LoadFileScheduling  # its plugin alone calls this

    if config.getoption("dist") != "loadfile" or not TOGETHER.is_relative_to(config.rootpath):
        return None
    together, scheduler = TOGETHER.relative_to(config.rootpath).as_posix(), LoadFileScheduling(config, log)
    file_of = scheduler._split_scope
    scheduler._split_scope = lambda nodeid: together if nodeid.startswith(f"{together}/") else file_of(nodeid)
    return scheduler


def pytest_configure(config: pytest.Config) -> None:
    """Hands the options to the plugin, and leaves the selftest out where a submission is named and no tests are."""
    gc.set_threshold(UNCOLLECTED)
    option = config.option
    given = ["--device", option.device, "--dtype", option.dtype, "--seed", str(option.seed)]
    option.parity_options = shlex.join([*given, *shlex.split(option.parity_options)])
    no_tests_named = config.args_source is not pytest.Config.ArgsSource.ARGS and not option.keyword
    config.stash[WITHOUT_SELFTEST] = no_tests_named and option.implementation is not None
    config.stash[LEFT] = Counter()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves the selftest out where a submission alone is checked."""
    return True if collection_path == SELFTEST and config.stash[WITHOUT_SELFTEST] else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what takes a browser, and keeps a share of the night's tests; where a device is not there, says so."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("pages")
    share = config.getoption("--night-share")
    if share is not None:
        which, all_of_them = share
        items[:] = [
            item
            for item in items
            if not item.get_closest_marker("nightly") or zlib.crc32(item.nodeid.encode()) % all_of_them == which - 1
        ]
    first = set(LONG.split())
    items.sort(key=lambda item: item.path.stem not in first)
    device = config.getoption("--device")
    if device != "cpu" and config.getoption("--implementation") is not None:
        from reference.device import problem

        if problem(device):
            config.option.implementation = None
            items.append(MissingDevice.from_parent(session, name=f"parity on {device}"))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector need not go over it again."""
    gc.collect()
    gc.freeze()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Counts what is left out by its mark."""
    for item in items:
        mark = next((name for name in LATER if item.get_closest_marker(name)), None)
        if mark is not None:
            item.config.stash[LEFT][mark] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it left out."""
    if hasattr(session.config, "workeroutput"):
        left = session.config.stash[LEFT]
        session.config.workeroutput["left"] = dict(left)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hears from a worker what it left out: each has collected all tests."""
    told: dict[str, int] = getattr(node, "workeroutput", {}).get("left", {})
    node.config.stash[LEFT].update(Counter(told) - node.config.stash[LEFT])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what was left for later."""
    for mark, count in config.stash[LEFT].items():
        terminalreporter.write_line(f"left {LATER[mark]}: {count:,} tests")


class MissingDevice(pytest.Item):
    """Stands for a check whose device is not there."""

    def runtest(self) -> None:
        """Skips, or fails where the option names no device at all."""
        skip_without(self.config.getoption("--device"))


def skip_without(device: str) -> None:
    """Skips the test, with the reason, where the device is not there; fails it where that is no device at all."""
    if device == "cpu":
        return
    from reference.device import is_device_name, problem

    why = problem(device)
    if why and is_device_name(device):
        pytest.skip(why)
    if why:
        pytest.fail(why, pytrace=False)
