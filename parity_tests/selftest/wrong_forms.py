"""Changes of the homework's solution that have names, by the name: its part, and what is changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.proof.variants import Variant, changed
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.selftest.main_pieces import ORDER, RETURN, SGD_CALL

UTILS = "utils.py"


class Wrong(NamedTuple):
    """What is changed in a file of the solution, and the part that is wrong by it."""

    part: str
    changes: tuple[Body | Swap, ...]
    file: str = ""

    def variant(self) -> Variant:
        """The solution with it."""
        return changed(ASSIGNMENT, str(self.changes), self.changes, self.file)


def _constructor(W: str, b: str = "np.random.normal(0, 0.1, shape)", gradient: str = "np.zeros_like(value)") -> Wrong:
    """A constructor that makes W, b and the gradients by these expressions; `shape` is the one asked for."""
    lines = [
        f"shape = (input_D, output_D)\nW = {W}\nshape = (1, output_D)\nb = {b}",
        'self.params = {"W": W, "b": b}',
        f"self.gradient = {{key: {gradient} for key, value in self.params.items()}}",
    ]
    return Wrong("2", (Body("linear_layer.__init__", "\n".join(lines)),))


def _masked(kept: str) -> Wrong:
    """A forward of dropout whose masks are drawn in this way."""
    lines = [
        "r, p = self.r, np.random.uniform(0.0, 1.0, X.shape)",
        f"self.mask = ({kept}) / (1 - r) if is_train else np.ones_like(X)",
        "return X * self.mask",
    ]
    return Wrong("9", (Body("dropout.forward", "\n".join(lines)),))


def _main(*swaps: tuple[str, str]) -> Wrong:
    return Wrong("10", tuple(Swap(*swap) for swap in swaps))


DRAW, RATES = "np.random.normal(0, 0.1, shape)", "_lambda: float, _alpha: float, _learning_rate: float"
ROWS = "order[start : start + minibatch_size]"
VELOCITIES = "    momentum = add_momentum(model)\n"
DROP_BACK = 'grad_h = model["drop1"].backward(h, grad_s)', "grad_h = grad_s"
SETS = "train, valid = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid)"
DROPS = "if t % 10 == 0 and t != 0"
passing = partial(SGD_CALL.replace, "lam, alpha, eta")
OF_PARTS: Mapping[str, Wrong] = {
    "λ and η are exchanged": Wrong(
        "1", (Swap(RATES, "_learning_rate: float, _alpha: float, _lambda: float"),)
    ),
    "SGD takes other parameters than it is given": Wrong("1", (Swap(RATES, "_lambda: float, _rates: float"),)),
    "drawn with variance 0.1, not standard deviation 0.1": _constructor(*["np.random.normal(0, 0.1**0.5, shape)"] * 2),
    "drawn from the uniform distribution on [−0.1, 0.1)": _constructor(*["np.random.uniform(-0.1, 0.1, shape)"] * 2),
    "drawn from a uniform distribution": _constructor(*["np.random.uniform(-0.25, 0.3, shape)"] * 2),
    "all zeros": _constructor("np.zeros(shape)"),
    "one number everywhere": _constructor("np.full(shape, np.random.normal(0, 0.1))"),
    "W is stored M×D": _constructor("np.random.normal(0, 0.1, shape[::-1])"),
    "b is stored as a column": _constructor(DRAW, "np.random.normal(0, 0.1, shape[::-1])"),
    "the weights are the same in every layer": _constructor("np.random.RandomState(42).normal(0, 0.1, shape)"),
    "the gradients do not start at zero": _constructor(DRAW, DRAW, "value.copy()"),
    "the gradients are None before any backward": _constructor(DRAW, DRAW, "None"),
    "overflows: NaN for large inputs": Wrong(
        "5", (Body("tanh.forward", "e, f = np.exp(X), np.exp(-X)\nself.h = (e - f) / (e + f)\nreturn self.h"),)
    ),
    "1 where X is positive, ½ where it is 0 in place of the mask X > 0 in relu's gradient": Wrong(
        "8", (Body("relu.backward", "return np.where(X == 0, grad / 2, np.where(X > 0, grad, 0))"),)
    ),
    "nothing is dropped": _masked("p >= 0"),
    "X is compared with r, not p": _masked("X >= r"),
    "half is dropped, whatever r is": _masked("p >= 0.5"),
    "whole columns are dropped together":
        _masked("np.broadcast_to(np.random.uniform(0.0, 1.0, X.shape[-1]) >= r, X.shape)"),
    "each call keeps exactly the same number":
        _masked("np.argsort(np.argsort(p, axis=None)).reshape(X.shape) >= round(r * X.size)"),
    "it returns nothing, in evaluation": Wrong(
        "9", (Swap("return X * self.mask", "return X * self.mask if is_train else None"),)
    ),
    "the losses of the rows are not averaged": Wrong(
        "utils", (Swap("np.mean(np.log(total) -", "(np.log(total) -"),), UTILS
    ),
    "the softmax overflows: the logits are not shifted by their largest": Wrong(
        "utils",
        (Body(
            "softmax_cross_entropy.forward",
            "e = np.exp(X)\nself.z = e / e.sum(axis=1, keepdims=True)\n"
            "return -np.log(np.take_along_axis(self.z, _as_index(Y), axis=1)).mean()",
        ),),
        UTILS,
    ),
}  # fmt: skip
IN_MAIN: Mapping[str, Wrong] = {
    "dropout is left out in training": _main(('s = model["drop1"].forward(h, is_train=True)', "s = h"), DROP_BACK),
    "dropout is off in training": _main(("forward(h, is_train=True)", "forward(h, is_train=False)"), DROP_BACK),
    "the same dropout mask in several steps": _main((ORDER, f"np.random.seed(1)\n        {ORDER}")),
    "a mini-batch or an example is used twice in an epoch":
        _main((ROWS, "order[start // 10 * 5 : start // 10 * 5 + minibatch_size]")),
    "some training examples are never used": _main((ORDER, "order = np.random.permutation(train.N - 2)")),
    "the labels are not those of the rows": _main((
        f"x, y = train.get_example({ROWS})",
        f"x, _ = train.get_example({ROWS})\n            _, y = train.get_example(range(start, start + minibatch_size))",
    )),
    "it trains on another set": _main((SETS, SETS.replace("train, valid", "valid, train"))),
    "the pixels are changed": _main((SETS, SETS.replace("Xtrain,", "Xtrain - 0.5,"))),
    "the examples are not shuffled": _main((ORDER, "order = np.arange(train.N)")),
    "several epochs have the same order": _main((f"        {ORDER}\n", ""), (VELOCITIES, f"{VELOCITIES}    {ORDER}\n")),
    "too many or too few epochs":
        _main(('range(int(main_params["num_epoch"]))', 'range(1, int(main_params["num_epoch"]))')),
    "η is dropped too early: every 5 epochs": _main((DROPS, "if t % 5 == 0 and t != 0")),
    "η is not dropped at t = 10": _main((DROPS, "if t % 10 == 10")),
    "0.3 in place of 0.1 in the drop of η": _main(("eta *= 0.1", "eta *= 0.3")),
    "λ is not passed on": _main((SGD_CALL, passing("0.0, alpha, eta"))),
    "λ is doubled": _main((SGD_CALL, passing("2 * lam, alpha, eta"))),
    "α is not passed on": _main((SGD_CALL, passing("lam, 0.0, eta"))),
    "the rates are passed to SGD in another order": _main((SGD_CALL, passing("alpha, lam, eta"))),
    "the hidden layer has another size": _main(("HIDDEN_UNITS = 1000", "HIDDEN_UNITS = 500")),
    "the activation is not the one asked for": _main(('"tanh": tanh}', '"tanh": relu}')),
    "dropout is built with another rate": _main(("dropout(rate)", "dropout(0.25)")),
    "main returns nothing": _main((RETURN, "")),
    "a loss record is not returned": _main((RETURN, "    return train_loss_record\n")),
    "a set is not evaluated after the epoch, or not all of it":
        _main(("evaluate(model, valid, minibatch_size)", "evaluate(model, train, minibatch_size)")),
    "the weights are never changed": _main((SGD_CALL, "pass\n")),
}  # fmt: skip
