"""Hostile submissions: each is contained, gets its honest verdict, and leaves its neighbours' records as they were.

Each file of submissions/hostile/ is appended to the shipped network; its first line says what it tries and the verdict
that it has earned, and it prints BREACH where it gets what it must not. The level is the strongest that works here.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.harness.check import runner_of
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.import_record import import_record
from parity_tests.harness.judge import judge as judge_case
from parity_tests.harness.make_records import Setting, records_of
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.questions import Budget, Question, ask_all
from parity_tests.protocol.case import json_params
from parity_tests.protocol.kind import Context
from parity_tests.selftest.process_trees import children, is_running
from parity_tests.selftest.runners import shorten_grace
from reports.model.records import Record
from reports.model.verdicts import FAILING

HOSTILE = Path(__file__).with_name("submissions") / "hostile"
ATTACKS = sorted(path.stem for path in HOSTILE.glob("*.py") if "." not in path.stem)
BY_NUMBER = {"clone-bomb", "kernel-doors"}
"""Attacks that name system calls by the numbers that they have on x86-64."""
LINES = """
loop for ever; sleep for ever; fork bomb; daemon by setsid; allocation bomb; filling tmp; /dev/shm; flooding stdout;
orphan holding stdout open; reading tests, answers or other submissions from disk; walking stack frames; patching
np.allclose; ndarray subclasses; objects equal to everything; sys.exit(0); os._exit(0); a conftest.py of their own;
printing fake scores; overwriting results files; pickles; network; reverse shells; mutating inputs so that the reference
agrees; uninitialised memory that held the answer; hard-coding answers; shadowing numpy.py; importing torch; 8 GiB
arrays; object, complex, NaN, masked, matrix, list or None results; names in odd encodings
"""
SEED = 314159
ASKED = ("two-dimensions", "in-turn", "memory")
"""The cases of relu that are put to each: of one call, of several in turn, and of memory that is used again."""
LIMIT = 1.0
"""Seconds that a case may take: enough for an honest one on a busy machine."""
ENDLESS_LIMIT = 0.5
"""The same where nothing is waited for but what never comes."""


def put(folder: Path, attack: str) -> Path:
    """A submission that is the shipped network with an attack at its end; with none, the shipped network."""
    folder.mkdir()
    source = (ASSIGNMENT.solution / "neural_networks.py").read_text(encoding="utf-8")
    if attack:
        source += "\n\n" + (HOSTILE / f"{attack}.py").read_text(encoding="utf-8")
        for beside in HOSTILE.glob(f"{attack}.*.py"):
            (folder / f"{beside.stem.partition('.')[2]}.py").write_bytes(beside.read_bytes())
    (folder / "neural_networks.py").write_text(source, encoding="utf-8")
    (folder / "utils.py").write_bytes((ASSIGNMENT.solution / "utils.py").read_bytes())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@dataclass(frozen=True)
class Judged:
    """What `check` would say of some cases of relu and of the import, with what the submission printed."""

    records: list[Record]
    output: bytes


def judge(
    folder: Path, level: str, servers: ForkServers | None = None, *, limit: float = LIMIT, asked: Sequence[str] = ASKED
) -> Judged:
    with runner_of(ASSIGNMENT, folder, "parts", None, (), limit, level, servers) as runner:
        hello = runner.hello
        relu = [case for case in ASSIGNMENT.cases(hello.edition, ("float64",)) if case.check == "relu"]
        plan = [case for case in relu if case.name.split("/")[1] in asked]
        questions = [
            Question(
                case.name,
                case.probe,
                json_params(case.params),
                partial(draw, ASSIGNMENT, case, SEED),
                seed_of(SEED, case.name),
                case.check,
            )
            for case in plan
        ]
        seen = list(ask_all(runner, questions, Budget(60.0)))
        output = runner.output
    setting = Setting("it", "mlp", hello.edition, "cpu", level)
    records = [import_record(setting, ASSIGNMENT, hello)]
    for case, observation in zip(plan, seen, strict=True):
        judged = judge_case(
            ASSIGNMENT,
            case,
            draw(ASSIGNMENT, case, SEED),
            observation,
            Context("cpu", hello.edition, hello.edition_seen),
        )
        records += records_of(setting, case, judged, observation)
    return Judged([record for record in records if record.part in ("7", "utils")], output)


def verdicts_of(attack: str) -> set[str]:
    """The verdicts that the first line of an attack says it has earned: two where speed decides, case by case."""
    line = re.match(r'""".* Verdict: ([\w ]+)\."""\n', (HOSTILE / f"{attack}.py").read_text(encoding="utf-8"))
    assert line is not None, attack
    return set(line[1].split(" or "))


def attacked(folder: Path, level: str, servers: ForkServers | None = None) -> Judged:
    """The same of an attack: where it may take all the time that it is given, it is given that once."""
    verdicts = verdicts_of(folder.name)
    asked = ASKED[:1] if "timeout" in verdicts else ASKED
    return judge(folder, level, servers, limit=ENDLESS_LIMIT if verdicts == {"timeout"} else LIMIT, asked=asked)


def rows(run: Judged) -> list[dict[str, Any]]:
    """The records of a run without what differs from run to run."""
    kept = [asdict(record) for record in run.records]
    for row in kept:
        del row["seconds"], row["submission"]
    return kept


@pytest.fixture(scope="module")
def running_before() -> frozenset[int]:
    """The processes that other modules' tests keep, such as the fork servers of the self-proof."""
    return frozenset(children(os.getpid()))


@pytest.fixture(scope="module")
def runs(running_before: frozenset[int], level: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    """Every attack's run, two at a time, with an honest neighbour's before, among and after them ("honest 0" ...).

    All are forked off one fork server, and a few of the attacks are started cold as well.
    """
    root = tmp_path_factory.mktemp("class")
    attacks = [name for name in ATTACKS if name not in BY_NUMBER or platform.machine() == "x86_64"]
    if level == "restricted":
        attacks = attacks[::4]
    names = ["honest 0"]
    for number, attack in enumerate(attacks, 1):
        names += [attack, f"honest {number}"] if number % 6 == 0 else [attack]
    names.append("honest last")
    folders = {name: put(root / name, "" if name.startswith("honest") else name) for name in names}
    before = {name: contents(folder) for name, folder in folders.items()}
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool, ForkServers() as servers:
        shorten_grace(patch)
        forked = pool.map(
            lambda name: (judge if name.startswith("honest") else attacked)(folders[name], level, servers), names
        )
        done = dict(zip(names, forked, strict=True))
        assert not servers.problem
        cold = attacks[::7]
        again = pool.map(lambda attack: attacked(folders[attack], level), cold)
        done |= {f"{attack} (cold)": run for attack, run in zip(cold, again, strict=True)}
    assert {name: contents(folder) for name, folder in folders.items()} == before
    return done


def test_there_is_an_attack_for_each_line_of_the_list() -> None:
    first_lines = " ".join((HOSTILE / f"{name}.py").read_text(encoding="utf-8").partition("\n")[0] for name in ATTACKS)
    for line in re.split(r";\s+", " ".join(LINES.split())):
        assert line.lower() in first_lines.lower()


def test_each_is_contained_and_gets_its_honest_verdict(runs: dict[str, Judged], level: str) -> None:
    wrong = []
    for attack, run in runs.items():
        if attack.startswith("honest"):
            continue
        wanted = verdicts_of(attack.removesuffix(" (cold)"))
        got = {record.verdict for record in run.records} - {"match"} or {"match"}
        if not got <= wanted:
            wrong.append(
                f"{attack}: {got}, not {wanted}: {[r.message for r in run.records if r.verdict in FAILING][:2]}"
            )
        if b"BREACH" in run.output:
            wrong.append(f"{attack}: {run.output[run.output.index(b'BREACH') :][:300]!r}")
        if {record.isolation for record in run.records} != {level}:
            wrong.append(f"{attack}: another level")
    assert not wrong, "\n".join(wrong)


def test_what_they_say_is_printable_and_short(runs: dict[str, Judged]) -> None:
    for run in runs.values():
        for record in run.records:
            text = f"{record.message}{record.note}{record.file}"
            assert text.isprintable()
            assert len(text) < 4000


def test_the_neighbours_records_stay_the_same(runs: dict[str, Judged], level: str, tmp_path: Path) -> None:
    alone = rows(judge(put(tmp_path / "alone", ""), level))
    neighbours = [run for name, run in runs.items() if name.startswith("honest")]
    assert len(neighbours) > 2
    assert all(rows(run) == alone for run in neighbours)
    assert {row["verdict"] for row in alone} == {"match"}


def test_nothing_of_them_is_left_running(runs: dict[str, Judged], running_before: frozenset[int]) -> None:
    assert runs
    left = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if is_running(child.pid) and child.pid not in running_before:
                left.append(child.name())
    assert not [name for name in left if "bwrap" in name or "python" in name]
