"""Known mistakes of the affine layer, ReLU and the losses, in a text of each that has one thing wrong."""

from __future__ import annotations

from parity_tests.assignments.cs231n.mistakes.as_written import TERMS, Text, body
from parity_tests.assignments.cs231n.mistakes.layers import CHAIN, MARGIN, MEAN_OF_LOSS, RELU, SHARED

EACH = "Each example is a row of its own: reshape(N, −1) keeps it together."
LOG = "The loss of an example is minus the natural logarithm of its right class's probability."
ROWS = "The probabilities of each example, a row, add up to 1."
ONE = "In the gradient 1 is taken off at each example's right class, before the mean."
HINGE = "A margin is x_j − x_y + 1; where it is positive it adds to the loss, 1 to x_j's gradient and −1 to x_y's."

AFFINE = Text(
    "affine_forward",
    "rows = x.reshape(len(x), -1)\nout = rows @ w + b",
    body("affine_forward", "", "return out, (x, w, b)"),
)
AFFINE_BACK = Text(
    "affine_backward",
    """rows = x.reshape(len(x), -1)
dx = (dout @ w.T).reshape(x.shape)
dw = rows.T @ dout
db = dout.sum(axis=0)""",
    body("affine_backward", "x, w, b = cache\n", "return dx, dw, db"),
)
RELU_FORWARD = Text("relu_forward", "out = np.maximum(x, 0)", body("relu_forward", "", "return out, x"))
RELU_BACK = Text(
    "relu_backward",
    "dx = np.where(x > 0, dout, 0 * dout)",
    body("relu_backward", "x = cache\n", "return dx"),
)
SOFTMAX = Text(
    "softmax_loss",
    """N, C = x.shape
rows = np.arange(N)
shifted = x - np.max(x, axis=1, keepdims=True)
e = np.exp(shifted)
p = e / e.sum(axis=1, keepdims=True)
loss = -np.log(p[rows, y]).sum() / N
dx = 1 * p
dx[rows, y] -= 1
dx = dx / N""",
    body("softmax_loss", "", "return loss, dx"),
    "loss",
)
SVM = Text(
    "svm_loss",
    """N, C = x.shape
rows = np.arange(N)
right = x[rows, y].reshape(-1, 1)
margins = np.maximum(x - right + 1, 0)
margins[rows, y] = 0
loss = margins.sum() / N
count = np.where(margins > 0, 1 + 0 * x, 0 * x)
count[rows, y] = -count.sum(axis=1)
dx = count / N""",
    body("svm_loss", "", "return loss, dx"),
    "loss",
)
LOSS, OFF = "loss = -np.log(p[rows, y]).sum() / N", "dx[rows, y] -= 1\ndx = dx / N"
RIGHT = "count[rows, y] = -count.sum(axis=1)"

OF_AFFINE = (
    AFFINE.wrong(
        "examples are mixed: x is unrolled across them",
        EACH,
        "out",
        ("x.reshape(len(x), -1)", "x.reshape(-1, len(x)).T"),
    ),
    AFFINE.wrong("a ReLU is in the affine layer", TERMS, "out", ("rows @ w + b", "np.maximum(rows @ w + b, 0)")),
    AFFINE.wrong("a tanh is in the affine layer", TERMS, "out", ("rows @ w + b", "np.tanh(rows @ w + b)")),
    AFFINE.wrong("the output is divided by the number of inputs", TERMS, "out", ("rows @ w", "rows @ w / len(w)")),
    AFFINE.wrong("the bias is added once for each input", TERMS, "out", ("+ b", "+ len(w) * b")),
    AFFINE.wrong("the bias multiplies", TERMS, "out", ("+ b", "* b")),
    AFFINE.wrong("the product has the wrong sign", TERMS, "out", ("rows @ w", "-rows @ w")),
    AFFINE.wrong("all of the bias is added to each unit", TERMS, "out", ("+ b", "+ b.sum()")),
    *AFFINE_BACK.factors("dx"),
    *AFFINE_BACK.factors("dw", ["sign"]),
    *AFFINE_BACK.factors("db"),
    *(
        AFFINE_BACK.ending(
            f"{result} is multiplied by the number of examples", TERMS, result, f"{result} = {result} * len(x)"
        )
        for result in ("dx", "dw", "db")
    ),
    AFFINE_BACK.ending("dw begins from w, not from 0", TERMS, "dw", "dw = dw + w"),
    AFFINE_BACK.ending("db begins from b, not from 0", TERMS, "db", "db = db + b"),
    *(
        AFFINE_BACK.wrong(f"{result} lacks the {which} example", SHARED, result, (right, wrong.format(part)))
        for which, part in (("first", "1:"), ("last", ":-1"))
        for result, right, wrong in (
            ("dw", "rows.T @ dout", "rows[{0}].T @ dout[{0}]"),
            ("db", "dout.sum(axis=0)", "dout[{0}].sum(axis=0)"),
        )
    ),
    AFFINE_BACK.wrong("dw does not use x", CHAIN, "dw", ("rows.T @ dout", "(0 * rows + 1).T @ dout")),
    AFFINE_BACK.wrong("dx is divided by the number of outputs", TERMS, "dx", ("dout @ w.T", "dout @ w.T / len(b)")),
    AFFINE_BACK.wrong(
        "dw is divided by the number of inputs", TERMS, "dw", ("rows.T @ dout", "rows.T @ dout / len(w)")
    ),
    AFFINE_BACK.wrong("the bias is added to dout in dx", TERMS, "dx", ("(dout @ w.T)", "((dout + b) @ w.T)")),
    AFFINE_BACK.wrong(
        "dx is given the shape of the images in Fortran order, not in C order",
        "reshape takes the last index as the fastest: order C.",
        "dx",
        (
            "(dout @ w.T).reshape(x.shape)",
            "np.transpose((dout @ w.T).reshape(len(x), *x.shape[:0:-1]), (0, *range(len(x.shape) - 1, 0, -1)))",
        ),
    ),
    AFFINE_BACK.wrong(
        "images are flattened in Fortran order in dw, not in C order",
        "reshape takes the last index as the fastest: order C.",
        "dw",
        ("dw = rows.T", "dw = np.transpose(x, (0, *range(len(x.shape) - 1, 0, -1))).reshape(len(x), -1).T"),
    ),
    AFFINE_BACK.wrong(
        "dx is that of the sum of dout over the examples",
        TERMS,
        "dx",
        ("(dout @ w.T)", "((0 * dout + dout.sum(axis=0)) @ w.T)"),
    ),
    AFFINE_BACK.wrong("dx does not use dout", CHAIN, "dx", ("(dout @ w.T)", "((0 * dout + 1) @ w.T)")),
    AFFINE_BACK.wrong("dw does not use dout", CHAIN, "dw", ("rows.T @ dout", "rows.T @ (0 * dout + 1)")),
    *(
        AFFINE_BACK.wrong(
            f"dw is of the {which} example alone",
            SHARED,
            "dw",
            ("rows.T @ dout", f"rows[{at}].reshape(-1, 1) * dout[{at}]"),
        )
        for which, at in (("first", 0), ("last", -1))
    ),
    *(
        AFFINE_BACK.wrong(f"db is of the {which} example alone", SHARED, "db", ("dout.sum(axis=0)", f"1 * dout[{at}]"))
        for which, at in (("first", 0), ("last", -1))
    ),
    AFFINE_BACK.wrong(
        "db is the largest over the examples, not the sum", SHARED, "db", ("dout.sum(axis=0)", "np.max(dout, axis=0)")
    ),
)
OF_RELU = (
    RELU_FORWARD.wrong("negative numbers are passed on, positive ones are not", RELU, "out", ("maximum", "minimum")),
    RELU_FORWARD.wrong(
        "1 is given where x is positive, not x", RELU, "out", ("np.maximum(x, 0)", "np.where(x > 0, 1 + 0 * x, 0 * x)")
    ),
    RELU_FORWARD.wrong(
        "what is over 1 is cut off", RELU, "out", ("np.maximum(x, 0)", "np.minimum(np.maximum(x, 0), 1)")
    ),
    RELU_FORWARD.wrong("what is under 1 is cut off", RELU, "out", ("np.maximum(x, 0)", "np.where(x > 1, x, 0 * x)")),
    RELU_FORWARD.wrong("what is under 1 becomes 1", RELU, "out", ("(x, 0)", "(x, 1)")),
    RELU_FORWARD.wrong("x has the wrong sign: max(0, −x)", RELU, "out", ("(x, 0)", "(-x, 0)")),
    RELU_FORWARD.wrong("the square of x is given where x is positive", RELU, "out", ("(x, 0)", "(x, 0) ** 2")),
    RELU_FORWARD.wrong(
        "it is an ELU", RELU, "out", ("np.maximum(x, 0)", "np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)")
    ),
    RELU_FORWARD.wrong("it is a tanh", RELU, "out", ("np.maximum(x, 0)", "np.tanh(x)")),
    RELU_FORWARD.wrong("it is a sigmoid", RELU, "out", ("np.maximum(x, 0)", "1 / (1 + np.exp(-x))")),
    *RELU_FORWARD.factors("out"),
    *RELU_BACK.factors("dx"),
    RELU_BACK.wrong(
        "−dout passes where x is negative",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "np.where(x > 0, dout, np.where(x < 0, -dout, 0 * dout))"),
    ),
    RELU_BACK.wrong("−dout passes where x is not positive", RELU, "dx", ("dout, 0 * dout", "dout, -dout")),
    RELU_BACK.wrong(
        "the larger of x and dout is given",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "np.maximum(dout, x)"),
    ),
    RELU_BACK.wrong("the gradient passes where x is negative", RELU, "dx", ("x > 0", "x < 0")),
    RELU_BACK.wrong("the gradient passes where x is over 1", RELU, "dx", ("x > 0", "x > 1")),
    RELU_BACK.wrong(
        "dout is multiplied by x, not by 1 where x is positive",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "dout * x"),
    ),
    RELU_BACK.wrong(
        "dout is multiplied by the output, not by 1 where x is positive",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "dout * np.maximum(x, 0)"),
    ),
    RELU_BACK.wrong(
        "the backward gives ReLU's output", CHAIN, "dx", ("np.where(x > 0, dout, 0 * dout)", "np.maximum(x, 0)")
    ),
    RELU_BACK.wrong(
        "the backward gives 1 where dout is positive",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "np.where(dout > 0, 1 + 0 * dout, 0 * dout)"),
    ),
    RELU_BACK.wrong(
        "the gradient is cut off below 0 after it is multiplied by x",
        RELU,
        "dx",
        ("np.where(x > 0, dout, 0 * dout)", "np.maximum(dout * x, 0)"),
    ),
    RELU_BACK.wrong("the magnitude of dout is passed on", RELU, "dx", ("x > 0, dout", "x > 0, np.abs(dout)")),
)
OF_SOFTMAX = (
    *SOFTMAX.factors("loss"),
    *SOFTMAX.factors("dx"),
    SOFTMAX.wrong("the logarithm is to the base 10", LOG, "loss", (LOSS, LOSS.replace("log", "log10"))),
    SOFTMAX.wrong("the logarithm is to the base 2", LOG, "loss", (LOSS, LOSS.replace("log", "log2"))),
    SOFTMAX.wrong(
        "the loss is the logarithm of the mean probability", LOG, "loss", (LOSS, "loss = -np.log(p[rows, y].sum() / N)")
    ),
    SOFTMAX.wrong("the logarithm is left out of the loss", LOG, "loss", (LOSS, "loss = -p[rows, y].sum() / N")),
    SOFTMAX.wrong("the loss is the mean of 1 − p", LOG, "loss", (LOSS, "loss = (1 - p[rows, y]).sum() / N")),
    SOFTMAX.wrong(
        "the loss sums over all classes, not the right one alone", LOG, "loss", (LOSS, "loss = -np.log(p).sum() / N")
    ),
    SOFTMAX.wrong(
        "the loss is a mean over all examples and classes", LOG, "loss", (LOSS, "loss = -np.log(p).sum() / (N * C)")
    ),
    SOFTMAX.wrong(
        "the loss holds every example's probability of every label: p[:, y]",
        ONE,
        "loss",
        (LOSS, "loss = -np.log(p[:, y]).sum() / N"),
    ),
    SOFTMAX.wrong(
        "the loss holds the likeliest class, not the right one",
        LOG,
        "loss",
        (LOSS, "loss = -np.log(np.max(p, axis=1)).sum() / N"),
    ),
    SOFTMAX.wrong(
        "the loss is minus the right class's score, the logarithm of the sum is left out",
        LOG,
        "loss",
        (LOSS, "loss = -x[rows, y].sum() / N"),
    ),
    SOFTMAX.wrong(
        "the loss is minus the right class's shifted score, the logarithm of the sum is left out",
        LOG,
        "loss",
        (LOSS, "loss = -shifted[rows, y].sum() / N"),
    ),
    SOFTMAX.wrong(
        "the loss is divided by the number of classes, not of examples",
        MEAN_OF_LOSS,
        "loss",
        (LOSS, LOSS.replace("/ N", "/ C")),
    ),
    SOFTMAX.wrong(
        "the loss is divided by the number of examples and by that of classes",
        MEAN_OF_LOSS,
        "loss",
        (LOSS, LOSS.replace("/ N", "/ (N * C)")),
    ),
    SOFTMAX.wrong(
        "the loss is divided by the number of examples twice",
        MEAN_OF_LOSS,
        "loss",
        (LOSS, LOSS.replace("/ N", "/ N / N")),
    ),
    SOFTMAX.wrong(
        "the loss is of the last example alone", MEAN_OF_LOSS, "loss", (LOSS, "loss = -np.log(p[rows, y])[-1] / N")
    ),
    SOFTMAX.wrong(
        "1 is taken off at the right class after the division by N, not before",
        ONE,
        "dx",
        (OFF, "dx = dx / N\ndx[rows, y] -= 1"),
    ),
    SOFTMAX.wrong("1 is added at the right class, not taken off", ONE, "dx", (OFF, OFF.replace("-=", "+="))),
    SOFTMAX.wrong(
        "1 is taken off in whole columns: dx[:, y] −= 1", ONE, "dx", (OFF, OFF.replace("[rows, y]", "[:, y]"))
    ),
    SOFTMAX.wrong(
        "1 is taken off in all classes but the right one",
        ONE,
        "dx",
        (OFF, "dx = dx - 1\ndx[rows, y] = dx[rows, y] + 1\ndx = dx / N"),
    ),
    SOFTMAX.wrong(
        "the gradient is that of the right class's probability, not of its logarithm",
        ONE,
        "dx",
        (OFF, "own = p[rows, y].reshape(-1, 1)\ndx = -p * own\ndx[rows, y] += p[rows, y]\ndx = dx / N"),
    ),
    SOFTMAX.wrong(
        "the gradient is minus that of the right class's probability, without its logarithm",
        ONE,
        "dx",
        (OFF, "own = p[rows, y].reshape(-1, 1)\ndx = p * own\ndx[rows, y] -= p[rows, y]\ndx = dx / N"),
    ),
    SOFTMAX.wrong("1 is taken off in all classes", ONE, "dx", (OFF, "dx = (dx - 1) / N")),
    SOFTMAX.wrong(
        "1 is taken off at the largest score, not at the right class",
        ONE,
        "dx",
        (OFF, "dx = np.where(p == np.max(p, axis=1, keepdims=True), p - 1, p) / N"),
    ),
    SOFTMAX.wrong(
        "the right class's gradient alone is there",
        ONE,
        "dx",
        (OFF, "dx = 0 * p\ndx[rows, y] = p[rows, y] - 1\ndx = dx / N"),
    ),
    SOFTMAX.wrong("the right class's gradient is left out", ONE, "dx", (OFF, "dx[rows, y] = 0\ndx = dx / N")),
    SOFTMAX.wrong(
        "the right class's gradient is −1, its probability is left out",
        ONE,
        "dx",
        (OFF, "dx[rows, y] = -1\ndx = dx / N"),
    ),
    SOFTMAX.wrong(
        "the exponentials stand in the gradient, not the probabilities", ONE, "dx", ("dx = 1 * p", "dx = 1 * e")
    ),
    SOFTMAX.wrong("the scores stand in the gradient, not the probabilities", ONE, "dx", ("dx = 1 * p", "dx = 1 * x")),
    SOFTMAX.wrong("the gradient is softmax's own derivative p (1 − p)", ONE, "dx", (OFF, "dx = p * (1 - p) / N")),
    SOFTMAX.wrong(
        "the gradient is divided by the number of classes, not of examples",
        MEAN_OF_LOSS,
        "dx",
        (OFF, OFF.replace("/ N", "/ C")),
    ),
    SOFTMAX.wrong(
        "the gradient is divided by the number of examples and by that of classes",
        MEAN_OF_LOSS,
        "dx",
        (OFF, OFF.replace("/ N", "/ (N * C)")),
    ),
    SOFTMAX.wrong(
        "the gradient is divided by the number of examples twice",
        MEAN_OF_LOSS,
        "dx",
        (OFF, OFF.replace("/ N", "/ N / N")),
    ),
    SOFTMAX.wrong("the exponentials are summed over the examples", ROWS, "loss dx", ("e.sum(axis=1", "e.sum(axis=0")),
    SOFTMAX.wrong(
        "the exponentials are summed over everything", ROWS, "loss dx", ("e.sum(axis=1, keepdims=True)", "e.sum()")
    ),
    SOFTMAX.wrong(
        "scores are shifted by the maximum of each column, not of each row",
        ROWS,
        "loss dx",
        ("np.max(x, axis=1", "np.max(x, axis=0"),
    ),
    SOFTMAX.wrong(
        "scores have the wrong sign in the exponentials", ROWS, "loss dx", ("np.exp(shifted)", "np.exp(-shifted)")
    ),
    SOFTMAX.wrong("the exponential is left out", ROWS, "loss dx", ("np.exp(shifted)", "1 * x")),
    SOFTMAX.wrong(
        "the shift by the maximum is in the exponentials alone, not in their sum",
        ROWS,
        "loss dx",
        ("e.sum(axis=1", "np.exp(x).sum(axis=1"),
    ),
    SOFTMAX.wrong("the powers are of 2, not of e", ROWS, "loss dx", ("np.exp(shifted)", "2**shifted")),
)
OF_SVM = (
    *SVM.factors("loss"),
    *SVM.factors("dx"),
    SVM.wrong("the margin of 1 is left out", HINGE, "loss dx", ("x - right + 1", "x - right")),
    SVM.wrong("the margin is 2", HINGE, "loss dx", ("x - right + 1", "x - right + 2")),
    SVM.wrong("the margin of 1 is subtracted", HINGE, "loss dx", ("x - right + 1", "x - right - 1")),
    SVM.wrong("the margins have the wrong sign: x_y − x_j + 1", HINGE, "loss dx", ("x - right + 1", "right - x + 1")),
    SVM.wrong("the loss is squared margins", MARGIN, "loss", ("margins.sum() / N", "(margins**2).sum() / N")),
    SVM.wrong(
        "the loss is half of squared margins", MARGIN, "loss", ("margins.sum() / N", "(margins**2).sum() / 2 / N")
    ),
    SVM.wrong(
        "margins count where they are over 1, not over 0",
        HINGE,
        "loss dx",
        ("np.maximum(x - right + 1, 0)", "np.where(x - right > 0, x - right + 1, 0 * x)"),
    ),
    SVM.wrong(
        "the gradients of wrong classes hold their margins, that of the right class their number",
        HINGE,
        "dx",
        (RIGHT, "number = count.sum(axis=1)\ncount = 1 * margins\ncount[rows, y] = -number"),
    ),
    SVM.wrong(
        "the loss counts the largest margin alone",
        MARGIN,
        "loss",
        ("margins.sum() / N", "np.max(margins, axis=1).sum() / N"),
    ),
    SVM.wrong(
        "the loss counts how many margins are positive",
        MARGIN,
        "loss",
        ("margins.sum() / N", "np.where(margins > 0, 1 + 0 * x, 0 * x).sum() / N"),
    ),
    SVM.wrong(
        "negative margins count, too",
        MARGIN,
        "loss",
        ("loss = margins.sum() / N", "loss = (x - right + 1).sum() / N - 1"),
    ),
    SVM.wrong(
        "negative margins count, and the right class's margin of 1",
        MARGIN,
        "loss",
        ("loss = margins.sum() / N", "loss = (x - right + 1).sum() / N"),
    ),
    SVM.wrong(
        "the loss is divided by the number of examples twice",
        MEAN_OF_LOSS,
        "loss",
        ("margins.sum() / N", "margins.sum() / N / N"),
    ),
    SVM.wrong("the right class's gradient is left out", HINGE, "dx", (RIGHT, "count[rows, y] = 0")),
    SVM.wrong(
        "the right class's gradient is −1 where a margin is positive, not minus their number",
        HINGE,
        "dx",
        (RIGHT, "count[rows, y] = np.maximum(-count.sum(axis=1), -1)"),
    ),
    SVM.wrong(
        "the right class's gradient is −1, not minus the number of positive margins",
        HINGE,
        "dx",
        (RIGHT, "count[rows, y] = -1"),
    ),
    SVM.wrong(
        "the right class's gradient is −1, not minus the number of positive margins, and not divided by N",
        HINGE,
        "dx",
        ("dx = count / N", "dx = count / N\ndx[rows, y] = -1"),
    ),
    SVM.wrong("the right class's gradient is +1", HINGE, "dx", (RIGHT, "count[rows, y] = 1")),
    SVM.wrong(
        "the right class's gradient is not divided by N",
        HINGE,
        "dx",
        ("dx = count / N", "dx = count / N\ndx[rows, y] = count[rows, y]"),
    ),
    SVM.wrong(
        "the right class's gradient has 1 too much, that of its own margin",
        HINGE,
        "dx",
        (RIGHT, "count[rows, y] = 1 - count.sum(axis=1)"),
    ),
    SVM.wrong(
        "the right class's gradient has 1 too little", HINGE, "dx", (RIGHT, "count[rows, y] = -1 - count.sum(axis=1)")
    ),
    SVM.wrong("the right class's gradient has the wrong sign", HINGE, "dx", (RIGHT, RIGHT.replace("-count", "count"))),
    SVM.wrong(
        "the right class's gradient is minus the number of all wrong classes",
        HINGE,
        "dx",
        (RIGHT, "count[rows, y] = 1 - C"),
    ),
    SVM.wrong(
        "the right class's gradient alone is there",
        HINGE,
        "dx",
        ("dx = count / N", "dx = 0 * count\ndx[rows, y] = count[rows, y] / N"),
    ),
    SVM.wrong(
        "the gradient holds the margins, not 1 where they are positive",
        HINGE,
        "dx",
        ("count = np.where(margins > 0, 1 + 0 * x, 0 * x)", "count = 1 * margins"),
    ),
    SVM.wrong(
        "the gradient is that of squared margins",
        HINGE,
        "dx",
        ("count = np.where(margins > 0, 1 + 0 * x, 0 * x)", "count = 2 * margins"),
    ),
    SVM.wrong(
        "the gradient has 1 for all wrong classes, whatever the margin",
        HINGE,
        "dx",
        ("count = np.where(margins > 0, 1 + 0 * x, 0 * x)", "count = 1 + 0 * x\ncount[rows, y] = 0"),
    ),
    SVM.wrong(
        "the gradient is divided by the number of classes, not of examples",
        MEAN_OF_LOSS,
        "dx",
        ("dx = count / N", "dx = count / C"),
    ),
)
LAYER_TEXTS = (*OF_AFFINE, *OF_RELU, *OF_SOFTMAX, *OF_SVM)
