"""Further honest forms, as other students write them: by products of tensors, by index, in place, by hand."""

from parity_tests.assignments.cs231n.names import FC_FILE, OPTIM_FILE
from parity_tests.protocol.mistake import Body, Rewrite

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

FURTHER = (
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
    Rewrite("RMSprop that averages by a difference", (Body("rmsprop", BY_DIFFERENCE),), OPTIM_FILE, "by a difference"),
    Rewrite("RMSprop in place, by the rate over the root", (Body("rmsprop", RMS),), OPTIM_FILE),
    Rewrite("a convolution by Fourier transforms", (
        Body("conv_forward_naive", FOURIER), Body("conv_backward_naive", FOURIER_BACK),
    )),
    Rewrite("a network of two layers by hand, without any layer", (Body("TwoLayerNet.loss", BY_HAND),), FC_FILE),
)  # fmt: skip
