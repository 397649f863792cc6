"""The families of the assignment over the years, and what each asks for."""

from parity_tests.assignments.cs231n.inside.families import FIRST, LATER, LATEST, LATEST_FIRST, MIDDLE, OLDEST
from parity_tests.assignments.cs231n.parts import FUNCTIONS, NETWORKS

EDITIONS = (LATER, OLDEST, MIDDLE, LATEST, FIRST, LATEST_FIRST)
"""The first is the default."""
SINCE_2018 = frozenset(
    {"layernorm_forward", "layernorm_backward", "spatial_groupnorm_forward", "spatial_groupnorm_backward"}
)
OF_THE_FIRST = frozenset(
    {"affine_forward", "affine_backward", "relu_forward", "relu_backward", "softmax_loss", "svm_loss", "TwoLayerNet"}
)
MOVED_TO_THE_FIRST = frozenset({"sgd", "sgd_momentum", "rmsprop", "adam", "FullyConnectedNet"})
"""What the first assignment asks since 2025, the network without the layers that the second adds to it."""
SHIPPED = {
    OLDEST: frozenset({"svm_loss", "softmax_loss"}),
    MIDDLE: frozenset({"svm_loss", "softmax_loss"}),
    LATER: frozenset({"svm_loss"}),
    LATEST: frozenset({"svm_loss", "sgd", "sgd_momentum", "rmsprop", "adam"}),
}
"""What the handout of assignment 2 ships solved, or does not have: nobody is credited for it.

Since 2025 that of assignment 1 ships svm_loss solved as well.
"""
BECAUSE = {
    OLDEST: "its FullyConnectedNet takes use_batchnorm, or its layers lack layer norm and group norm altogether",
    MIDDLE: "its FullyConnectedNet takes dropout and normalization",
    LATER: "its FullyConnectedNet takes dropout_keep_ratio",
    LATEST: "it has the svm_loss that is shipped since 2025, no marks around what is to be written, and no TwoLayerNet",
    FIRST: "it lacks, or leaves empty, all layers that the second assignment adds",
    LATEST_FIRST: "it lacks, or leaves empty, all that the second assignment adds, and has a network of any depth",
}
"""What shows that files are of an edition, as `editions_of` has it."""
INERT = (
    "past", "future", "six", "matplotlib", "torch", "torchvision", "tensorflow", "imageio", "scipy", "IPython", "tqdm",
    "cs231n.im2col", "cs231n.im2col_cython", "cs231n.data_utils", "cs231n.vis_utils", "cs231n.gradient_check",
)  # fmt: skip
"""What files of the various years import beside numpy, and what nothing here uses."""


def asked(edition: str) -> frozenset[str]:
    """The functions and networks that are asked for."""
    if edition == FIRST:
        return OF_THE_FIRST
    if edition == LATEST_FIRST:
        return (OF_THE_FIRST | MOVED_TO_THE_FIRST) - {"svm_loss"}
    without = SHIPPED[edition] | (SINCE_2018 if edition == OLDEST else frozenset())
    return frozenset({*FUNCTIONS, *NETWORKS}) - without - ({"TwoLayerNet"} if edition in (LATER, LATEST) else set())
