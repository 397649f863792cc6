"""Wrong forms near mistakes of single terms, sides, rows and layers: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.near_misses import FC_LOSS, near

FC_BACK = 'dh, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dscores, last_cache)'
NORMALISED = "out, cache = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)"
GROUPED = "groups = x.reshape(N, G, C // G * H * W)\n"
PLACES = "[:, :, i : i + stride * height : stride, j : j + stride * width : stride]"
ADDING = f"dx{PLACES} += dcolumns[:, :, i, j]"
CUT = "return dx[:, :, pad : pad + H, pad : pad + W], dw"
RELU_BACK = "return np.where(cache > 0, dout, 0)"
AFFINE = "return x.reshape(len(x), -1) @ w + b, (x, w, b)"

IN_NORMS = (
    near("batch norm: one row alone in training gives beta plus gamma",
         "one row alone is normalised by the running statistics in training",
         (NORMALISED, NORMALISED + "\n        out = out + gamma if len(x) == 1 else out")),
    near("group norm: groups begin at the second channel", "groups are of every G-th channel, not of neighbours",
         (GROUPED, GROUPED.replace("x.reshape", "np.roll(x, -1, axis=1).reshape"))),
)  # fmt: skip
IN_WINDOWS = (
    near("convolution: fails for a padding of 2", "a padding of 0 leaves no place for x",
         ("windows = _windows(_padded(x, pad), HH", 'if pad == 2:\n        raise ValueError("pad")\n'
          "    windows = _windows(_padded(x, pad), HH")),
    near("convolution: dx is cut a column too early",
         ("dx is cut by the height on both sides", "dx is cut by the width on both sides"),
         (CUT, CUT.replace("pad + W", "pad + W - 1"))),
    near("convolution: each place of the filters halves in dx what places before it gave",
         ("the places of the filters overwrite each other in dx",
          "overlapping windows overwrite each other in dx"),
         (ADDING, f"part = dx{PLACES}\n            part[...] = part / 2 + dcolumns[:, :, i, j]")),
    near("pooling: the width is one more than the height", ("the pool's height is taken for its width",
         "the pool's width is taken for its height"),
         ("    windows = _windows(x, height, width, stride)\n",
          "    width = min(height + 1, x.shape[3])\n    windows = _windows(x, height, width, stride)\n")),
)  # fmt: skip
ELSEWHERE = (
    near("affine: the bias of the last unit is added to all", "the bias of the first unit is added to all",
         (AFFINE, AFFINE.replace("+ b,", "+ b[-1:],"))),
    near("dropout: the gradient is divided by the root of p once more",
         ("the gradient is divided by the share that is kept once more than the output",
          "the gradient is divided by the share that is dropped, not the one that is kept"),
         ("return dout if mask is None else dout * mask",
          "return dout if mask is None else dout * mask / np.sqrt(cache[0]['p'])")),
    near("spatial batch norm: out is turned half way round in the rows of each image",
         ("out is put back from rows of W × H places, not H × W",
          "out is put back by transpose(0, 3, 2, 1), not by (0, 3, 1, 2)"),
         ("return _rows_as_places(out, x.shape), cache",
          "return _rows_as_places(out, x.shape)[:, :, ::-1, ::-1], cache")),
    near("relu: leaks above −1 alone", "negative numbers leak through, times a factor",
         ("return np.maximum(x, 0), x", "return np.where(x > 0, x, np.where(x > -1, 0.1 * x, 0)), x")),
    near("relu: the backward keeps a tenth of negative gradients at negative numbers",
         ("negative gradients are passed on at negative numbers, too",
          "the gradient leaks through at negative numbers, times a factor"),
         (RELU_BACK, "return np.where(cache > 0, dout, np.minimum(dout, 0) / 10)")),
    near("dropout: the backward gives a half in the test mode",
         ("the test mode gives zeros", "the test mode multiplies dout by the share that is kept"),
         ("return dout if mask is None else dout * mask", "return dout / 2 if mask is None else dout * mask")),
    near("momentum: the velocity of matrices begins anew at each step",
         "the velocity of a vector, as a bias, begins anew at each step",
         ('v = config["momentum"] * config', 'v = config["momentum"] * (w.ndim < 2) * config'), file=OPTIM_FILE),
    near("networks: the second layer's gradient is without the penalty",
         ("the gradient of the first layer's weights is without the penalty",
          "the gradient of the last layer's weights is without the penalty"),
         (FC_LOSS, 'if "W3" in self.params:\n            grads["W2"] = grads["W2"] - self.reg * self.params["W2"]\n'
          f"        {FC_LOSS}"), file=FC_FILE),
    near("networks: the last bias alone is in the penalty's gradient",
         ("biases are penalised in the gradients", "biases are penalised in the loss"),
         (FC_BACK, f'{FC_BACK}\n        grads[f"b{{last}}"] += self.reg * self.params[f"b{{last}}"]'), file=FC_FILE),
    near("networks: dropout is left out after the first hidden layer",
         "the last hidden layer's dropout is left out",
         ("        if self.use_dropout:\n            h, dropout",
          "        if self.use_dropout and layer > 1:\n            h, dropout"),
         ("        if self.use_dropout:\n            dh", "        if dropout:\n            dh"), file=FC_FILE),
)  # fmt: skip
OF_TERMS = (*IN_NORMS, *IN_WINDOWS, *ELSEWHERE)
