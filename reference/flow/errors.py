"""What can go wrong in asking torch for a value and its radius, each with a sentence for whoever asked."""

from __future__ import annotations


class UnknownOperationError(Exception):
    """The function runs an operation that no rule covers, so that nothing can be promised about its rounding."""

    def __init__(self, name: str, detail: str = "", instead: str = "") -> None:
        self.name = name
        register = name if name.startswith("aten.") else f"{name} (as torch.ops names it)"
        instead = instead or (
            f"Register one with @rule(torch.ops.{register}), or say unknown='sample' and ulps=… to allow it that many "
            "units in the last place a side."
        )
        super().__init__(f"torch runs {name}{detail}, whose rounding no rule describes. {instead}")


class ComplexOperationError(UnknownOperationError):
    """The same of one that gets complex numbers, of which a rule would be one of their parts."""

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(
            name, f" of complex numbers{detail}", "Write it in their real and imaginary parts (torch.view_as_real)."
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
