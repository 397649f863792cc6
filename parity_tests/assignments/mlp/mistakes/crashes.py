"""What any part may return or raise: nothing, several things, or an exception that tells what it comes of."""

from __future__ import annotations

from functools import partial

from parity_tests.protocol.mistake import CRASH, NOTHING, SEVERAL, Around, Body, Call, Mistake

FUNCTIONS = {
    "1": "miniBatchStochasticGradientDescent",
    "2": "linear_layer.__init__",
    "3": "linear_layer.forward",
    "4": "linear_layer.backward",
    "5": "tanh.forward",
    "6": "tanh.backward",
    "7": "relu.forward",
    "8": "relu.backward",
    "9": "dropout.backward",
    "10": "main",
    "utils": "softmax_cross_entropy.forward",
}
_GONE = (
    "alen|asscalar|bool|bool8|bytes0|complex|cumproduct|float|in1d|int|int0|loads|long|msort|obj2sctype|object|object0|"
    "product|rank|str|str0|trapz|typeDict|uint0|unicode|void0"
)
"""Names that a numpy of the last ten years had and a later one has not, and of which it may say no more than that."""
KINDS = (
    (
        "a name is used that is not defined, or not yet",
        "Look at the line that the message names: where does this name get its value, and does that line run before?",
        r"(NameError|UnboundLocalError):",
        "return not_defined",
    ),
    (
        "None is used where an array is needed",
        "In the line that the message names: what was never set, or comes from a function that returns nothing?",
        r"(AttributeError|TypeError): .*None",
        "return None + 1",
    ),
    (
        "an attribute is used that its object does not have",
        "Which line sets it, is it spelt alike there, and does that line run before? And what kind of object is it?",
        r"AttributeError: (?!module |`np\.|.*None)",
        "return np.zeros(3).not_there",
    ),
    (
        "a name is used that NumPy 2 removed",
        "In the line that the message names: what does the documentation of the numpy that is installed say of it?",
        rf"AttributeError: (`np\.\w+` was removed|module 'numpy' has no attribute '({_GONE})')",
        "return np.int(1)",
    ),
    (
        "shapes do not fit together",
        "Write the shape of each factor beside it, in the line that the message names.",
        r"ValueError: .*(broadcast|core dimension|not aligned|shape)",
        "return np.zeros((2, 3)) @ np.zeros((2, 3))",
    ),
    (
        "an index lies outside its array",
        "How long is the array, and where does the loop over it end?",
        r"IndexError: .*out of (bounds|range)",
        "return np.zeros(3)[3]",
    ),
)

UNSET = "an attribute is used that its object does not have"
HIDDEN = {name: (UNSET,) for name, *_ in KINDS if name != UNSET}
"""A backward that lacks what a crashed forward should have kept follows from that crash."""

CRASHES = tuple(
    Mistake(
        part,
        CRASH,
        name,
        hint,
        raised=raised,
        plug=(Body(function, statement),),
        file="utils.py" if part == "utils" else "",
    )
    for part, function in FUNCTIONS.items()
    for name, hint, raised, statement in KINDS
)


def _always(value: object, call: Call) -> object:
    return value


RETURNING = {
    "linear.output": ("3", "the forward", "linear_layer.forward"),
    "linear.gradient of X": ("4", "backward", "linear_layer.backward"),
    "tanh.output": ("5", "the forward", "tanh.forward"),
    "tanh.gradient of X": ("6", "backward", "tanh.backward"),
    "relu.output": ("7", "the forward", "relu.forward"),
    "relu.gradient of X": ("8", "backward", "relu.backward"),
    "dropout.gradient of X": ("9", "backward", "dropout.backward"),
    "loss.output": ("utils", "the loss's forward", "softmax_cross_entropy.forward"),
    "loss.gradient of X": ("utils", "the loss's backward", "softmax_cross_entropy.backward"),
}
"""By operation the part, what returns, and the function."""
RETURNED = tuple(
    Mistake(
        part,
        operation,
        f"{what} returns {words}",
        hint,
        partial(_always, returned),
        plug=(Around(function, value=value),),
        file="utils.py" if part == "utils" else "",
    )
    for operation, (part, what, function) in RETURNING.items()
    for words, returned, value, hint in (
        ("nothing", NOTHING, "None", "What does a function return that has no return statement?"),
        ("several things", SEVERAL, "(value, value)", "One array is asked for: what else is returned?"),
    )
)
