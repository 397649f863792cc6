"""Known mistakes of the normalisations' backwards: formulas that predict dx, and are plugged into the solution."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from parity_tests.assignments.cs231n.mistakes.norm_paths import (
    COUNT,
    DEVIATION,
    DIRECT,
    EPS,
    GAMMA,
    MEAN,
    SLOPE,
    TERMS_OF_DX,
    THREE,
    VARIANCE,
    further,
    of_groups,
)
from parity_tests.assignments.cs231n.mistakes.own_forward import CHAIN, FORMULA, OWN
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.mistake import Body, Swap

SUMS = "dgamma is the sum of dout · x̂, dbeta that of dout, over all that share them."

BATCH, ALT, LAYER, SPATIAL, GROUP = (
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "layernorm_backward",
    "spatial_batchnorm_backward",
    "spatial_groupnorm_backward",
)
ON_ROWS = """normal, deviation, gamma, axis = cache
d, g, scale, count = dout, dout * gamma, gamma, float(dout.shape[axis])
def mean(v):
    return v.mean(axis=axis, keepdims=True)
def across(v):
    return v.mean(axis=1 - axis, keepdims=True)
variance = mean((normal * deviation) ** 2)
off = count / dout.shape[1 - axis]
"""
SPATIAL_HEAD = """normal, deviation, gamma, _ = cache
turned = dout.transpose(0, 2, 3, 1)
d = turned.reshape(-1, dout.shape[1])
g, scale, count = d * gamma, gamma, float(len(d))
def mean(v):
    return v.mean(axis=0, keepdims=True)
def across(v):
    return v.mean(axis=1, keepdims=True)
variance = mean((normal * deviation) ** 2)
off = count / len(dout)
"""
GROUP_HEAD = """normal, deviation, gamma, G = cache
rows = (len(dout), G, -1)
normal, d, g = normal.reshape(rows), dout.reshape(rows), (dout * gamma).reshape(rows)
scale, count = (gamma + 0 * dout).reshape(rows), float(d.shape[2])
def mean(v):
    return v.mean(axis=2, keepdims=True)
def across(v):
    return v.mean(axis=(1, 2), keepdims=True)
variance = mean((normal * deviation) ** 2)
off = dout.shape[1] // G
def over(v, axes):
    N, C, H, W = dout.shape
    apart = v.reshape(N, G, C // G, H, W)
    return (0 * apart + apart.sum(axis=axes, keepdims=True)).reshape(v.shape) / count
"""
HEADS = {BATCH: ON_ROWS, ALT: ON_ROWS, LAYER: ON_ROWS, SPATIAL: SPATIAL_HEAD, GROUP: GROUP_HEAD}
"""What the names in the formulas stand for: d is dout, g that times gamma, `off` a right count by a wrong one."""
MISCOUNTED = {
    BATCH: "the number of features, not of examples",
    ALT: "the number of features, not of examples",
    LAYER: "the number of examples, not of features",
    SPATIAL: "the number of examples, not of examples and places",
    GROUP: "H · W, not by the size of the group",
}
RIGHT = "(g - mean(g) - normal * mean(g * normal)) / deviation"


def _values(part: str, t: Any, s: Any) -> dict[str, Any]:
    """The values of the formulas' names, in torch, for the deviation of the part's own forward where that is given."""
    import torch

    N, C = t.x.shape[:2]
    group = part == GROUP
    axis = 2 if group else 1 if part == LAYER else 0

    def rows(v: Any) -> Any:
        if part == SPATIAL:
            return v.permute(0, 2, 3, 1).reshape(-1, C)
        return v.reshape(N, t.extra[0], -1) if group else v

    x, d, way = rows(t.x), rows(t.dout), getattr(t, "way", "")
    gamma = t.gamma.flatten()[:, None, None] if t.x.dim() == 4 else t.gamma
    variance = x.var(axis, unbiased=False, keepdim=True)
    deviation = (variance + s.get("eps", 1e-5)).sqrt()
    if way:
        deviation = rows(t.deviation) if way == OWN else variance.sqrt() + s.get("eps", 1e-5)
    centred = x - x.mean(axis, keepdim=True)
    # By the chain rule one of the three divisions in the gradient through the variance is by the bare root.
    bare = (deviation * variance.sqrt()).sqrt() if way == CHAIN else deviation
    count = x.shape[axis]
    return {
        "d": d,
        "g": rows(t.dout * gamma),
        "scale": rows(gamma + 0 * t.dout),
        "normal": centred / torch.where(bare == 0, deviation, bare),
        "hat": centred / deviation,
        "deviation": deviation,
        "variance": variance,
        "mean": lambda v: v.mean(axis, keepdim=True),
        "across": lambda v: v.mean((1, 2) if group else 1 - axis, keepdim=True),
        "count": float(count),
        "off": C // t.extra[0] if group else count / N if axis or part == SPATIAL else count / C,
        "over": lambda v, axes: _over(t, v, axes) / count,
        "x": x,
    }


def _over(t: Any, rows: Any, axes: tuple[int, ...]) -> Any:
    """The sums of a group norm's rows along axes of N×G×C/G×H×W, in the shape of the rows."""
    N, C, H, W = t.x.shape
    apart = rows.reshape(N, t.extra[0], C // t.extra[0], H, W)
    return apart.sum(axes, keepdim=True).expand(apart.shape).reshape(rows.shape)


def _whole(part: str, rows: Any, t: Any) -> Any:
    """Rows of any part in the shape of x."""
    N, C, *places = t.x.shape
    if part == SPATIAL:
        return rows.reshape(N, *places, C).permute(0, 3, 1, 2)
    return rows.reshape(t.x.shape)


def _predicting(part: str, formula: str) -> Callable[[Any, Any], Any]:
    code = compile(formula, "<formula>", "eval")

    def predicted(t: Any, s: Any) -> Any:
        return _whole(part, eval(code, {}, _values(part, t, s)), t)

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
    found += [*_of_factors(part), *further(HOW_OFTEN.get(part, "examples"))]
    return [*found, *of_groups()] if part == GROUP else found


OF_ONE_TERM = (
    ("{} is not divided by the deviation", "{} * deviation"),
    ("{} lacks two divisions by the deviation", "{} * deviation**2"),
    ("{} is divided by the deviation once too often", "{} / deviation"),
    ("{} is divided by the deviation twice too often", "{} / deviation**2"),
    ("gamma stands twice in {}", "{gamma}"),
)
"""What may be wrong about one of the three terms of dx; the last has its own formula."""
HOW_OFTEN = {LAYER: "features", GROUP: "numbers in a group", SPATIAL: "examples and places"}
"""What there is one of for each term of a sum, examples where left out."""


def _with(term: str, formula: str) -> str:
    """The formula of dx with another one for one of its terms."""
    own = TERMS_OF_DX | {term: formula}
    return f"({own[DIRECT]} - {own[MEAN]} - {own[VARIANCE]}) / deviation"


def _hint_of(name: str, term: str) -> str:
    """The hint of a factor that one term has too many or too few of, by what that factor is."""
    about = {"deviation": DEVIATION, "gamma": GAMMA, "doubled": THREE, "halved": THREE}
    return next((hint for word, hint in about.items() if word in name), THREE if term == DIRECT else COUNT)


def _of_factors(part: str) -> list[tuple[str, str, str]]:
    """Names, hints and formulas of factors that one term of dx, two of them, or all have too many or too few of."""
    of = HOW_OFTEN.get(part, "examples")
    found = []
    for term, formula in TERMS_OF_DX.items():
        twice = formula.replace("g", "(g * scale)", 1) if term == VARIANCE else formula.replace("g", "g * scale")
        own = [(name.format(term), words.format(formula, gamma=formula)) for name, words in OF_ONE_TERM[:-1]]
        own.append((OF_ONE_TERM[-1][0].format(term), twice))
        if term != VARIANCE:
            own += [(f"{term} is doubled", f"2 * {formula}"), (f"{term} is halved", f"{formula} / 2")]
        if term != DIRECT:
            own += [
                (f"{term} is a sum, not a mean over the {of}", f"count * {formula}"),
                (f"{term} is divided by the number of {of} twice", f"{formula} / count"),
            ]
        found += [(name, _hint_of(name, term), _with(term, words)) for name, words in own]
    found += [
        (f"{DIRECT} is left out", THREE, _with(DIRECT, "0")),
        (f"{DIRECT} has the wrong sign", THREE, _with(DIRECT, "-g")),
        (f"gamma is left out of {DIRECT}", GAMMA, _with(DIRECT, "d")),
        (f"{DIRECT} is divided by the number of {of}", COUNT, _with(DIRECT, "g / count")),
        (f"x̂ is left out of {VARIANCE}, before the mean", THREE, _with(VARIANCE, "mean(g * normal)")),
        (f"x̂ is left out of {VARIANCE}, inside the mean", THREE, _with(VARIANCE, "normal * mean(g)")),
        (f"x̂ is squared in {VARIANCE}, before the mean", THREE, _with(VARIANCE, "normal**2 * mean(g)")),
        (f"x̂ is left out of {VARIANCE} in both places", THREE, _with(VARIANCE, "mean(g)")),
        (
            f"{VARIANCE} has the power +½ of var + eps, not −3/2",
            SLOPE,
            _with(VARIANCE, f"{TERMS_OF_DX[VARIANCE]} * deviation**4"),
        ),
        (
            f"{VARIANCE} has the power +3/2 of var + eps, not −3/2",
            SLOPE,
            _with(VARIANCE, f"{TERMS_OF_DX[VARIANCE]} * deviation**6"),
        ),
        (f"{VARIANCE} is four times what it is", SLOPE, _through(variance="4 * normal * mean(g * normal)")),
        (f"{VARIANCE} is doubled, with the wrong sign", SLOPE, _through(variance="-2 * normal * mean(g * normal)")),
        (f"{VARIANCE} is halved, with the wrong sign", SLOPE, _through(variance="-normal * mean(g * normal) / 2")),
        (
            "the gradients through the mean and the variance have the wrong sign",
            THREE,
            "(g + mean(g) + normal * mean(g * normal)) / deviation",
        ),
        (
            f"the gradients through the mean and the variance are sums, not means over the {of}",
            COUNT,
            "(g - count * mean(g) - count * normal * mean(g * normal)) / deviation",
        ),
        (
            f"the gradients through the mean and the variance are divided by the number of {of} twice",
            COUNT,
            "(g - mean(g) / count - normal * mean(g * normal) / count) / deviation",
        ),
        (f"dx is multiplied by the number of {of}", COUNT, f"count * {RIGHT}"),
        (f"dx is divided by the number of {of}", COUNT, f"{RIGHT} / count"),
        ("dx is multiplied by the deviation, not divided by it", SLOPE, f"{RIGHT} * deviation**2"),
        ("dx is divided by the variance + eps, not by its root", SLOPE, f"{RIGHT} / deviation"),
        ("dx is divided by the deviation three times", SLOPE, f"{RIGHT} / deviation**2"),
        ("dx has the wrong sign", SLOPE, f"-({RIGHT})"),
        ("dx is doubled", SLOPE, f"2 * ({RIGHT})"),
        ("dx is halved", SLOPE, f"({RIGHT}) / 2"),
        ("dx is 0 everywhere", SLOPE, f"0 * ({RIGHT})"),
        (
            "gamma stands twice in dx",
            GAMMA,
            "(g * scale - mean(g * scale) - normal * mean(g * scale * normal)) / deviation",
        ),
        (
            "dout is divided by gamma in dx, not multiplied",
            GAMMA,
            "(d / scale - mean(d / scale) - normal * mean(d / scale * normal)) / deviation",
        ),
        (f"dx is divided by {MISCOUNTED[part].replace('by the', 'the')}", COUNT, f"off * {RIGHT}"),
    ]
    if part == GROUP:
        others = "all groups of an example"
        found.append(
            (
                "the sums are divided by C · H · W, not by the size of the group",
                COUNT,
                "(g - (mean(g) + normal * mean(g * normal)) / d.shape[1]) / deviation",
            )
        )
        found.append(("dx is divided by C · H · W, not by the size of the group", COUNT, f"{RIGHT} / d.shape[1]"))
        found.append(
            (
                "the sums are divided by the number of channels in a group, not by the size of the group",
                COUNT,
                "(g - count / off * (mean(g) + normal * mean(g * normal))) / deviation",
            )
        )
    else:
        shares = "d.shape[1] / count" if part == SPATIAL else "(1 / off)"
        others = "features, not examples" if part in (BATCH, ALT) else "examples, not features"
        if part == SPATIAL:
            found.append(("dx is divided by the number of places", COUNT, f"{RIGHT} / off"))
            others = "channels, not examples and places"
        found.append(
            (
                f"the sums are over the {others}, and divided by the right number",
                COUNT,
                f"(g - (across(g) + normal * across(g * normal)) * {shares}) / deviation",
            )
        )
    found.append(
        (
            f"the sums are over {'the ' * (part != GROUP)}{others}",
            COUNT,
            "(g - across(g) - normal * across(g * normal)) / deviation",
        )
    )
    return found


OF_GROUP = "return gamma * normal + beta, (normal, deviation, gamma, G)"
KEEPING = {
    part: Swap(
        OF_GROUP if part == GROUP else "    normal = (x - mean) / deviation\n",
        f"_normalised.__dict__[id(normal)] = x.reshape(N, G, -1)\n    {OF_GROUP}"
        if part == GROUP
        else "    normal = (x - mean) / deviation\n    _normalised.__dict__[id(normal)] = x\n",
    )
    for part in HEADS
}
"""How a forward is made to keep x, which the cache of our solution lacks; and how its backward gets it."""
KEPT = "x = _normalised.__dict__[id(cache[0])]\n"
BACK_IN_SHAPE = {SPATIAL: "reshape(turned.shape).transpose(0, 3, 1, 2)"}


def _plugged(part: str, lines: str, formula: str) -> tuple[Body | Swap, ...]:
    """The backward with these lines, and what lets it have x where its formula holds that."""
    needs_x = re.search(r"\bx\b", formula) is not None
    return (Body(part, f"{KEPT}{lines}"), KEEPING[part]) if needs_x else (Body(part, lines),)


def _ways(formula: str) -> tuple[str, ...]:
    """The ways of its own forward in which a formula of dx can tell a mistake of the backward.

    Beside a wrong deviation it cannot where the backward may have another one in its cache: there what is wrong must be
    of one term beside another that is right for the forward's.
    """
    if "variance" in formula:
        return ()
    of_one = formula.endswith("/ deviation") and formula.count("deviation") == 1 and RIGHT not in formula
    if of_one and re.search(r"\bx\b|count - 1", formula) is None:
        return (CHAIN, FORMULA, OWN)
    return (CHAIN, FORMULA)


def _dx(part: str, alt: str) -> list[Wrong]:
    shape = BACK_IN_SHAPE.get(part, "reshape(dout.shape)")
    return [
        Wrong(
            part,
            "layer",
            name,
            hint,
            {f"{alt}dx": _predicting(part, formula)},
            ways=_ways(formula),
            plug=_plugged(
                part, f"{HEADS[part]}dx = ({formula}).{shape}\n{SUMMED[part]}return dx, dgamma, dbeta", formula
            ),
        )
        for name, hint, formula in _of_dx(part)
    ]


ALL = {GROUP: "axis=(0, 2, 3), keepdims=True", SPATIAL: "axis=(0, 2, 3)"}
NAMES_OF_SUMS = {
    GROUP: "hat, root = normal.reshape(dout.shape), (deviation + 0 * normal).reshape(dout.shape)\nscale = gamma\n",
    SPATIAL: "hat, root = (v.reshape(turned.shape).transpose(0, 3, 1, 2) for v in (normal, deviation + 0 * normal))\n"
    "scale = gamma[:, None, None]\n",
}
USUAL_NAMES = "hat, root, scale = normal, deviation + 0 * normal, gamma\n"
SUMMED = {
    part: f"{NAMES_OF_SUMS.get(part, USUAL_NAMES)}"
    f"dgamma, dbeta = (dout * hat).sum({(along := ALL.get(part, 'axis=0'))}), dout.sum({along})\n"
    for part in HEADS
}
"""The right sums, and what stands in their formulas: x̂ as `hat`, its deviation as `root`, both in dout's shape."""


def _summed(part: str, formula: str) -> Callable[[Any, Any], Any]:
    code = compile(formula, "<formula>", "eval")

    def predicted(t: Any, s: Any) -> Any:
        own = _values(part, t, s)
        names = {
            "dout": t.dout,
            "hat": _whole(part, own["hat"], t),
            "x": t.x,
            "root": _whole(part, own["deviation"] + 0 * own["normal"], t),
            "scale": t.gamma[:, None, None] if part == SPATIAL else t.gamma,
            "gamma": t.gamma,
            "len": len,
            "size": t.x.numel() / t.gamma.numel(),
        }
        return eval(code, {}, names)

    return predicted


def _of_sums(part: str, alt: str) -> list[Wrong]:
    """What is wrong in dgamma and dbeta."""
    along = ALL.get(part, "axis=0")
    right = {"dgamma": f"(dout * hat).sum({along})", "dbeta": f"dout.sum({along})"}
    names = NAMES_OF_SUMS.get(part, USUAL_NAMES)
    dx = f"{HEADS[part]}dx = ({RIGHT}).{BACK_IN_SHAPE.get(part, 'reshape(dout.shape)')}\n{names}"
    dx = f"{dx}size = dout.size / gamma.size\n"

    def wrong(name: str, **wrong: str) -> Wrong:
        given = right | wrong
        change = {f"{alt}{one}": _summed(part, formula) for one, formula in wrong.items()}
        whole = f"x = x.{BACK_IN_SHAPE.get(part, 'reshape(dout.shape)')}\n" if " x)" in given["dgamma"] else ""
        lines = f"{dx}{whole}return dx, {given['dgamma']}, {given['dbeta']}"
        ways = (CHAIN, FORMULA) if "deviation" in name else (CHAIN, FORMULA, OWN)
        return Wrong(part, "layer", name, SUMS, change, _plugged(part, lines, given["dgamma"]), ways=ways)

    gamma, beta = right["dgamma"], right["dbeta"]
    of = "examples and places" if part in ALL else "examples"
    rows = [
        ("dgamma and dbeta are exchanged", {"dgamma": beta, "dbeta": gamma}),
        ("dgamma lacks x̂: it is dbeta", {"dgamma": beta, "dbeta": beta}),
        ("dbeta holds x̂: it is dgamma", {"dgamma": gamma, "dbeta": gamma}),
        (
            "dgamma is not divided by the deviation: it holds x − mean, not x̂",
            {"dgamma": gamma.replace("hat", "hat * root")},
        ),
        ("dgamma is divided by the deviation twice", {"dgamma": gamma.replace("hat", "hat / root")}),
        ("dgamma is divided by the deviation three times", {"dgamma": gamma.replace("hat", "hat / root**2")}),
        ("dgamma holds the square of x̂", {"dgamma": gamma.replace("hat", "hat**2")}),
        ("dgamma holds x, not x̂", {"dgamma": gamma.replace("hat", "x")}),
    ]
    if part in (LAYER, GROUP):  # in batch norm x̂ has the sum 0
        rows += [
            ("dgamma does not use dout: it is the sum of x̂", {"dgamma": gamma.replace("dout * ", "")}),
            ("dgamma holds gamma in place of dout", {"dgamma": gamma.replace("dout", "scale")}),
            (
                "dgamma is the product of two sums, of dout and of x̂",
                {"dgamma": f"{beta} * {beta.replace('dout', 'hat', 1)}"},
            ),
        ]
    for one, formula in right.items():
        total = formula.removeprefix("(dout * hat)").removeprefix("dout")
        inner = formula.removesuffix(total)
        rows += [
            (f"{one} is the mean in place of the sum", {one: formula.replace("sum(", "mean(")}),
            (f"{one} is multiplied by gamma", {one: f"{formula} * gamma"}),
            (f"{one} is divided by gamma", {one: f"{formula} / gamma"}),
            (f"{one} is multiplied by gamma, and a mean", {one: f"{formula.replace('sum(', 'mean(')} * gamma"}),
            (f"{one} has the wrong sign", {one: f"-{formula}"}),
            (f"{one} is doubled", {one: f"2 * {formula}"}),
            (f"{one} is halved", {one: f"{formula} / 2"}),
            (f"{one} is 0 everywhere", {one: f"0 * {formula}"}),
            (f"{one} is multiplied by the number of {of}", {one: f"{formula} * size"}),
        ]
        if part in ALL:
            rows += [
                (f"{one} is divided by the number of examples", {one: f"{formula} / len(dout)"}),
                (f"{one} is divided by the number of places", {one: f"{formula} / (dout.shape[2] * dout.shape[3])"}),
                (f"{one} is of the last example alone", {one: f"{inner}[-1:]{total}"}),
                (f"{one} is of the first example alone", {one: f"{inner}[:1]{total}"}),
                (f"{one} is not summed over the examples", {one: f"{inner}.sum({along.replace('(0, ', '(')})"}),
                (f"{one} is one number for all channels", {one: f"{inner}.sum() + 0 * gamma"}),
                (
                    f"{one} is summed over channels and places, not examples",
                    {one: f"{inner}.sum({along.replace('(0, ', '(1, ')})"},
                ),
            ]
            if (part, one) != (GROUP, "dgamma"):
                rows.append((f"{one} is summed over the examples alone", {one: f"{inner}.sum(axis=0)"}))
        else:
            rows += [
                (f"{one} is summed over the wrong axis", {one: formula.replace("axis=0", "axis=1")}),
                (f"{one} is of the last example alone", {one: f"{inner}[-1]"}),
                (f"{one} is of the first example alone", {one: f"{inner}[0]"}),
                (f"{one} is not summed", {one: f"1 * {inner}"}),
                (f"{one} is one number for all features", {one: f"{inner}.sum() + 0 * gamma"}),
                (f"{one} is divided by the number of features", {one: f"{formula} / dout.shape[1]"}),
            ]
    return [wrong(name, **formulas) for name, formulas in rows]


def _backward(part: str, alt: str = "") -> list[Wrong]:
    return [*_dx(part, alt), *_of_sums(part, alt)]


NORM_GRADIENTS = (
    *_backward(BATCH),
    *_backward(ALT, "alt "),
    *_backward(LAYER),
    *_backward(SPATIAL),
    *_backward(GROUP),
)
