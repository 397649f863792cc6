"""The right texts of CS231n's parts: which of them each part has, and what their names stand for in its cases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from parity_tests.assignments.cs231n.mistakes.generated import Written
from parity_tests.parts import images_as_rows
from parity_tests.parts.given.layers import of_linear, of_loss, of_relu
from parity_tests.parts.given.norms import LAYOUTS, norm_backward_given, norm_forward_given, words_of
from parity_tests.parts.given.windows import of_convolution, of_pooling
from parity_tests.parts.linear import LINEAR_BACKWARD, LINEAR_FORWARD
from parity_tests.parts.norm_backward import AS_ONE, BY_MEANS, BY_SUMS, SCALED, SUMMED, norm_backward
from parity_tests.parts.norm_forward import norm_forward
from parity_tests.parts.relu import RELU_BACKWARD, RELU_FORWARD
from parity_tests.parts.softmax_loss import SOFTMAX_LOSS
from parity_tests.parts.svm_loss import SVM_LOSS
from parity_tests.parts.windows import CONV_BACKWARD, CONV_FORWARD, POOL_BACKWARD, POOL_FORWARD


def _backward(part: str, layout: str, before: str = "") -> Written:
    forms = (BY_MEANS, BY_SUMS, SCALED if layout in ("batch", "spatial") else AS_ONE)
    own = LAYOUTS[layout]
    texts = [norm_backward(lines, own.counts, words_of(own.axes)) for lines in forms]
    texts.append(norm_backward(SUMMED, own.counts, words_of(own.sums)))
    texts += [images_as_rows.ROWS_BACKWARD] if layout == "spatial" else []
    return Written(part, texts, partial(norm_backward_given, layout), before)


def _forward(part: str, layout: str) -> Written:
    own = LAYOUTS[layout]
    texts = [norm_forward(own.counts, words_of(own.statistics))]
    texts += [images_as_rows.ROWS_FORWARD] if layout == "spatial" else []
    return Written(part, texts, partial(norm_forward_given, layout))


WRITTEN: Mapping[tuple[str, str], Written] = {
    (one.part, one.kind): one
    for one in (
        Written("affine_forward", [LINEAR_FORWARD], of_linear),
        Written("affine_backward", [LINEAR_BACKWARD], of_linear),
        Written("relu_forward", RELU_FORWARD, of_relu, numbers=True),
        Written("relu_backward", RELU_BACKWARD, of_relu, numbers=True),
        Written("softmax_loss", SOFTMAX_LOSS, of_loss, kind="loss"),
        Written("svm_loss", SVM_LOSS, of_loss, kind="loss"),
        Written("conv_forward_naive", [CONV_FORWARD], of_convolution, may_fail=True),
        Written("conv_backward_naive", CONV_BACKWARD, of_convolution, may_fail=True),
        Written("max_pool_forward_naive", [POOL_FORWARD], of_pooling, may_fail=True),
        Written("max_pool_backward_naive", [POOL_BACKWARD], of_pooling, may_fail=True),
        _forward("batchnorm_forward", "batch"),
        _forward("layernorm_forward", "layer"),
        _forward("spatial_batchnorm_forward", "spatial"),
        _forward("spatial_groupnorm_forward", "group"),
        _backward("batchnorm_backward", "batch"),
        _backward("batchnorm_backward_alt", "batch", "alt "),
        _backward("layernorm_backward", "layer"),
        _backward("spatial_batchnorm_backward", "spatial"),
        _backward("spatial_groupnorm_backward", "group"),
    )
}
"""By part and kind of case."""
