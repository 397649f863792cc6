"""Known mistakes of mini-batch SGD (TODO 1) that no change of its rule gives, and of what it returns."""

from __future__ import annotations

import textwrap

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import FULL, WITHOUT_DECAY
from parity_tests.assignments.mlp.mistakes.steps import Steps
from parity_tests.protocol.finding import NOTHING
from parity_tests.protocol.mistake import Body, Mistake, Shown, Swap

LOOP = """for name, module in model.items():
    if not hasattr(module, "params"):
        continue
    for key, w in module.params.items():
        g = module.gradient[key]
        momentum = momentum if momentum is not None else {}
        v = momentum.get(f"{name}_{key}", np.zeros_like(w))
        eta, lam, alpha = _learning_rate, _lambda, _alpha
"""
STORE = """        module.params[key] = w
        momentum[f"{name}_{key}"] = v
return model"""
DECAYED = "g = g + lam * w\n"
UPDATE = "if alpha > 0:\n    v = alpha * v - eta * g\n    w = w + v\nelse:\n    w = w - eta * g"

ALPHA, LAMBDA = (FULL, WITHOUT_DECAY), (FULL,)
"""The editions that have momentum, and those that have weight decay."""
DROP = "Change the learning rate between two steps: which gradients should the new one act on?"
TERMS = "Work two steps out by hand for one weight, with numbers, and compare term by term."
DECAY = "Weight decay makes the gradient larger by λ w, for every w, before anything else happens."
ORDER = "Compare the order of the parameters with the names you use in the formula."


def plugged(statements: str) -> tuple[Body, ...]:
    """The function that makes every step by statements that use and set w, v and g, and use eta, lam and alpha."""
    step = textwrap.indent(statements, "        ")
    return (Body("miniBatchStochasticGradientDescent", f"{LOOP}{step}\n{STORE}"),)


def _step(name: str, hint: str, statements: str, *, editions: tuple[str, ...] = ALPHA) -> Mistake:
    """A mistake in the whole step."""
    steps = Steps((statements, statements))
    return Mistake("1", "sgd.weights", name, hint, steps, plug=plugged(statements), editions=editions)


MOVING = {
    "torch's momentum: η is not inside the velocity": (DROP, "alpha * v + g", "w - eta * v"),
    "torch's momentum with damping: the gradient is weighted by 1 − α, η outside":
        (DROP, "alpha * v + (1 - alpha) * g", "w - eta * v"),
    "Nesterov's momentum, where the classical form is asked for":
        (TERMS, "alpha * v - eta * g", "w + alpha * v - eta * g"),
    "α multiplies the gradient, not the old velocity": (TERMS, "v - eta * alpha * g", "w + v"),
}  # fmt: skip
"""By name the hint, the new velocity, and the new w by that."""
OF_RULES = (
    *(
        _step(name, hint, f"{DECAYED}if alpha > 0:\n    v = {v}\n    w = {w}\nelse:\n    w = w - eta * g")
        for name, (hint, v, w) in MOVING.items()
    ),
    _step("α and η are exchanged", ORDER, f"eta, alpha = alpha, eta\n{DECAYED}{UPDATE}"),
    Mistake(
        "1", "sgd.weights", "λ and α are exchanged", ORDER,
        Steps(("v = lam * v - eta * (g + alpha * w)\nw = w + v",) * 2),
        plug=(Swap("_lambda: float, _alpha: float, _learning", "_alpha: float, _lambda: float, _learning"),),
        editions=LAMBDA,
    ),
    _step("λ and η are exchanged", ORDER, f"lam, eta = eta, lam\n{DECAYED}{UPDATE}", editions=LAMBDA),
    _step("weight decay is applied after the step", DECAY, f"{UPDATE}\nw = w - eta * (lam * w)", editions=LAMBDA),
    *(
        _step(name, DECAY, f"old = w\n{first}{UPDATE}\nw = w - {decay}", editions=LAMBDA)
        for name, first, decay in (
            ("weight decay is not part of the velocity", "", "eta * (lam * old)"),
            ("weight decay is in the gradient, and on the weight again", DECAYED, "eta * (lam * old)"),
            ("weight decay is not multiplied by η", "", "lam * old"),
        )
    ),
)  # fmt: skip
"""Those that a step which `main` makes itself may have too."""


def _returning(what: str) -> tuple[Body, ...]:
    return tuple(
        Body(body.function, body.statements.replace("return model", f"return {what}"))
        for body in plugged(DECAYED + UPDATE)
    )


def _found(finding: str) -> Shown:
    return lambda case, q, comparison: comparison.finding == finding


RETURNED = (
    Mistake(
        "1", "sgd.model", "SGD returns nothing", "What does a function return that has no return statement?",
        shown_by=_found(NOTHING), plug=_returning("None"),
    ),
    Mistake(
        "1", "sgd.model", "SGD returns something else than the model it was given",
        "What does main do with what is returned?", shown_by=_found(Found.OTHER_MODEL), plug=_returning("momentum"),
    ),
    Mistake(
        "1", "sgd.model", "SGD takes other parameters than it is given",
        "Compare the line with def with the assignment's: names may differ, the number and the order may not.",
        shown_by=_found(Found.OTHER_SIGNATURE), raised=r"TypeError: .*positional argument",
        plug=(Swap("_lambda: float, _alpha: float, _learning_rate: float", "_lambda: float, _rates: float"),),
    ),
)  # fmt: skip

SGD = (*OF_RULES, *RETURNED)
