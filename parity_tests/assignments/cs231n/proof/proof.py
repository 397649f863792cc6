"""What is known of variants of the solution."""

from parity_tests.assignments.cs231n.inside.families import FIRST, LATER
from parity_tests.assignments.cs231n.parts import NETWORKS
from parity_tests.assignments.cs231n.proof.equivalent import equivalent, not_asked
from parity_tests.assignments.cs231n.proof.evasions import EVASIONS
from parity_tests.assignments.cs231n.proof.honest import HONEST
from parity_tests.protocol.mistake import Body
from parity_tests.protocol.null import Nulls
from parity_tests.protocol.proof import Proof

LOSS = """scores = np.zeros((len(X), self.params[max(k for k in self.params if k[1:].isdigit() and k[0] == 'b')].size))
return scores if y is None else (0.5, {name: np.zeros_like(value) for name, value in self.params.items()})"""
"""The loss of a network that calls no layer."""

PROOF = Proof(
    honest=HONEST,
    evasions=EVASIONS,
    nulls=Nulls(
        right=("sgd", *(f"{name}.__init__" for name in NETWORKS)),
        stubs=tuple(Body(f"{name}.loss", LOSS) for name in NETWORKS),
        editions=(LATER, FIRST),
    ),
    equivalent=equivalent,
    unasked=not_asked,
)
