"""What is compared and how: the root package, which imports the other three. `check` is all of it from Python."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity_tests.api.check import Result


def check(submission: Any = None, **options: Any) -> "Result":
    """Holds a network against torch: `parity_tests.api.check`, which says what it takes.

    Here nothing slow is imported before it is called.
    """
    from parity_tests.api.check import check as check_from_python

    return check_from_python(submission, **options)
