"""The ways in which Parity itself stops: what the user asked cannot be done, or Parity or an assignment is at fault."""

from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """Parity could not start; the message is a sentence that says what to do. Exit status 2."""


class HarnessError(Exception):
    """Parity itself is at fault; the message says where. Exit status 3."""

    whose = "Parity's own"


class AssignmentError(HarnessError):
    """A function of an assignment's raised something; the message says of which, and what. Exit status 3."""

    whose = "the assignment's"


@contextmanager
def asking(assignment: str, what: str) -> Iterator[None]:
    """Around a call of one of an assignment's functions: whatever it raises is an AssignmentError that names both."""
    try:
        yield
    except (UsageError, HarnessError):
        raise
    except Exception as error:
        raise AssignmentError(
            f"{what} of the assignment {assignment} raised {type(error).__name__}: {error}"
        ) from error
