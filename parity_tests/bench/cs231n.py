"""CS231n: our convolution against torch's, what each kind of question costs, and a class of it.

Nobody in the class answers as anybody else, so that no verdict comes out of the cache of those given before.
"""

from __future__ import annotations

import ast
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.editions import asked
from parity_tests.bench.timing import Timed, Wanted, alternate, in_turn, run, timed
from parity_tests.harness.check import runner_of
from parity_tests.harness.draw import draw, seed_of
from parity_tests.harness.machine import cores
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.questions import Budget, Question, ask_all
from parity_tests.harness.whose_fault import judge_anything
from parity_tests.proof.mutants import Mutant, excuse, mutants
from parity_tests.proof.variants import Variant, changed, functions, rewritten
from parity_tests.protocol.case import DTYPES, Case, json_params
from parity_tests.protocol.kind import Context
from parity_tests.protocol.mistake import Body

SIZES = {"first layer of the notebooks' network": (50, 3, 32, 32, 7, 3), "a deeper layer": (50, 32, 16, 32, 3, 1)}
"""N, C, H = W, F, HH = WW and the padding, by what such a convolution is."""
CONVOLUTION_TARGET = 4.0
"""The largest ratio asked for of forward and backward to torch's on one thread."""
STUDENTS = 100
WRONG, OF = 135, 171
"""How many of the students of real classes had a mistake in at least one function."""
GRADE_ASKED = "2 a second on 2 cores"
SEED = 1
EDITION = ASSIGNMENT.editions.default
ALL = "CS231n's exam, all kinds"
FIRST, FURTHER = "of a first submission", "of a further submission, torch's answers known"


# ---- the convolution


def time_convolutions(wanted: Wanted) -> Iterator[Timed]:
    """Forward and backward of each convolution in both dtypes, ours and torch's, in turn."""
    ours = "numpy convolution, forward and backward"
    for (size, (N, C, H, F, HH, pad)), dtype in product(SIZES.items(), DTYPES):
        rng = np.random.default_rng(0)
        shapes = {"x": (N, C, H, H), "w": (F, C, HH, HH), "b": (F,), "dout": (N, F, H, H)}
        arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
        subjects = {ours: by_numpy(arrays, pad), "torch": by_torch(arrays, pad)}
        seconds = alternate(subjects, rounds=wanted.rounds, least=0.05)
        yield from timed(f"{size}, {dtype}", seconds, {(ours, "torch"): wanted.asked(CONVOLUTION_TARGET)})


def by_numpy(arrays: dict[str, Any], pad: int) -> Callable[[], tuple[Any, ...]]:
    """Our convolution, out and the three gradients."""
    folder = str(ASSIGNMENT.solution)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    layers = import_module("cs231n.layers")

    def both() -> tuple[Any, ...]:
        out, cache = layers.conv_forward_naive(arrays["x"], arrays["w"], arrays["b"], {"stride": 1, "pad": pad})
        return (out, *layers.conv_backward_naive(arrays["dout"], cache))

    return both


def by_torch(arrays: dict[str, Any], pad: int) -> Callable[[], tuple[Any, ...]]:
    """torch's, out and the three gradients by autograd."""
    x, w, b = (torch.from_numpy(arrays[name]).requires_grad_() for name in ("x", "w", "b"))
    dout = torch.from_numpy(arrays["dout"])

    def both() -> tuple[Any, ...]:
        out = torch.nn.functional.conv2d(x, w, b, padding=pad)
        return (out.detach(), *torch.autograd.grad(out, (x, w, b), dout))

    return both


# ---- the kinds


def time_kinds(rounds: int) -> Iterator[Timed]:
    """Seconds of asking and judging all questions of each kind in both dtypes, and of all kinds.

    Each round has an exam of its own, so that nothing is remembered. Of each a second submission of the same class is
    judged as well, for which torch's answers are known.
    """
    rows: dict[str, list[dict[str, float]]] = {FIRST: [], FURTHER: []}
    with ExamSitting() as sitting:
        for seed in range(rounds + 1):
            plan = ASSIGNMENT.cases(EDITION, DTYPES, seed=seed)
            probes = dict.fromkeys(case.probe for case in plan)
            kinds = {f"CS231n's exam, {probe}": [case for case in plan if case.probe == probe] for probe in probes}
            for whose in rows:
                [taken] = in_turn({kind: partial(sitting.seconds, kinds[kind], seed) for kind in kinds}, 1)
                rows[whose].append({**taken, ALL: sum(taken.values())})
    for whose, taken_in in rows.items():
        seconds = {kind: [row[kind] for row in taken_in[1:]] for kind in taken_in[0]}
        yield from timed(whose, seconds, {(kind, ALL): None for kind in seconds})


class ExamSitting:
    """Our solution in processes that are forked for each kind (a context manager)."""

    def __enter__(self) -> ExamSitting:
        torch.set_num_threads(1)
        self._servers = ForkServers()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def seconds(self, cases: Sequence[Case], seed: int) -> float:
        """Seconds that these questions take: a process is forked and asked, and what it says is judged."""
        start = time.perf_counter()
        for process in dict.fromkeys(case.process for case in cases):
            own = [case for case in cases if case.process == process]
            folder = ASSIGNMENT.solution
            with runner_of(ASSIGNMENT, folder, process, EDITION, (), 10.0, "none", self._servers) as runner:
                for case, seen in zip(own, ask_all(runner, _questions(own, seed), Budget(600)), strict=True):
                    judge_anything(ASSIGNMENT, case, draw(ASSIGNMENT, case, seed), seen, Context("cpu", EDITION))
        return time.perf_counter() - start


def _questions(cases: Sequence[Case], seed: int) -> Iterator[Question]:
    for case in cases:
        drawn = partial(draw, ASSIGNMENT, case, seed)
        yield Question(
            case.name, case.probe, json_params(case.params), drawn, seed_of(seed, case.name), case.counted_as
        )


# ---- a class


def measure(wanted: Wanted) -> Iterator[Timed]:
    """CS231n: our convolution against torch's, the share of each kind in the cost of the exam, a class of it."""
    yield from time_convolutions(wanted)
    yield from time_kinds(wanted.slow)
    for among, write in {"all right": write_right, f"{WRONG} in {OF} wrong": write_mixed}.items():
        case = f"{STUDENTS} submissions of CS231n on {cores()} cores, {among}"
        yield Timed(f"a submission graded, {case}", [time_class(write)], about={"asked": GRADE_ASKED})


def time_class(write: Callable[[Path, int], None], number: int = STUDENTS) -> float:
    """Seconds a submission of `parity grade` of a class of so many, from its start.

    `write` writes the k-th student's submission into a folder.
    """
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch:
        source = Path(scratch) / "class"
        for k in range(number):
            write(source / f"student-{k:04d}", k)
        command = [sys.executable, "-m", "parity_tests.cli", "grade", str(source), "--assignment", ASSIGNMENT.name]
        start = time.perf_counter()
        run([*command, "--out", str(Path(scratch) / "out"), "--seed", str(SEED), "--jobs", str(cores())])
        return (time.perf_counter() - start) / number


def write_right(folder: Path, k: int) -> None:
    """The k-th student's submission: one of the honest forms."""
    honest = ASSIGNMENT.proof().honest
    _write(rewritten(ASSIGNMENT, honest[k % len(honest)]), folder, k)


def write_mixed(folder: Path, k: int) -> None:
    """The k-th student's submission in a class like real ones, in which 135 of 171 students have something wrong.

    These have slips in one to five functions, drawn from all that there are.
    """
    if (k + 1) * WRONG // OF == k * WRONG // OF:
        write_right(folder, k)
        return
    changes = [body_of(slip.variant.files[slip.file], slip.function) for slip in slips_of(k)]
    _write(changed(ASSIGNMENT, f"student {k}", changes), folder, k)


def slips_of(k: int) -> list[Mutant]:
    """The slips of the k-th student, of whom something is wrong: each of another function."""
    drawn, slips = random.Random(f"{SEED}, student {k}"), _slips()
    return [drawn.choice(slips[part]) for part in drawn.sample(sorted(slips), drawn.randint(1, 5))]


@cache
def _slips() -> dict[str, list[Mutant]]:
    """The slips in each function that is asked, but for those that no case need tell."""
    found: dict[str, list[Mutant]] = {}
    for slip in mutants(ASSIGNMENT):
        if slip.function in asked(EDITION) and not excuse(ASSIGNMENT, slip):
            found.setdefault(slip.function, []).append(slip)
    return found


def body_of(source: str, function: str) -> Body:
    """A function's statements, as they stand in a source."""
    node = functions(source)[function]
    return Body(function, ast.unparse(ast.Module(node.body, [])))


def _write(variant: Variant, folder: Path, k: int) -> None:
    """A student's submission, with a warning that nobody else gives."""
    variant.write(folder)
    for file in ASSIGNMENT.layout.sources:
        with (folder / file).open("a", encoding="utf-8") as source:
            source.write(f'\nimport warnings\n\nwarnings.warn("student {k}", stacklevel=1)\n')
