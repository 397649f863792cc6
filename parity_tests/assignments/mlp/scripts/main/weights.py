"""Drafts that hold one step of main against torch's: its weights, and its learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.learning_rate import eta_radius
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.assignments.mlp.network.answers import training_step
from parity_tests.assignments.mlp.scripts.main.batches import number_of_steps
from parity_tests.assignments.mlp.scripts.main.scripted_run import (
    VARIABLES,
    ScriptedRun,
    by_sgd,
    listed,
    variables,
    weights_left,
)
from parity_tests.harness.draft import Draft, Results, Unfit, compared

SHORTEST = ("L2_b", "L1_b", "L2_W", "L1_W")


def weights(run: ScriptedRun) -> Iterator[Draft]:
    """The step that goes wrong, from the weights before it; in a run of one step from those at the start."""
    if run.comparison.finding == Found.NEVER_CHANGED:
        yield from number_of_steps(run)
        return
    if run.config.epochs == 1 and run.N == run.B and (run.N == 1 or not run.drops):
        yield _only_step(run)
    s = _number(run)
    ask = [*run.build(), *run.watch(drop=run.drops), *run.steps()]
    ask += [f"step, after = steps[{s - 1}]", f'X, {listed()} = step["X"], *step["weights"]']
    ask += [f'{listed("_after")} = after["weights"]']
    keeps = ["X", *variables(), *variables("_after")]
    if run.drops:
        ask += ['kept = step["kept"]']
        keeps += ["kept"]
    moving = s > 1 and run.config.alpha > 0
    if moving:
        earlier = f'steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity'
        ask += [f"{listed('_before')} = {earlier}"]
        keeps += variables("_before")

    def judge(results: Results) -> list[str]:
        lines = ['label = {tuple(x): y for x, y in zip(*digits["train"])}']
        lines += ["y = torch.tensor([label[tuple(x)] for x in X.tolist()])"]
        return [*lines, *_step_judge(run, results, "torch.tensor(X)", moving=moving)]

    yield run.draft(ask, judge, *keeps)


def learning_rate(run: ScriptedRun) -> Iterator[Draft]:
    """What SGD is passed, or the step that is made with it."""
    epoch = _epoch(run)
    ask = [
        "etas = []",
        *by_sgd("etas.append(float([*given, *named.values()][-1]))"),
        "nn.main(params)",
        f"actual = etas[{_number(run) - 1}]  # the learning rate in epoch t = {epoch}",
    ]
    judge = [
        f'expected = params["learning_rate"]{f" * 0.1 ** {epoch // 10}" if epoch >= 10 else ""}',
        *compared(eta_radius(run.config, epoch)),
    ]
    yield run.draft(ask, judge)
    yield from weights(run)


def _number(run: ScriptedRun) -> int:
    """The step that goes wrong, the first being 1."""
    return run.comparison.step or 1


def _epoch(run: ScriptedRun) -> int:
    """And its epoch, the first being 0."""
    return (_number(run) - 1) // run.steps_an_epoch


def _only_step(run: ScriptedRun) -> Draft:
    """A run of one step: from the weights at the start to those at the end."""
    ask = run.start()
    if run.drops:
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
    ask += ["kept = kept[0]  # by dropout's first forward"] if run.drops else []
    keeps = [*variables(), *variables("_after"), *(["kept"] if run.drops else [])]

    def judge(results: Results) -> list[str]:
        X = run.small.digits["train_X"]
        given = ['X, y = torch.tensor(digits["train"][0], dtype=torch.float64), torch.tensor(digits["train"][1])']
        return [*given, *_step_judge(run, {**results, "X": X}, "X", moving=False)]

    return run.draft(ask, judge, *keeps)


def _step_judge(run: ScriptedRun, results: Results, X_: str, *, moving: bool) -> list[str]:
    """One step in torch from what was noted, and the parameter that it is compared with."""
    config, epoch = run.config, _epoch(run)
    noted, after = weights_left(results), weights_left(results, "_after")
    before = weights_left(results, "_before") if moving else None
    answer = training_step(
        noted, results["X"], _labels(run, results["X"]), results["kept"] / (1 - config.rate) if run.drops else None,
        activation=config.activation, alpha=config.alpha, lam=config.lam, eta=config.eta_of(epoch), previous=before,
        velocity=None if before is None else {name: noted[name] - before[name] for name in WEIGHT_NAMES},
    ).weights  # fmt: skip
    gaps = {name: np.abs(after[name] - answer[name].value) for name in WEIGHT_NAMES}
    wanted = run.comparison.where.split("[")[0]
    name = next((n for n in (wanted, *SHORTEST) if n in gaps and not (gaps[n] <= answer[n].radius).all()), "")
    if not name:
        raise Unfit
    lines = _torch_step(run, WEIGHT_NAMES.index(name), VARIABLES[name], X_, epoch, moving=moving)
    return [*lines, *compared(answer[name].radius, float(gaps[name].max()))]


def _torch_step(run: ScriptedRun, k: int, v: str, X_: str, epoch: int, *, moving: bool) -> list[str]:
    """The lines that leave parameter k, which is called v, after torch's step as `expected`."""
    config = run.config
    lines = [f"w = [torch.tensor(value, requires_grad=True) for value in ({listed()})]"]
    lines += [f"h = torch.{config.activation}({X_} @ w[0] + w[1])"]
    lines += [f"h = h * torch.tensor(kept) / (1 - {config.rate})"] if run.drops else []
    lines += ["torch.nn.functional.cross_entropy(h @ w[2] + w[3], y).backward()"]
    decay = f"(w[{k}].grad + {config.lam} * w[{k}])" if config.lam else f"w[{k}].grad"
    velocity = f" + {config.alpha} * torch.tensor({v} - {v}_before)" if moving else ""
    rate = repr(config.eta) if epoch < 10 else f"{config.eta} * 0.1 ** {epoch // 10}"
    return [*lines, f"actual, expected = {v}_after, (w[{k}]{velocity} - {rate} * {decay}).detach().numpy()"]


def _labels(run: ScriptedRun, X: NDArray[Any]) -> NDArray[Any]:
    train_X, train_y = run.small.digits["train_X"].tolist(), run.small.digits["train_y"].reshape(-1)
    known = {tuple(x): int(y) for x, y in zip(train_X, train_y, strict=True)}
    return np.array([known[tuple(x)] for x in X.tolist()])
