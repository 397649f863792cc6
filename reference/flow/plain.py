"""The plain call of a reference, with nothing watching: what torch answers, in the inputs' type or in a wider one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reference.flow.calls import Function, as_tensors, named, settled


def plain(
    function: Function,
    inputs: Mapping[str, Any],
    *,
    device: str = "cpu",
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> dict[str, Tensor]:
    """The results of `function(**inputs)` by name; floating inputs are converted to `dtype` where one is given."""
    with settled(seed):
        return {name: result.detach() for name, result in named(function(**as_tensors(inputs, device, dtype))).items()}
