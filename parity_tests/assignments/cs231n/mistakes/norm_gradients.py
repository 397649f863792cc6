"""Known mistakes of the normalisations' backwards: formulas that predict dx, and are plugged into the solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body

SUMS = "dgamma is the sum of dout · x̂, dbeta that of dout, over all that share them."
THREE = "x reaches the output in three ways: directly, through the mean, and through the variance."
EPS = "eps stands in every root, once, in the backward too."
GAMMA = "gamma scales the normalised x: dout must be multiplied by it before it goes further back."
COUNT = "The sums are divided by how many numbers share one mean."
SLOPE = "The derivative of σ = √(var + eps) is 1/(2σ), and that of the square (x − mean)² is 2 (x − mean)."

BATCH, ALT, LAYER, GROUP = (
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "layernorm_backward",
    "spatial_groupnorm_backward",
)
HEAD = """normal, deviation, gamma, axis = cache
d, g, scale = dout, dout * gamma, gamma
def mean(v):
    return v.mean(axis=axis, keepdims=True)
variance = mean((normal * deviation) ** 2)
off = %s
"""
GROUP_HEAD = """normal, deviation, gamma, G = cache
rows, axes = (len(dout), G, -1), (0, 2, 3)
sums = (dout * normal).sum(axis=axes, keepdims=True), dout.sum(axis=axes, keepdims=True)
normal, d, g = normal.reshape(rows), dout.reshape(rows), (dout * gamma).reshape(rows)
scale = (gamma + 0 * dout).reshape(rows)
def mean(v):
    return v.mean(axis=2, keepdims=True)
variance = mean((normal * deviation) ** 2)
off = dout.shape[1] // G
"""
HEADS = {
    BATCH: HEAD % "len(dout) / dout.shape[1]",
    ALT: HEAD % "len(dout) / dout.shape[1]",
    LAYER: HEAD % "dout.shape[1] / len(dout)",
    GROUP: GROUP_HEAD,
}
"""What the names in the formulas stand for: d is dout, g that times gamma, `off` a right count by a wrong one."""
MISCOUNTED = {
    BATCH: "the number of features, not of examples",
    ALT: "the number of features, not of examples",
    LAYER: "the number of examples, not of features",
    GROUP: "H · W, not by the size of the group",
}
RIGHT = "(g - mean(g) - normal * mean(g * normal)) / deviation"


def _values(part: str, t: Any, s: Any) -> dict[str, Any]:
    """The values of the formulas' names, in torch."""
    N, C = t.x.shape[:2]
    group = part == GROUP
    rows = (N, t.extra[0], -1) if group else t.x.shape
    axis = 2 if group else 1 if part == LAYER else 0
    x, d = t.x.reshape(rows), t.dout.reshape(rows)
    variance = x.var(axis, unbiased=False, keepdim=True)
    deviation = (variance + s.get("eps", 1e-5)).sqrt()
    return {
        "d": d,
        "g": (t.dout * t.gamma).reshape(rows),
        "scale": (t.gamma + 0 * t.dout).reshape(rows),
        "normal": (x - x.mean(axis, keepdim=True)) / deviation,
        "deviation": deviation,
        "variance": variance,
        "mean": lambda v: v.mean(axis, keepdim=True),
        "off": C // t.extra[0] if group else C / N if part == LAYER else N / C,
    }


def _predicting(part: str, formula: str) -> Callable[[Any, Any], Any]:
    code = compile(formula, "<formula>", "eval")

    def predicted(t: Any, s: Any) -> Any:
        return eval(code, {}, _values(part, t, s)).reshape(t.x.shape)

    return predicted


def _through(mean: str = "mean(g)", variance: str = "normal * mean(g * normal)") -> str:
    """The formula of dx with other terms."""
    return f"(g - {mean} - {variance}) / deviation"


def _of_dx(part: str) -> list[tuple[str, str, str]]:
    """Names, hints and formulas of what is wrong in dx."""
    counted = MISCOUNTED[part]
    along = "(mean(g) + normal * mean(g * normal))"
    found = [
        ("gamma is left out of dx", GAMMA, "(d - mean(d) - normal * mean(d * normal)) / deviation"),
        ("gamma is left out of the gradient through the variance", GAMMA,
         _through(variance="normal * mean(d * normal)")),
        ("gamma is left out of the gradient through the mean", GAMMA, _through(mean="mean(d)")),
        ("dx does not go through the mean and the variance", THREE, "g / deviation"),
        ("dx does not go through the mean", THREE, _through(mean="0")),
        ("dx does not go through the variance", THREE, _through(variance="0")),
        ("the gradient through the mean has the wrong sign", THREE, _through(mean="-mean(g)")),
        ("the gradient through the variance has the wrong sign", THREE,
         _through(variance="-normal * mean(g * normal)")),
        ("the gradient through the variance is halved", SLOPE, _through(variance="normal * mean(g * normal) / 2")),
        ("the gradient through the variance is doubled", SLOPE, _through(variance="2 * normal * mean(g * normal)")),
        ("eps is left out of dx", EPS, RIGHT.replace("/ deviation", "/ variance**0.5")),
        ("eps is left out of the gradient through the variance", EPS,
         _through(variance="normal * mean(g * normal) * deviation / variance**0.5")),
        ("eps stands twice in the gradient through the variance", EPS,
         _through(variance="normal * mean(g * normal) * deviation / (2 * deviation**2 - variance) ** 0.5")),
        ("eps is left out of the power −3/2 of the variance", EPS,
         _through(variance="normal * mean(g * normal) * (deviation**2 / variance) ** 1.5")),
        ("dx is not divided by the deviation", THREE, "g - mean(g) - normal * mean(g * normal)"),
        (f"the sums are divided by {counted}", COUNT, f"(g - off * {along}) / deviation"),
        (f"the sum through the mean is divided by {counted}", COUNT, _through(mean="off * mean(g)")),
        (f"the sum through the variance is divided by {counted}", COUNT,
         _through(variance="off * normal * mean(g * normal)")),
    ]  # fmt: skip
    if part in (LAYER, GROUP):
        late = "scale * (d - mean(d) - normal * mean(d * normal)) / deviation"
        found.append(("gamma is applied after the means, not before", GAMMA, late))
    return found


def _dx(part: str, alt: str) -> list[Wrong]:
    sums = "sums[0], sums[1]" if part == GROUP else "(dout * normal).sum(axis=0), dout.sum(axis=0)"
    return [
        Wrong(part, "layer", name, hint, {f"{alt}dx": _predicting(part, formula)},
              (Body(part, f"{HEADS[part]}return ({formula}).reshape(dout.shape), {sums}"),))
        for name, hint, formula in _of_dx(part)
    ]  # fmt: skip


def _x_hat(part: str, t: Any, s: Any) -> Any:
    return _values(part, t, s)["normal"].reshape(t.x.shape)


def _of_sums(part: str, alt: str) -> list[Wrong]:
    """What is wrong in dgamma and dbeta."""
    axes = "axis=(0, 2, 3), keepdims=True" if part == GROUP else "axis=0"
    right = {"gamma": f"(dout * normal).sum({axes})", "beta": f"dout.sum({axes})"}
    head = "normal, deviation, gamma, _ = cache\n"
    dx = f"{HEADS[part]}dx = ({RIGHT}).reshape(dout.shape)\n{head}"

    def wrong(name: str, of: dict[str, Any], **pieces: str) -> Wrong:
        given = right | pieces
        change = {f"{alt}d{one}": predicted for one, predicted in of.items()}
        lines = f"{dx}return dx, {given['gamma']}, {given['beta']}"
        return Wrong(part, "layer", name, SUMS, change, (Body(part, lines),))

    def share(t: Any) -> int:
        return int(t.x.numel() // t.gamma.numel())

    return [
        wrong("dgamma is the mean in place of the sum", {"gamma": lambda t, s: t.right.dgamma / share(t)},
              gamma=right["gamma"].replace("sum(", "mean(")),
        wrong("dbeta is the mean in place of the sum", {"beta": lambda t, s: t.right.dbeta / share(t)},
              beta=right["beta"].replace("sum(", "mean(")),
        wrong("dgamma and dbeta are exchanged",
              {"gamma": lambda t, s: t.right.dbeta, "beta": lambda t, s: t.right.dgamma},
              gamma=right["beta"], beta=right["gamma"]),
        wrong("dgamma lacks x̂: it is dbeta",
              {"gamma": lambda t, s: t.right.dbeta, "beta": lambda t, s: t.right.dbeta}, gamma=right["beta"]),
        wrong("dbeta holds x̂: it is dgamma",
              {"gamma": lambda t, s: t.right.dgamma, "beta": lambda t, s: t.right.dgamma}, beta=right["gamma"]),
        wrong("dgamma is multiplied by gamma", {"gamma": lambda t, s: t.right.dgamma * t.gamma},
              gamma=f"{right['gamma']} * gamma"),
        wrong("dbeta is multiplied by gamma", {"beta": lambda t, s: t.right.dbeta * t.gamma},
              beta=f"{right['beta']} * gamma"),
        *([] if part == GROUP else [
            wrong("dgamma is summed over the wrong axis",
                  {"gamma": lambda t, s: (t.dout * _x_hat(part, t, s)).sum(1)},
                  gamma="(dout * normal).sum(axis=1)"),
            wrong("dbeta is summed over the wrong axis", {"beta": lambda t, s: t.dout.sum(1)},
                  beta="dout.sum(axis=1)"),
        ]),
    ]  # fmt: skip


def _backward(part: str, alt: str = "") -> list[Wrong]:
    return [*_dx(part, alt), *_of_sums(part, alt)]


NORM_GRADIENTS = (*_backward(BATCH), *_backward(ALT, "alt "), *_backward(LAYER), *_backward(GROUP))
