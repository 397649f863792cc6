"""The two ways in which Parity itself stops: what the user asked cannot be done, or Parity is at fault."""


class UsageError(Exception):
    """Parity could not start; the message is a sentence that says what to do. Exit status 2."""


class HarnessError(Exception):
    """Parity itself is at fault; the message says where. Exit status 3."""
