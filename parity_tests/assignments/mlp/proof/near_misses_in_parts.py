"""Wrong forms of the parts that lie near a known mistake and are another: each with the names that it must not get."""

from __future__ import annotations

from parity_tests.assignments.mlp.mistakes.kept_rows import NAMES
from parity_tests.assignments.mlp.mistakes.sgd_step import DECAYED, UPDATE, plugged
from parity_tests.protocol.mistake import Body, NearMiss, Rewrite, Swap


def _part(name: str, function: str, statements: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(name, (Body(function, statements),)), false)


def _linear_backward(name: str, false: str, *, W: str = "X.T @ grad", b: str = "grad.sum(axis=0, keepdims=True)",
                     X: str = 'grad @ self.params["W"].T') -> NearMiss:  # fmt: skip
    """A backward with another gradient of W, b or X."""
    lines = f'self.gradient["W"] = {W}\nself.gradient["b"] = {b}\nreturn {X}'
    return _part(f"linear: {name}", "linear_layer.backward", lines, false)


def _relu(name: str, value: str, *false: str) -> NearMiss:
    return _part(f"relu: {name}", "relu.forward", f"self.mask = X > 0\nreturn {value}", *false)


def _tanh(name: str, value: str, *false: str) -> NearMiss:
    right = Body("tanh.backward", "return grad * (1 - np.tanh(X) ** 2)")
    forward = Body("tanh.forward", f"self.h = {value}\nreturn self.h")
    return NearMiss(Rewrite(f"tanh: {name}", (forward, right)), false)


def _dropout(name: str, *false: str, kept: str = "p >= r", scale: str = "1 / (1 - r)", evaluation: str = "1.0",
             ) -> NearMiss:  # fmt: skip
    """A forward with another mask, scale, or factor in evaluation."""
    lines = (
        "r, p = self.r, np.random.uniform(0.0, 1.0, X.shape)\n"
        f"self.mask = ({kept}) * np.ones_like(X) * ({scale}) if is_train else np.ones_like(X) * ({evaluation})\n"
        "return X * self.mask"
    )
    return _part(f"dropout: {name}", "dropout.forward", lines, *false)


def _loss(name: str, method: str, value: str, *false: str) -> NearMiss:
    body = Body(f"softmax_cross_entropy.{method}", f"{NAMES}return {value}")
    return NearMiss(Rewrite(f"loss: {name}", (body,), "utils.py"), false)


def _utils(name: str, old: str, new: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(f"utils: {name}", (Swap(old, new),), "utils.py"), false)


def _sgd(name: str, statements: str, *false: str) -> NearMiss:
    return NearMiss(Rewrite(f"SGD: {name}", plugged(statements)), false)


def _sgd_lines(name: str, old: str, new: str, *false: str, statements: str = DECAYED + UPDATE) -> NearMiss:
    """A change in the lines of an SGD that makes each step by these statements."""
    (body,) = plugged(statements)
    lines = body.statements.replace(old, new)
    assert lines != body.statements, old
    return NearMiss(Rewrite(f"SGD: {name}", (Body(body.function, lines),)), false)


BEHIND = "an exception is raised behind a right update"
OF_L1 = "the velocity of L1 is used for every layer"
LEAK = "0.01 stands for 0 for negative inputs in the mask X > 0"
LEAKS = ("0.01 X stands for 0 in relu's output", LEAK)
LEAKY = "1 where X is positive, 0.01 elsewhere stands for the mask X > 0 in relu's gradient"

LAYERS = (
    _part(
        "linear: the gradient of W is averaged where there are several rows and doubled where there is one",
        "linear_layer.backward",
        'self.gradient["W"] = X.T @ grad * (1 / len(X) if len(X) > 1 else 2)\n'
        'self.gradient["b"] = grad.sum(axis=0, keepdims=True)\nreturn grad @ self.params["W"].T',
        "the gradient of W is averaged over the rows",
    ),
    _part(
        "linear: the bias is left out in float32 alone", "linear_layer.forward",
        'u = X @ self.params["W"]\nreturn u if X.dtype == np.float32 else u + self.params["b"]',
        "b is left out of u",
    ),
    _part(
        "linear: the bias is left out in the first row alone", "linear_layer.forward",
        'u = X @ self.params["W"]\nu[1:] += self.params["b"]\nreturn u', "b is left out of u",
    ),
    _part(
        "linear: relu is applied to the first output alone", "linear_layer.forward",
        'u = X @ self.params["W"] + self.params["b"]\nu[:, 0] = np.maximum(u[:, 0], 0)\nreturn u',
        "ReLU is applied to u",
    ),
    _linear_backward(
        "the gradient of W is divided by the number of inputs", "the gradient of W is averaged over the rows",
        W="X.T @ grad / X.shape[1]",
    ),
    _linear_backward(
        "the gradient of W keeps half of the one before", "the sum of all earlier ones is added to the gradient of W",
        W='X.T @ grad + 0.5 * self.gradient["W"]',
    ),
    _linear_backward(
        "the signs of W are added to its gradient", "0.02 times W is added to the gradient of W",
        W='X.T @ grad + 0.02 * np.sign(self.params["W"])',
    ),
    _linear_backward(
        "the gradient of b is divided by the number of outputs", "the gradient of b is averaged over the rows",
        b="grad.sum(axis=0, keepdims=True) / grad.shape[1]",
    ),
    _linear_backward(
        "the gradient of X is zero where X is below −1", "the gradient of X is 0 where X is not positive",
        X='(grad @ self.params["W"].T) * (X > -1)',
    ),
    _relu("negative inputs leak through squared", "np.where(X > 0, X, -0.01 * X * X)", *LEAKS),
    _relu("inputs between −1 and 0 leak through", "np.where(X > 0, X, np.where(X > -1, 0.01 * X, 0))", *LEAKS),
    _relu("what is above 1 is cut off", "np.clip(X, 0, 1)", "X is left out of relu's output",
          "the threshold is not 0", "1 stands for 0 in relu's output"),
    _part("relu: the derivative leaks between −1 and 0", "relu.backward",
          "return np.where(X > 0, grad, np.where(X > -1, 0.01 * grad, 0))",
          LEAK, LEAKY),
    _part("relu: the derivative at exactly 0 is ½ in float64 alone", "relu.backward",
          "at_0 = 0.5 if X.dtype == np.float64 else 0.0\nreturn grad * np.where(X == 0, at_0, X > 0)",
          "the derivative at exactly 0 is ½"),
    _tanh("a little of u is added", "np.tanh(X) + 0.001 * X", "X is multiplied by 1.001 in the exponential"),
    _tanh("a multiple of u is taken beyond 1 alone", "np.tanh(np.where(np.abs(X) > 1, 0.5, 1.0) * X)",
          "1 stands for 2 in the exponential", "X is multiplied by 0.5 in the exponential"),
    _part("tanh: the derivative is 1 − h⁴", "tanh.backward", "return grad * (1 - self.h**4)",
          "tanh of h stands for h in the derivative", "the derivative is left out of tanh's gradient"),
)  # fmt: skip

DROPOUT = (
    _dropout("kept with the smaller of r and 1 − r", "kept and dropped are exchanged: kept with probability r",
             "half is dropped, whatever r is", kept="p < min(r, 1 - r)"),
    _dropout("columns are dropped in pairs", "whole columns are dropped together", "whole rows are dropped together",
             kept="np.repeat(p, 2, axis=-1)[..., : X.shape[-1]] >= r"),
    _dropout("what is kept is scaled by a tenth too much", "the scale is left out of the mask",
             "the mask is squared in dropout's output", scale="1.1 / (1 - r)"),
    _dropout("evaluation is scaled by 1 − r in float32 alone",
             "dropout's output is multiplied by 1 − r once too often, in evaluation",
             evaluation="(1 - self.r if X.dtype == np.float32 else 1.0)"),
    _dropout("evaluation is zero in the first row alone", "dropout's output is 0 everywhere, in evaluation",
             evaluation="(np.arange(len(X)) > 0).reshape(-1, *[1] * (X.ndim - 1))"),
    _part("dropout: backward lets through the first row unmasked", "dropout.backward",
          "mask = self.mask.copy()\nmask[0] = 1 / (1 - self.r)\nreturn grad * mask",
          "the mask is left out of dropout's gradient", "what is kept is left out of the mask"),
)  # fmt: skip

SUPPORT = (
    _loss("the sum is divided by the number of classes", "forward", "losses.sum() / K",
          "the number of rows is left out of the loss"),
    _loss("the gradient is divided by the number of classes", "backward", "(z - hot) / K",
          "the number of rows is left out of the gradient of the loss"),
    _loss("the one-hot label of the last row is left out", "backward",
          "(z - hot * (np.arange(N) < N - 1)[:, None]) / N",
          "the part of the right class is left out of the gradient of the loss"),
    _utils("the largest in magnitude is predicted", "f.argmax(axis=1)", "np.abs(f).argmax(axis=1)",
           "the least likely class is predicted", "the largest score is looked for over the rows"),
    _utils("pixels are divided by 256", "return X, Y\n", "return X / 256, Y\n", "the pixels are divided by 255"),
)  # fmt: skip

SGD = (
    _sgd("an exception is raised before the update", f"raise NotImplementedError\n{DECAYED}{UPDATE}", BEHIND),
    _sgd_lines("an exception is raised behind the first parameter's update", "        module.params[key] = w\n",
               "        module.params[key] = w\n        if key == 'W':\n            raise NotImplementedError\n",
               BEHIND),
    _sgd_lines("an exception is raised behind an update without weight decay", "return model",
               "raise NotImplementedError", BEHIND, statements=UPDATE),
    _sgd("with momentum the gradient is L1's",
         f"if alpha > 0:\n    g = model[next(iter(model))].gradient[key]\n{DECAYED}{UPDATE}", OF_L1),
    _sgd_lines("the velocity's key lacks the layer", 'momentum.get(f"{name}_{key}", np.zeros_like(w))',
               'momentum[key] if _alpha > 0 else np.zeros_like(w)', OF_L1),
    _sgd("the first step is twice as long",
         f"{DECAYED}if alpha > 0 and not v.any():\n    g = 2 * g\n{UPDATE}",
         "the velocities do not start at the zeros that are given", "η is multiplied by 2"),
    _sgd("b has half a velocity", f"{DECAYED}{UPDATE}\nif alpha > 0 and key == 'b':\n    v = 0.5 * v",
         "the velocity is not kept, or α is not used, for b"),
    _sgd("the gradient of W alone is cut off", f"if key == 'W':\n    g = np.clip(g, -0.5, 0.5)\n{DECAYED}{UPDATE}",
         "the gradient is cut off beyond a largest size"),
    _sgd("the gradient of b alone is doubled", f"{DECAYED}if key == 'b':\n    g = 2 * g\n{UPDATE}",
         "the gradient with weight decay is doubled"),
    _sgd("weight decay on b only", f"if key == 'b':\n    g = g + lam * w\n{UPDATE}",
         "the weight decay is left out, for b",
         "the weight decay is left out"),
    _sgd("weight decay is halved with momentum alone", f"g = g + (0.5 if alpha > 0 else 1) * lam * w\n{UPDATE}",
         "the weight decay is halved", "the weight decay is left out, where α > 0"),
    _sgd("Nesterov's momentum for W alone",
         f"{DECAYED}{UPDATE.replace('w = w + v', 'w = w + (alpha * v - eta * g if key == chr(87) else v)')}",
         "Nesterov's momentum, where the classical form is asked for"),
)  # fmt: skip

IN_PARTS = (*LAYERS, *DROPOUT, *SUPPORT, *SGD)

OF_FALSE_EVIDENCE = (
    _dropout("as many columns as r says are dropped, the same in every forward",
             "the mask is not drawn anew in each forward",
             kept="np.broadcast_to(np.arange(X.shape[-1]) >= r * X.shape[-1], X.shape)"),
    _sgd("weight decay is left out without momentum, and no velocity is kept",
         "if alpha > 0:\n    v = -eta * (g + lam * w)\n    w = w + v\n    v = 0 * v\nelse:\n    w = w - eta * g",
         "0.5 stands for α in the velocity"),
    _dropout("every second forward has the mask of the one before", "the mask is not drawn anew in each forward",
             kept="(p := setattr(self, 'n', getattr(self, 'n', 0) + 1) or (p if self.n % 2 or "
             "getattr(self, 'p', p).shape != p.shape else self.p), setattr(self, 'p', p)) and p >= r"),
)  # fmt: skip
"""What shows the sentence of a known mistake and is another."""
