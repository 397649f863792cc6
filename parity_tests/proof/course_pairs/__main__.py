"""Holds every pair of a course: `python -m parity_tests.proof.course_pairs --seeds 100`.

Prints for each pair how many honest runs agree and which wrong forms are told apart; ends with 1 where one is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from parity_tests.pairs.hold import hold
from parity_tests.proof.course_pairs.course_pair import SLIPS, CoursePair
from parity_tests.proof.course_pairs.layers import LAYERS
from parity_tests.proof.course_pairs.sequences import SEQUENCES

PAIRS = (*LAYERS, *SEQUENCES)
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Row:
    """What was found of one pair in one dtype: honest runs that agree, of how many; the largest ratio; slips missed."""

    pair: str
    dtype: str
    agree: int
    honest: int
    largest: float
    missed: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether no honest run was rejected and no wrong form agreed."""
        return self.agree == self.honest and not self.missed


def rows(pairs: tuple[CoursePair, ...] = PAIRS, *, seeds: int, dtypes: tuple[str, ...] = DTYPES) -> Iterator[Row]:
    """A row for each pair and dtype: honest with each seed, each wrong form with the first."""
    for pair in pairs:
        reference = pair.reference()
        for dtype in dtypes:
            agree, largest = 0, 0.0
            for seed in range(seeds):
                result = hold(pair.form(0), reference, inputs=pair.inputs(seed, dtype), name=pair.name)
                agree += bool(result)
                largest = max(largest, float(result.frame["ratio"].max()))
            wrong = range(1, SLIPS + 1)
            inputs = pair.inputs(0, dtype)
            missed = [pair.slips[n - 1] for n in wrong if hold(pair.form(n), reference, inputs=inputs, name=pair.name)]
            yield Row(pair.name, dtype, agree, seeds, largest, tuple(missed))


def main() -> int:
    """Prints the table; 1 where an honest run was rejected or a wrong form agreed."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.proof.course_pairs", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="honest runs of each pair and dtype (default: 100)")
    chosen = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    good = True
    print(f"{'pair':<26}{'dtype':<9}{'honest':>9}  {'largest ratio':>13}  wrong forms told apart")
    for row in rows(seeds=chosen.seeds):
        good = good and row.good
        told = f"{SLIPS - len(row.missed)} of {SLIPS}" + (f", not: {'; '.join(row.missed)}" if row.missed else "")
        print(f"{row.pair:<26}{row.dtype:<9}{row.agree:>5}/{row.honest:<3}  {row.largest:>13.2g}  {told}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
