"""The parts of the benchmarks: what times each."""

from collections.abc import Callable, Iterator, Mapping

from parity_tests.bench import cs231n, grading, growth, hold, reporting, step, tracing
from parity_tests.bench.timing import Timed, Wanted

MEASURES: Mapping[str, Callable[[Wanted], Iterator[Timed]]] = {
    "step": step.measure,
    "check": grading.measure_check,
    "hold": hold.measure,
    "trace": tracing.measure,
    "grade": grading.measure,
    "reports": reporting.measure,
    "cs231n": cs231n.measure,
    "growth": growth.measure,
}
