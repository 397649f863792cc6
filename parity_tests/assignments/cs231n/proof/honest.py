"""Honest forms of the solution, as students write them: each must match."""

from __future__ import annotations

from parity_tests.assignments.cs231n.names import FC_FILE, OPTIM_FILE
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
FOURIER = """stride, pad = conv_param["stride"], conv_param["pad"]
wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
H, W = wide.shape[2:]
spectrum = np.einsum("nchw,fchw->nfhw", np.fft.rfft2(wide), np.conj(np.fft.rfft2(w, (H, W))))
out = np.fft.irfft2(spectrum, (H, W))[:, :, : H - w.shape[2] + 1 : stride, : W - w.shape[3] + 1 : stride]
return (out + b[:, None, None]).astype(x.dtype), (x, w, b, conv_param)"""
FOURIER_BACK = """x, w, b, conv_param = cache
stride, pad = conv_param["stride"], conv_param["pad"]
wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
H, W = wide.shape[2:]
spread = np.zeros((*dout.shape[:2], H, W), dout.dtype)
spread[:, :, : stride * dout.shape[2] : stride, : stride * dout.shape[3] : stride] = dout
of_dout, of_w, of_x = np.fft.rfft2(spread), np.fft.rfft2(w, (H, W)), np.fft.rfft2(wide)
dx = np.fft.irfft2(np.einsum("nfhw,fchw->nchw", of_dout, of_w), (H, W))[:, :, pad : H - pad, pad : W - pad]
dw = np.fft.irfft2(np.einsum("nchw,nfhw->fchw", of_x, np.conj(of_dout)), (H, W))[:, :, : w.shape[2], : w.shape[3]]
return dx.astype(x.dtype), dw.astype(x.dtype), dout.sum(axis=(0, 2, 3))"""
COLUMNS = """stride, pad = conv_param["stride"], conv_param["pad"]
N, C, H, W = x.shape
F, _, HH, WW = w.shape
rows, columns = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
wide = np.pad(x, ((0,), (0,), (pad,), (pad,)), "constant")
c, i, j = np.meshgrid(np.arange(C), np.arange(HH), np.arange(WW), indexing="ij")
top, left = np.meshgrid(stride * np.arange(rows), stride * np.arange(columns), indexing="ij")
index = (c.reshape(-1, 1), i.reshape(-1, 1) + top.reshape(1, -1), j.reshape(-1, 1) + left.reshape(1, -1))
taken = wide[:, index[0], index[1], index[2]]
out = np.tensordot(w.reshape(F, -1), taken, axes=(1, 1)).transpose(1, 0, 2) + b[None, :, None]
return out.reshape(N, F, rows, columns), (wide.shape, index, taken, w, pad, x.shape)"""
COLUMNS_BACK = """shape, index, taken, w, pad, of_x = cache
F = w.shape[0]
flat = dout.reshape(dout.shape[0], F, -1)
dw = np.tensordot(flat, taken, axes=((0, 2), (0, 2))).reshape(w.shape)
wide = np.zeros(shape, dtype=dout.dtype)
np.add.at(wide, (slice(None), *index), np.matmul(w.reshape(F, -1).T, flat))
return wide[:, :, pad : pad + of_x[2], pad : pad + of_x[3]], dw, flat.sum(axis=(0, 2))"""
MARGINS = """loss, dx = 0.0, np.zeros_like(x)
for n in range(x.shape[0]):
    for j in range(x.shape[1]):
        margin = x[n, j] - x[n, y[n]] + 1
        if j != y[n] and margin > 0:
            loss += margin
            dx[n, j] += 1
            dx[n, y[n]] -= 1
return loss / x.shape[0], dx / x.shape[0]"""
BY_HAND = """W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
N = X.shape[0]
flat = X.reshape(N, -1)
hidden = np.maximum(0, flat.dot(W1) + b1)
scores = hidden.dot(W2) + b2
if y is None:
    return scores
p = np.exp(scores - np.max(scores, axis=1, keepdims=True))
p /= np.sum(p, axis=1, keepdims=True)
loss = -np.sum(np.log(p[range(N), y])) / N + 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
p[range(N), y] -= 1
p /= N
dhidden = p.dot(W2.T) * (hidden > 0)
return loss, {
    "W2": hidden.T.dot(p) + self.reg * W2, "b2": p.sum(axis=0),
    "W1": flat.T.dot(dhidden) + self.reg * W1, "b1": dhidden.sum(axis=0),
}"""
RMS = """if config is None:
    config = {}
config.setdefault("learning_rate", 1e-2)
config.setdefault("decay_rate", 0.99)
config.setdefault("epsilon", 1e-8)
config.setdefault("cache", np.zeros_like(w))
config["cache"] *= config["decay_rate"]
config["cache"] += (1 - config["decay_rate"]) * np.square(dw)
return w - config["learning_rate"] / (np.sqrt(config["cache"]) + config["epsilon"]) * dw, config"""
BY_DIFFERENCE = RMS.replace('*= config["decay_rate"]', "-= np.square(dw)").replace(
    '+= (1 - config["decay_rate"]) * np.square(dw)', '= np.square(dw) + config["decay_rate"] * config["cache"]'
)
MOMENTUM = """if config is None:
    config = {}
config.setdefault("learning_rate", 1e-2)
config.setdefault("momentum", 0.9)
v = config.get("velocity", np.zeros_like(w))
v *= config["momentum"]
v -= config["learning_rate"] * dw
w += v
config["velocity"] = v
return w, config"""

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
    Rewrite("convolution by index, as im2col has it", (
        Body("conv_forward_naive", COLUMNS), Body("conv_backward_naive", COLUMNS_BACK),
    )),
    Rewrite("layer norm as batch norm turned round", (
        Body("layernorm_forward", "eps = ln_param.get('eps', 1e-5)\nxt = x.T\nmean, variance = xt.mean(0), xt.var(0)\n"
             "normal = ((xt - mean) / np.sqrt(variance + eps)).T\n"
             "return gamma * normal + beta, (normal, np.sqrt(variance + eps)[:, None], gamma, 1)"),
        Body("layernorm_backward", "normal, deviation, gamma, _ = cache\nN, D = dout.shape\ng = (dout * gamma).T\n"
             "n = normal.T\ndx = (D * g - g.sum(0) - n * (g * n).sum(0)) / D / deviation.T\n"
             "return dx.T, (dout * normal).sum(0), dout.sum(0)"),
    )),
    Rewrite("group norm with gradients of shape (C,)", (
        Body("spatial_groupnorm_backward", "normal, deviation, gamma, G = cache\nshape = dout.shape\n"
             "g = (dout * gamma).reshape(shape[0], G, -1)\nn = normal.reshape(g.shape)\n"
             "along = g.mean(2, keepdims=True) + n * (g * n).mean(2, keepdims=True)\n"
             "return ((g - along) / deviation).reshape(shape), (dout * normal).sum((0, 2, 3)), dout.sum((0, 2, 3))"),
    )),
    Rewrite("SVM loss by loops", (Body("svm_loss", MARGINS),)),
    Rewrite("relu's backward in place, on dout itself", (
        Body("relu_backward", "dout[cache <= 0] = 0\nreturn dout"),
    )),
    Rewrite("momentum in place", (Body("sgd_momentum", MOMENTUM),), OPTIM_FILE),
    Rewrite("RMSprop that averages by a difference", (Body("rmsprop", BY_DIFFERENCE),), OPTIM_FILE),
    Rewrite("RMSprop in place, by the rate over the root", (Body("rmsprop", RMS),), OPTIM_FILE),
    Rewrite("a convolution by Fourier transforms", (
        Body("conv_forward_naive", FOURIER), Body("conv_backward_naive", FOURIER_BACK),
    )),
    Rewrite("a network of two layers by hand, without any layer", (Body("TwoLayerNet.loss", BY_HAND),), FC_FILE),
    *NORMS,
)  # fmt: skip
