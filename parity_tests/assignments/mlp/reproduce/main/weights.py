"""Drafts that hold one step of main against torch's: its weights, and its learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.learning_rate import eta_radius
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import training_step
from parity_tests.assignments.mlp.reproduce.draft import Draft, Left, Unfit, compared
from parity_tests.assignments.mlp.reproduce.main.batches import number_of_steps
from parity_tests.assignments.mlp.reproduce.main.scene import VARIABLES, Scene, by_sgd, listed, variables, weights_left

SHORTEST = ("L2_b", "L1_b", "L2_W", "L1_W")


def weights(scene: Scene) -> Iterator[Draft]:
    """The step that goes wrong, from the weights before it; in a run of one step from those at the start."""
    if "never changes" in scene.found.problem:
        yield from number_of_steps(scene)
        return
    if scene.config.epochs == 1 and scene.N == scene.B and (scene.N == 1 or not scene.drops):
        yield _only_step(scene)
    s = _number(scene)
    ask = [*scene.build(), *scene.watch(drop=scene.drops), *scene.steps()]
    ask += [f"step, after = steps[{s - 1}]", f'X, {listed()} = step["X"], *step["weights"]']
    ask += [f'{listed("_after")} = after["weights"]']
    keeps = ["X", *variables(), *variables("_after")]
    if scene.drops:
        ask += ['kept = step["kept"]']
        keeps += ["kept"]
    moving = s > 1 and scene.config.alpha > 0
    if moving:
        earlier = f'steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity'
        ask += [f"{listed('_before')} = {earlier}"]
        keeps += variables("_before")

    def judge(left: Left) -> list[str]:
        lines = ['label = {tuple(x): y for x, y in zip(*digits["train"])}']
        lines += ["y = torch.tensor([label[tuple(x)] for x in X.tolist()])"]
        return [*lines, *_step_judge(scene, left, "torch.tensor(X)", moving=moving)]

    yield scene.draft(ask, judge, *keeps)


def learning_rate(scene: Scene) -> Iterator[Draft]:
    """What SGD is passed, or the step that is made with it."""
    epoch = _epoch(scene)
    ask = [
        "etas = []",
        *by_sgd("etas.append(float([*given, *named.values()][-1]))"),
        "nn.main(params)",
        f"got = etas[{_number(scene) - 1}]  # the learning rate in epoch t = {epoch}",
    ]
    judge = [
        f'want = params["learning_rate"]{f" * 0.1 ** {epoch // 10}" if epoch >= 10 else ""}',
        *compared(eta_radius(scene.config, epoch)),
    ]
    yield scene.draft(ask, lambda left: judge)
    yield from weights(scene)


def _number(scene: Scene) -> int:
    """The step that goes wrong, the first being 1."""
    return scene.found.step or 1


def _epoch(scene: Scene) -> int:
    """And its epoch, the first being 0."""
    return (_number(scene) - 1) // scene.steps_an_epoch


def _only_step(scene: Scene) -> Draft:
    """A run of one step: from the weights at the start to those at the end."""
    ask = scene.start()
    if scene.drops:
        ask += [
            "kept, drop = [], nn.dropout.forward",
            "def watch(self, X, is_train=True):",
            "    s = drop(self, X, is_train)",
            "    kept.append(s != 0)",
            "    return s",
            "nn.dropout.forward = watch",
        ]
    ask += ["nn.main(params)  # one step", f"{listed()} = start"]
    ask += [f'{listed("_after")} = (layer.params[key] for layer in layers for key in ("W", "b"))']
    ask += ["kept = kept[0]  # by dropout's first forward"] if scene.drops else []
    keeps = [*variables(), *variables("_after"), *(["kept"] if scene.drops else [])]

    def judge(left: Left) -> list[str]:
        X = scene.small.digits["train_X"]
        given = ['X, y = torch.tensor(digits["train"][0], dtype=torch.float64), torch.tensor(digits["train"][1])']
        return [*given, *_step_judge(scene, {**left, "X": X}, "X", moving=False)]

    return scene.draft(ask, judge, *keeps)


def _step_judge(scene: Scene, left: Left, X_: str, *, moving: bool) -> list[str]:
    """One step in torch from what was noted, and the parameter that it is held against."""
    config, epoch = scene.config, _epoch(scene)
    noted, after = weights_left(left), weights_left(left, "_after")
    before = weights_left(left, "_before") if moving else None
    answer = training_step(
        noted, left["X"], _labels(scene, left["X"]), left["kept"] / (1 - config.rate) if scene.drops else None,
        activation=config.activation, alpha=config.alpha, lam=config.lam, eta=config.eta_of(epoch), previous=before,
        velocity=None if before is None else {name: noted[name] - before[name] for name in WEIGHT_NAMES},
    ).weights  # fmt: skip
    gaps = {name: np.abs(after[name] - answer[name].value) for name in WEIGHT_NAMES}
    wanted = scene.found.where.split("[")[0]
    name = next((n for n in (wanted, *SHORTEST) if n in gaps and not (gaps[n] <= answer[n].radius).all()), "")
    if not name:
        raise Unfit
    lines = _torch_step(scene, WEIGHT_NAMES.index(name), VARIABLES[name], X_, epoch, moving=moving)
    return [*lines, *compared(answer[name].radius, float(gaps[name].max()))]


def _torch_step(scene: Scene, k: int, v: str, X_: str, epoch: int, *, moving: bool) -> list[str]:
    """The lines that leave parameter k, which is called v, after torch's step as `want`."""
    config = scene.config
    lines = [f"w = [torch.tensor(value, requires_grad=True) for value in ({listed()})]"]
    lines += [f"h = torch.{config.activation}({X_} @ w[0] + w[1])"]
    lines += [f"h = h * torch.tensor(kept) / (1 - {config.rate})"] if scene.drops else []
    lines += ["torch.nn.functional.cross_entropy(h @ w[2] + w[3], y).backward()"]
    decay = f"(w[{k}].grad + {config.lam} * w[{k}])" if config.lam else f"w[{k}].grad"
    velocity = f" + {config.alpha} * torch.tensor({v} - {v}_before)" if moving else ""
    rate = repr(config.eta) if epoch < 10 else f"{config.eta} * 0.1 ** {epoch // 10}"
    return [*lines, f"got, want = {v}_after, (w[{k}]{velocity} - {rate} * {decay}).detach().numpy()"]


def _labels(scene: Scene, X: NDArray[Any]) -> NDArray[Any]:
    train_X, train_y = scene.small.digits["train_X"].tolist(), scene.small.digits["train_y"].reshape(-1)
    known = {tuple(x): int(y) for x, y in zip(train_X, train_y, strict=True)}
    return np.array([known[tuple(x)] for x in X.tolist()])
