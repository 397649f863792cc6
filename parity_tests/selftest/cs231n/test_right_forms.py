"""What the contract calls right agrees, in every combination, with a note that says which form it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import cycle

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.names import FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.honest_norms import BESIDE_IN_TRAINING, GROUP_OUT, NORMS, OUT
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.case import DTYPES
from parity_tests.protocol.mistake import Rewrite, Swap
from parity_tests.selftest.cs231n import judging
from parity_tests.selftest.cs231n.judging import records
from reports.model.records import Record

pytestmark = pytest.mark.usefixtures("one_thread")


judged = partial(judging.judged, named=False)


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


BESIDE = "has eps beside the root"
NORM_PARTS = {part.id for part in ASSIGNMENT.parts if "norm_" in part.id}


@pytest.mark.parametrize(
    ("form", "dtype"),
    list(zip(NORMS, cycle(DTYPES), strict=False)),
    ids=[form.name for form in NORMS],
)
def test_the_forms_of_a_norm_agree_in_every_norm_and_mode(form: Rewrite, dtype: str) -> None:
    found = records(rewritten(ASSIGNMENT, form), parts=NORM_PARTS, dtypes=(dtype,))
    assert [record.message for record in failures(found)] == []
    assert {record.verdict for record in found} == {"match"}
    said = {"beside": BESIDE, "test mode": "in the test mode", "running variance": "adds eps to the running variance"}
    for words, note in said.items():
        assert (note in notes(found)) == (words in form.name.replace("both modes", "test mode")), words


def test_a_gradient_may_have_eps_beside_the_root_only_where_its_forward_has_it() -> None:
    cached = Swap(OUT, OUT.replace("deviation,", "np.sqrt(variance) + eps,"))
    of_groups = Swap(GROUP_OUT, GROUP_OUT.replace("deviation,", 'np.sqrt(variance) + gn_param.get("eps", 1e-5),'))
    found = judged(cached, of_groups, parts=NORM_PARTS)
    backwards = {part for part in NORM_PARTS if "backward" in part}
    assert {record.part for record in failures(found)} == backwards - {"spatial_batchnorm_backward"}  # which calls one
    assert BESIDE not in notes(found)


BY_CHAIN = Swap(
    "dvariance = ddeviation / (2 * deviation)",
    "dvariance = ddeviation / (2 * np.sqrt((centred**2).mean(axis=0)))",
)


def test_a_gradient_of_one_row_may_be_no_number_where_its_forward_has_eps_beside_the_root() -> None:
    parts = {"batchnorm_backward"}
    found = judged(BESIDE_IN_TRAINING, BY_CHAIN, parts=parts)
    assert failures(found) == []
    assert "has no number as a gradient of one number alone" in notes(found)
    under = judged(BY_CHAIN, parts=parts)
    assert "dx of the second" in {record.quantity for record in failures(under)}
    assert "has no number as a gradient" not in notes(under)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BESIDE_IN_TRAINING.new, BESIDE_IN_TRAINING.new.replace("eps", "eps / 2")),
        (BESIDE_IN_TRAINING.new, BESIDE_IN_TRAINING.new.replace(" + eps", "")),
        ("x * scale + (beta - mean * scale), cache", "x * scale + (beta - mean * gamma), cache"),
        ("(beta - mean * scale), None", "(beta - 0.999999999 * mean * scale), None"),
    ],
    ids=["half-of-eps", "no-eps", "mean-not-scaled", "mean-scaled-by-less"],
)
def test_what_lies_near_a_form_of_a_norm_is_wrong(old: str, new: str) -> None:
    form = NORMS[-1]
    changes = tuple(Swap(one.old, one.new.replace(old, new)) for one in form.changes if isinstance(one, Swap))
    assert changes != form.changes
    assert {record.part for record in failures(judged(*changes, parts={"batchnorm_forward"}))} == {"batchnorm_forward"}


def test_a_network_may_change_the_list_of_its_sizes_and_a_note_says_so() -> None:
    sizes = "sizes = [input_dim, *hidden_dims, num_classes]"
    inserting = "sizes = hidden_dims\n        sizes.insert(0, input_dim)\n        sizes.append(num_classes)"
    params = Swap("[dict(mode) for _ in hidden_dims]", "[dict(mode) for _ in hidden_dims[1:-1]]")
    found = judged(Swap(sizes, inserting), params, parts={"FullyConnectedNet"}, file=FC_FILE)
    assert failures(found) == []
    assert {record.note for record in found if record.quantity == "parameters"} == {"overwrites hidden_dims"}
    assert "overwrites" not in notes(judged(parts={"FullyConnectedNet"}, file=FC_FILE))
