"""What is known of variants of the solution."""

from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.assignments.cs231n.proof.nulls import NULLS
from parity_tests.protocol.proof import Group, Proof


def _group(check: str, quantity: str) -> Group:
    """Each quantity on its own; the radius flows, so that its size is not this assignment's to prove."""
    return Group(check, quantity, 0.0)


PROOF = Proof(
    honest=HONEST,
    evasions=EVASIONS,
    nulls=NULLS,
    equivalent=equivalent,
    unasked=not_asked,
    group=_group,
)
