"""What is known of variants of the shipped network: honest rewrites, equivalent slips, and how tight bounds must be."""

from parity_tests.assignments.mlp.kinds.turns import plain
from parity_tests.assignments.mlp.proof.equivalent import reason
from parity_tests.assignments.mlp.proof.honest import HONEST
from parity_tests.protocol.proof import LEAST_MEDIAN, Group, Proof

OVER_PIXELS = 3e-4
"""The least median of gap/radius where sums go over hundreds of pixels."""
TITLES = {"network": "network, 784 pixels", "trajectory": "trajectory, 100 pixels"}


def group(check: str, quantity: str) -> Group:
    """Quantities are counted together whichever input they are of, and however often they were asked for."""
    name = plain(quantity)
    # The losses of main come of sums over pixels too.
    over_pixels = check == "main" or (check in TITLES and name == "L1 output")
    return Group(TITLES.get(check, check), name, OVER_PIXELS if over_pixels else LEAST_MEDIAN)


PROOF = Proof(
    honest=HONEST,
    equivalent=reason,
    not_asked=("read_command_line", "_as_arrays"),  # the command line, and how a damaged data file is told
    group=group,
)
