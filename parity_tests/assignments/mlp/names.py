"""The names and shapes of the network's weights, and the names of what a training step computes, each in one place."""

from functools import cache

from parity_tests.assignments.mlp.inside.homework_names import WEIGHT_NAMES as WEIGHT_NAMES
from parity_tests.protocol.quantity import Key


def weight_shapes(D: int, M: int, K: int) -> dict[str, tuple[int, int]]:
    """The shapes of the weights of a network of D inputs, M hidden units and K classes, by WEIGHT_NAMES."""
    return {"L1_W": (D, M), "L1_b": (1, M), "L2_W": (M, K), "L2_b": (1, K)}


@cache
def gradient_name(weight: str) -> str:
    """What the gradient of a weight is called: "L1 gradient of W"."""
    layer, _, parameter = weight.partition("_")
    return f"{layer} gradient of {parameter}"


@cache
def plain_name(weight: str) -> str:
    """What a weight is called in records: "L1 W"."""
    return weight.replace("_", " ")


@cache
def updated_name(weight: str) -> str:
    """What a weight is called after a step's update: "updated L1 W"."""
    return f"updated {plain_name(weight)}"


@cache
def key_after_step(weight: str, step: int = 0) -> Key:
    """The key under which a submission's process keeps a weight after the update of a step."""
    return Key(f"{weight} after the step", step)


FORWARD = ("L1 output", "activation output", "dropout output", "L2 output", "loss")
BACKWARD = (
    "gradient of logits",
    "L2 gradient of X",
    "L2 gradient of W",
    "L2 gradient of b",
    "dropout gradient",
    "activation gradient",
    "L1 gradient of W",
    "L1 gradient of b",
)
UPDATED = tuple(updated_name(weight) for weight in WEIGHT_NAMES)
QUANTITIES = (*FORWARD, *BACKWARD, *UPDATED)
"""All that a training step computes, in the order of computation."""

LABELS = {
    "X": "its input",
    "grad": "the incoming gradient",
    "output": "the array that its forward returned",
    "Y": "the labels",
}
"""What sentences call the arrays that a call may write over, by the labels that probes give them."""


def words(slug: str) -> str:
    """A name's words: "one-row" → "one row"."""
    return slug.replace("-", " ")
