"""Drafts of the layers that main builds, and of how it uses dropout."""

from __future__ import annotations

import re
from collections.abc import Iterator

from parity_tests.assignments.mlp.reproduce.draft import Draft, equal
from parity_tests.assignments.mlp.reproduce.main.scene import Scene, by_sgd


def layers(scene: Scene) -> Iterator[Draft]:
    """The rate, the activation, or the sizes."""
    problem = scene.found.problem
    if "builds dropout" in problem:
        ask, want = _rates(), f"[{scene.config.rate!r}]"
    elif "it uses" in problem:
        ask, want = [*scene.build(), *_activations()], f"[{scene.config.activation!r}]"
    else:
        ask, want = _sizes(), f"[[{scene.pixels}, 1000], [1000, 10]]"
    yield scene.draft(ask, lambda left: equal(want))


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
        "asked, init = [], nn.linear_layer.__init__",
        "def build(self, *sizes, **named):",
        "    asked.append([int(size) for size in (*sizes, *named.values())])",
        "    init(self, *sizes, **named)",
        "nn.linear_layer.__init__ = build",
        "nn.main(params)",
        "got = sorted(asked)",
    ]


# ---- dropout ----


def dropout(scene: Scene) -> Iterator[Draft]:
    """Whether dropout is told to train, draws a fresh mask, and is not bypassed."""
    problem = scene.found.problem
    if "not called" in problem or "is_train=False" in problem:
        yield _told(scene)
    elif "same dropout mask" in problem:
        first, second = (int(n) - 1 for n in re.findall(r"steps (\d+) and (\d+)", problem)[0])
        yield _repeated(scene, first, second)
    else:
        yield _bypassed(scene)


def _told(scene: Scene) -> Draft:
    ask = [
        *scene.build_as_tried(),
        "got, told, drop = [], [], nn.dropout.forward",
        "def watch(self, X, is_train=True):",
        "    told.append(bool(is_train))",
        "    return drop(self, X, is_train)",
        "nn.dropout.forward = watch",
        *by_sgd("got.append(told[-1:]), told.clear()"),
        "nn.main(params)",
    ]
    judge = [
        'print("is_train in the last dropout.forward before each update:", got, "\\nwant: True in each")',
        "agrees = len(got) > 0 and all(told == [True] for told in got)",
    ]
    return scene.draft(ask, lambda left: judge)


def _repeated(scene: Scene, first: int, second: int) -> Draft:
    ask = [*scene.build(), *scene.watch(drop=True), *scene.steps()]
    ask += [f'one, other = steps[{first}][0]["kept"], steps[{second}][0]["kept"]']
    judge = [
        'print("masks of two steps:", one.astype(int), other.astype(int), "want: different ones", sep="\\n")',
        "agrees = not np.array_equal(one, other)",
    ]
    return scene.draft(ask, lambda left: judge, "one", "other")


def _bypassed(scene: Scene) -> Draft:
    ask = [
        *scene.build(),
        "given, dropped, forward, drop = [], [], nn.linear_layer.forward, nn.dropout.forward",
        "def watch(self, X):",
        f"    if X.shape[1] == {scene.hidden or 1000}:  # the second layer",
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
    return scene.draft(ask, lambda left: judge, "got", "want")
