"""The torch function of each layer, by the name of its forward; torch is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Function = Callable[..., Any]


def function_of(forward: str, setting: Mapping[str, Any], extra: Sequence[Any]) -> Function:
    """The function of the layer's arrays, by name, that gives its output in training."""
    import torch.nn.functional as F  # noqa: N812 - its usual name

    def affine(x: Any, w: Any, b: Any) -> Any:
        return F.linear(x.flatten(1), w.T, b)

    def relu(x: Any) -> Any:
        return F.relu(x)

    def batchnorm(x: Any, gamma: Any, beta: Any) -> Any:
        if x.dim() == 2 and len(x) == 1:  # of which batch_norm refuses to take statistics
            return F.layer_norm(x.T, (1,), eps=setting.get("eps", 1e-5)).T * gamma + beta
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=setting.get("eps", 1e-5))

    def layernorm(x: Any, gamma: Any, beta: Any) -> Any:
        return F.layer_norm(x, x.shape[1:], gamma, beta, eps=setting.get("eps", 1e-5))

    def conv(x: Any, w: Any, b: Any) -> Any:
        return F.conv2d(x, w, b, stride=setting["stride"], padding=setting["pad"])

    def pool(x: Any) -> Any:
        return F.max_pool2d(x, (setting["pool_height"], setting["pool_width"]), stride=setting["stride"])

    def groupnorm(x: Any, gamma: Any, beta: Any) -> Any:
        return F.group_norm(x, extra[0], gamma.flatten(), beta.flatten(), eps=setting.get("eps", 1e-5))

    functions: dict[str, Function] = {
        "affine_forward": affine,
        "relu_forward": relu,
        "batchnorm_forward": batchnorm,
        "layernorm_forward": layernorm,
        "conv_forward_naive": conv,
        "max_pool_forward_naive": pool,
        "spatial_batchnorm_forward": batchnorm,
        "spatial_groupnorm_forward": groupnorm,
    }
    return functions[forward]


def normalised(
    forward: str, setting: Mapping[str, Any], extra: Sequence[Any], *, beside: bool = False, fused: bool = False
) -> Function:
    """A norm written out: with eps `beside` the root, or under it; `fused` into one scale and one shift of x."""

    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        X, over = grouped(forward, x, extra)
        mean, variance = statistics(X, over)
        eps = setting.get("eps", 1e-5)
        deviation = variance.sqrt() + eps if beside else (variance + eps).sqrt()
        if x.dim() == 4:
            gamma, beta = gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1)
        if not fused:
            return ((X - mean) / deviation).reshape(x.shape) * gamma + beta
        gamma, beta = (one.expand(x.shape).reshape(X.shape) for one in (gamma, beta))
        scale = gamma / deviation
        return (X * scale + (beta - mean * scale)).reshape(x.shape)

    return norm


def grouped(forward: str, x: Any, extra: Sequence[Any]) -> tuple[Any, tuple[int, ...]]:
    """x as the norm of this name sees it, and the axes along which numbers share their statistics."""
    if forward == "spatial_groupnorm_forward":
        N, C, H, W = x.shape
        return x.reshape(N, extra[0], C // extra[0], H, W), (2, 3, 4)
    return x, (1,) if forward == "layernorm_forward" else (0, *range(2, x.dim()))


def statistics(X: Any, over: tuple[int, ...]) -> tuple[Any, Any]:
    """The mean along some axes, and the variance, which divides by as many as there are."""
    mean = X.mean(over, keepdim=True)
    return mean, ((X - mean) ** 2).mean(over, keepdim=True)


def loss_of(function: str) -> Function:
    """The function of scores x and labels y that gives the loss."""
    import torch.nn.functional as F  # noqa: N812 - its usual name

    def softmax(x: Any, y: Any) -> Any:
        return F.cross_entropy(x, y)

    def svm(x: Any, y: Any) -> Any:
        return F.multi_margin_loss(x, y) * x.shape[1]

    return {"softmax_loss": softmax, "svm_loss": svm}[function]
