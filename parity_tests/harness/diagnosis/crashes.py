"""What an exception says of itself: names, with their hints, for crashes that nothing else explains."""

from __future__ import annotations

import re

from parity_tests.protocol.observation import Failure

_GONE = (
    "alen|asscalar|bool|bool8|bytes0|complex|cumproduct|float|in1d|int|int0|loads|long|msort|obj2sctype|object|object0|"
    "product|rank|str|str0|trapz|typeDict|uint0|unicode|void0"
)
"""Names that a numpy of the last ten years had and a later one has not, and of which it may say no more than that."""
UNSET = "an attribute is used that its object does not have"
KINDS = {
    r"(NameError|UnboundLocalError):": (
        "a name is used that is not defined, or not yet",
        "Look at the line that the message names: where does this name get its value, and does that line run before?",
    ),
    r"(AttributeError|TypeError): .*None": (
        "None is used where an array is needed",
        "In the line that the message names: what was never set, or comes from a function that returns nothing?",
    ),
    r"AttributeError: (?!module |`np\.|.*None)": (
        UNSET,
        "Which line sets it, is it spelt alike there, and does that line run before? And what kind of object is it?",
    ),
    rf"AttributeError: (`np\.\w+` was removed|module 'numpy' has no attribute '({_GONE})')": (
        "a name is used that NumPy 2 removed",
        "In the line that the message names: what does the documentation of the numpy that is installed say of it?",
    ),
    r"ValueError: .*(broadcast|core dimension|not aligned|shape)": (
        "shapes do not fit together",
        "Write the shape of each factor beside it, in the line that the message names.",
    ),
    r"IndexError: .*out of (bounds|range)": (
        "an index lies outside its array",
        "How long is the array, and where does the loop over it end?",
    ),
    r"KeyError:": (
        "an entry is looked up under a name that it does not have",
        "Print the keys that there are beside the one that is looked up.",
    ),
}
"""By what the exception's type and own text begin with, which tells one of these from all others."""
HINTS = dict(KINDS.values())
HIDDEN = {name: (UNSET,) for name in HINTS if name != UNSET}
"""A backward that lacks what a crashed forward should have kept follows from that crash."""


def name_of(failure: Failure | None) -> str:
    """What a crash is called, "" where its exception does not say."""
    raised = f"{failure.error}: {failure.said}" if failure is not None and failure.error else ""
    return next((name for pattern, (name, _) in KINDS.items() if re.match(pattern, raised)), "")
