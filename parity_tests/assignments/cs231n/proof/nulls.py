"""CS231n's functions with nothing in them: layers, losses, update rules and networks that compute nothing."""

from __future__ import annotations

from parity_tests.assignments.cs231n.inside.families import FIRST, LATER
from parity_tests.assignments.cs231n.names import CNN, FC_NET, OPTIM
from parity_tests.protocol.layout import file_of
from parity_tests.protocol.null import NullFunction, Nulls, Value

_OUT, _DX = Value("x.shape", input="x"), Value("x.shape", input="x", gradient="dout")
_OPTIM, _FC_NET, _CNN = (file_of(module) for module in (OPTIM, FC_NET, CNN))
_SETTINGS = "config = config if config is not None else {{}}\nconfig.setdefault('learning_rate', 1e-2)\n"
"""How the handout of an update rule begins."""


def _forward(name: str, shape: str, kept: str) -> NullFunction:
    value = Value(shape, input="x")
    return NullFunction(name, f"return {{0}}, ({kept})", (value,))


def _backward(name: str, *kept: str) -> NullFunction:
    """A backward whose cache begins with what the forward was given."""
    values = [_DX, *(Value(f"{other}.shape", input=other, gradient="dout") for other in kept)]
    unpacked = ", ".join(("x", *kept))
    returned = ", ".join(f"{{{number}}}" for number in range(len(values)))
    return NullFunction(name, f"{unpacked}, *_ = cache\nreturn {returned}", values)


_LOSS = NullFunction("softmax_loss", "return float({0}), {1}", (Value("()"), Value("x.shape", input="x")))
_CONV = (
    "(len(x), len(w), 1 + (x.shape[2] + 2 * conv_param['pad'] - w.shape[2]) // conv_param['stride'], "
    "1 + (x.shape[3] + 2 * conv_param['pad'] - w.shape[3]) // conv_param['stride'])"
)
_POOL = (
    "(*x.shape[:2], 1 + (x.shape[2] - pool_param['pool_height']) // pool_param['stride'], "
    "1 + (x.shape[3] - pool_param['pool_width']) // pool_param['stride'])"
)
_NORMS = ("batchnorm", "layernorm", "spatial_batchnorm", "spatial_groupnorm")


def _network(name: str, file: str) -> NullFunction:
    """The loss of a network whose constructor is right: zero scores, a loss of ln C or of the penalty, no gradients."""
    classes = "self.params[max(k for k in self.params if k[0] == 'b' and k[1:].isdigit())].size"
    scores = Value(f"(len(X), {classes})")
    loss = "float({1})"
    statements = (
        "if y is None:\n    return {0}\nreturn " + loss + ", {{k: np.zeros_like(v) for k, v in self.params.items()}}"
    )
    penalty = "0.5 * self.reg * sum(np.sum(w * w) for k, w in self.params.items() if k[0] == 'W')"
    zeros = f"if y is None:\n    return np.zeros((len(X), {classes}))\nreturn "
    graded = "{k: self.reg * v if k[0] == 'W' else np.zeros_like(v) for k, v in self.params.items()}"
    return NullFunction(
        f"{name}.loss",
        statements,
        (scores, Value("()")),
        own={
            "ones": f"{zeros}np.log({classes}), {{k: np.zeros_like(v) for k, v in self.params.items()}}",
            "its input": f"{zeros}{penalty}, {graded}",
            "the incoming gradient": f"{zeros}np.log({classes}) + {penalty}, {graded}",
        },
        file=file,
    )


FUNCTIONS = (
    _forward("affine_forward", "(len(x), w.shape[1])", "x, w, b"),
    _backward("affine_backward", "w", "b"),
    NullFunction("relu_forward", "return {0}, x", (_OUT,)),
    NullFunction("relu_backward", "x = cache\nreturn {0}", (_DX,)),
    _LOSS,
    NullFunction("svm_loss", _LOSS.statements, _LOSS.values),
    *(_forward(f"{norm}_forward", "x.shape", "x, gamma, beta") for norm in _NORMS),
    *(_backward(f"{norm}_backward", "gamma", "beta") for norm in _NORMS),
    _backward("batchnorm_backward_alt", "gamma", "beta"),
    NullFunction("dropout_forward", "return {0}, (dropout_param, np.ones(x.shape))", (_OUT,)),
    NullFunction("dropout_backward", "x = dout\nreturn {0}", (_DX,)),
    _forward("conv_forward_naive", _CONV, "x, w, b, conv_param"),
    _backward("conv_backward_naive", "w", "b"),
    _forward("max_pool_forward_naive", _POOL, "x, pool_param"),
    NullFunction("max_pool_backward_naive", "x, *_ = cache\nreturn {0}", (_DX,)),
    *(
        NullFunction(rule, _SETTINGS + "return {0}, config", (Value("w.shape", input="w", gradient="dw"),), file=_OPTIM)
        for rule in ("sgd_momentum", "rmsprop", "adam")
    ),
    _network("TwoLayerNet", _FC_NET),
    _network("FullyConnectedNet", _FC_NET),
    _network("ThreeLayerConvNet", _CNN),
)
"""All that students write; of networks their constructors are right."""

NULLS = Nulls(FUNCTIONS, editions=(LATER, FIRST))
