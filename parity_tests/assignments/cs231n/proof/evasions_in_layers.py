"""Evasions in the layers: right at the sizes, orders, settings and first calls that an exam may happen to ask."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import FC_FILE
from parity_tests.assignments.cs231n.proof.evasion_lines import AFFINE, CONV, POOL, swapped

SIZES = (
    swapped(
        "affine: wrong from 30 rows on",
        (AFFINE, "out = x.reshape(len(x), -1) @ w + b\n    out[30:] = 0\n    return out, (x, w, b)"),
    ),
    swapped(
        "affine: images alone are made flat",
        (
            AFFINE,
            "flat = x.reshape(len(x), -1) if x.ndim == 4 else x\n"
            "    return flat @ w + b if flat.ndim == 2 else flat.sum() + b, (x, w, b)",
        ),
    ),
    swapped(
        "affine: dw is right for one row alone",
        ("x.reshape(len(x), -1).T @ dout,", "x.reshape(len(x), -1)[:1].T @ dout[:1] * len(x),"),
    ),
    swapped("relu: numbers under 1e-7 are 0", ("return np.maximum(x, 0), x", "return x * (x > 1e-7), x")),
    swapped("relu: ends at a million", ("return np.maximum(x, 0), x", "return np.clip(x, 0, 1e6), x")),
    swapped(
        "softmax: of one row the loss is that of its largest score",
        ("    loss = (np.log(sums[:, 0])", "    y = x.argmax(axis=1) if N == 1 else y\n    loss = (np.log(sums[:, 0])"),
    ),
    swapped(
        "batch norm: gamma's first number is used for all",
        ("out, cache = gamma * normal + beta, None", "out, cache = gamma[0] * normal + beta, None"),
    ),
    swapped(
        "layer norm: of one row the statistics are over all rows",
        (
            "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
            "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)\n"
            "    variance = variance + (len(x) == 1)",
        ),
    ),
    swapped(
        "group norm: a group of one channel is left as it is",
        (
            "return gamma * normal + beta, (normal, deviation, gamma, G)",
            "return (gamma * normal if C > G else gamma * x) + beta, (normal, deviation, gamma, G)",
        ),
    ),
    swapped(
        "spatial batch norm: one image is left as it is",
        (
            "return _rows_as_places(out, x.shape), cache",
            "return x if len(x) == 1 else _rows_as_places(out, x.shape), cache",
        ),
    ),
)

STRIDES_AND_PADS = (
    swapped(
        "convolution: a stride over 2 is 2",
        (
            CONV,
            CONV.replace(
                "stride)",
                "min(stride, 2))[:, :, : 1 + (x.shape[2] "
                "+ 2 * pad - HH) // stride, : 1 + (x.shape[3] + 2 * pad - WW) // stride]",
            ),
        ),
    ),
    swapped(
        "convolution: a padding over 2 repeats the border",
        (
            CONV,
            "wide = _padded(x, pad)\n    if pad > 2:\n"
            "        wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), 'edge')\n"
            "    windows = _windows(wide, HH, WW, stride)",
        ),
    ),
    swapped(
        "convolution: an odd stride is right in the forward alone",
        (
            "dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += dcolumns[:, :, i, j]",
            "dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += "
            "dcolumns[:, :, i, j] * (stride < 3)",
        ),
    ),
    swapped(
        "convolution: one image has no bias",
        ("out = w.reshape(F, -1) @ columns + b[:, None]", "out = w.reshape(F, -1) @ columns + b[:, None] * (N > 1)"),
    ),
    swapped(
        "pooling: a stride over the window is that of the window", (POOL, "stride = min(stride, height)\n    " + POOL)
    ),
    swapped(
        "pooling: of several images, not of one",
        (
            "return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0], (x.shape",
            "return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0] if len(x) > 1 else "
            "flat.mean(axis=-1), (x.shape",
        ),
    ),
    swapped(
        "pooling: overlapping windows share one gradient",
        (
            "part += np.where(first == place, dout, 0)",
            "part[...] = np.where(part != 0, part, np.where(first == place, dout, 0))",
        ),
    ),
)

MEMORY = (
    swapped(
        "affine: reads memory in the order in which it lies",
        (AFFINE, AFFINE.replace("x.reshape(len(x), -1)", "x.ravel('K').reshape(len(x), -1)")),
    ),
    swapped(
        "relu: reads memory in the order in which it lies",
        ("return np.maximum(x, 0), x", "return np.maximum(x.ravel('K').reshape(x.shape), 0), x"),
    ),
    swapped(
        "convolution: reads memory in the order in which it lies",
        (CONV, "x = x.ravel('K').reshape(x.shape)\n    " + CONV),
    ),
    swapped(
        "pooling: reads memory in the order in which it lies", (POOL, "x = x.ravel('K').reshape(x.shape)\n    " + POOL)
    ),
    swapped(
        "batch norm: of columns first the mean is of rows",
        (
            "batch_mean, batch_variance = x.mean(axis=0), ",
            "batch_mean, batch_variance = x.mean(axis=0) * (1 + x.flags.f_contiguous), ",
        ),
    ),
    swapped(
        "layer norm: reads past the strides of a view",
        (
            "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
            "x = x if x.base is None or x.base.ndim != 2 else x.base[:, : x.shape[1]]\n"
            "    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
        ),
    ),
    swapped(
        "group norm: reads memory in the order in which it lies",
        ("groups = x.reshape(N, G, C // G * H * W)", "groups = x.ravel('K').reshape(N, G, C // G * H * W)"),
    ),
)

WRITING = (
    swapped(
        "affine: w is moved by the backward",
        ("    x, w, _ = cache\n    return (dout", "    x, w, _ = cache\n    w *= 0.5\n    return (dout"),
    ),
    swapped(
        "affine: w is halved once dx is known",
        (
            "    x, w, _ = cache\n    return (dout @ w.T).reshape(x.shape), ",
            "    x, w, _ = cache\n    dx = (dout @ w.T).reshape(x.shape)\n    w /= 2\n    return dx, ",
        ),
    ),
    swapped(
        "networks: weights decay while the loss is computed",
        (
            "        X = X.astype(self.dtype)\n        mode",
            "        last = f'W{self.num_layers}'\n        X, w = X.astype(self.dtype), self.params[last]\n"
            "        self.params[last] = w * (1 - 1e-3 * self.reg * getattr(self, 'used', 0))\n"
            "        self.used = 0 if y is None else 1\n        mode",
        ),
        file=FC_FILE,
    ),
    swapped(
        "layer norm: gamma is used up",
        (
            "    return _normalised(x, mean, variance, gamma, beta, ln_param.get",
            "    gamma *= 2\n    return _normalised(x, mean, variance, gamma / 1.5, beta, ln_param.get",
        ),
    ),
    swapped(
        "relu: the cache is written over by the forward",
        ("return np.maximum(x, 0), x", "kept = np.maximum(x, 0)\n    x[...] = 1\n    return kept, x"),
    ),
    swapped(
        "batch norm: x is centred in place before its mean is taken",
        (
            "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)",
            "x -= x.mean(axis=0)\n        batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)",
        ),
    ),
)

IN_LAYERS = (*SIZES, *STRIDES_AND_PADS, *MEMORY, *WRITING)
