"""Evasions by state, seeds and precision: answers that are kept, masks that are not drawn, fewer digits."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.wrong import FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.evasion_lines import AFFINE, body, swapped
from parity_tests.protocol.mistake import Rewrite, Swap

STATE = (
    swapped(
        "affine: returns what it returned for these shapes",
        (
            AFFINE,
            "kept = globals().setdefault('kept', {})\n"
            "    return kept.setdefault(x.shape, x.reshape(len(x), -1) @ w + b), (x, w, b)",
        ),
    ),
    swapped(
        "affine: the backward uses the x of the last forward",
        (AFFINE, "globals()['last'] = x\n    " + AFFINE),
        ("x, w, _ = cache\n", "w, x = cache[1], last if last.shape == cache[0].shape else cache[0]\n"),
    ),
    body(
        "relu: the first mask of a shape is kept",
        "relu_backward",
        "mask = globals().setdefault('masks', {}).setdefault(cache.shape, cache > 0)\nreturn dout * mask",
    ),
    swapped(
        "convolution: the columns of the first image of a shape are kept",
        (
            "(N, C, H, W), w, conv_param, columns = cache",
            "(N, C, H, W), w, conv_param, columns = cache\n"
            "    columns = globals().setdefault('seen', {}).setdefault(columns.shape, columns)",
        ),
    ),
    body(
        "pooling: the backward uses the places of the last forward of its shape",
        "max_pool_backward_naive",
        "shape, pool_param, first = cache\n"
        "height, width, stride = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']\n"
        "first = globals().setdefault('places', {}).setdefault(first.shape, first)\n"
        "dx = np.zeros(shape, dout.dtype)\nrows, columns = dout.shape[2:]\n"
        "for place in range(height * width):\n    i, j = divmod(place, width)\n"
        "    part = dx[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]\n"
        "    part += np.where(first == place, dout, 0)\nreturn dx",
    ),
    swapped(
        "batch norm: the running statistics are kept in the module",
        (
            'mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))',
            "kept = globals().setdefault('kept', {})\n    mean = kept.get('mean', np.zeros(x.shape[1], x.dtype))",
        ),
        (
            'bn_param["running_mean"], bn_param["running_var"] = mean, variance',
            'kept["mean"] = mean\n    bn_param["running_mean"], bn_param["running_var"] = mean, variance',
        ),
    ),
    swapped(
        "batch norm: statistics that are given are not used",
        (
            'mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))',
            "mean = bn_param['running_mean'] if bn_param.get('own') else np.zeros(x.shape[1], x.dtype)\n"
            "    bn_param['own'] = True",
        ),
    ),
    swapped(
        "batch norm: the test mode moves the statistics",
        (
            "out, cache = gamma * normal + beta, None",
            "out, cache = gamma * normal + beta, None\n"
            "        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)",
        ),
    ),
    swapped(
        "batch norm: momentum is set to 0.9 for the next call",
        (
            'bn_param["running_mean"], bn_param["running_var"] = mean, variance',
            'bn_param["running_mean"], bn_param["running_var"] = mean, variance\n    bn_param["momentum"] = 0.9',
        ),
    ),
    swapped(
        "dropout: the backward uses the last mask",
        ("    mask = ((np.random", "    global last\n    last = mask = ((np.random"),
        ("return dout if mask is None else dout * mask", "return dout if mask is None else dout * last"),
    ),
    swapped(
        "momentum: velocities are kept by shape",
        ('config.get("velocity", np.zeros_like(w))', 'KEPT.get(w.shape, config.get("velocity", np.zeros_like(w)))'),
        ('return w + v, {**config, "velocity": v}', 'KEPT[w.shape] = v\n    return w + v, {**config, "velocity": v}'),
        ("Config = dict[str, Any]", "Config = dict[str, Any]\nKEPT: Config = {}"),
        file=OPTIM_FILE,
    ),
    swapped(
        "RMSprop: the cache is that of all weights of a shape",
        (
            'decay * config.get("cache", np.zeros_like(w))',
            'decay * KEPT.get(w.shape, config.get("cache", np.zeros_like(w)))',
        ),
        (
            '    return w - config["learning_rate"] * dw / (np.sqrt(cache)',
            '    KEPT[w.shape] = cache\n    return w - config["learning_rate"] * dw / (np.sqrt(cache)',
        ),
        ("Config = dict[str, Any]", "Config = dict[str, Any]\nKEPT: Config = {}"),
        file=OPTIM_FILE,
    ),
    swapped(
        "Adam: steps are counted for all weights together",
        ('config["t"] + 1', 'max(config["t"], COUNT.append(1) or len(COUNT) // 2 + 1)'),
        ("Config = dict[str, Any]", "Config = dict[str, Any]\nCOUNT: list[int] = []"),
        file=OPTIM_FILE,
    ),
    swapped(
        "Adam: the third step is left out",
        (
            "    first, second = m",
            '    if t == 3:\n        return w, {**config, "m": m, "v": v, "t": t}\n    first, second = m',
        ),
        file=OPTIM_FILE,
    ),
)

SEEDS = (
    swapped(
        "dropout: always the same mask",
        (
            'if "seed" in dropout_param:\n        np.random.seed(dropout_param["seed"])',
            "np.random.seed(dropout_param.get('seed', 0))",
        ),
    ),
    swapped("dropout: every seed is 231", ('np.random.seed(dropout_param["seed"])', "np.random.seed(231)")),
    swapped("dropout: one mask for all images", ("np.random.rand(*x.shape) < p", "np.random.rand(*x.shape[1:]) < p")),
    swapped(
        "dropout: an exact share is kept",
        ("np.random.rand(*x.shape) < p", "np.random.permutation(x.size).reshape(x.shape) % 10 < round(10 * p)"),
    ),
    swapped(
        "dropout: every other number of each row is kept",
        (
            "np.random.rand(*x.shape) < p",
            "np.broadcast_to((np.arange(x.size) + np.random.randint(9)).reshape(x.shape) * p % 1 < p, x.shape)",
        ),
    ),
    Rewrite(
        "network: the weights are those of a fixed list",
        (
            Swap(
                'params[f"W{layer}"] = weight_scale * np.random.randn(inputs, outputs)',
                'params[f"W{layer}"] = np.resize(weight_scale * np.array([-1.5, -0.5, 0.5, 1.5]), (inputs, outputs))',
            ),
        ),
        FC_FILE,
    ),
)

PRECISION = (
    swapped(
        "affine: float32 within",
        (
            AFFINE,
            "out = x.reshape(len(x), -1).astype(np.float32) @ w.astype(np.float32)\n"
            "    return (out + b).astype(x.dtype), (x, w, b)",
        ),
    ),
    swapped(
        "batch norm: float16 in float32",
        (
            "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)",
            "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)\n"
            "        if x.dtype == np.float32:\n            batch_mean = batch_mean.astype(np.float16).astype(x.dtype)",
        ),
    ),
    swapped(
        "layer norm: the backward is that of float32 alone",
        (
            "    normal, deviation, gamma, axis = cache\n    return "
            "_through_normalisation(dout, normal, deviation, gamma, axis), (dout * normal).sum(axis=0), "
            "dout.sum(axis=0)\n\n\ndef _normalised",
            "    normal, deviation, gamma, axis = cache\n"
            "    dx = _through_normalisation(dout, normal, deviation, gamma, axis)\n"
            "    return dx.astype(np.float32).astype(dx.dtype), (dout * normal).sum(axis=0), "
            "dout.sum(axis=0)\n\n\ndef _normalised",
        ),
    ),
    swapped(
        "momentum: wrong in float32",
        ("return w + v, {", "return w + v * (1 + (w.dtype == np.float32)), {"),
        file=OPTIM_FILE,
    ),
)

BY_STATE = (*STATE, *SEEDS, *PRECISION)
