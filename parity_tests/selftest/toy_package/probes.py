"""How the toy's cases are put to a submission, in its process."""

from typing import Any


def call(submission: Any, recorder: Any, params: Any, arrays: Any) -> None:
    """Calls one function, and keeps what it returns."""
    recorder.call("output", submission.get(params["function"], params["module"]), arrays["X"])


PROBES = {"call": call}
