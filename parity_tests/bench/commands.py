"""Parity's own commands against what they could not do without: `check`, `grade` and `trace`; and of what is wrong.

A check and a class are whole processes. A class is made of the honest forms of a solution, each with a warning of its
own, so that nobody answers as anybody else: what has been judged once is not judged again. Of CS231n's, as many have
mistakes as in real classes.
"""

from __future__ import annotations

import ast
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.cs231n.editions import asked
from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.assignments.mlp.digits import Digits
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.bench.results import ASKED
from parity_tests.bench.step import ETA, batch_of, numpy_step, torch_step
from parity_tests.bench.timing import Subject, Timed, Wanted, alternate, in_turn, run, timed
from parity_tests.harness.machine import cores
from parity_tests.proof.mutants import Mutant, excuse, mutants
from parity_tests.proof.variants import changed, functions, rewritten, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import Body
from parity_tests.trace.run import trace
from reports.model.environment import Environment

CHECK_TARGETS = {"parity check": 1.8, "parity check --todo 4": 1.25, "parity check --assignment cs231n": 2.5}
"""The largest ratio asked for of each to the import of torch."""
NEW = ", new inputs"
TRACE, BARE = "trace step", "both bare"
GRADED, IMPORT, PYTEST = "a submission graded", "import torch", "pytest each"
BARE_CLASS, BARE_TARGET = "without a sandbox", 1.2
CLUSTERED, CLUSTER_TARGET = "a submission graded on a Dask cluster", 1.1
WRONG, OF = 135, 171
"""How many of the students of real classes had a mistake in at least one function."""
REPAIRED = "batchnorm_backward"
"""The function that is wrong where a repair is timed."""
SEED = 1
TRACED = {512: (9, 2.0), 5: (200, 3.0)}
"""The steps of a trace, and the largest ratio asked for, by batch."""
PARITY = (sys.executable, "-m", "parity_tests.cli")
_WITH_MEMORY = """
import sys
from pathlib import Path
from parity_tests.cli import main
status = main(sys.argv[1:])
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
sys.exit(status)
"""
"""A command of Parity's, which prints the most KiB that its own process has had."""


def import_torch() -> None:
    """A process that imports torch, and nothing else."""
    run([sys.executable, "-c", "import torch"])


def measure_check(wanted: Wanted) -> Iterator[Timed]:
    """`parity check` of a shipped solution against the import of torch: each its own process.

    What was judged before is kept, as at a student's own; of new inputs, which another seed draws, nothing is.
    """
    seeds = count(time.time_ns() // 1000)
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder:
        options = ["--shipped", "--quiet", "--out", str(Path(folder) / "run")]

        def checked(name: str, *seed: int) -> None:
            run([*PARITY, *name.split()[1:], *options, *(f"--seed={one}" for one in seed)])

        def anew(name: str) -> None:
            checked(name, next(seeds))

        checks: dict[str, Callable[[], object]] = {IMPORT: import_torch}
        for name in CHECK_TARGETS:
            checks |= {name: partial(checked, name), name + NEW: partial(anew, name)}
        seconds = alternate(checks, rounds=wanted.rounds)
    targets = {(name + new, IMPORT): target for name, target in CHECK_TARGETS.items() for new in ("", NEW)}
    yield from timed("shipped network", seconds, targets)


# ---- a class


def measure_grade(wanted: Wanted) -> Iterator[Timed]:
    """`parity grade` of two classes against the import of torch, and a pytest process for each submission."""
    from distributed import LocalCluster

    open_cluster: Any = LocalCluster
    for assignment, write in ((MLP, write_right), (CS231N, write_mixed)):
        with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
            folders = [Path(scratch) / "class" / f"student-{k:04d}" for k in range(wanted.submissions)]
            for k, folder in enumerate(folders):
                write(assignment, folder, k)
            counts: dict[str, int] = {GRADED: len(folders), BARE_CLASS: len(folders), IMPORT: 1}
            subjects: dict[str, Callable[[], object]] = {
                GRADED: partial(_graded_anew, assignment, Path(scratch)),
                BARE_CLASS: partial(_graded_anew, assignment, Path(scratch), "--isolation", "none"),
                IMPORT: import_torch,
            }
            held: dict[tuple[str, str], float | None] = {(GRADED, IMPORT): None, (GRADED, BARE_CLASS): BARE_TARGET}
            with ExitStack() as stack:
                if assignment is MLP:
                    counts |= {CLUSTERED: len(folders), PYTEST: min(2 * cores(), len(folders))}
                    workers = stack.enter_context(
                        open_cluster(n_workers=cores(), threads_per_worker=1, dashboard_address=None)
                    )
                    address = workers.scheduler_address
                    subjects[CLUSTERED] = partial(_graded_anew, assignment, Path(scratch), "--scheduler", address)
                    subjects[PYTEST] = partial(_pytest_each, folders[: counts[PYTEST]])
                    held |= {(CLUSTERED, GRADED): CLUSTER_TARGET, (GRADED, PYTEST): None}
                whole = alternate(subjects, rounds=min(wanted.slow, 3), warm_up=0)
        seconds = {name: [s / counts[name] for s in values] for name, values in whole.items()}
        yield from timed(f"{len(folders)} submissions of {assignment.name} on {cores()} cores", seconds, held)


def _graded_anew(assignment: Assignment, scratch: Path, *more: str) -> None:
    """Grade the folder `class` from its beginning."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        grade(assignment, scratch / "class", Path(out) / "graded", *more)


def grade(assignment: Assignment, source: Path, out: Path, *more: str) -> float:
    """Grade a class into a new folder; the most memory that Parity's own process had, in MiB."""
    options = ["--assignment", assignment.name, "--seed", str(SEED), "--jobs", str(cores()), *more]
    said = run([sys.executable, "-c", _WITH_MEMORY, "grade", str(source), "--out", str(out), *options])
    return int(said.split()[-1]) / 1024


def _pytest_each(folders: Sequence[Path]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--parity-options", f"--dtype float64 --seed {SEED}", "--implementation"]
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(lambda folder: run([*command, str(folder)], folder=folder.parent), folders))


def write_right(assignment: Assignment, folder: Path, k: int) -> None:
    """The k-th student's submission: one of the honest forms, or the solution, where there are none."""
    honest = assignment.proof().honest
    form = rewritten(assignment, honest[k % len(honest)]) if honest else unchanged(assignment)
    _write(assignment, form.files, folder, k)


def write_mixed(assignment: Assignment, folder: Path, k: int) -> None:
    """The k-th student's of CS231n in a class like real ones: 135 of 171 have mutants of one to five functions."""
    if (k + 1) * WRONG // OF == k * WRONG // OF:
        write_right(assignment, folder, k)
        return
    write_wrong(assignment, folder, k, mutants_of(k))


def write_wrong(assignment: Assignment, folder: Path, k: int, wrong: Sequence[Mutant]) -> None:
    """The k-th student's, with these mutants."""
    bodies = [body_of(one.variant.files[one.file], one.function) for one in wrong]
    _write(assignment, changed(assignment, f"student {k}", bodies).files, folder, k)


def mutants_of(k: int) -> list[Mutant]:
    """What the k-th student has wrong: mutants of one to five functions."""
    drawn, known = random.Random(f"{SEED}, student {k}"), _mutants()
    return [drawn.choice(known[part]) for part in drawn.sample(sorted(known), drawn.randint(1, 5))]


@cache
def _mutants() -> Mapping[str, Sequence[Mutant]]:
    """The mutants of each function of CS231n that is asked, but for those that no case need tell."""
    found: dict[str, list[Mutant]] = {}
    for one in mutants(CS231N):
        if one.function in asked(CS231N.editions.default) and not excuse(CS231N, one):
            found.setdefault(one.function, []).append(one)
    return found


def body_of(source: str, function: str) -> Body:
    """A function's statements, as they stand in a source."""
    return Body(function, ast.unparse(ast.Module(functions(source)[function].body, [])))


def _write(assignment: Assignment, files: Mapping[str, str], folder: Path, k: int) -> None:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        more = f'\nimport warnings\n\nwarnings.warn("student {k}", stacklevel=1)\n'
        path.write_text(source + more * (name in assignment.layout.sources), encoding="utf-8")


# ---- what is wrong


def measure_wrong(wanted: Wanted) -> Iterator[Timed]:
    """`parity check` of submissions of CS231n with a mutant of every function, and `--fix` of one function.

    The latter is what a check with it takes longer than one without. torch's answers are kept, as at a student's own;
    each of the former has other mutants.
    """
    drawn, known = random.Random(SEED), _mutants()
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:

        def checked(name: str, wrong: Sequence[Mutant], *more: str) -> Callable[[], object]:
            folder = Path(scratch) / name
            write_wrong(CS231N, folder, 0, wrong)
            command = [*PARITY, "check", str(folder), "--assignment", CS231N.name, "--quiet", *more]
            return partial(run, [*command, "--out", str(Path(scratch) / "run")], status=1)

        one = [drawn.choice(known[REPAIRED])]
        each = alternate({"": checked("one", one), "--fix": checked("one", one, "--fix")}, rounds=wanted.slow)
        repairs = [fixed - plain for plain, fixed in zip(each[""], each["--fix"], strict=True)]
        yield Timed(f"repair, a wrong function ({REPAIRED})", repairs, about={ASKED: "≤ 2 s"})
        drawings = {f"all-{k}": [drawn.choice(known[part]) for part in sorted(known)] for k in range(wanted.slow)}
        nothing = alternate({name: checked(name, wrong) for name, wrong in drawings.items()}, rounds=1, warm_up=0)
        seconds = [values[0] for values in nothing.values()]
        yield Timed("parity check --assignment cs231n, nothing right", seconds, about={ASKED: "≤ 10 s"})


# ---- a trace


def measure_trace(wanted: Wanted) -> Iterator[Timed]:
    """A step of `parity trace`, its evaluations and copies counted, against a step of both trainings run bare."""
    for batch, (steps, target) in TRACED.items():
        for dtype in ("float64", "float32"):
            X, y = batch_of(batch, dtype)
            both = numpy_step(X, y, rate=0.5), torch_step(X, y, rate=0.5)
            subjects = {TRACE: partial(traced, batch, steps, dtype), BARE: partial(_one_after_the_other, both, steps)}
            rows = in_turn(subjects, wanted.slow + 1)[1:]  # the first warms up
            seconds = {name: [row[name] / steps for row in rows] for name in subjects}
            yield from timed(f"batch {batch}, {dtype}", seconds, {(TRACE, BARE): target})


def _one_after_the_other(subjects: Sequence[Subject], times: int) -> float:
    """Seconds of all of them, so many times."""
    start = time.perf_counter()
    for _ in range(times):
        for subject in subjects:
            subject()
    return time.perf_counter() - start


class Clocked:
    """Takes a trace's rows, and notes when training began."""

    def open(self, environment: Environment) -> None:
        """Training begins."""
        self.began = time.perf_counter()

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Nothing is kept."""


def traced(batch: int, steps: int, dtype: str, digits: Digits | None = None, **more: Any) -> float:
    """Seconds of so many steps of a trace of the shipped network, from the first one on; `more` are settings."""
    clocked = Clocked()
    settings = Settings(batch=batch, dtype=dtype, steps=steps, epochs=steps, eta=ETA, **more)
    trace(MLP, MLP.solution, MlpTraining(settings, digits), clocked)
    return time.perf_counter() - clocked.began
