"""The homework's functions with nothing in them: layers, SGD and `main` that return something and compute nothing.

What students are given is left as it is: utils.py, of `main` all but the wiring, and in some dropout's forward.
"""

from __future__ import annotations

from parity_tests.assignments.mlp.editions import EDITIONS
from parity_tests.protocol.mistake import Swap
from parity_tests.protocol.null import GRADIENT, NOTHING, RAISES, NullFunction, Nulls, Value

_FORWARD, _BACKWARD = Value("X.shape", input="X"), Value("X.shape", input="X", gradient="grad")
_W, _B = Value("(input_D, output_D)"), Value("(1, output_D)")
_EPOCHS = "n = int(main_params['num_epoch'])\n"
_STEP = "            miniBatchStochasticGradientDescent(model, momentum, lam, alpha, eta)\n"
_BATCH = "            x, y = train.get_example(order[start : start + minibatch_size])\n"
WIRING = """
            u = model["L1"].forward(x)
            h = model["nonlinear1"].forward(u)
            s = model["drop1"].forward(h, is_train=True)
            a = model["L2"].forward(s)
            model["loss"].forward(a, y)

            grad_a = model["loss"].backward(a, y)
            grad_s = model["L2"].backward(s, grad_a)
            grad_h = model["drop1"].backward(h, grad_s)
            grad_u = model["nonlinear1"].backward(u, grad_h)
            model["L1"].backward(x, grad_u)
"""
"""The forwards and backwards of a step of the solution's `main`, as they stand there."""
_EVALUATED = """    for start in range(0, data.N - minibatch_size + 1, minibatch_size):
        x, y = data.get_example"""

FUNCTIONS = (
    NullFunction(
        "linear_layer.__init__",
        "self.params = {{'W': {0}, 'b': {1}}}\nself.gradient = {{'W': {2}, 'b': {3}}}",
        (_W, _B, _W, _B),
        own={NOTHING: "pass"},
    ),
    NullFunction("linear_layer.forward", "return {0}", (Value("(len(X), self.params['W'].shape[1])", input="X"),)),
    NullFunction(
        "linear_layer.backward",
        "self.gradient['W'] = {0}\nself.gradient['b'] = {1}\nreturn {2}",
        (
            Value("self.params['W'].shape", input="X", gradient="grad"),
            Value("self.params['b'].shape", input="X", gradient="grad"),
            _BACKWARD,
        ),
    ),
    *(
        NullFunction(f"{layer}.{method}", "return {0}", (value,))
        for layer in ("tanh", "relu")
        for method, value in (("forward", _FORWARD), ("backward", _BACKWARD))
    ),
    NullFunction("dropout.forward", "return {0}", (_FORWARD,), given=(NOTHING, RAISES, GRADIENT)),
    NullFunction("dropout.backward", "return {0}", (_BACKWARD,)),
    NullFunction("miniBatchStochasticGradientDescent", "return model"),
    NullFunction(
        "main",
        f"{_EPOCHS}return [0.0] * n, [0.0] * n",
        own={
            "ones": f"{_EPOCHS}return [1.0] * n, [1.0] * n",
            "a constant": f"{_EPOCHS}return [2.302585] * n, [2.302585] * n",
            "NaN": f"{_EPOCHS}return [float('nan')] * n, [float('nan')] * n",
            "random numbers": f"{_EPOCHS}return list(np.random.rand(n)), list(np.random.rand(n))",
        },
    ),
)
"""All that students write."""

MAINS = {
    "main without the wiring": (Swap(WIRING, ""),),
    "main without steps": (Swap(WIRING, ""), Swap(_STEP, "            pass\n")),
    "main without an epoch's loop": (Swap(_BATCH, f"            break\n{_BATCH}"),),
    "main that does not call SGD": (Swap(_STEP, ""),),
    "main with a rate of 0": (Swap(_STEP, _STEP.replace("eta", "0.0")),),
    "main that steps by nothing": (Swap(_STEP, _STEP.replace("lam, alpha, eta", "0.0, 0.0, 0.0")),),
    "main that builds the layers alone": (
        Swap(_BATCH, f"            break\n{_BATCH}"),
        Swap(_EVALUATED, _EVALUATED.replace("data.N - minibatch_size + 1", "0")),
    ),
    "main that evaluates alone": (
        Swap(_BATCH, f"            break\n{_BATCH}"),
        Swap("        order = np.random.permutation(train.N)\n", "        order = np.arange(train.N)\n"),
    ),
}
"""Null forms of `main`, as changes of a right one."""
_SGD = "    model: Model, momentum: dict[str, Array], _lambda: float, _alpha: float, _learning_rate: float\n"
NULLS = Nulls(
    FUNCTIONS,
    forms={name: ("10", swaps) for name, swaps in MAINS.items()},
    apart=("main",),
    callable=(Swap(_SGD, "    model: Model, *_: object\n"),),
    chained=True,
    editions=EDITIONS,
)
