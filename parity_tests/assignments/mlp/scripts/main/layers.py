"""Drafts of the layers that main builds, and of how it uses dropout."""

from __future__ import annotations

from collections.abc import Iterator

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.scripts.main.scripted_run import ScriptedRun, by_sgd
from parity_tests.harness.draft import Draft, equal


def layers(run: ScriptedRun) -> Iterator[Draft]:
    """The rate, the activation, or the sizes."""
    found = run.comparison.finding
    if found == Found.OTHER_RATE:
        ask, expected = _rates(), f"[{run.config.rate!r}]"
    elif found in (Found.OTHER_ACTIVATION, Found.NO_ACTIVATION):
        ask, expected = [*run.build(), *_activations()], f"[{run.config.activation!r}]"
    else:
        ask = _sizes(found == Found.TYPED_PIXELS)
        expected = f"[[{run.pixels}, {run.config.hidden}], [{run.config.hidden}, 10]]"
    yield run.draft(ask, equal(expected))


def _rates() -> list[str]:
    return [
        "rates, init = [], nn.dropout.__init__",
        "def build(self, r):",
        "    rates.append(float(r))",
        "    init(self, r)",
        "nn.dropout.__init__ = build",
        "nn.main(params)",
        "actual = rates",
    ]


def _activations() -> list[str]:
    return [
        "used = set()",
        'for name in ("relu", "tanh"):',
        "    def watch(self, X, name=name, forward=getattr(nn, name).forward):",
        "        used.add(name)",
        "        return forward(self, X)",
        "    getattr(nn, name).forward = watch",
        "nn.main(params)",
        "actual = sorted(used)",
    ]


def _sizes(typed: bool) -> list[str]:
    main = ["try:", "    nn.main(params)", "except ValueError:  # these layers do not take the digits", "    pass"]
    return [
        "built, init = [], nn.linear_layer.__init__",
        "def build(self, *sizes, **named):",
        "    built.append([int(size) for size in (*sizes, *named.values())])",
        "    init(self, *sizes, **named)",
        "nn.linear_layer.__init__ = build",
        *(main if typed else ["nn.main(params)"]),
        "actual = sorted(built)",
    ]


# ---- dropout ----

NOT_IN_TRAINING = (
    Found.NO_DROPOUT,
    Found.A_STEP_WITHOUT_DROPOUT,
    Found.DROPOUT_OFF,
    Found.DROPOUT_OFF_IN_A_STEP,
)


def dropout(run: ScriptedRun) -> Iterator[Draft]:
    """Whether dropout is on in training, draws a fresh mask, and is not bypassed."""
    found, step = run.comparison.finding, run.comparison.step
    if found in NOT_IN_TRAINING:
        yield _is_train(run)
    elif found == Found.SAME_MASK and step is not None:
        yield _repeated(run, step - 1)
    else:
        yield _bypassed(run)


def _is_train(run: ScriptedRun) -> Draft:
    ask = [
        *run.build_as_tried(),
        "actual, passed, drop = [], [], nn.dropout.forward",
        "def watch(self, X, is_train=True):",
        "    passed.append(bool(is_train))",
        "    return drop(self, X, is_train)",
        "nn.dropout.forward = watch",
        *by_sgd("actual.append(passed[-1:]), passed.clear()"),
        "nn.main(params)",
    ]
    judge = [
        'print("is_train in the last dropout.forward before each update:", actual, "\\nwant: True in each")',
        "agrees = len(actual) > 0 and all(passed == [True] for passed in actual)",
    ]
    return run.draft(ask, judge)


def _repeated(run: ScriptedRun, step: int) -> Draft:
    """Whether the mask of a step, counted from 0, is that of one before it."""
    ask = [*run.build(), *run.watch(drop=True), *run.steps()]
    ask += [f'kept = np.array([step["kept"] for step, _ in steps[:{step + 1}]])']
    judge = [
        "*earlier, mask = kept",
        "repeated = [other.astype(int) for other in earlier if np.array_equal(other, mask)]",
        'print("a mask:", mask.astype(int), "the same in steps before it:", *repeated, "expected: none", sep="\\n")',
        "agrees = not repeated",
    ]
    return run.draft(ask, judge, "kept")


def _bypassed(run: ScriptedRun) -> Draft:
    ask = [
        *run.build(),
        "given, dropped, forward, drop = [], [], nn.linear_layer.forward, nn.dropout.forward",
        "def watch(self, X):",
        f"    if X.shape[1] == {run.hidden or run.config.hidden}:  # the second layer",
        "        given.append(X.copy())",
        "    return forward(self, X)",
        "def watch_dropout(self, X, is_train=True):",
        "    dropped.append(drop(self, X, is_train))",
        "    return dropped[-1]",
        "nn.linear_layer.forward, nn.dropout.forward = watch, watch_dropout",
        "nn.main(params)",
        "actual, expected = given[0], dropped[0]  # in the first step",
    ]
    judge = [
        'print("the second layer is given:", actual, "what dropout gave:", expected, sep="\\n")',
        "agrees = np.array_equal(actual, expected)",
    ]
    return run.draft(ask, judge, "actual", "expected")
