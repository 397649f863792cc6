"""The stages of a judgement: how much is kept of what failed."""

from __future__ import annotations

import numpy as np

from parity_tests.harness.stages import MOST_KEPT, arrays_kept
from parity_tests.protocol.comparison import Comparison
from reports.model.verdicts import Verdict


def failed(size: int) -> Comparison:
    """A mismatch whose three arrays have so many bytes in all."""
    return Comparison(Verdict.MISMATCH, arrays=(np.zeros(size // 24),) * 3)


def test_what_is_kept_of_a_run_has_a_limit_and_of_each_quantity_the_smallest_case_comes_first() -> None:
    third = MOST_KEPT // 3
    verdicts = {
        "whole": {"output": failed(2 * MOST_KEPT), "the only one": failed(2 * MOST_KEPT)},
        "large": {"output": failed(third), "gradient": failed(third)},
        "right": {"output": Comparison(Verdict.MATCH, arrays=(np.zeros(3),) * 3)},
        "small": {"output": failed(240)},
        "middle": {"output": failed(third)},
    }
    kept = arrays_kept(verdicts)
    assert {key.rpartition("/")[0] for key in kept} == {"small/output", "large/gradient", "large/output"}
    assert sum(array.nbytes for array in kept.values()) <= MOST_KEPT
    few = {case: verdicts[case] for case in ("large", "small")}
    assert len(arrays_kept(few)) == 9, "what fits is kept whole"
