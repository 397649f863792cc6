"""What the contract calls right agrees, in every combination, with a note that says which form it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.mistake import Body, Rewrite, Swap
from reports.model.records import Record

pytestmark = pytest.mark.usefixtures("one_thread")


def judged(*changes: Body | Swap, parts: set[str], file: str = "", edition: str | None = None) -> list[Record]:
    variant = rewritten(ASSIGNMENT, Rewrite("changed", changes, file))
    return records(ASSIGNMENT, variant, parts=parts, edition=edition)


def notes(found: Sequence[Record]) -> str:
    return " ".join(sorted({record.note for record in found}))


BELOW = '(np.sqrt(second) + config["epsilon"])'
STARTS = '"epsilon": 1e-8, "t": 0}'
FROM_1 = Swap(STARTS, STARTS.replace("0}", "1}"))
INSIDE = Swap(BELOW, 'np.sqrt(second + config["epsilon"])')
HAT = Swap(BELOW, '(np.sqrt(second) + config["epsilon"] / np.sqrt(1 - beta2**t))')


@pytest.mark.parametrize(
    ("place", "said"),
    [([], ""), ([INSIDE], "inside the root"), ([HAT], "epsilon hat")],
    ids=["outside", "inside", "hat"],
)
def test_adam_may_count_from_1_in_the_oldest_handouts_wherever_its_epsilon_is(place: list[Swap], said: str) -> None:
    found = judged(FROM_1, *place, parts={"adam"}, file=OPTIM_FILE, edition="2016-17")
    assert failures(found) == []
    for record in found:
        if "/states/" not in record.case and "float64" in record.case:
            assert "counts its steps from 1" in record.note
            assert said in record.note
    assert failures(judged(FROM_1, *place, parts={"adam"}, file=OPTIM_FILE, edition="2018-20"))


def test_adam_counts_a_t_that_is_given_from_where_it_is() -> None:
    late = Swap('config["beta2"], config["t"] + 1', 'config["beta2"], config["t"] + 2')
    assert failures(judged(late, parts={"adam"}, file=OPTIM_FILE, edition="2016-17"))
