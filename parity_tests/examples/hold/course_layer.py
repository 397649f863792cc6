"""A layer of a course, forward and backward, compared with torch's. Run: `python course_layer.py`."""

import numpy as np
import torch.nn.functional as F  # noqa: N812 - as everybody calls it

from parity import gradients, hold


# the student's own code
def layer_norm(x, gamma, beta, grad):  # type: ignore[no-untyped-def]
    scale = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    normal = (x - x.mean(axis=1, keepdims=True)) * scale
    up = grad * gamma
    inner = up - up.mean(axis=1, keepdims=True) - normal * (up * normal).mean(axis=1, keepdims=True)
    out = normal * gamma + beta
    return {"output": out, "x": inner * scale, "gamma": (grad * normal).sum(axis=0), "beta": grad.sum(axis=0)}


# beside it
rng = np.random.default_rng(0)
x, gamma, beta, grad = (rng.standard_normal(shape) for shape in ((8, 30), 30, 30, (8, 30)))
torchs = gradients(lambda x, gamma, beta: F.layer_norm(x, (30,), gamma, beta), of=("x", "gamma", "beta"), given="grad")
result = hold(layer_norm, torchs, x=x, gamma=gamma, beta=beta, grad=grad)
print(result, result.resolution, sep="\n")
assert result
