"""Wrong forms near the mistakes that texts hold: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.turned import TURNED
from parity_tests.assignments.cs231n.mistakes.wrong import FC_FILE, OPTIM_FILE
from parity_tests.assignments.cs231n.proof.near_misses import BOTH, FC_LOSS, RELU_BACK, near
from parity_tests.assignments.cs231n.proof.near_misses_of_terms import CUT

KEPT = 'return w - step, {**config, "m": m, "v": v, "t": t}'
STORED = 'bn_param["running_mean"], bn_param["running_var"] = mean, variance'

TEST = 'if mode == "test":\n        return x, (dropout_param, None)'
OF_TEXTS = (
    near(
        "dropout: the test mode divides by p",
        ("the test mode drops as well", "the scale comes in the test mode, not in training"),
        (TEST, TEST.replace("return x", "return x / p")),
    ),
    near(
        "batch norm: half of the running mean is stored",
        ("the running mean is never stored in bn_param as running_mean", "the running mean is never updated"),
        (STORED, STORED.replace("= mean,", "= mean / 2,")),
    ),
    near(
        "batch norm: the running variance is stored in training on fewer than nine rows alone",
        (
            "the running variance is never stored in bn_param as running_var",
            "the running variance is read from bn_param and stored there under another name than running_var",
        ),
        (STORED, f"{STORED}\n    if len(x) > 8:\n        bn_param.pop('running_var')"),
    ),
    near(
        "relu: the forward clips in place, the backward passes a quarter where x was negative",
        "every gradient passes: the forward has written over x, in which no number is negative any more",
        ("return np.maximum(x, 0), x", "out = np.maximum(x, 0, out=x)\n    return out, x"),
        (RELU_BACK, "return np.where(cache > 0, dout, dout / 4)"),
    ),
    near(
        "spatial batch norm: the columns of dout run backwards",
        tuple(wrong.name for wrong in TURNED if wrong.name.startswith("the rows of dout run along")),
        ("(_places_as_rows(dout), cache)", "(_places_as_rows(dout[..., ::-1]), cache)"),
    ),
    near(
        "batch norm: the test mode moves the statistics half as far, before it uses them",
        ("the test mode updates the running statistics before it uses them", "every call is training"),
        (
            "normal = (x - mean) / np.sqrt(variance + eps)\n",
            "mean = mean + (1 - momentum) / 2 * (x.mean(axis=0) - mean)\n"
            "        normal = (x - mean) / np.sqrt(variance + eps)\n",
        ),
    ),
    near(
        "convolution: the padding has the mean of the image",
        "the image padded with ones stands for the image padded with zeros in the windows",
        (
            "windows = _windows(_padded(x, pad), HH",
            "beside = ((0, 0), (0, 0), (pad, pad), (pad, pad))\n"
            "    windows = _windows(np.pad(x, beside, constant_values=x.mean()), HH",
        ),
    ),
    near(
        "convolution: dx is cut from pad − 1 on",
        (
            "0 stands for pad in dx",
            "2 pad stands for pad in dx",
            "dx is cut from pad to H and W, not to pad + H and pad + W",
        ),
        (CUT, "from_ = max(pad - 1, 0)\n    return dx[:, :, from_ : from_ + H, from_ : from_ + W], dw"),
    ),
    near(
        "Adam: the moments are corrected as if t were 0, so that they are no numbers",
        (
            "t is never counted",
            "the corrections have β t, not β to the power t",
            "t is counted after it is used",
        ),
        (BOTH, BOTH.replace("**t", "**0")),
        file=OPTIM_FILE,
    ),
    near(
        "Adam: the second moment is kept half corrected",
        "the corrected second moment is kept",
        (KEPT, KEPT.replace('"v": v', '"v": (v + second) / 2')),
        file=OPTIM_FILE,
    ),
    near(
        "networks: the penalty is the square of the sum of each row",
        (
            "the square of the sum of each W stands for the sum of its squares in the loss",
            "the power 2 of W is left out of the sum of squares in the loss",
        ),
        (
            FC_LOSS,
            "return loss + 0.5 * self.reg * sum(np.sum(w.sum(axis=1) ** 2) for n, w in self.params.items() "
            'if n[0] == "W"), grads',
        ),
        file=FC_FILE,
    ),
    near(
        "networks: biases are drawn at random in the first layer alone",
        "biases are drawn at random",
        (
            'params[f"b{layer}"] = np.zeros(outputs)',
            'params[f"b{layer}"] = np.zeros(outputs) if layer > 1 else np.random.randn(outputs)',
        ),
        file=FC_FILE,
    ),
)
