"""Known mistakes of the affine layer, ReLU and the losses that no single change of a right text gives."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.as_written import Text, body
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.linear import BACK, FORMULA, ORDER
from parity_tests.parts.relu import BACK as RELU_BACK
from parity_tests.parts.relu import RELU
from parity_tests.parts.softmax_loss import LOG, MEAN, ONE, ROWS
from parity_tests.parts.svm_loss import HINGE, MARGIN

WRITTEN = "Of an x that is clipped in place nothing tells 0 from what was negative: mask by > 0, or clip a copy."
LEAK = "Of a negative number ReLU lets nothing through: leaky ReLU is another layer."

AFFINE = Text(
    "affine_forward",
    "rows = x.reshape(len(x), -1)\nout = rows @ w + b",
    body("affine_forward", "", "return out, (x, w, b)"),
)
AFFINE_BACK = Text(
    "affine_backward",
    "rows = x.reshape(len(x), -1)\ndx = (dout @ w.T).reshape(x.shape)\ndw = rows.T @ dout\ndb = dout.sum(axis=0)",
    body("affine_backward", "x, w, b = cache\n", "return dx, dw, db"),
)
FORWARD = Text("relu_forward", "out = np.maximum(x, 0)", body("relu_forward", "", "return out, x"))
BACKWARD = Text(
    "relu_backward", "dx = np.where(x > 0, dout, 0 * dout)", body("relu_backward", "x = cache\n", "return dx")
)
SOFTMAX = Text(
    "softmax_loss",
    """N, C = x.shape
rows = np.arange(N)
e = np.exp(x - np.max(x, axis=1, keepdims=True))
p = e / e.sum(axis=1, keepdims=True)
own = p[rows, y].reshape(-1, 1)
loss = -np.log(p[rows, y]).sum() / N
dx = 1 * p
dx[rows, y] -= 1
dx = dx / N""",
    body("softmax_loss", "", "return loss, dx"),
    "loss",
)
SVM = Text("svm_loss", """N, C = x.shape
rows = np.arange(N)
raw = x - x[rows, y].reshape(-1, 1)
margins = np.maximum(raw + 1, 0)
margins[rows, y] = 0
loss = margins.sum() / N
count = np.where(margins > 0, 1 + 0 * x, 0 * x)
count[rows, y] = -count.sum(axis=1)
dx = count / N""", body("svm_loss", "", "return loss, dx"), "loss")  # fmt: skip


LOSS, OFF = "-np.log(p[rows, y]).sum() / N", "dx[rows, y] -= 1\ndx = dx / N"
PASSED = "np.where(x > 0, dout, 0 * dout)"


def _passing(name: str, lines: str) -> Wrong:
    return BACKWARD.wrong(name, RELU_BACK, "dx", (PASSED, lines))


LAYERS = (
    AFFINE.wrong("the bias of the first unit is added to all", FORMULA, "out", ("+ b", "+ b[:1]")),
    AFFINE.wrong("a ReLU is in the affine layer", FORMULA, "out", ("rows @ w + b", "np.maximum(rows @ w + b, 0)")),
    AFFINE.wrong("a tanh is in the affine layer", FORMULA, "out", ("rows @ w + b", "np.tanh(rows @ w + b)")),
    AFFINE_BACK.wrong("dx keeps the flat shape of the rows", "dx has the shape of x.", "dx", (".reshape(x.shape)", "")),
    AFFINE_BACK.wrong("dx is given the shape of the images in Fortran order, not in C order", ORDER, "dx",
        ("(dout @ w.T).reshape(x.shape)",
         "np.transpose((dout @ w.T).reshape(len(x), *x.shape[:0:-1]), (0, *range(len(x.shape) - 1, 0, -1)))")),
    AFFINE_BACK.wrong("dx is that of the sum of dout over the examples", BACK, "dx",
        ("(dout @ w.T)", "((0 * dout + dout.sum(axis=0)) @ w.T)")),
    FORWARD.wrong("what is over 1 is cut off", RELU, "out", ("np.maximum(x, 0)", "np.minimum(np.maximum(x, 0), 1)")),
    FORWARD.wrong("it is an ELU", RELU, "out",
        ("np.maximum(x, 0)", "np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)")),
    FORWARD.wrong("it is a tanh", RELU, "out", ("np.maximum(x, 0)", "np.tanh(x)")),
    FORWARD.wrong("it is a sigmoid", RELU, "out", ("np.maximum(x, 0)", "1 / (1 + np.exp(-x))")),
    _passing("negative gradients are passed on at negative numbers, too",
             "np.where((x > 0) | (dout < 0), dout, 0 * x)"),
    _passing("the backward looks at x and at dout", "np.where((x > 0) & (dout > 0), dout, 0 * x)"),
    _passing("−dout passes where x is negative", "np.where(x > 0, dout, np.where(x < 0, -dout, 0 * dout))"),
    _passing("−dout passes where x is not positive", "np.where(x > 0, dout, -dout)"),
    _passing("the larger of x and dout is given", "np.maximum(dout, x)"),
    _passing("the backward gives 1 where dout is positive", "np.where(dout > 0, 1 + 0 * dout, 0 * dout)"),
    _passing("the gradient is cut off below 0 after it is multiplied by x", "np.maximum(dout * x, 0)"),
    SOFTMAX.wrong("the loss is the logarithm of the mean probability", LOG, "loss",
        (LOSS, "-np.log(p[rows, y].sum() / N)")),
    SOFTMAX.wrong("the loss is the mean of 1 − p", LOG, "loss", (LOSS, "(1 - p[rows, y]).sum() / N")),
    SOFTMAX.wrong("the loss is a mean over all examples and classes", MEAN, "loss",
        (LOSS, "-np.log(p).sum() / (N * C)")),
    SOFTMAX.wrong("1 is taken off in all classes but the right one", ONE, "dx",
        (OFF, "dx = dx - 1\ndx[rows, y] = dx[rows, y] + 1\ndx = dx / N")),
    SOFTMAX.wrong("the gradient is that of the right class's probability, not of its logarithm", ONE, "dx",
        (OFF, "dx = -p * own\ndx[rows, y] += p[rows, y]\ndx = dx / N")),
    SOFTMAX.wrong("the gradient is minus that of the right class's probability, without its logarithm", ONE, "dx",
        (OFF, "dx = p * own\ndx[rows, y] -= p[rows, y]\ndx = dx / N")),
    SOFTMAX.wrong("the gradient is softmax's own derivative p (1 − p)", ONE, "dx", (OFF, "dx = p * (1 - p) / N")),
    SOFTMAX.wrong("the exponential is left out", ROWS, "loss dx",
        ("np.exp(x - np.max(x, axis=1, keepdims=True))", "1 * x")),
    SVM.wrong("the loss is half of squared margins", MARGIN, "loss",
        ("margins.sum() / N", "(margins**2).sum() / 2 / N")),
    SVM.wrong("margins count where they are over 1, not over 0", HINGE, "loss dx",
        ("np.maximum(raw + 1, 0)", "np.where(raw > 0, raw + 1, 0 * x)")),
    SVM.wrong("the right class's gradient is +1", HINGE, "dx", ("= -count.sum(axis=1)", "= 1")),
    SVM.wrong("the gradient is that of squared margins", HINGE, "dx",
        ("count = np.where(margins > 0, 1 + 0 * x, 0 * x)", "count = 2 * margins")),
)  # fmt: skip
