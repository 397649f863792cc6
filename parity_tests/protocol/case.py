"""The case: one question that is put to a submission, and the quantities that its answer consists of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parity_tests.protocol.quantity import Quantity

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Case:
    """One question.

    `name` is the test id and `title` what sentences call it. `probe` names its kind, and `params` (JSON) say how it is
    put. `process` is the process that it is put to, one of the assignment's. Of a `whole` case a
    failure may be another part's, which the other cases tell. In a `lenient` case a failure costs a note only.
    """

    name: str
    check: str
    title: str
    dtype: str
    probe: str
    params: Mapping[str, Any]
    quantities: tuple[Quantity, ...]
    lenient: bool = False
    process: str = "parts"
    whole: bool = False


def json_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """A case's parameters as JSON holds them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}
