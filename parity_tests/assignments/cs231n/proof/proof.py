"""What is known of variants of the solution."""

from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.protocol.proof import Proof

PROOF = Proof(honest=HONEST)
