"""What is known of variants of the solution."""

from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.assignments.cs231n.proof.near_misses import NEAR_MISSES
from parity_tests.assignments.cs231n.proof.near_misses_of_networks import OF_NETWORKS
from parity_tests.assignments.cs231n.proof.near_misses_of_terms import OF_TERMS
from parity_tests.assignments.cs231n.proof.near_misses_of_texts import OF_TEXTS
from parity_tests.assignments.cs231n.proof.near_misses_of_windows import OF_WINDOWS
from parity_tests.assignments.cs231n.proof.nulls import NULLS
from parity_tests.protocol.proof import Group, Proof


def _group(check: str, quantity: str) -> Group:
    """Each quantity on its own; the radius flows, so that its size is not this assignment's to prove."""
    return Group(check, quantity, 0.0)


PROOF = Proof(
    honest=HONEST,
    evasions=EVASIONS,
    near_misses=(*NEAR_MISSES, *OF_TERMS, *OF_TEXTS, *OF_WINDOWS, *OF_NETWORKS),
    nulls=NULLS,
    equivalent=equivalent,
    unasked=not_asked,
    group=_group,
)
