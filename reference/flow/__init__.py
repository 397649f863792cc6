"""The radius flows along torch's own operations: value ± radius of any torch function, its gradients included."""

from reference.flow.errors import (
    ClashError,
    DataDependentError,
    QuestionError,
    UnknownOperationError,
    UnsupportedTypeError,
)
from reference.flow.evaluate import asked, evaluate
from reference.flow.flowed import Alternative, Flowed
from reference.flow.kept import from_arrays, to_arrays
from reference.flow.low_precision import Arithmetic
from reference.flow.operation import Operation, rule
from reference.flow.plain import plain
from reference.flow.references import gradients, module_reference, replay
from reference.flow.rounding import FORMS

__all__ = [
    "FORMS",
    "Alternative",
    "Arithmetic",
    "ClashError",
    "DataDependentError",
    "Flowed",
    "Operation",
    "QuestionError",
    "UnknownOperationError",
    "UnsupportedTypeError",
    "asked",
    "evaluate",
    "from_arrays",
    "gradients",
    "module_reference",
    "plain",
    "replay",
    "rule",
    "to_arrays",
]
