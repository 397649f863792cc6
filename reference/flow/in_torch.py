"""The mode that keeps a reference in torch: what leaves it rounds where nothing follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from reference.flow.errors import QuestionError

_LEAVING = {Tensor.numpy, Tensor.__array__, Tensor.tolist, Tensor.__dlpack__}
"""What hands a tensor's numbers to others without an operation of torch's."""


class InTorch(TorchFunctionMode):
    """Raises QuestionError where floating-point numbers are handed to numpy, or to Python as a list."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _LEAVING and (args[0].is_floating_point() or args[0].is_complex()):
            raise QuestionError(
                f"the reference takes floating-point numbers out of torch (.{func.__name__}()), and nothing follows "
                "what becomes of them there; compute it with torch, or give it as an input"
            )
        with torch._C.DisableTorchFunction():
            return func(*args, **(kwargs or {}))
