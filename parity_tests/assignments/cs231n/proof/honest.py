"""Honest forms of the solution, as students write them: each must match."""

from __future__ import annotations

from parity_tests.assignments.cs231n.names import FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.honest_forms import FURTHER
from parity_tests.assignments.cs231n.proof.honest_norms import NORMS
from parity_tests.protocol.mistake import Around, Body, Rewrite, Swap

OF_EACH = {
    "affine_{}": "w, b",
    "relu_{}": "",
    "layernorm_{}": "gamma, beta, ln_param",
    "conv_{}_naive": "w, b, conv_param",
    "max_pool_{}_naive": "pool_param",
    "spatial_groupnorm_{}": "gamma, beta, G, gn_param",
}
"""The layers of which each example stands for itself, with what they are given beside x."""
EACH = """if len(x) > 1:
    outs, caches = zip(*[{function}(x[n : n + 1], {further}) for n in range(len(x))])
    return np.concatenate(outs).astype(float), list(caches)"""
EACH_BACK = """if isinstance(cache, list):
    found = [{function}(dout[n : n + 1], one) for n, one in enumerate(cache)]
    if not isinstance(found[0], tuple):
        return np.concatenate(found)
    dxs, *others = zip(*found)
    return np.concatenate(dxs), *map(sum, others)"""


def _each(layer: str, further: str) -> Rewrite:
    """A layer that goes through its examples one after the other, in float64, and adds up gradients as it goes."""
    forward, backward = layer.format("forward"), layer.format("backward")
    lines = EACH.format(function=forward, further=further), EACH_BACK.format(function=backward)
    return Rewrite(f"{forward}, example by example", (Around(forward, lines[0]), Around(backward, lines[1])))


POOL_BACK = """shape, pool_param, x = cache
height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
dx = np.zeros_like(x)
for n in range(shape[0]):
    for c in range(shape[1]):
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, columns = slice(i * stride, i * stride + height), slice(j * stride, j * stride + width)
                window = x[n, c, rows, columns]
                dx[n, c, rows, columns] += dout[n, c, i, j] * (window == np.max(window))
return dx"""
STEP_BY_STEP = """x, mean, variance, gamma, eps = cache
N = dout.shape[0]
normal = (x - mean) / np.sqrt(variance + eps)
dnormal = dout * gamma
dvariance = np.sum(dnormal * (x - mean) * -0.5 * (variance + eps) ** -1.5, axis=0)
dmean = np.sum(-dnormal / np.sqrt(variance + eps), axis=0) + dvariance * np.sum(-2 * (x - mean), axis=0) / N
dx = dnormal / np.sqrt(variance + eps) + dvariance * 2 * (x - mean) / N + dmean / N
return dx, np.sum(dout * normal, axis=0), np.sum(dout, axis=0)"""
BATCH = """eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
N, D = x.shape
running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
if bn_param["mode"] == "train":
    mean, variance = np.mean(x, axis=0), np.mean((x - np.mean(x, axis=0)) ** 2, axis=0)
    out = gamma * ((x - mean) / np.sqrt(variance + eps)) + beta
    running_mean = momentum * running_mean + (1 - momentum) * mean
    running_var = momentum * running_var + (1 - momentum) * variance
    cache = (x, mean, variance, gamma, eps)
else:
    out, cache = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, None
bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
return out, cache"""
ADAM_RATE = """config = dict(config or {})
for name, value in (("learning_rate", 1e-3), ("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8), ("t", 0)):
    config.setdefault(name, value)
config["t"] += 1
config["m"] = config["beta1"] * config.get("m", np.zeros_like(w)) + (1 - config["beta1"]) * dw
config["v"] = config["beta2"] * config.get("v", np.zeros_like(w)) + (1 - config["beta2"]) * (dw * dw)
rate = config["learning_rate"] * np.sqrt(1 - config["beta2"] ** config["t"]) / (1 - config["beta1"] ** config["t"])
return w - rate * config["m"] / (np.sqrt(config["v"]) + config["epsilon"]), config"""

HONEST = (
    *(_each(layer, further) for layer, further in OF_EACH.items()),
    Rewrite("pooling that gives all maxima their gradient", (
        Body("max_pool_backward_naive", POOL_BACK),
        Swap("axis=-1)[..., 0], (x.shape, pool_param, first)", "axis=-1)[..., 0], (x.shape, pool_param, x)"),
    )),
    Rewrite("relu's slope at 0 is 1", (Body("relu_backward", "return dout * (cache >= 0)"),)),
    Rewrite("relu that writes over x", (Body("relu_forward", "kept = x.copy()\nx[x < 0] = 0\nreturn x, kept"),)),
    Rewrite("gradients of one row", tuple(
        Around(f"{of}_backward{alt}", value="(value[0], *(one[None] if one.ndim == 1 else one for one in value[1:]))")
        for of, alt in (("affine", ""), ("batchnorm", ""), ("batchnorm", "_alt"), ("layernorm", ""))
    )),
    Rewrite("batch norm written out, step by step", (
        Body("batchnorm_forward", BATCH), Body("batchnorm_backward", STEP_BY_STEP),
        Body("batchnorm_backward_alt", STEP_BY_STEP), Body("spatial_batchnorm_backward",
             "dx, dgamma, dbeta = batchnorm_backward(_places_as_rows(dout), cache)\n"
             "return _rows_as_places(dx, dout.shape), dgamma, dbeta"),
    )),
    Rewrite("the running variance has eps in it", (
        Swap("(1 - momentum) * batch_variance", "(1 - momentum) * (batch_variance + eps)"),
    )),
    Rewrite("dropout's mask as rand > 1 − p, scaled apart", (
        Body("dropout_forward", """p, mode = dropout_param["p"], dropout_param["mode"]
if "seed" in dropout_param:
    np.random.seed(dropout_param["seed"])
mask, out = None, x
if mode == "train":
    mask = np.random.rand(*x.shape) > 1 - p
    out = x * mask / p
return out.astype(x.dtype, copy=False), (dropout_param, mask)"""),
        Body("dropout_backward", "param, mask = cache\nreturn dout if mask is None else dout * mask / param['p']"),
    )),
    Rewrite("Adam with the rate corrected", (Body("adam", ADAM_RATE),), OPTIM_FILE),
    Rewrite("Adam with epsilon inside the root", (
        Swap('(np.sqrt(second) + config["epsilon"])', 'np.sqrt(second + config["epsilon"])'),
    ), OPTIM_FILE),
    Rewrite("RMSprop with epsilon inside the root", (
        Swap('(np.sqrt(cache) + config["epsilon"])', 'np.sqrt(cache + config["epsilon"])'),
    ), OPTIM_FILE),
    Rewrite("gradient descent that writes over w", (
        Body("sgd", "config = config if config is not None else {}\nconfig.setdefault('learning_rate', 1e-2)\n"
                    "w -= config['learning_rate'] * dw\nreturn w, config"),
    ), OPTIM_FILE),
    Rewrite("softmax without the shift", (
        Body("softmax_loss", "N = x.shape[0]\np = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)\n"
             "loss = -np.mean(np.log(p[np.arange(N), y]))\ndx = p\ndx[np.arange(N), y] -= 1\nreturn loss, dx / N"),
    )),
    Rewrite("a network whose biases are 0 as numbers, changed in place", (
        Swap('params[f"b{layer}"] = np.zeros(outputs)', 'params[f"b{layer}"] = np.zeros((1, outputs))'),
    ), FC_FILE),
    *FURTHER,
    *NORMS,
)  # fmt: skip
