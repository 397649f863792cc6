"""Networks, whose parameters are copied across to torch: their cases, the draw, and the judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.cs231n.editions import asked as functions_of
from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.kinds.layer import BEYOND_NAME
from parity_tests.assignments.cs231n.kinds.layer_rows import BEYOND
from parity_tests.assignments.cs231n.kinds.losses import TITLES as LOSSES
from parity_tests.assignments.cs231n.kinds.losses import of_loss
from parity_tests.assignments.cs231n.kinds.torch_networks import RIGHT, Changed, is_for_call, reference_of
from parity_tests.assignments.cs231n.names import CNN, FC_NET, PACKAGE
from parity_tests.harness.flow_answers import Form, Question, answers, compared, judge_all
from parity_tests.harness.returned import result_of
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison, failed, matched, mismatched
from parity_tests.protocol.exam import distinct, settings_of
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.observation import Failure, Observation, Returned
from parity_tests.protocol.quantity import WHOLE_CASE, Key, Quantity
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING

MODULES = {"TwoLayerNet": FC_NET, "FullyConnectedNet": FC_NET, "ThreeLayerConvNet": CNN}
TITLES = {
    "TwoLayerNet": "two-layer network",
    "FullyConnectedNet": "fully connected network",
    "ThreeLayerConvNet": "convolutional network",
}
SCALE = 0.37
"""The weight_scale that networks are made with: no usual one."""
TRAIN_AND_TEST, TRAIN_AGAIN = (True, True, False), (True, False, True)
"""Whether labels go with each input."""


@dataclass(frozen=True)
class Row:
    """A case: what it is called, and what its network is made with.

    `reg_set` says that reg is set afterwards, `small_reg` that it is under 0.01, `alike` that all hidden layers have
    one size: what a network keeps by shape is then shared.
    """

    slug: str
    title: str
    depth: int = 1
    reg: bool = False
    small_reg: bool = False
    reg_set: bool = False
    alike: bool = False
    filter_size: int = 3
    side: int = 4
    normalization: str = ""
    dropout: bool = False
    images: bool = True
    labelled: tuple[bool, ...] = (True, False)
    beyond: bool = False


ROWS: Mapping[str, Sequence[Row]] = {
    "TwoLayerNet": (
        Row("plain", "with a small penalty", small_reg=True),
        Row("reg", "with a penalty", reg=True, images=False),
    ),
    "FullyConnectedNet": (
        Row("plain", "of three layers", depth=2),
        Row("reg", "of five layers with a penalty", depth=4, reg=True, reg_set=True, alike=True, images=False),
        Row("batchnorm", "with batch norm", 2, small_reg=True, normalization="batchnorm", labelled=TRAIN_AND_TEST),
        Row("layernorm", "of two layers with layer norm", reg=True, normalization="layernorm"),
        Row("dropout", "with dropout", depth=2, dropout=True),
        Row("both", "with batch norm and dropout", 2, normalization="batchnorm", dropout=True, labelled=TRAIN_AGAIN),
    ),
    "ThreeLayerConvNet": (
        Row("plain", "with a small penalty", small_reg=True),
        Row("reg", "with a penalty and larger filters", reg=True, filter_size=5, side=6),
        Row("not-square", f"on images that are not square ({BEYOND})", beyond=True),
    ),
}  # fmt: skip


def cases(edition: str, asked: frozenset[str], dtype: str, seed: int) -> Iterator[Case]:
    """All networks that an edition asks for, with the layers that it asks for."""
    for network, rows in ROWS.items():
        for row in rows:
            layers = (row.normalization, "dropout" * row.dropout)
            if network in asked and all(f"{layer}_forward" in asked for layer in layers if layer):
                yield _case(network, row, dtype, edition, settings_of(seed, network, row.slug))


def _other(network: str, dtype: str) -> dict[str, Any]:
    """Another network, alike in nothing, that is made and used beside: what a class shares shows by it."""
    image = [1, 8, 8] if network == "ThreeLayerConvNet" else [11]
    settings: dict[str, Any] = {"num_classes": 6, "weight_scale": SCALE / 100, "reg": 3.0}
    if network == "ThreeLayerConvNet":
        settings |= {"input_dim": image, "num_filters": 5, "filter_size": 7, "hidden_dim": 12}
    elif network == "TwoLayerNet":
        settings |= {"input_dim": image[0], "hidden_dim": 12}
    else:
        settings |= {"input_dim": image[0], "hidden_dims": [12, 13, 14, 15, 16], "keep": 0.9}
        # Of batch norm the running statistics show what is shared, of the others which of them it is.
        settings["normalization"] = "batchnorm"
    return {"settings": settings, "dtype": "float32" if dtype == "float64" else "float64", "image": image, "number": 3}


def _wide(network: str, row: Row, dtype: str) -> dict[str, Any]:
    """A network of so many draws in each weight that each shows its spread on its own.

    For no number n of inputs or outputs is 1/√n, √(2/n) or the like near the weight_scale that is asked, and rows
    differ in it: what is drawn at another scale is not right in all of them by chance.
    """
    settings: dict[str, Any] = {"num_classes": 41, "weight_scale": SCALE, "reg": 0.0}
    hidden = [53, 47, 59, 43][: row.depth]
    if network == "ThreeLayerConvNet":
        settings |= {"input_dim": [3, 8, 8], "num_filters": 23, "hidden_dim": hidden[0]}
        settings["filter_size"] = row.filter_size
    else:
        settings["input_dim"] = 61 if row.reg else 67
        settings |= {"hidden_dim": hidden[0]} if network == "TwoLayerNet" else {"hidden_dims": hidden}
    return {"settings": settings, "dtype": dtype}


def _case(network: str, row: Row, dtype: str, edition: str, s: Random) -> Case:
    convolutional = network == "ThreeLayerConvNet"
    classes, hidden = s.randint(3, 5), distinct(s, 4, 9, 4)[: row.depth]
    hidden = hidden[:1] * row.depth if row.alike else hidden
    settings: dict[str, Any] = {"num_classes": classes, "weight_scale": SCALE}
    if convolutional:
        H, W = s.sample((4, 8), 2) if row.beyond else (row.side,) * 2
        image = [s.randint(2, 3), H, W]
        filters = 5 if row.beyond else s.randint(2, 4)  # no other number makes as much of a wrong pooled size
        settings |= {"input_dim": image, "num_filters": filters, "hidden_dim": hidden[0]}
        settings["filter_size"] = row.filter_size
    else:
        image = distinct(s, 2, 4, 3) if row.images else [s.randint(6, 12)]
        settings["input_dim"] = int(np.prod(image))
        settings |= {"hidden_dim": hidden[0]} if network == "TwoLayerNet" else {"hidden_dims": hidden}
        if row.normalization:
            settings["normalization"] = row.normalization
        if row.dropout:
            settings["keep"] = round(s.uniform(0.55, 0.75), 3)
    reg = round(s.uniform(0.3, 0.9), 3) if row.reg else 0.0
    reg = round(s.uniform(0.002, 0.009), 4) if row.small_reg else reg
    settings["reg"] = 2 * reg if row.reg_set else reg
    shapes = shapes_of(network, settings)
    params = {
        "class": network,
        "module": MODULES[network],
        "package": PACKAGE,
        "settings": settings,
        "dtype": dtype,
        "image": image,
        "numbers": distinct(s, 4, 9, len(row.labelled)),
        "labelled": list(row.labelled),
        "parameters": shapes,
        "beyond": row.beyond,
        "reg": reg,
        "reg_set": row.reg_set,
        "other": _other(network, dtype),
        "wide": _wide(network, row, dtype),
        "own_losses": list(LOSSES) if network == "FullyConnectedNet" and row.slug == "plain" else [],
    }
    if edition == OLDEST and row.normalization == "batchnorm":
        params["may_never_test"] = True
    ends = BEYOND_NAME * row.beyond
    rows = [Quantity(f"{name}{ends}", network) for name in ("parameters", "weight scale")]
    for k, labelled in enumerate(row.labelled):
        suffix = _suffix(params, k)
        # Batch norm takes away what a bias before it adds: its gradient is 0, but for rounding.
        graded = [name for name in shapes if not (row.normalization == "batchnorm" and _is_normalised(name, shapes))]
        names = ("loss", *(f"d{name}" for name in graded)) if labelled else ("scores",)
        rows += [Quantity(f"{name}{suffix}", network, Key(name, k)) for name in names]
    if row.dropout:
        rows.append(Quantity("dropout", network))
    check = f"{network}_beyond" if row.beyond else network
    title, name = f"{TITLES[network]} {row.title}", f"{network}/{row.slug}/{dtype}"
    return Case(name, check, title, dtype, "network", params, tuple(rows), process="nets", whole=True)


def _suffix(params: Params, k: int) -> str:
    """What ends the names of a call's quantities."""
    return f" of call {k + 1}{BEYOND_NAME * params['beyond']}"


def _is_normalised(name: str, shapes: Mapping[str, Any]) -> bool:
    """Whether a parameter is a bias of a layer that is normalised after it."""
    return name.startswith("b") and not name.startswith("beta") and f"gamma{name[1:]}" in shapes


def shapes_of(network: str, settings: Mapping[str, Any]) -> dict[str, list[int]]:
    """The shapes of the parameters by their names."""
    classes = settings["num_classes"]
    if network == "ThreeLayerConvNet":
        C, H, W = settings["input_dim"]
        F, size, hidden = settings["num_filters"], settings["filter_size"], settings["hidden_dim"]
        return {
            "W1": [F, C, size, size],
            "b1": [F],
            "W2": [F * (H // 2) * (W // 2), hidden],
            "b2": [hidden],
            "W3": [hidden, classes],
            "b3": [classes],
        }
    sizes = [settings["input_dim"], *settings.get("hidden_dims", [settings.get("hidden_dim")]), classes]
    shapes: dict[str, list[int]] = {}
    for layer in range(1, len(sizes)):
        shapes |= {f"W{layer}": sizes[layer - 1 : layer + 1], f"b{layer}": [sizes[layer]]}
        if settings.get("normalization") and layer < len(sizes) - 1:
            shapes |= {f"gamma{layer}": [sizes[layer]], f"beta{layer}": [sizes[layer]]}
    return shapes


def draw(params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Parameters by their names, X_k and y_k of each input."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, shape in params["parameters"].items():
        drawn = rng.uniform(0.5, 1.5, shape) if name.startswith("gamma") else rng.standard_normal(shape)
        arrays[name] = drawn / np.sqrt(np.prod(shape[1:]) if len(shape) == 4 else shape[0]) if name[0] == "W" else drawn
    for k, N in enumerate(params["numbers"]):
        arrays[f"X_{k}"] = rng.standard_normal((N, *params["image"]))
        arrays[f"y_{k}"] = rng.integers(0, params["settings"]["num_classes"], N)
    if params["own_losses"]:
        N, classes = params["numbers"][0], params["settings"]["num_classes"]
        arrays["X_scores"] = 2 * arrays["X_0"].reshape(N, -1)[:, :classes]
    other = params["other"]
    arrays["X_other"] = rng.standard_normal((other["number"], *other["image"]))
    arrays["y_other"] = rng.integers(0, other["settings"]["num_classes"], other["number"])
    return arrays


def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    """What the network was made with; then scores, loss and gradients with the parameters that it was given."""
    params = case.params
    named = {q.name: q for q in case.quantities}
    ends = BEYOND_NAME * params["beyond"]
    changed = [f"overwrites {name}" for name in map(str, seen.facts.get("changed settings", []))]
    judged: Judged = {f"parameters{ends}": _parameters(case, seen).noting(*changed, kind=NoteKind.OVERWRITES)}
    judged[f"weight scale{ends}"] = _weight_scale(params, seen)
    masks = _masks(case, arrays, seen)
    if "dropout" in named:
        judged["dropout"] = _dropout(params, seen, masks)
        masks = {} if _no_chance(masks, params) else masks
    asked = questions(case, {**arrays, **masks})
    judged |= judge_all(case, seen, asked, context.device)
    for own in params["own_losses"]:
        if own not in functions_of(context.edition):
            name = next(name for name, q in named.items() if q.key.name == "loss")
            unasked = _own_loss(own, case, arrays, seen, context.device)
            judged[name] = judged[name].noting(unasked, kind=NoteKind.EDITION)
    return judged


def _own_loss(loss: str, case: Case, arrays: Arrays, seen: Observation, device: str) -> str:
    """What is wrong with the submission's own loss, which its edition does not ask; "" for nothing."""
    keys = {name: Key(f"{name} of {loss}") for name in ("loss", "dx")}
    returned = {name: key for name, key in keys.items() if isinstance(seen.values.get(key), Returned)}
    if not returned:
        return ""
    inputs = {"x": arrays["X_scores"], "y": arrays["y_0"]}
    known = answers(case, Form(of_loss(loss), inputs, f"{loss}, which is not asked"), device)
    for name, key in returned.items():
        comparison = compared(result_of(seen, key), known, name)
        if comparison.verdict not in PASSING:
            # No number of it: this is told to students, and the process holds right parts.
            return (
                f"{loss} in its layers.py is not asked in this edition, and is wrong: its {name} is not that of torch"
            )
    return ""


NEVER_TESTS = "batch norm never comes to its test mode, as the handouts of 2016 and 2017 have it"


def questions(case: Case, arrays: Arrays, changed: Changed = RIGHT, note: str = "") -> list[Question]:
    """What is expected of scores, losses and gradients; of a `changed` network of who makes its mistake.

    Where the handout's own batch norm never tests, that is right too, with a note.
    """
    found = []
    ways = [(changed, note)]
    if case.params.get("may_never_test"):
        ways.append((replace(changed, never_tests=True), "; ".join(filter(None, (note, NEVER_TESTS)))))
    for k in range(len(case.params["labelled"])):
        own = [q for q in case.quantities if q.key != WHOLE_CASE and q.key.call == k]
        given = {name: array for name, array in arrays.items() if is_for_call(name, k, case.params)}
        suffix = _suffix(case.params, k)
        names = {q.key.name: f"{q.key.name}{suffix}" for q in own}
        forms = [Form(reference_of(case.params, k, names, way), given, said) for way, said in ways]
        found.append(Question(own, forms))
    return found


def with_masks(case: Case, arrays: Arrays, seen: Observation) -> Arrays:
    """The arrays of a case, and the masks that the submission drew, where they are such as chance draws."""
    masks = _masks(case, arrays, seen)
    return {**arrays, **({} if _no_chance(masks, case.params) else masks)}


def _failure(seen: Observation) -> Comparison | None:
    whole = seen.failures.get(WHOLE_CASE)
    return None if whole is None else failed(whole)


def _parameters(case: Case, seen: Observation) -> Comparison:
    """Whether the parameters have the names and shapes asked for, and biases are 0, scales 1.

    Every update goes through all of them, so that each must have its gradient; and only updates change them. A process
    that does not say which there are, or which have moved, is not believed.
    """
    params = case.params
    if failure := _failure(seen):
        return failure
    results = [result_of(seen, q.key) for q in case.quantities if q.key != WHOLE_CASE]
    if all(isinstance(result, Returned) for result in results):
        names, moved = seen.facts.get("names"), seen.facts.get("moved")
        if not isinstance(names, list) or not isinstance(moved, list):
            return mismatched("cannot be judged: the process does not say which there are")
        further = [str(name) for name in names if name not in params["parameters"]]
        if ungraded := [name for name in further if not _is_graded(case, name, seen)]:
            return mismatched(f"have {', '.join(ungraded)}, of which loss gives no gradient: Solver reads them all")
        if moved:
            return mismatched(f"are changed by loss: {', '.join(map(str, moved))}")
    for name, shape in params["parameters"].items():
        made = seen.values.get(Key(f"made {name}"))
        if made is None or made.array is None:
            if made is not None and made.kind in ("int", "float"):
                continue
            known = ", ".join(map(str, seen.facts.get("names", []))) or "none"
            return mismatched(f"lack {name}: there are {known}")
        start = 1.0 if name.startswith("gamma") else 0.0
        if made.kind == "scalar" and name[0] != "W" and float(made.array) == start:
            continue
        if tuple(n for n in made.array.shape if n != 1) != tuple(n for n in shape if n != 1):
            return mismatched(f"have {name} of shape {made.array.shape}, where {tuple(shape)} is expected")
        if name[0] != "W" and not bool((made.array == start).all()):
            return mismatched(f"have {name} that is not {start:g} at first")
    return matched()


def _is_graded(case: Case, name: str, seen: Observation) -> bool:
    """Whether each loss came with an array for this parameter."""
    labelled = (k for k, labelled in enumerate(case.params["labelled"]) if labelled)
    graded = (seen.values.get(Key(f"d{name}", k)) for k in labelled)
    return all(one is not None and one.array is not None for one in graded)


def _weight_scale(params: Params, seen: Observation) -> Comparison:
    """Whether each weight of a wide network is drawn with weight_scale, and so are those of the one that was asked."""
    from parity_tests.harness.statistics import normal_problem  # which imports torch

    if failure := _failure(seen):
        return failure
    names = [name for name in params["parameters"] if name[0] == "W"]
    weights = {which: [_drawn(seen, f"{which} {name}") for name in names] for which in ("made", "wide")}
    for arrays in weights.values():
        if any(array is None for array in arrays):
            return mismatched("cannot be seen: not all weights are there")
    among = len(names) + 1
    wide = zip(names, weights["wide"], strict=True)
    told = {name: normal_problem(array, SCALE, among=among) for name, array in wide if array is not None}
    problems = [f"of {name} {problem.text}" for name, problem in told.items() if problem]
    if problems:
        return mismatched("; ".join(problems))
    small = np.concatenate([array for array in weights["made"] if array is not None])
    problem = normal_problem(small, SCALE, among=among)
    return mismatched(problem) if problem else matched()


def _drawn(seen: Observation, name: str) -> NDArray[np.float64] | None:
    kept = seen.values.get(Key(name))
    return None if kept is None or kept.array is None else np.ravel(kept.array).astype(np.float64)


def _masks(case: Case, arrays: Arrays, seen: Observation) -> dict[str, NDArray[Any]]:
    """The masks that each call with labels drew, by call and layer, as far as their shapes are right."""
    masks = {}
    for k, labelled in enumerate(case.params["labelled"]):
        for layer, size in enumerate(case.params["settings"].get("hidden_dims", [])):
            mask = seen.values.get(Key(f"mask {layer}", k))
            shape = (case.params["numbers"][k], size)
            if labelled and mask is not None and mask.array is not None and mask.array.shape == shape:
                masks[f"mask_{k}_{layer}"] = mask.array.astype(arrays["W1"].dtype)
    return masks


def _no_chance(masks: Mapping[str, NDArray[Any]], params: Params) -> str:
    """Why masks are none that are drawn with the share asked for, as one who has no dropout may say them; "" if so."""
    from parity_tests.harness.statistics import kept_fraction_problem  # which imports torch

    if (keep := params["settings"].get("keep")) is None:
        return ""
    asked = [mask for mask in masks.values() if mask.max() == 0 or np.isclose(mask.max(), 1 / keep)]
    bits = np.concatenate([mask.ravel() > 0 for mask in asked]) if asked else np.zeros(0, bool)
    problem = kept_fraction_problem(bits, 1 - keep) if bits.size else None
    return "" if problem is None else problem.text


def drawn_masks(seen: Observation, k: int) -> int:
    """How many masks dropout drew in a call, by what came of them."""
    return sum(1 for key in seen.values if key.call == k and key.name.startswith("mask "))


def _dropout(params: Params, seen: Observation, masks: Mapping[str, Any]) -> Comparison:
    """Whether each hidden layer has dropout, with the share that was asked for, in training alone."""
    if failure := _failure(seen):
        return failure
    hidden, keep = len(params["settings"]["hidden_dims"]), params["settings"]["keep"]
    for k, labelled in enumerate(params["labelled"]):
        if isinstance(raised := result_of(seen, Key("loss" if labelled else "scores", k)), Failure):
            return failed(raised)  # before all of its layers were reached
        count, want = drawn_masks(seen, k), hidden if labelled else 0
        if count != want:
            when = "training" if labelled else "testing"
            return mismatched(f"is applied {count} times in {when}, where {want} are expected")
    if len(masks) < hidden * sum(params["labelled"]):
        return mismatched("is not applied to the hidden layers: its masks have other shapes than what they give")
    for mask in masks.values():
        if mask.max() > 0 and not np.isclose(mask.max(), 1 / keep):
            return mismatched(f"keeps a share of {1 / mask.max():.3f}, where {keep} is expected")
    if problem := _no_chance(masks, params):
        return mismatched(f"keeps a share that {problem}")
    return matched()


KIND = Kind(draw, judge)
