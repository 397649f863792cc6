"""The port beside torch: `parity hold pairs.py`, or `pytest --pairs pairs.py` (needs g++)."""

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parity import gradients, pair

Array = NDArray[Any]
SOURCE = Path(__file__).with_name("attention.cpp")
BUILT = tempfile.TemporaryDirectory()
subprocess.run(["g++", "-O2", "-shared", "-fPIC", "-o", f"{BUILT.name}/attention.so", SOURCE], check=True)
PORT = ctypes.CDLL(f"{BUILT.name}/attention.so")


def torchs(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attention as everybody writes it."""
    return torch.softmax(q @ k.T / q.shape[1] ** 0.5, dim=-1) @ v


@pair(
    reference=gradients(torchs, of=("q", "k", "v"), given="grad"),
    shapes={"q": ("N", "D"), "k": ("M", "D"), "v": ("M", "D"), "grad": ("N", "D")},
)
def attention(q: Array, k: Array, v: Array, grad: Array) -> dict[str, Array]:
    """The port's output, and its gradients."""
    q, k, v, grad = map(np.ascontiguousarray, (q, k, v, grad))
    (n, d), m = q.shape, len(k)
    out, log_sum, dq, dk, dv = (np.zeros(shape, q.dtype) for shape in ((n, d), n, (n, d), (m, d), (m, d)))
    getattr(PORT, f"forward_{q.dtype}")(q.ctypes, k.ctypes, v.ctypes, out.ctypes, log_sum.ctypes, n, m, d)
    given = (q, k, v, out, log_sum, grad, dq, dk, dv)
    getattr(PORT, f"backward_{q.dtype}")(*(array.ctypes for array in given), n, m, d)
    return {"output": out, "q": dq, "k": dk, "v": dv}
