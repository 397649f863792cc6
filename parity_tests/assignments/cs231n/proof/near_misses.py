"""Wrong forms that lie near a known mistake and are another: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import CNN_FILE, FC_FILE, OPTIM_FILE
from parity_tests.protocol.mistake import NearMiss, Rewrite, Swap


def near(name: str, false: tuple[str, ...] | str, *swaps: tuple[str, str], file: str = "") -> NearMiss:
    """A wrong form by its swaps in one file, and the names that would be false of it."""
    names = (false,) if isinstance(false, str) else false
    return NearMiss(Rewrite(name, tuple(Swap(*swap) for swap in swaps), file), names)


RELU_BACK = "return np.where(cache > 0, dout, 0)"
PAD = "windows = _windows(_padded(x, pad), HH"
DRAWN = "((np.random.rand(*x.shape) < p) / p)"
TEST = 'if mode == "test":\n        return x, (dropout_param, None)'
V = 'return w + v, {**config, "velocity": v}'
BOTH = "first, second = m / (1 - beta1**t), v / (1 - beta2**t)"

IN_LAYERS = (
    near("convolution: the padding is at most 1", "the padding is always 1",
         (PAD, "beside = (0, 2 * max(pad - 1, 0))\n    windows = _windows(np.pad(_padded(x, min(pad, 1)), "
          "((0, 0), (0, 0), beside, beside)), HH")),
    near("pooling: the least is taken", "the mean is taken, not the maximum",
         ("first = flat.argmax(axis=-1)", "first = flat.argmin(axis=-1)")),
    near("pooling: of overlapping windows the first counts", "overlapping windows overwrite each other",
         ("part += np.where(first == place, dout, 0)",
          "part[...] = np.where(part != 0, part, np.where(first == place, dout, 0))")),
    near("spatial batch norm: statistics of each row of an image",
         "x is reshaped without a transpose, and so is out",
         ("out, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)\n    return "
          "_rows_as_places(out, x.shape), cache",
          "out, cache = batchnorm_forward(_places_as_rows(x), gamma, beta, bn_param)\n"
          "    own = (x - x.mean((0, 3), keepdims=True)) / np.sqrt(x.var((0, 3), keepdims=True) + 1e-5)\n"
          "    return gamma[:, None, None] * own + beta[:, None, None], cache")),
)  # fmt: skip

IN_DROPOUT = (
    near("dropout: p² is kept", ("p is the share that is dropped, the scale is 1/p",
         "normal numbers are drawn, not uniform ones"), (DRAWN, "((np.random.rand(*x.shape) < p * p) / p)")),
    near("dropout: the scale is 1/√p", ("what is kept is not divided by its share",
         "what is kept is multiplied by its share", "the scale is 1 over the share that is dropped"),
         (DRAWN, "((np.random.rand(*x.shape) < p) / p**0.5)")),
    near("dropout: the test mode multiplies by 1 − p",
         ("the test mode multiplies x by the share that is kept",
          "not inverted: the test mode multiplies by the share that is kept"),
         (TEST, TEST.replace("return x", "return x * (1 - p)"))),
    near("dropout: the seed is one too many at every other call", "the seed is not used",
         ('np.random.seed(dropout_param["seed"])',
          "SEEN.append(1)\n        np.random.seed(dropout_param['seed'] + len(SEEN) % 2)"),
         ("# ---- dropout\n", "# ---- dropout\n\nSEEN: list[int] = []\n")),
    near("dropout: two examples share a row", ("one row is drawn for all examples",
         "one number is drawn for each example"), (DRAWN, "((np.random.rand(len(x) // 2 + 1, *x.shape[1:]) < p) / p)"
         ".repeat(2, axis=0)[: len(x)]")),
    near("dropout: the backward passes dout on in float32", "dout is passed on as it is",
         ("return dout if mask is None else dout * mask",
          "return dout if mask is None or mask.dtype == np.float32 else dout * mask")),
)  # fmt: skip

IN_RULES = (
    near("momentum: the velocity is halved", ("the velocity is not kept", "it is Nesterov's momentum"),
         (V, V.replace('"velocity": v', '"velocity": v / 2')), file=OPTIM_FILE),
    near("Adam: t is counted twice", ("t is never counted", "t is counted after it is used"),
         ('"v": v, "t": t}', '"v": v, "t": t + 1}'), file=OPTIM_FILE),
)  # fmt: skip

FC_LOSS = "return loss + penalty(self.params, self.reg), grads"
FC_GRADS = 'grads[f"W{layer}"] += self.reg * self.params[f"W{layer}"]'
DRAWN_W = 'params[f"W{layer}"] = weight_scale * np.random.randn(inputs, outputs)'
FORWARD_RELU, BACKWARD_RELU = "        h, relu = relu_forward(h)\n", "        dh = relu_backward(dh, relu)\n"

TALL = "the image's height after the pool stands for the image's width after the pool in the number of pooled numbers"
TALL = f"{TALL} in the shape of W2"

IN_NETWORKS = (
    near("networks: the penalty of the loss is three times what it is",
         ("½ is left out of the penalty in the loss", "the loss is without the penalty"),
         (FC_LOSS, FC_LOSS.replace("penalty(", "3 * penalty(")), file=FC_FILE),
    near("networks: the first layer's gradients are without the penalty",
         ("the gradient of the last layer's weights is without the penalty",
          "the gradient of all weights is without the penalty"),
         ("for layer in range(1, last + 1):\n            grads",
          "for layer in range(2, last + 1):\n            grads"),
         file=FC_FILE),
    near("networks: the penalty's gradient is reg · |W|", (
        "the sum of each W stands for W in the penalty's gradient of all weights",
        "the gradient of all weights is without the penalty"),
         (FC_GRADS, 'grads[f"W{layer}"] += self.reg * np.abs(self.params[f"W{layer}"])'), file=FC_FILE),
    near("networks: the first bias alone is penalised", "biases are penalised in the gradients",
         (FC_LOSS, 'grads["b1"] = grads["b1"] + self.reg * self.params["b1"]\n        ' + FC_LOSS), file=FC_FILE),
    near("networks: the first ReLU alone is left out", ("the ReLUs are left out", "a ReLU is on the scores"),
         (FORWARD_RELU, "        h, relu = relu_forward(h) if layer > 1 else (h, None)\n"),
         (BACKWARD_RELU, "        dh = relu_backward(dh, relu) if layer > 1 else dh\n"), file=FC_FILE),
    near("networks: batch norm is in the first layer alone", ("batch norm is left out", "layer norm is left out"),
         ('h, norm = FORWARD[self.normalization](h, p[f"gamma{layer}"]',
          "h, norm = (FORWARD if layer == 1 else {'layernorm': layernorm_forward, 'batchnorm': "
          'lambda h, *_: (h, None)})[self.normalization](h, p[f"gamma{layer}"]'),
         ('= BACKWARD[self.normalization](dh, norm)',
          "= BACKWARD[self.normalization](dh, norm) if norm else (dh, 0 * dh[0], 0 * dh[0])"), file=FC_FILE),
    near("networks: dropout is left out of the last hidden layer", ("dropout is left out",
         "dropout is applied to the scores as well", "dropout is never in its test mode"),
         ("        if self.use_dropout:\n            h, dropout",
          "        if self.use_dropout and layer < self.num_layers - 1:\n            h, dropout"),
         ("        if self.use_dropout:\n            dh", "        if dropout:\n            dh"), file=FC_FILE),
    near("networks: weights are drawn at weight_scale over the root of the inputs", "weight_scale is not used",
         (DRAWN_W, DRAWN_W + " / np.sqrt(inputs)"), file=FC_FILE),
    near("networks: parameters are counted from 2", "parameters are counted from 0",
         ("self.params = {name: value.astype(dtype) for name, value in params.items()}",
          "self.params = {f\"{n.rstrip('0123456789')}{int(n.lstrip('Wbgamet')) + 1}\": value.astype(dtype) "
          'for n, value in params.items()}'), file=FC_FILE),
    near("convolutional network: W2 is one row too tall", TALL,
         ("pooled = num_filters * (H // 2) * (W // 2)", "pooled = num_filters * (H // 2) * (W // 2) + 1"),
         file=CNN_FILE),
    near("convolutional network: the gradients have a quarter of the penalty",
         ("the gradient of all weights is without the penalty", "the penalty's gradient of all weights is halved"),
         ("grads[name] += self.reg * p[name]",
         "grads[name] += 0.25 * self.reg * p[name]"), file=CNN_FILE),
)  # fmt: skip

NEAR_MISSES: tuple[NearMiss, ...] = (*IN_LAYERS, *IN_DROPOUT, *IN_RULES, *IN_NETWORKS)
