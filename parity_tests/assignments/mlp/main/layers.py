"""Judges the layers that `main` builds and uses: their sizes, the activation, the rate of dropout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.inside.homework_names import BESIDE, PIXELS
from parity_tests.assignments.mlp.main.closeness import same
from parity_tests.assignments.mlp.main.main_run import CLASSES, Array, MainRun
from parity_tests.assignments.mlp.main.run import Built
from parity_tests.assignments.mlp.main.updates import taken_back
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.finding import Said
from reports.model.notes import Note, NoteKind

NO_LINEAR_LAYER = "main builds no linear_layer"


def judge_layers(main: MainRun) -> Comparison:
    """Whether the network is the one that main_params asks for."""
    run = main.run
    if main.failure is not None and len(run.built) < 4:
        return matched()
    linear = _network([built for built in run.built if built.cls == "linear_layer"])
    used = [built for built in run.built if built.name in run.used]
    problem = (
        _sizes_problem(main, linear)
        or _activation_problem(main, used)
        or _rebuilt_problem(main, linear)
        or _redrawn_problem(main)
        or _rate_problem(main, used)
    )
    if problem is not None:
        return main.bad(problem)
    return matched(
        Note(NoteKind.READING, "main builds its linear layers more than once" if len(linear) > 2 else ""),
        Note(NoteKind.SHAPE, "a bias of shape (M,) was taken for 1×M" if run.flat_bias else ""),
    )


def _network(linear: Sequence[Built]) -> Sequence[Built]:
    """These layers without what stands beside the network; all of them where there is no network without it."""
    within = [built for built in linear if not built.name.startswith(BESIDE)]
    return within if len(within) > 1 else linear


def _sizes_problem(main: MainRun, linear: Sequence[Built]) -> Said | None:
    if not linear:
        return Said("it builds no linear_layer", NO_LINEAR_LAYER)
    width, asked = main.pixels, main.config.hidden
    sizes = [built.sizes for built in linear]
    if {size for size in sizes if size[:1] == (PIXELS,)} == {(PIXELS, asked)}:
        text = f"it builds L1 for {PIXELS} pixels, a fixed number, where the training set has {width} columns"
        return Said(text, Found.TYPED_PIXELS)
    if sorted(map(str, set(sizes))) == sorted(map(str, [(width, asked), (asked, CLASSES)])):
        return None
    if len(sizes) == 2 and sizes[0][:1] == (width,) and sizes[0][1:] == sizes[1][:1] and None not in sizes[1]:
        hidden, classes = sizes[1]
        if classes != CLASSES:
            text = f"its last layer has {classes} outputs, where one for each of {CLASSES} classes is expected"
            return Said(text, Found.OTHER_CLASSES)
        return Said(f"it builds {hidden} hidden units, where {asked} are expected", Found.OTHER_WIDTH)
    shown = " and ".join("×".join(map(str, size)) for size in sizes[:4])
    return Said(f"it builds linear layers of {shown}, where {width}×{asked} and {asked}×{CLASSES} are expected")


def _activation_problem(main: MainRun, used: Sequence[Built]) -> Said | None:
    activations = {built.cls for built in used if built.name.startswith("nonlinear")}
    if activations and activations != {main.config.activation}:
        shown = " and ".join(sorted(activations))
        text = f"it uses {shown}, where main_params['activation'] is {main.config.activation!r}"
        return Said(text, Found.OTHER_ACTIVATION)
    if not activations and main.run.updates:
        return Said("it uses neither relu nor tanh: no activation is called", Found.NO_ACTIVATION)
    return None


def _rebuilt_problem(main: MainRun, linear: Sequence[Built]) -> Said | None:
    if any(built.name in main.run.used and built.name not in ("L1", "L2") for built in linear):
        return Said("it builds its layers anew and goes on with these: what was learnt is lost", Found.BUILT_ANEW)
    return None


def _redrawn_problem(main: MainRun) -> Said | None:
    """Whether the weights that training starts with are those that the layers' constructors drew."""
    start = next((update.before for update in main.run.updates), -1)
    if not main.sound(start):
        return None
    weights = main.run.at(start)
    for name, drawn in main.run.drawn.items():
        if drawn.shape != weights[name].shape or not taken_back(drawn, weights[name]):
            became = _what_became(drawn, weights[name])
            text = f"{name} is not what its layer drew when the first step is made: {became}"
            return Said(text, Found.OTHER_START)
    return None


def _what_became(drawn: Array, weight: Array) -> str:
    if not weight.any():
        return "it was set to 0"
    if drawn.shape == weight.shape and drawn.all():
        ratios = weight / drawn
        if same(ratios, np.full(ratios.shape, ratios.flat[0])):
            return f"it was multiplied by {ratios.flat[0]:.6g}"
    return "it was replaced, or changed"


def _rate_problem(main: MainRun, used: Sequence[Built]) -> Said | None:
    rates = [built.rate for built in used if built.cls == "dropout" and built.rate is not None]
    other = next((rate for rate in rates if rate != main.config.rate), None)
    if other is None:
        return None
    text = f"it builds dropout with r = {other:g}, where main_params['dropout_rate'] is {main.config.rate:g}"
    return Said(text, Found.OTHER_RATE)
