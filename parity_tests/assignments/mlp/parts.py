"""The parts of the assignment: its ten TODOs, and the file that students are given."""

from parity_tests.assignments.mlp.inside.homework_names import SGD_NAMES
from parity_tests.protocol.part import Part


def _todo(number: str, title: str, *functions: str) -> Part:
    return Part(number, f"TODO {number}", title, functions)


TODOS = (
    _todo("1", "SGD", *SGD_NAMES),
    _todo("2", "linear, init", "linear_layer.__init__"),
    _todo("3", "linear, forward", "linear_layer.forward"),
    _todo("4", "linear, backward", "linear_layer.backward"),
    _todo("5", "tanh, forward", "tanh.forward"),
    _todo("6", "tanh, backward", "tanh.backward"),
    _todo("7", "relu, forward", "relu.forward"),
    _todo("8", "relu, backward", "relu.backward"),
    _todo("9", "dropout", "dropout.forward", "dropout.backward"),
    _todo("10", "main", "main"),
    Part("utils", "utils.py", "utils.py"),
)

PARTS = {part.id: part.title for part in TODOS}
"""What each part is, by its id."""
FUNCTIONS = {function: part.id for part in TODOS for function in part.functions}
"""The part that each function of a submission is, by its qualified name."""
