"""The homework's functions with nothing in them: layers, SGD and `main` that return something and compute nothing.

What students are given is left as it is: utils.py, of `main` all but the wiring, and in some dropout's forward.
"""

from __future__ import annotations

from parity_tests.assignments.mlp.editions import EDITIONS
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.null import LAST_INPUT, NOTHING, RAISES, Nulls

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
NULLS = Nulls(
    given={"dropout.forward": (NOTHING, RAISES, LAST_INPUT)},
    stubs=(Body("main", "n = int(main_params['num_epoch'])\nreturn [0.5] * n, [0.5] * n"),),
    forms={name: ("10", swaps) for name, swaps in MAINS.items()},
    chained=True,
    editions=EDITIONS,
)
