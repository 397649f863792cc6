"""What can go wrong in asking torch for a value and its radius, each with a sentence for whoever asked."""

from __future__ import annotations


class UnknownOperationError(Exception):
    """The function runs an operation that no rule covers, so that nothing can be promised about its rounding."""

    def __init__(self, name: str, detail: str = "") -> None:
        self.name = name
        register = name if name.startswith("aten.") else f"{name} (as torch.ops names it)"
        super().__init__(
            f"torch runs {name}{detail}, whose rounding no rule describes. Register one with "
            f"@rule(torch.ops.{register}), or say unknown='sample' and ulps=… to allow it that many "
            "units in the last place a side."
        )


class UnsupportedTypeError(ValueError):
    """A floating-point input is neither float32 nor float64, or the reference rounds to less than its inputs have.

    No TypeError: of one that is raised within `x @ y` Python makes another, of operands that are not supported.
    """


class QuestionError(ValueError):
    """The question itself cannot be answered: an option, an input, a parameter or a form is not what it must be."""


class DataDependentError(ValueError):
    """What the function does depends on values that rounding may change: a branch, a loop, a shape."""


class ClashError(ValueError):
    """Two results of a reference would have the same name."""
