"""The table of cases: every question that is put to a submission, and the quantities that its answer consists of."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from parity_tests.assignments.mlp.main.configs import configs, main_quantities
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, key_after_step, updated_name
from parity_tests.protocol.case import Case
from parity_tests.protocol.quantity import Key, Quantity, quantities

SGD_STEPS_BEFORE_DROP = 4
SGD_ETAS = (0.1,) * SGD_STEPS_BEFORE_DROP + (0.01,) * 4
TRAJECTORY_ETAS = (0.05,) * 12 + (0.005,) * 8
JOINT_CHECKS = ("network", "trajectory", "main")
"""The checks in which several parts work together."""


LINEAR_SHAPES = {  # N, D, M
    "one-row": (1, 4, 3),
    "one-input": (5, 1, 3),
    "one-output": (5, 4, 1),
    "square": (4, 4, 4),
    "wide": (3, 4, 12),
    "tall": (12, 5, 3),
}
INIT_SIZES = {"small": (30, 20), "distribution": (10, 10_000)}
ELEMENTWISE: dict[str, tuple[list[tuple[int, ...]], str, bool]] = {  # shapes of the pairs, what is drawn, lenient
    "two-dimensions": ([(6, 5)], "normal", False),
    "one-row": ([(1, 7)], "normal", False),
    "one-dimension": ([(9,)], "normal", True),
    "three-dimensions": ([(3, 2, 4)], "normal", True),
    "zeros": ([(4, 6)], "zeros", False),
    "magnitudes-to-40": ([(12, 25)], "to-40", False),
    "two-inputs": ([(4, 5), (4, 5)], "normal", False),
}
DROPOUT_RATES = (0.0, 0.1, 0.5, 0.9)
MASK_CALLS = 9
ALPHAS = (0.0, 0.5, 0.9)
LAMBDAS = (0.0, 1e-4, 0.1)
NETWORK_LINKS = (
    ("L1 output", "3"),
    ("activation output", "5/7"),
    ("dropout output", "9"),
    ("L2 output", "3"),
    ("loss", "utils"),
    ("gradient of logits", "utils"),
    ("L2 gradient of W", "4"),
    ("L2 gradient of b", "4"),
    ("L2 gradient of X", "4"),
    ("dropout gradient", "9"),
    ("activation gradient", "6/8"),
    ("L1 gradient of W", "4"),
    ("L1 gradient of b", "4"),
    ("L1 gradient of X", "4"),
)


def plan(edition: str, dtypes: Sequence[str]) -> list[Case]:
    """The cases that an edition asks, in the dtypes given."""
    return [case for dtype in dtypes for case in _cases_in(edition, dtype, once=dtype == dtypes[0])]


def _cases_in(edition: str, dtype: str, *, once: bool) -> Iterator[Case]:
    """Every case of one dtype; main's are in float64 only. `once`: also those without a dtype of their own."""
    yield from _linear(dtype, once)
    for layer in ("relu",) if edition == "2022-23" else ("tanh", "relu"):
        yield from _elementwise(layer, dtype)
    if edition != "2022-23":
        yield from _dropout(dtype, once)
    yield from _sgd(edition, dtype)
    yield from _utils(edition, dtype, once)
    yield from _network(edition, dtype)
    if dtype == "float64":
        yield from _main(edition)


def _linear(dtype: str, once: bool) -> Iterator[Case]:
    first = quantities(
        ("output", "3", Key("output")),
        ("gradient of X", "4", Key("gradient of X")),
        ("gradient of W", "4", Key("gradient of W")),
        ("gradient of b", "4", Key("gradient of b")),
    )
    for name, (N, D, M) in LINEAR_SHAPES.items():
        params = {"pairs": 1, "N": N, "D": D, "M": M}
        yield Case(f"linear/{name}/{dtype}", "linear", f"linear, {words(name)}", dtype, "linear", params, first)
    second = tuple(Quantity(f"{q.name}, second input", q.part, replace(q.key, call=1)) for q in first)
    params = {"pairs": 2, "N": 4, "D": 5, "M": 3}
    yield Case(
        f"linear/two-inputs/{dtype}", "linear", "linear, two inputs in turn", dtype, "linear", params, first + second
    )
    again = tuple(Quantity(f"{q.name}, backward twice", q.part, replace(q.key, call=1)) for q in first[1:])
    params = {"pairs": 1, "N": 4, "D": 5, "M": 3, "again": True}
    yield Case(f"linear/backward-twice/{dtype}", "linear", "linear, backward twice", dtype, "linear", params, again)
    if once:
        for name, (D, M) in INIT_SIZES.items():
            rows = quantities(
                ("W", "2", Key("W")),
                ("b", "2", Key("b")),
                ("initial gradient of W", "2", Key("gradient of W")),
                ("initial gradient of b", "2", Key("gradient of b")),
            )
            if name == "distribution":
                rows = quantities(
                    ("distribution of W", "2", Key("W")),
                    ("distribution of b", "2", Key("b")),
                    ("two layers differ", "2", Key("W", 1)),
                )
            yield Case(
                f"linear/init-{name}/float64",
                "linear",
                f"linear, init of {D}×{M}",
                "float64",
                "init",
                {"D": D, "M": M, "test": name},
                rows,
            )


def _elementwise(layer: str, dtype: str) -> Iterator[Case]:
    forward, backward = ("5", "6") if layer == "tanh" else ("7", "8")
    first = quantities(("output", forward, Key("output")), ("gradient of X", backward, Key("gradient of X")))
    for name, (shapes, draw, lenient) in ELEMENTWISE.items():
        rows = first
        for k in range(1, len(shapes)):
            rows += tuple(Quantity(f"{q.name}, second input", q.part, replace(q.key, call=k)) for q in first)
        yield Case(
            f"{layer}/{name}/{dtype}",
            layer,
            f"{layer}, {words(name)}",
            dtype,
            "elementwise",
            {"layer": layer, "shape": list(shapes[0]), "pairs": len(shapes), "draw": draw},
            rows,
            lenient,
        )
    large = quantities(
        (f"{layer}, large inputs", forward, Key("output")),
        (f"gradient of {layer}, large inputs", backward, Key("gradient of X")),
    )
    params = {"layer": layer, "shape": [10, 12], "pairs": 1, "draw": "to-1000"}
    yield Case(
        f"{layer}/large-inputs/{dtype}",
        layer,
        f"{layer}, magnitudes from 40 to 1,000",
        dtype,
        "elementwise",
        params,
        large,
    )


def _dropout(dtype: str, once: bool) -> Iterator[Case]:
    pair = ("output", "gradient of X")
    for r in DROPOUT_RATES:
        rows = tuple(Quantity(name + ("", ", second input")[k], "9", Key(name, k)) for k in range(2) for name in pair)
        params = {"r": r, "pairs": 2, "N": 5, "M": 8}
        yield Case(f"dropout/rate-{r}/{dtype}", "dropout", f"dropout at rate {r}", dtype, "dropout", params, rows)
    rows = tuple(Quantity(f"{name}, evaluation", "9", Key(name, 1)) for name in pair)
    params = {"r": 0.5, "pairs": 2, "N": 5, "M": 8, "evaluate": True}
    yield Case(f"dropout/evaluation/{dtype}", "dropout", "dropout with is_train=False", dtype, "dropout", params, rows)
    if once:
        for r in DROPOUT_RATES[1:]:
            rows = tuple(Quantity(name, "9") for name in ("scale", "kept fraction", "independence", "re-drawn masks"))
            params = {"r": r, "calls": MASK_CALLS, "N": 100, "M": 100}
            yield Case(
                f"dropout/masks-{r}/float64",
                "dropout",
                f"dropout's masks at rate {r}",
                "float64",
                "masks",
                params,
                rows,
            )


def _sgd(edition: str, dtype: str) -> Iterator[Case]:
    alphas = ALPHAS if edition != "2022-23" else (0.0,)
    lambdas = LAMBDAS if edition == "2019" else (0.0,)
    rows = (
        *(Quantity(name.replace("_", " "), "1", Key(name)) for name in WEIGHT_NAMES),
        Quantity("model returned", "1"),
    )
    for alpha, lam in product(alphas, lambdas):
        name = "plain" if edition == "2022-23" else f"alpha-{alpha:g}"
        if edition == "2019":
            name += f"-lambda-{lam:g}"
        yield Case(
            f"sgd/{name}/{dtype}",
            "sgd",
            f"SGD, α = {alpha:g}, λ = {lam:g}",
            dtype,
            "sgd",
            {"alpha": alpha, "lam": lam, "etas": list(SGD_ETAS)},
            rows,
        )


def _utils(edition: str, dtype: str, once: bool) -> Iterator[Case]:
    both = quantities(("loss", "utils", Key("loss")), ("gradient of logits", "utils", Key("gradient of X")))
    for name, draw in (("mini-batch", "normal"), ("one-row", "one"), ("offset", "offset"), ("far-apart", "far")):
        yield Case(
            f"loss/{name}/{dtype}",
            "loss",
            f"softmax cross-entropy, {words(name)}",
            dtype,
            "loss",
            {"N": 1 if draw == "one" else 6, "K": 10, "draw": draw},
            both,
        )
    if not once:
        return
    for name, params in (
        ("labels", {"N": 8, "K": 5}),
        ("labels-of-two-classes", {"N": 9, "K": 1}),
    ):
        yield Case(
            f"utils/predict-{name}/float64",
            "utils",
            f"predict_label, {words(name)}",
            "float64",
            "labels",
            params,
            quantities(("labels", "utils", Key("labels"))),
        )
    rows = quantities(*((name, "utils", Key(name)) for name in ("N", "d", "examples", "labels")))
    yield Case("utils/data-split/float64", "utils", "DataSplit", "float64", "split", {"N": 9, "D": 4}, rows)
    if edition != "2022-23":
        rows = quantities(
            ("keys", "utils", Key("keys")), *((f"velocity {n}", "utils", Key(f"velocity {n}")) for n in WEIGHT_NAMES)
        )
        yield Case("utils/add-momentum/float64", "utils", "add_momentum", "float64", "momentum", {}, rows)
    rows = quantities(
        *((f"{a}{part}", "utils", Key(f"{a}{part}")) for part in ("train", "valid", "test") for a in "XY")
    )
    yield Case("utils/loader/float64", "utils", "data_loader_mnist", "float64", "loader", {}, rows)


def links(activation: str, dropout: bool) -> list[tuple[str, str]]:
    """The network's links in the order of computation: name and TODO."""
    side = 0 if activation == "tanh" else 1
    return [
        (name, part.split("/")[side] if "/" in part else part)
        for name, part in NETWORK_LINKS
        if dropout or not name.startswith("dropout")
    ]


def _network(edition: str, dtype: str) -> Iterator[Case]:
    with_dropout = edition != "2022-23"
    for activation, r in product(("relu", "tanh"), (0.0, 0.5)):
        if not with_dropout and (activation == "tanh" or r > 0):
            continue
        rows = tuple(Quantity(name, part, Key(name)) for name, part in links(activation, with_dropout))
        yield Case(
            f"network/{activation}-dropout-{r:g}/{dtype}",
            "network",
            f"network with {activation}, dropout {r:g}, on 784 pixels",
            dtype,
            "network",
            {"activation": activation, "r": r, "dropout": with_dropout, "N": 5, "D": 784, "M": 16, "K": 10, "steps": 1},
            rows,
            strikes=f"network with {activation}",
        )
    for activation, alpha, r in (("relu", 0.9, 0.5), ("tanh", 0.0, 0.0)):
        if not with_dropout:
            if activation == "tanh":
                continue
            alpha, r = 0.0, 0.0
        lam = 0.01 if edition == "2019" else 0.0
        rows = tuple(Quantity(name, part, Key(name)) for name, part in links(activation, with_dropout))
        rows += tuple(Quantity(updated_name(n), "1", key_after_step(n)) for n in WEIGHT_NAMES)
        yield Case(
            f"trajectory/{activation}-alpha-{alpha:g}/{dtype}",
            "trajectory",
            f"trajectory with {activation}, α = {alpha:g}, dropout {r:g}",
            dtype,
            "network",
            {
                "activation": activation,
                "r": r,
                "dropout": with_dropout,
                "alpha": alpha,
                "lam": lam,
                "etas": list(TRAJECTORY_ETAS),
                "N": 5,
                "D": 100,
                "M": 16,
                "K": 10,
                "steps": len(TRAJECTORY_ETAS),
            },
            rows,
            strikes=f"trajectory with {activation}",
        )


def _main(edition: str) -> Iterator[Case]:
    for config in configs(edition):
        for worker, title in (("wiring", "with correct parts"), ("own", "with its own parts")):
            yield Case(
                f"main/{config.name}-{worker}/float64",
                "main",
                f"main with {config.activation}, {title}",
                "float64",
                "main",
                {
                    "stand_ins": worker == "wiring",
                    "main_params": config.main_params(),
                    "config": config.name,
                    "edition": edition,
                },
                tuple(Quantity(name, "10", Key(name)) for name in main_quantities(config)),
                process="wiring" if worker == "wiring" else "parts",
                whole=True,
                strikes=f"main with {config.activation}",
            )


def words(slug: str) -> str:
    """A name's words: "one-row" → "one row"."""
    return slug.replace("-", " ")
