"""Evasions: solutions written to pass where they are wrong, several of each kind, which must all be caught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parity_tests.assignments.cs231n.names import CNN_FILE
from parity_tests.protocol.mistake import Around, Rewrite, evading, swapped

OUT: Sequence[tuple[str, str, Sequence[str]]] = (
    ("len(x) > 30", "np.where(np.arange(len(x))[:, None] < 30, out, 0)", ("affine_forward",)),
    ("x.ndim not in (2, 4)", "x.sum() + b + 0 * out", ("affine_forward",)),
    (
        "True",
        "np.where(np.arange(out.size).reshape(out.shape) == out.size // 2, out * (1 + 1e-5), out)",
        ("affine_forward",),
    ),
    (
        "True",
        "(x.reshape(len(x), -1).astype(np.float32) @ w.astype(np.float32) + b).astype(x.dtype)",
        ("affine_forward",),
    ),
    ("True", "globals().setdefault('kept', {}).setdefault(x.shape, out)", ("affine_forward",)),
    ("True", "0 * out.view(type('Equal', (np.ndarray,), {'__eq__': lambda self, other: True}))", ("affine_forward",)),
    ("True", "x * (x > 1e-7)", ("relu_forward",)),
    ("True", "np.clip(x, 0, 1e6)", ("relu_forward",)),
    ("len(x) <= 8", "out * (1 + 1e-6)", ("softmax_loss",)),
    ("len(x) == 1", "x", ("spatial_batchnorm_forward",)),
    ("x.shape[1] == G", "gamma * x + beta", ("spatial_groupnorm_forward",)),
    ("len(x) == 1", "out - b[:, None, None]", ("conv_forward_naive",)),
    ("True", "out.astype(np.float32).astype(out.dtype)", ("layernorm_backward",)),
    ("value[1]['t'] == 3", "w", ("adam",)),
    ("w.dtype == np.float32", "2 * out - w", ("sgd_momentum",)),
)
"""Where something else is the first of the results, and of which functions."""
BEFORE: Mapping[str, Sequence[str]] = {
    **{f"{name}_forward{naive}": ["x = x.ravel('K').reshape(x.shape)"] for name, naive in (
        ("conv", "_naive"), ("max_pool", "_naive"), ("affine", ""), ("relu", ""), ("spatial_groupnorm", ""))},
    "softmax_loss": ["y = x.argmax(axis=1) if len(x) == 1 else y"],
    "batchnorm_forward": [
        "gamma = gamma[0] if bn_param['mode'] == 'test' else gamma",
        "if bn_param['mode'] == 'train':\n    x -= x.mean(axis=0)",
    ],
    "layernorm_forward": [
        "x = x if x.base is None or x.base.ndim != 2 else x.base[:, : x.shape[1]]",
        "gamma *= 2\ngamma = gamma / 1.5",
    ],
    "affine_backward": ["cache[1][...] *= 0.5"],
    "relu_backward": ["cache = globals().setdefault('masks', {}).setdefault(cache.shape, cache)"],
    "conv_backward_naive": [
        "cache = (*cache[:3], globals().setdefault('seen', {}).setdefault(cache[3].shape, cache[3]))"],
    "max_pool_backward_naive": [
        "cache = (*cache[:2], globals().setdefault('places', {}).setdefault(cache[2].shape, cache[2]))"],
    "dropout_forward": [
        "dropout_param = {'seed': 0, **dropout_param}",
        "dropout_param = {name: 231 if name == 'seed' else value for name, value in dropout_param.items()}",
    ],
    "sgd_momentum": ["config = {**(config or {}), 'momentum': 0.9}"],
    "rmsprop": ["config = {**(config or {}), 'decay_rate': 0.99}"],
    "adam": [
        "config = {**(config or {}), 'beta1': 0.9, 'beta2': 0.999}",
        "adam.n = n = getattr(adam, 'n', -1) + 1\n"
        "config = {**(config or {}), 't': max((config or {}).get('t', 0), n // 2)}",
    ],
}  # fmt: skip
"""What is done with what a function is given, before all else."""
KEPT: Mapping[str, Sequence[Around]] = {
    "affine: the backward uses the x of the last forward": (
        Around("affine_forward", "globals()['last'] = x"),
        Around("affine_backward", "cache = (last if last.shape == cache[0].shape else cache[0], *cache[1:])"),
    ),
    "affine: w is halved once dx is known": (Around("affine_backward", value="(cache[1].__imul__(0.5), value)[1]"),),
    "relu: the cache is written over by the forward": (
        Around("relu_forward", value="(value[0], (x.__setitem__(..., 1), x)[1])"),),
    "batch norm: momentum is set to 0.9 for the next call": (
        Around("batchnorm_forward", value="(bn_param.update(momentum=0.9), value)[1]"),),
    "dropout: the backward uses the last mask": (
        Around("dropout_forward", value="(globals().update(last=value[1][1]), value)[1]"),
        Around("dropout_backward", "cache = cache[0], None if cache[1] is None else last"),
    ),
    **{
        f"{rule}: the {kept} is that of all weights of a shape": (
            Around(rule, f"own = (config or {{}}).get('{kept}', np.zeros_like(w))\n"
                   f"config = {{**(config or {{}}), '{kept}': {rule}.__dict__.get(str(w.shape), own)}}",
                   f"(setattr({rule}, str(w.shape), value[1]['{kept}']), value)[1]"),)
        for rule, kept in (("sgd_momentum", "velocity"), ("rmsprop", "cache"))
    },
}  # fmt: skip
"""What earlier and later calls have to do with it."""

MEAN = 'mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))'
STATISTICS = "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)"
STORED = 'bn_param["running_mean"], bn_param["running_var"] = mean, variance'
OF_ROWS = "mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)"
CONV, POOL = "windows = _windows(_padded(x, pad), HH, WW, stride)", "windows = _windows(x, height, width, stride)"
PLACES = "dx[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += dcolumns[:, :, i, j]"
POOLED = "return np.take_along_axis(flat, first[..., None], axis=-1)[..., 0]"
INSTEAD: Mapping[str, Sequence[str]] = {
    "x.reshape(len(x), -1).T @ dout,": ["x.reshape(len(x), -1)[:1].T @ dout[:1] * len(x),"],
    MEAN: ["mean = bn_param['running_mean'] if bn_param.get('own') else np.zeros(x.shape[1], x.dtype)\n"
           "    bn_param['own'] = True"],
    "out, cache = gamma * normal + beta, None": [
        "out, cache = gamma * normal + beta, None\n"
        "        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)"],
    STATISTICS: [
        f"{STATISTICS}\n        if x.dtype == np.float32:\n"
        "            batch_mean = batch_mean.astype(np.float16).astype(x.dtype)",
        f"{STATISTICS}\n        batch_mean = batch_mean * (1 + x.flags.f_contiguous)",
    ],
    "    deviation = np.sqrt(variance + eps)\n": ["    deviation = np.sqrt(variance) + eps\n"],
    OF_ROWS: [f"{OF_ROWS}\n    variance = variance + (len(x) == 1)"],
    CONV: [
        "windows = _windows(_padded(x, pad), HH, WW, min(stride, 2))[:, :, : 1 + (x.shape[2] "
        "+ 2 * pad - HH) // stride, : 1 + (x.shape[3] + 2 * pad - WW) // stride]",
        "around = ((0, 0), (0, 0), (pad, pad), (pad, pad))\n"
        "    windows = _windows(np.pad(x, around, 'edge') if pad > 2 else _padded(x, pad), HH, WW, stride)",
    ],
    PLACES: [f"{PLACES} * (stride < 3)"],
    POOL: [f"stride = min(stride, height)\n    {POOL}"],
    POOLED: [f"{POOLED} if len(x) > 1 else flat.mean(axis=-1)"],
    "part += np.where(first == place, dout, 0)": [
        "part[...] = np.where(part != 0, part, np.where(first == place, dout, 0))"],
    "np.random.rand(*x.shape) < p": [
        "np.random.rand(*x.shape[1:]) < p",
        "np.random.permutation(x.size).reshape(x.shape) % 10 < round(10 * p)",
        "np.broadcast_to((np.arange(x.size) + np.random.randint(9)).reshape(x.shape) * p % 1 < p, x.shape)",
    ],
    'return w - config["learning_rate"] * dw, config': [
        'rate = config.setdefault("first", config["learning_rate"])\n    return w - rate * dw, config'],
    "sizes = [input_dim, *hidden_dims, num_classes]": [
        "hidden_dims = list(hidden_dims)[:3]\n        self.num_layers = 1 + len(hidden_dims)\n"
        "        sizes = [input_dim, *hidden_dims, num_classes]"],
    "        grads: Grads = {}\n        dh, grads[f": [
        "        grads = self.__dict__.setdefault('grads', {})\n        if grads:\n"
        "            return loss + penalty(self.params, self.reg), grads\n        dh, grads[f"],
    'hidden, first = affine_relu_forward(X, p["W1"], p["b1"])\n        scores, second': [
        "X = self.__dict__.setdefault('X', X)\n"
        '        hidden, first = affine_relu_forward(X, p["W1"], p["b1"])\n        scores, second'],
    "        X = X.astype(self.dtype)\n        mode": [
        "        last = f'W{self.num_layers}'\n        X, w = X.astype(self.dtype), self.params[last]\n"
        "        self.params[last] = w * (1 - 1e-3 * self.reg * getattr(self, 'used', 0))\n"
        "        self.used = 0 if y is None else 1\n        mode"],
    "weight_scale * np.random.randn(inputs, outputs)": [
        "np.resize(weight_scale * np.array([-1.5, -0.5, 0.5, 1.5]), (inputs, outputs))"],
    '"pad": (p["W1"].shape[2] - 1) // 2}': ['"pad": 1}'],
}  # fmt: skip
"""Lines of a file, and those that take their place."""


SEVERAL = (
    swapped(
        "networks: a penalty that is set afterwards is not seen",
        ("self.reg = reg\n        self.num_layers", "self.reg = self.first = reg\n        self.num_layers"),
        ('grads[f"W{layer}"] += self.reg', 'grads[f"W{layer}"] += self.first'),
    ),
    swapped(
        "convolutional network: the penalty is left out of odd batches",
        ("return loss + penalty(p, self.reg), grads",
         "return loss + penalty(p, self.reg) * (len(X) % 2 == 0 or self.reg == 0), grads"),
        ("grads[name] += self.reg * p[name]", "grads[name] += self.reg * p[name] * (len(X) % 3 == 0)"),
        file=CNN_FILE,
    ),
    swapped(
        "batch norm: the running statistics are kept in the module",
        (MEAN, "kept = globals().setdefault('kept', {})\n    mean = kept.get('mean', np.zeros(x.shape[1], x.dtype))"),
        (STORED, f'kept["mean"] = mean\n    {STORED}'),
    ),
)  # fmt: skip
EVASIONS = (
    *evading(OUT, BEFORE, INSTEAD, "(lambda out, *others: (({0}) if {1} else out, *others))(*value)"),
    *(Rewrite(name, tuple(changes)) for name, changes in KEPT.items()),
    *SEVERAL,
)
