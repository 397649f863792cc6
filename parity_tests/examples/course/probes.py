"""How a case is put to a submission, in its process."""

from typing import Any


def softmax(submission: Any, recorder: Any, params: Any, arrays: Any) -> None:
    """Calls both functions, and keeps what they return."""
    recorder.call("output", submission.get("softmax"), arrays["X"])
    recorder.call("gradient", submission.get("softmax_backward"), arrays["X"], arrays["grad"])


PROBES = {"softmax": softmax}
