"""The stages of a judgement: how much is kept of what failed, and which records are those of a part."""

from __future__ import annotations

import numpy as np

from parity_tests.harness.check import of_parts
from parity_tests.harness.stages import MOST_KEPT, arrays_kept
from parity_tests.protocol.comparison import Comparison
from parity_tests.selftest.fake_records import mismatch, record
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


def test_a_part_asked_alone_is_not_failed_by_what_others_kept_from_being_judged() -> None:
    own, wrong = record(part="6", check="tanh"), mismatch(part="6", check="network")
    kept_by_others = record(part="6", check="network", verdict="missing", explained_by="4")
    of_another, fault = mismatch(part="4"), record(part="4", verdict="harness_error")
    asked = [own, kept_by_others, of_another, fault]
    assert of_parts(asked, frozenset("6"), ["network"]) == [own, fault]
    assert wrong in of_parts([own, wrong], frozenset("6"), ["network"]), "it is wrong where the parts work together"
    assert of_parts([kept_by_others, of_another], frozenset("6"), ["network"]) == [kept_by_others], (
        "nothing else is known"
    )
