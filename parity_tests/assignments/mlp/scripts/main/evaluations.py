"""Drafts of what main measures after its epochs: losses, accuracies, and the examples that they are measured on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.accuracies import WORD
from parity_tests.assignments.mlp.main.evaluations import POSITION
from parity_tests.assignments.mlp.main.losses import RECORD
from parity_tests.assignments.mlp.network.answers import Evaluation, evaluation
from parity_tests.assignments.mlp.scripts.main.scripted_run import (
    AT_THE_END,
    ScriptedRun,
    by_sgd,
    listed,
    variables,
    weights_left,
)
from parity_tests.harness.draft import Draft, Results, Unfit, compared, equal
from reference.rounding import gamma

DOUBLE = np.dtype(np.float64)


def losses(run: ScriptedRun, split: str) -> Iterator[Draft]:
    """The last loss of a set, from the weights at the end; or that its record is missing, or too long."""
    found, position, name = run.comparison.finding, POSITION[split], RECORD[split]
    if found in (Found.RETURNS_NOTHING, Found.NOT_RETURNED):
        count = "sum(np.ndim(record) == 1 for record in result)"
        ask = ["result = nn.main(params)", f"actual = 0 if result is None else {count}"]
        yield run.draft(ask, equal("2  # records are returned, a number an epoch each"))
        return
    ask = [*run.build(), f"{name} = nn.main(params)[{position}]"]
    if found == Found.OTHER_LENGTH:
        yield run.draft([*ask, f"actual = len({name})"], _one_an_epoch(run))
        return
    yield from _coverage(run, split)
    ask += [f"actual = float(np.reshape({name}, -1)[-1])", AT_THE_END]
    yield run.draft(ask, lambda results: _loss_judge(run, split, results), "actual", *variables())


def accuracy(run: ScriptedRun, split: str) -> Iterator[Draft]:
    """The last accuracy of a set in the files that main wrote, from the weights at the end."""
    yield from _coverage(run, split)
    if run.comparison.where:  # the last of the run is looked at
        (epoch,) = json.loads(run.comparison.where)
        until = replace(run.small, config=replace(run.config, epochs=epoch + 1))
        run = replace(run, small=until)
    ask = [
        *run.build(),
        "nn.main(params)",
        "records = {}",
        'for name in set(glob.glob("*.json")) - {params["input_file"]}:',
        "    records.update(json.load(open(name)))  # the accuracies that it writes",
        f'record = next(record for key, record in records.items() if "{WORD[split]}" in key.lower())',
    ]
    if run.comparison.finding == Found.OTHER_LENGTH:
        yield run.draft([*ask, "actual = len(record)"], _one_an_epoch(run), imports=["glob"])
        return
    ask += ["actual = float(record[-1])", AT_THE_END]
    yield run.draft(ask, lambda results: _accuracy_judge(run, split, results), "actual", *variables(), imports=["glob"])


def _coverage(run: ScriptedRun, split: str) -> Iterator[Draft]:
    """Which examples of a set are evaluated after the last step, where some are not, or are twice."""
    if run.comparison.finding not in (Found.NOT_EVALUATED, Found.EVALUATED_TWICE):
        return
    ask = [
        *run.inputs(),
        *by_sgd("seen.clear()"),
        "nn.main(params)",
        f'number = {{tuple(x): i for i, x in enumerate(digits["{split}"][0])}}',
        "actual = sorted(number[tuple(x)] for X in seen for x in X.tolist() if tuple(x) in number)",
    ]
    N, B = _size(run, split), run.B
    judge = [
        f'print("examples of the {split} set evaluated after the last step:", actual)',
        f'print("expected: at least {N // B * B} of its {N}, each once")',
        f"agrees = len(set(actual)) == len(actual) >= {N // B * B}",
    ]
    yield run.draft(ask, judge)


# ---- second halves ----


def _one_an_epoch(run: ScriptedRun) -> list[str]:
    return equal(f"{run.config.epochs}  # one number an epoch")


def _loss_judge(run: ScriptedRun, split: str, results: Results) -> list[str]:
    answers = [one.loss for one in _evaluated(run, split, results)]
    size = sum(abs(float(one.value)) for one in answers)
    radius = sum(float(one.radius) for one in answers) + 2 * gamma(len(answers) + 3, DOUBLE) * size
    N, B = _size(run, split), run.B
    if len(answers) == 1:
        expected = ["expected = float(torch.nn.functional.cross_entropy(a, y))"]
    else:
        expected = [
            f"starts = range(0, {N} - {B} + 1, {B})  # mini-batches of {B}, whose losses are added up",
            f"expected = float(sum(torch.nn.functional.cross_entropy(a[i:i + {B}], y[i:i + {B}]) for i in starts))",
        ]
    return [*_logits(run, split), *expected, *compared(radius)]


def _accuracy_judge(run: ScriptedRun, split: str, results: Results) -> list[str]:
    evaluations = _evaluated(run, split, results)
    if any(one.correct_at_least != one.correct_at_most for one in evaluations):
        raise Unfit
    count = _size(run, split) // run.B * run.B
    lines = [*_logits(run, split), f"expected = float((a.argmax(dim=1) == y)[:{count}].double().mean())"]
    return [*lines, *compared(gamma(count + 2, DOUBLE))]


def _size(run: ScriptedRun, split: str) -> int:
    return len(run.small.digits[f"{split}_X"])


def _evaluated(run: ScriptedRun, split: str, results: Results) -> list[Evaluation]:
    """torch's evaluation of each mini-batch of a set with the weights that main left."""
    X, y = run.small.digits[f"{split}_X"], run.small.digits[f"{split}_y"].reshape(-1)
    B = run.B
    weights = {name: np.asarray(w, np.float64) for name, w in weights_left(results).items()}
    return [
        evaluation(weights, X[i : i + B], y[i : i + B], activation=run.config.activation)
        for i in range(0, len(X) - B + 1, B)
    ]


def _logits(run: ScriptedRun, split: str) -> list[str]:
    return [
        f'X, y = torch.tensor(digits["{split}"][0], dtype=torch.float64), torch.tensor(digits["{split}"][1])',
        f"w = [torch.tensor(value) for value in ({listed()})]  # the weights at the end",
        f"a = torch.{run.config.activation}(X @ w[0] + w[1]) @ w[2] + w[3]  # without dropout",
    ]
