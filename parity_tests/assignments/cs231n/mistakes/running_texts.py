"""Known mistakes of batch norm over many calls, in a text of its two modes that has one thing wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.kinds.running import begins_empty, name_of, reference_of_calls
from parity_tests.assignments.cs231n.mistakes.as_written import Words, rewritten, run_in_torch
from parity_tests.assignments.cs231n.mistakes.normalisation import BIASED, RUNNING, TEST
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.protocol.kind import Params
from parity_tests.protocol.mistake import Body

STORED = (
    "After each call in training bn_param holds running_mean and running_var, as the handout's last lines store them."
)
BF, SF = "batchnorm_forward", "spatial_batchnorm_forward"
MEAN = "mean = momentum * mean + (1 - momentum) * batch_mean"
VARIANCE = "variance = momentum * variance + (1 - momentum) * batch_variance"
TRAINED = "out = gamma * (x - batch_mean) / np.sqrt(batch_variance + eps) + beta"
TESTED = "out = gamma * (x - mean) / np.sqrt(variance + eps) + beta"
LINES = f"""batch_mean = x.mean(axis=0)
batch_variance = ((x - batch_mean) ** 2).mean(axis=0)
if mode == "train":
    {TRAINED}
    {MEAN}
    {VARIANCE}
else:
    {TESTED}"""
HEAD = """eps, momentum, mode = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9), bn_param["mode"]
mean = bn_param.get("running_mean", np.zeros(x.shape[1], x.dtype))
variance = bn_param.get("running_var", np.zeros(x.shape[1], x.dtype))
"""
TAIL = """
own = _normalised(x, batch_mean, batch_variance, gamma, beta, eps, axis=0)[1]
bn_param["running_mean"], bn_param["running_var"] = mean, variance
"""
PLUGS = {
    BF: (HEAD, f"{TAIL}return out, own"),
    SF: (f"{HEAD}shape, x = x.shape, _places_as_rows(x)\n", f"{TAIL}return _rows_as_places(out, shape), own"),
}


def _call(lines: str, names: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The output, running mean and running variance of one call."""
    shape = names["x"].shape
    if len(shape) == 4:
        names["x"] = names["x"].permute(0, 2, 3, 1).reshape(-1, shape[1])
    found = run_in_torch(lines, names)
    out = found["out"]
    if len(shape) == 4:
        N, C, H, W = shape
        out = out.reshape(N, H, W, C).permute(0, 3, 1, 2)
    return 1 * out, 1 * found["mean"], 1 * found["variance"]


def _wrong(part: str, name: str, hint: str, *words: Words) -> Wrong:
    lines = rewritten(LINES, words)
    head, tail = PLUGS[part]
    change = partial(reference_of_calls, call=partial(_call, lines))
    return Wrong(part, "running", name, hint, change, (Body(part, f"{head}{lines}{tail}"),))


BOTH_MOVED = f"{MEAN}\n    {VARIANCE}"
ROWS: tuple[tuple[str, str, tuple[Words, ...]], ...] = (
    (
        "the test mode divides by the running variance, the root is left out",
        TEST,
        ((TESTED, "out = gamma * (x - mean) / (variance + eps) + beta"),),
    ),
    ("the test mode does not divide by the running deviation", TEST, ((TESTED, "out = gamma * (x - mean) + beta"),)),
    ("the test mode does not take the running mean off", TEST, ((TESTED, TESTED.replace("(x - mean)", "x")),)),
    ("the test mode adds the running mean", TEST, ((TESTED, TESTED.replace("x - mean", "x + mean")),)),
    (
        "the test mode takes the batch's mean and the running variance",
        TEST,
        ((TESTED, TESTED.replace("- mean", "- batch_mean")),),
    ),
    (
        "the test mode takes the running mean and the batch's variance",
        TEST,
        ((TESTED, TESTED.replace("(variance", "(batch_variance")),),
    ),
    ("the test mode hands x on as it is", TEST, ((TESTED, "out = 1 * x"),)),
    ("the test mode scales and shifts x, and does not normalise it", TEST, ((TESTED, "out = gamma * x + beta"),)),
    (
        "the test mode exchanges gamma and beta",
        TEST,
        ((TESTED, TESTED.replace("gamma *", "beta *").replace("+ beta", "+ gamma")),),
    ),
    ("the test mode subtracts beta", TEST, ((TESTED, TESTED.replace("+ beta", "- beta")),)),
    (
        "the test mode scales beta as well",
        TEST,
        ((TESTED, "out = gamma * ((x - mean) / np.sqrt(variance + eps) + beta)"),),
    ),
    ("the test mode adds eps twice", TEST, ((TESTED, TESTED.replace("+ eps", "+ 2 * eps")),)),
    (
        "the test mode exchanges the running mean and variance",
        TEST,
        ((TESTED, "out = gamma * (x - variance) / np.sqrt(mean + eps) + beta"),),
    ),
    (
        "the test mode takes the running variance for a deviation",
        TEST,
        ((TESTED, "out = gamma * (x - mean) / variance + beta"),),
    ),
    (
        "the test mode updates the running statistics before it uses them",
        TEST,
        ((TESTED, f"{BOTH_MOVED}\n    {TESTED}"),),
    ),
    (
        "every call is training",
        TEST,
        ((f"else:\n    {TESTED}", f"else:\n    {BOTH_MOVED}\n    {TRAINED}"),),
    ),
    (
        "1 − momentum is left out of the running statistics",
        RUNNING,
        ((MEAN, MEAN.replace("(1 - momentum) * ", "")), (VARIANCE, VARIANCE.replace("(1 - momentum) * ", ""))),
    ),
    ("1 − momentum is left out of the running mean", RUNNING, ((MEAN, MEAN.replace("(1 - momentum) * ", "")),)),
    (
        "1 − momentum is left out of the running variance",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("(1 - momentum) * ", "")),),
    ),
    (
        "momentum is left out before the old running statistics",
        RUNNING,
        ((MEAN, MEAN.replace("= momentum * ", "= ")), (VARIANCE, VARIANCE.replace("= momentum * ", "= "))),
    ),
    (
        "the old running statistics have 1 − momentum, too",
        RUNNING,
        (
            (MEAN, MEAN.replace("= momentum * ", "= (1 - momentum) * ")),
            (VARIANCE, VARIANCE.replace("= momentum * ", "= (1 - momentum) * ")),
        ),
    ),
    (
        "the batch's statistics have momentum, too",
        RUNNING,
        (
            (MEAN, MEAN.replace("(1 - momentum)", "momentum")),
            (VARIANCE, VARIANCE.replace("(1 - momentum)", "momentum")),
        ),
    ),
    (
        "the running statistics are the last batch's",
        RUNNING,
        ((MEAN, "mean = batch_mean"), (VARIANCE, "variance = batch_variance")),
    ),
    (
        "the running statistics are sums over the batches",
        RUNNING,
        ((MEAN, "mean = mean + batch_mean"), (VARIANCE, "variance = variance + batch_variance")),
    ),
    (
        "the momentum is always 0.9",
        RUNNING,
        ((MEAN, MEAN.replace("momentum", "0.9")), (VARIANCE, VARIANCE.replace("momentum", "0.9"))),
    ),
    (
        "the running variance is one of standard deviations",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("batch_variance", "np.sqrt(batch_variance)")),),
    ),
    (
        "the running variance is one of standard deviations with eps",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("batch_variance", "np.sqrt(batch_variance + eps)")),),
    ),
    (
        "the running variance moves towards the batch's mean",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("batch_variance", "batch_mean")),),
    ),
    (
        "the running mean moves towards the batch's variance",
        RUNNING,
        ((MEAN, MEAN.replace("batch_mean", "batch_variance")),),
    ),
    (
        "the running variance is one of squares of x, the mean is not taken off",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("batch_variance", "(x**2).mean(axis=0)")),),
    ),
    (
        "the running variance goes on from the running mean",
        RUNNING,
        ((VARIANCE, VARIANCE.replace("* variance", "* mean")),),
    ),
    ("the running mean goes on from the running variance", RUNNING, ((MEAN, MEAN.replace("* mean", "* variance")),)),
    (
        "the running statistics are exchanged where they are kept",
        RUNNING,
        ((VARIANCE, f"{VARIANCE}\n    mean, variance = variance, mean"),),
    ),
    (
        "the running statistics move twice in each call",
        RUNNING,
        ((f"{MEAN}\n    {VARIANCE}", f"{BOTH_MOVED}\n    {BOTH_MOVED}"),),
    ),
    (
        "training normalises by the running statistics, once they have moved",
        RUNNING,
        ((f"{TRAINED}\n    ", ""), (VARIANCE, f"{VARIANCE}\n    {TESTED} ")),
    ),
    ("training normalises by the running statistics, before they move", RUNNING, ((TRAINED, f"{TESTED} "),)),
)
"""Names, hints and words of mistakes of batch norm, and of spatial batch norm that has statistics of its own."""
BARE = TESTED.replace("gamma * ", "")
OF_IMAGES: tuple[tuple[str, str, tuple[Words, ...]], ...] = (
    (
        "the running statistics have momentum the other way round",
        RUNNING,
        (
            (MEAN, "mean = (1 - momentum) * mean + momentum * batch_mean"),
            (VARIANCE, "variance = (1 - momentum) * variance + momentum * batch_variance"),
        ),
    ),
    ("the running statistics are never updated", RUNNING, ((MEAN, "mean = mean"), (VARIANCE, "variance = variance"))),
    ("the running mean is never updated", RUNNING, ((MEAN, "mean = mean"),)),
    ("the running variance is never updated", RUNNING, ((VARIANCE, "variance = variance"),)),
    (
        "the running mean has momentum the other way round",
        RUNNING,
        ((MEAN, "mean = (1 - momentum) * mean + momentum * batch_mean"),),
    ),
    (
        "the running variance has momentum the other way round",
        RUNNING,
        ((VARIANCE, "variance = (1 - momentum) * variance + momentum * batch_variance"),),
    ),
    (
        "the running variance is the unbiased one",
        BIASED,
        ((VARIANCE, VARIANCE.replace("batch_variance", "batch_variance * len(x) / (len(x) - 1)")),),
    ),
    ("the test mode updates the running statistics", RUNNING, ((TESTED, f"{TESTED}\n    {BOTH_MOVED}"),)),
    ("the test mode uses the batch's own statistics", TEST, ((f"else:\n    {TESTED}", f"else:\n    {TRAINED} "),)),
    ("the test mode leaves gamma and beta out", TEST, ((TESTED, BARE.replace(" + beta", "")),)),
    ("the test mode leaves gamma out", TEST, ((TESTED, BARE),)),
    ("the test mode leaves beta out", TEST, ((TESTED, TESTED.replace(" + beta", "")),)),
    ("the test mode leaves eps out", TEST, ((TESTED, TESTED.replace(" + eps", "")),)),
)
"""What batch norm's own rows have as well."""
KEPT = 'bn_param["running_mean"], bn_param["running_var"] = mean, variance\n'
WORDS = {"running_mean": "the running mean", "running_var": "the running variance"}
BOTH = tuple(WORDS)


def _unset(part: str, statistics: tuple[str, ...]) -> tuple[Wrong, Wrong]:
    """Statistics that are computed and not stored; or that are read and stored under other names."""
    words, verb = ("the running statistics", "are") if statistics == BOTH else (WORDS[statistics[0]], "is")
    named = " and ".join(statistics)
    head, tail = PLUGS[part]
    never = {"running_mean": (MEAN, "mean = mean"), "running_var": (VARIANCE, "variance = variance")}
    lines = rewritten(LINES, [never[name] for name in statistics])
    values = {"running_mean": "mean", "running_var": "variance"}
    others = "".join(f'bn_param["{name}"] = {value}\n' for name, value in values.items() if name not in statistics)
    elsewhere = others + "".join(f'bn_param["own_{name}"] = {values[name]}\n' for name in statistics)
    own_head = head
    for name in statistics:
        own_head = own_head.replace(f'"{name}"', f'"own_{name}"')
    return (
        Wrong(
            part,
            "running",
            f"{words} {verb} never stored in bn_param as {named}",
            STORED,
            partial(reference_of_calls, call=partial(_call, lines)),
            (Body(part, f"{head}{LINES}{tail.replace(KEPT, others)}"),),
            unset=statistics,
        ),
        Wrong(
            part,
            "running",
            f"{words} {verb} read from bn_param and stored there under another name than {named}",
            STORED,
            partial(_under_other_names, statistics=statistics),
            (Body(part, f"{own_head}{LINES}{tail.replace(KEPT, elsewhere)}"),),
            unset=statistics,
        ),
    )


def _under_other_names(params: Params, statistics: tuple[str, ...]) -> Any:
    """Statistics that begin with 0 whatever is given, and leave what is given as it is."""
    inner = reference_of_calls(params, partial(_call, LINES))

    def reference(**arrays: Any) -> dict[str, Any]:
        given = {name: arrays[f"{name}_of_1"] for name in statistics}
        found: dict[str, Any] = inner(**{**arrays, **{f"{name}_of_1": 0 * value for name, value in given.items()}})
        calls = [k for k in range(len(params["dicts"])) if not begins_empty(params, k)]
        return found | {name_of(name, k): 1 * value for k in calls for name, value in given.items()}

    return reference


RUNNING_TEXTS = (
    *(_wrong(part, name, hint, *words) for part in (BF, SF) for name, hint, words in ROWS),
    *(_wrong(SF, name, hint, *words) for name, hint, words in OF_IMAGES),
    *(
        wrong
        for part in (BF, SF)
        for statistics in (BOTH, ("running_mean",), ("running_var",))
        for wrong in _unset(part, statistics)
    ),
)
