"""A port to C++, called through ctypes, compared with torch's. Run: `python port_to_cpp.py` (needs g++)."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

from parity import assert_agrees

# the port
SOURCE = """
#include <algorithm>
#include <cmath>
extern "C" void softmax(const float* x, float* out, int rows, int columns) {
    for (int i = 0; i < rows; ++i, x += columns, out += columns) {
        float largest = *std::max_element(x, x + columns), sum = 0;
        for (int j = 0; j < columns; ++j) sum += out[j] = std::exp(x[j] - largest);
        for (int j = 0; j < columns; ++j) out[j] /= sum;
    }
}
"""


def built(source: str) -> ctypes.CDLL:
    """The source as a shared library."""
    folder = Path(tempfile.mkdtemp())
    (folder / "port.cpp").write_text(source)
    subprocess.run(["g++", "-O2", "-shared", "-fPIC", "-o", folder / "port.so", folder / "port.cpp"], check=True)
    return ctypes.CDLL(str(folder / "port.so"))


# beside it
x = np.random.default_rng(0).standard_normal((64, 100)).astype(np.float32)
out = np.empty_like(x)
built(SOURCE).softmax(x.ctypes, out.ctypes, *x.shape)
assert_agrees(out, lambda x: torch.softmax(x, -1), x)
print("The port agrees with torch, element by element.")
