"""Known mistakes of batch norm over many calls that no change of the text of one call gives."""

from __future__ import annotations

from functools import partial
from typing import Any

from parity_tests.assignments.cs231n.kinds.running import begins_empty, name_of, reference_of_calls
from parity_tests.assignments.cs231n.mistakes.as_written import Words, rewritten
from parity_tests.assignments.cs231n.mistakes.wrong import Wrong
from parity_tests.parts.in_torch import run_in_torch
from parity_tests.parts.running_norm import RUNNING, TEST
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
        "the test mode updates the running statistics before it uses them",
        TEST,
        ((TESTED, f"{BOTH_MOVED}\n    {TESTED}"),),
    ),
    ("every call is training", TEST, ((f"else:\n    {TESTED}", f"else:\n    {BOTH_MOVED}\n    {TRAINED}"),)),
    (
        "the running statistics are exchanged where they are kept",
        RUNNING,
        ((VARIANCE, f"{VARIANCE}\n    mean, variance = variance, mean"),),
    ),
    ("the running statistics move twice in each call", RUNNING, ((BOTH_MOVED, f"{BOTH_MOVED}\n    {BOTH_MOVED}"),)),
)
"""Names, hints and words of mistakes of batch norm, and of spatial batch norm that has statistics of its own."""
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


RUNNING_ROWS = (
    *(_wrong(part, name, hint, *words) for part in (BF, SF) for name, hint, words in ROWS),
    *(
        wrong
        for part in (BF, SF)
        for statistics in (BOTH, ("running_mean",), ("running_var",))
        for wrong in _unset(part, statistics)
    ),
)
