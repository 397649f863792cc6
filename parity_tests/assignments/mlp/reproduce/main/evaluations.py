"""Drafts of what main measures after its epochs: losses, accuracies, and the examples that they are measured on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from parity_tests.assignments.mlp.main.accuracies import WORD
from parity_tests.assignments.mlp.main.evaluations import POSITION
from parity_tests.assignments.mlp.main.losses import RECORD
from parity_tests.assignments.mlp.network.answers import Evaluation, evaluation
from parity_tests.assignments.mlp.reproduce.draft import Draft, Left, Unfit, compared, equal
from parity_tests.assignments.mlp.reproduce.main.scene import (
    AT_THE_END,
    Scene,
    by_sgd,
    listed,
    variables,
    weights_left,
)
from reference.rounding import gamma

DOUBLE = np.dtype(np.float64)


def losses(scene: Scene, split: str) -> Iterator[Draft]:
    """The last loss of a set, from the weights at the end; or that its record is missing, or too long."""
    problem, position, name = scene.found.problem, POSITION[split], RECORD[split]
    if "returns nothing" in problem or "does not return" in problem:
        count = "sum(np.ndim(record) == 1 for record in result)"
        ask = ["result = nn.main(params)", f"got = 0 if result is None else {count}"]
        yield scene.draft(ask, lambda left: equal("2  # records are returned, a number an epoch each"))
        return
    ask = [*scene.build(), f"{name} = nn.main(params)[{position}]"]
    if "loss record has" in problem:
        yield scene.draft([*ask, f"got = len({name})"], lambda left: _one_an_epoch(scene))
        return
    yield from _coverage(scene, split)
    ask += [f"got = float(np.reshape({name}, -1)[-1])", AT_THE_END]
    yield scene.draft(ask, lambda left: _loss_judge(scene, split, left), "got", *variables())


def accuracy(scene: Scene, split: str) -> Iterator[Draft]:
    """The last accuracy of a set in the files that main wrote, from the weights at the end."""
    yield from _coverage(scene, split)
    epoch = re.search(r"after epoch (\d+)", scene.found.problem)
    if epoch is not None:  # the last of the run is looked at
        until = replace(scene.small, config=replace(scene.config, epochs=int(epoch[1])))
        scene = replace(scene, small=until)
    ask = [
        *scene.build(),
        "nn.main(params)",
        "records = {}",
        'for name in set(glob.glob("*.json")) - {params["input_file"]}:',
        "    records.update(json.load(open(name)))  # the accuracies that it writes",
        f'record = next(record for key, record in records.items() if "{WORD[split]}" in key.lower())',
    ]
    if "one for each of" in scene.found.problem:
        yield scene.draft([*ask, "got = len(record)"], lambda left: _one_an_epoch(scene), imports=["glob"])
        return
    ask += ["got = float(record[-1])", AT_THE_END]
    yield scene.draft(ask, lambda left: _accuracy_judge(scene, split, left), "got", *variables(), imports=["glob"])


def _coverage(scene: Scene, split: str) -> Iterator[Draft]:
    """Which examples of a set are evaluated after the last step, where it is said that some are not, or twice."""
    if not re.search("set is not evaluated|set are evaluated", scene.found.problem):
        return
    ask = [
        *scene.inputs(),
        *by_sgd("seen.clear()"),
        "nn.main(params)",
        f'place = {{tuple(x): i for i, x in enumerate(digits["{split}"][0])}}',
        "got = sorted(place[tuple(x)] for X in seen for x in X.tolist() if tuple(x) in place)",
    ]
    N, B = _size(scene, split), scene.B
    judge = [
        f'print("examples of the {split} set evaluated after the last step:", got)',
        f'print("want: at least {N // B * B} of its {N}, each once")',
        f"agrees = len(set(got)) == len(got) >= {N // B * B}",
    ]
    yield scene.draft(ask, lambda left: judge)


# ---- second halves ----


def _one_an_epoch(scene: Scene) -> list[str]:
    return equal(f"{scene.config.epochs}  # one number an epoch")


def _loss_judge(scene: Scene, split: str, left: Left) -> list[str]:
    answers = [one.loss for one in _evaluated(scene, split, left)]
    size = sum(abs(float(one.value)) for one in answers)
    radius = sum(float(one.radius) for one in answers) + 2 * gamma(len(answers) + 3, DOUBLE) * size
    N, B = _size(scene, split), scene.B
    if len(answers) == 1:
        want = ["want = float(torch.nn.functional.cross_entropy(a, y))"]
    else:
        want = [
            f"starts = range(0, {N} - {B} + 1, {B})  # mini-batches of {B}, whose losses are added up",
            f"want = float(sum(torch.nn.functional.cross_entropy(a[i:i + {B}], y[i:i + {B}]) for i in starts))",
        ]
    return [*_logits(scene, split), *want, *compared(radius)]


def _accuracy_judge(scene: Scene, split: str, left: Left) -> list[str]:
    found = _evaluated(scene, split, left)
    if any(one.correct_at_least != one.correct_at_most for one in found):
        raise Unfit
    count = _size(scene, split) // scene.B * scene.B
    lines = [*_logits(scene, split), f"want = float((a.argmax(dim=1) == y)[:{count}].double().mean())"]
    return [*lines, *compared(gamma(count + 2, DOUBLE))]


def _size(scene: Scene, split: str) -> int:
    return len(scene.small.digits[f"{split}_X"])


def _evaluated(scene: Scene, split: str, left: Left) -> list[Evaluation]:
    """torch's evaluation of each mini-batch of a set with the weights that were left."""
    X, y = scene.small.digits[f"{split}_X"], scene.small.digits[f"{split}_y"].reshape(-1)
    B = scene.B
    weights = {name: np.asarray(w, np.float64) for name, w in weights_left(left).items()}
    return [
        evaluation(weights, X[i : i + B], y[i : i + B], activation=scene.config.activation)
        for i in range(0, len(X) - B + 1, B)
    ]


def _logits(scene: Scene, split: str) -> list[str]:
    return [
        f'X, y = torch.tensor(digits["{split}"][0], dtype=torch.float64), torch.tensor(digits["{split}"][1])',
        f"w = [torch.tensor(value) for value in ({listed()})]  # the weights at the end",
        f"a = torch.{scene.config.activation}(X @ w[0] + w[1]) @ w[2] + w[3]  # without dropout",
    ]
