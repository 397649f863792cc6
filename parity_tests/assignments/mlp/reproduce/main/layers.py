"""Drafts of the layers that main builds, and of how it uses dropout."""

from __future__ import annotations

import re
from collections.abc import Iterator

from parity_tests.assignments.mlp.reproduce.main.scripted_run import ScriptedRun, by_sgd
from parity_tests.harness.draft import Draft, equal


def layers(run: ScriptedRun) -> Iterator[Draft]:
    """The rate, the activation, or the sizes."""
    problem = run.comparison.problem
    if "builds dropout" in problem:
        ask, want = _rates(), f"[{run.config.rate!r}]"
    elif "it uses" in problem:
        ask, want = [*run.build(), *_activations()], f"[{run.config.activation!r}]"
    else:
        ask, want = _sizes(), f"[[{run.pixels}, {run.config.hidden}], [{run.config.hidden}, 10]]"
    yield run.draft(ask, equal(want))


def _rates() -> list[str]:
    return [
        "rates, init = [], nn.dropout.__init__",
        "def build(self, r):",
        "    rates.append(float(r))",
        "    init(self, r)",
        "nn.dropout.__init__ = build",
        "nn.main(params)",
        "got = rates",
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
        "got = sorted(used)",
    ]


def _sizes() -> list[str]:
    return [
        "built, init = [], nn.linear_layer.__init__",
        "def build(self, *sizes, **named):",
        "    built.append([int(size) for size in (*sizes, *named.values())])",
        "    init(self, *sizes, **named)",
        "nn.linear_layer.__init__ = build",
        "nn.main(params)",
        "got = sorted(built)",
    ]


# ---- dropout ----


def dropout(run: ScriptedRun) -> Iterator[Draft]:
    """Whether dropout is on in training, draws a fresh mask, and is not bypassed."""
    problem = run.comparison.problem
    if "not called" in problem or "is_train=False" in problem:
        yield _is_train(run)
    elif "same dropout mask" in problem:
        first, second = (int(n) - 1 for n in re.findall(r"steps (\d+) and (\d+)", problem)[0])
        yield _repeated(run, first, second)
    else:
        yield _bypassed(run)


def _is_train(run: ScriptedRun) -> Draft:
    ask = [
        *run.build_as_tried(),
        "got, passed, drop = [], [], nn.dropout.forward",
        "def watch(self, X, is_train=True):",
        "    passed.append(bool(is_train))",
        "    return drop(self, X, is_train)",
        "nn.dropout.forward = watch",
        *by_sgd("got.append(passed[-1:]), passed.clear()"),
        "nn.main(params)",
    ]
    judge = [
        'print("is_train in the last dropout.forward before each update:", got, "\\nwant: True in each")',
        "agrees = len(got) > 0 and all(passed == [True] for passed in got)",
    ]
    return run.draft(ask, judge)


def _repeated(run: ScriptedRun, first: int, second: int) -> Draft:
    ask = [*run.build(), *run.watch(drop=True), *run.steps()]
    ask += [f'one, other = steps[{first}][0]["kept"], steps[{second}][0]["kept"]']
    judge = [
        'print("masks of two steps:", one.astype(int), other.astype(int), "want: different ones", sep="\\n")',
        "agrees = not np.array_equal(one, other)",
    ]
    return run.draft(ask, judge, "one", "other")


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
        "got, want = given[0], dropped[0]  # in the first step",
    ]
    judge = [
        'print("the second layer is given:", got, "what dropout gave:", want, sep="\\n")',
        "agrees = np.array_equal(got, want)",
    ]
    return run.draft(ask, judge, "got", "want")
