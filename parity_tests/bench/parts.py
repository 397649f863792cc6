"""The parts of the benchmarks: what is timed beside what, as figures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from parity_tests.bench import cs231n, grading, growth, hold, process, reporting, step, tracing
from parity_tests.bench.figures import Figure, Share, Size, Slope
from parity_tests.bench.timing import Timings
from parity_tests.harness.machine import cores
from parity_tests.protocol.case import DTYPES

Say = Callable[[str], None]
"""Tells the person who waits what was found."""
_SLOW = 5
"""Rounds at most of whole processes that take seconds."""


@dataclass(frozen=True)
class Wanted:
    """How many rounds are asked for, how many submissions in the classes, and how many threads of BLAS."""

    rounds: int
    submissions: int
    sizes: tuple[int, ...]
    threads: int = 1
    whole: bool = False
    """Whether growth is measured over its whole range."""
    short: bool = False
    """Whether models that take seconds a round are left out."""

    @property
    def slow(self) -> int:
        """The rounds of what takes seconds."""
        return min(self.rounds, _SLOW)


def step_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """A training step in numpy against torch's, and against the matrix products alone."""
    for batch, dtype, alpha in step.cases():
        timings = step.time_step(batch, dtype, alpha, wanted.rounds)
        for against in ("torch", "limit"):
            case = f"batch {batch}, {dtype}, α {alpha:g}"
            target = step.TARGETS.get((batch, against)) if wanted.threads == 1 else None
            yield _figure("step", case, "numpy step", "numpy", against, timings, target)


def check_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """`parity check` against the import of torch."""
    timings = process.time_check(wanted.rounds)
    for called, target in process.CHECK_TARGETS.items():
        yield _figure("check", "shipped network", called, called, "import torch", timings, target)


def hold_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """torch's value and radius against the bare call, of a small network and of larger models."""
    for dtype in hold.cases():
        timings = hold.time_hold(dtype, wanted.rounds)
        case = f"784–1000–10, batch {hold.BATCH}, {dtype}"
        for kind, called in hold.SUBJECTS.items():
            target = hold.TARGETS[kind, dtype] if wanted.threads == 1 else None
            yield _figure("hold", case, called, kind, hold.AGAINST, timings, target)
    for (model, drawn), dtype in product(() if wanted.short else hold.LONG.items(), hold.cases()):
        timings = hold.time_long(drawn(dtype), wanted.slow)
        target = hold.LONG_TARGET if wanted.threads == 1 else None
        yield _figure("hold", f"{model}, {dtype}", hold.SUBJECTS["bound"], "bound", hold.AGAINST, timings, target)


def trace_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """A step of `parity trace` against both of its trainings run bare, and one replica against torch's."""
    for batch, every, steps, dtype in tracing.cases():
        timings = tracing.time_trace(batch, every, steps, dtype, wanted.slow)
        case = f"batch {batch}, every {every}, {dtype}"
        yield _figure(
            "trace", case, "trace step, with its replicas", "whole", "both bare", timings, tracing.TARGETS[batch]
        )
        yield _figure("trace", case, "trace step, replicas apart", "trace", "both bare", timings, None)
        yield _figure("trace", case, "one replica", "replica", "torch", timings, None)


def grade_figures(wanted: Wanted, say: Say) -> Iterator[Figure | Share | Size]:
    """`parity grade` against other ways to grade, where its time goes, and how it grows with the class."""
    timings = grading.time_grade(wanted.submissions, min(wanted.slow, 3))
    case = f"{wanted.submissions} submissions on {cores()} cores"
    for against in ("pytest each", "in process", "import torch"):
        target = grading.TARGETS.get(against)
        yield _figure("grade", case, "a submission graded", "parity grade", against, timings, target)
    shares = grading.shares(10)
    yield from shares
    say(grading.limit(shares))
    sizes = []
    for number in wanted.sizes:
        sizes.append(grading.time_size(number))
        say(f"{number} submissions took {sizes[-1].seconds:.1f} s.")
    yield from sizes
    if (more := grading.time_of_more(sizes, timings.median("import torch"))) is not None:
        case = f"from {sizes[0].submissions} to {sizes[-1].submissions} on {cores()} cores"
        target = grading.TARGET_OF_MORE if cores() == 2 else None
        yield _figure("grade", case, "a submission more in a class", "parity grade", "import torch", more, target)


def report_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """`parity regrade` of a large class, and one page of it."""
    timings = reporting.time_reports(wanted.slow)
    case = f"a class of {reporting.STUDENTS}"
    yield _figure("reports", case, "regrade", "regrade", reporting.REGRADE_ASKED, timings, 1.0)
    yield _figure("reports", case, "a page", "page", reporting.PAGE_ASKED, timings, 1.0)


def cs231n_figures(wanted: Wanted, say: Say) -> Iterator[Figure]:
    """CS231n: our convolution against torch's, the share of each kind in the cost of the exam, a class of it."""
    for size, dtype in product(cs231n.SIZES, DTYPES):
        timings = cs231n.time_convolution(size, dtype, wanted.rounds)
        target = cs231n.CONVOLUTION_TARGET if wanted.threads == 1 else None
        called = "numpy convolution, forward and backward"
        yield _figure("cs231n", f"{size}, {dtype}", called, "numpy", "torch", timings, target)
    timings = cs231n.time_kinds(wanted.slow)
    for kind in timings.seconds:
        again = cs231n.AGAIN if kind.endswith(cs231n.AGAIN) else ""
        called = f"CS231n's exam, {kind.removesuffix(again)}"
        case = f"of a further submission{again}" if again else "of a first submission"
        yield _figure("cs231n", case, called, kind, f"{cs231n.ALL}{again}", timings, None)
    classes = {"all right": cs231n.write_right, f"{cs231n.WRONG} in {cs231n.OF} wrong": cs231n.write_mixed}
    for among, write in classes.items():
        case = f"{cs231n.STUDENTS} submissions of CS231n on {cores()} cores, {among}"
        timings = cs231n.time_class(write)
        yield _figure("cs231n", case, "a submission graded", "parity grade", cs231n.GRADE_ASKED, timings, 1.0)


def growth_slopes(wanted: Wanted, say: Say) -> Iterator[Slope]:
    """How cost grows with the size of what is done."""
    for slope in growth.slopes(wanted.slow, wanted.whole):
        say(
            f"{slope.what}, {slope.low:,} … {slope.high:,}: slope {slope.slope:.2f}, {slope.last_slope:.2f} at the end."
        )
        yield slope


def _figure(
    benchmark: str, case: str, called: str, subject: str, against: str, timings: Timings, target: float | None
) -> Figure:
    low, middle, high = timings.ratio(subject, against)
    return Figure(
        benchmark=benchmark,
        case=case,
        subject=called,
        against=against,
        ratio_low=low,
        ratio=middle,
        ratio_high=high,
        seconds=timings.median(subject),
        seconds_against=timings.median(against),
        rounds=len(timings.seconds[subject]),
        target=target,
    )


MEASURES: dict[str, Callable[[Wanted, Say], Iterator[Figure | Share | Size | Slope]]] = {
    "step": step_figures,
    "check": check_figures,
    "hold": hold_figures,
    "trace": trace_figures,
    "grade": grade_figures,
    "reports": report_figures,
    "cs231n": cs231n_figures,
    "growth": growth_slopes,
}
