"""Drafts of what the steps of main are made on: how many, which examples and labels, in which order."""

from __future__ import annotations

from collections.abc import Iterator

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.scripts.main.scripted_run import ScriptedRun, by_sgd
from parity_tests.harness.draft import Draft, equal

NUMBER = 'number = {tuple(x): i for i, x in enumerate(digits["train"][0])}'


def number_of_steps(run: ScriptedRun) -> Iterator[Draft]:
    """Counted by the calls of SGD, and by the changes of weights."""
    expected = f"{run.config.epochs} * ({run.N} // {run.B})  # epochs, and whole mini-batches in each"
    sgd = ["calls = []", *by_sgd("calls.append(1)"), "nn.main(params)", "actual = len(calls)  # of SGD"]
    weights = [*run.build(), *run.watch(drop=False), *run.steps(), "actual = len(steps)"]
    for ask in (sgd, weights):
        yield run.draft(ask, equal(expected))


def batches(run: ScriptedRun) -> Iterator[Draft]:
    """The rows of each step; or its labels, where it is about these."""
    if run.comparison.finding == Found.OTHER_LABELS:
        yield _labels(run)
        return
    if run.comparison.finding == Found.NEVER_USED:
        judge = [
            f"actual = sorted(set(range({run.N})) - set(sum(rows, [])))",
            f'print("never used in {run.config.epochs} epochs:", actual, "\\nwant: []")',
            "agrees = not actual",
        ]
    else:
        B, whole, total = run.B, run.N // run.B * run.B, run.config.epochs * (run.N // run.B)
        judge = [
            'print("training examples in each step:", rows)',
            f'print("expected: {total} steps of {B}, {whole} different ones in each epoch")',
            *_epochs(run),
            f"agrees = len(rows) == {total} and all(len(step) == {B} for step in rows) and all(",
            f'    "none" not in epoch and len(set(epoch)) == {whole} for epoch in epochs)',
        ]
    for ask in _rows(run):
        yield run.draft(ask, judge, "rows")


def shuffle(run: ScriptedRun) -> Iterator[Draft]:
    """The rows of each epoch, compared with the order of the file or with those of other epochs."""
    found, N, n = run.comparison.finding, run.N, run.steps_an_epoch
    if found in (Found.NO_TRAINING_ROWS, Found.NEVER_USED):
        yield from batches(run)
        return
    lines = [*_epochs(run), 'print("training examples in each epoch:", *epochs, sep="\\n")']
    if found in (Found.ALL_IN_FILE_ORDER, Found.IN_FILE_ORDER):
        lines += [
            'print("expected: another order than that of the file")',
            f"turns = [{{(b - a) % {N} for a, b in zip(epoch, epoch[1:])}} for epoch in epochs]",
            f"agrees = {{1}} not in turns and {{{N - 1}}} not in turns",
        ]
    elif found == Found.SAME_BATCHES:
        lines += [
            f"made_of = [{{frozenset(step) for step in rows[i:i + {n}]}} for i in range(0, len(rows), {n})]",
            'print("expected: other mini-batches in each epoch")',
            "agrees = all(a != b for i, a in enumerate(made_of) for b in made_of[:i])",
        ]
    else:
        lines += [
            'print("expected: an order of its own in each epoch")',
            "agrees = len(epochs) > 0 and all(a != b for i, a in enumerate(epochs) for b in epochs[:i])",
        ]
    for ask in _rows(run):
        yield run.draft(ask, lines, "rows")


def _rows(run: ScriptedRun) -> Iterator[list[str]]:
    """Lines that leave `rows`: which training examples each step is made on."""
    yield [
        NUMBER,
        *run.inputs(),
        "rows = []",
        *by_sgd('rows.append([number.get(tuple(x), "none") for x in seen[-1].tolist()])'),
        "nn.main(params)",
    ]
    yield [
        *run.build(),
        *run.watch(drop=False),
        *run.steps(),
        NUMBER,
        'rows = [[number.get(tuple(x), "none") for x in step["X"].tolist()] for step, _ in steps]',
    ]


def _epochs(run: ScriptedRun) -> list[str]:
    """Lines that make `epochs` of `rows`."""
    n = run.steps_an_epoch
    if run.config.epochs == 1:
        return ["epochs = [sum(rows, [])]"]
    return [f"epochs = [sum(rows[i:i + {n}], []) for i in range(0, len(rows), {n})]"]


def _labels(run: ScriptedRun) -> Draft:
    loss = [
        "loss = nn.softmax_cross_entropy.forward",
        "def watch_loss(self, X, Y):",
        "    labels.append([float(y) for y in np.reshape(Y, -1)])",
        "    return loss(self, X, Y)",
        "nn.softmax_cross_entropy.forward = watch_loss",
    ]
    ask = [
        'label = {tuple(x): float(y) for x, y in zip(*digits["train"])}',
        "labels, actual, expected = [], [], []",
        *run.inputs(),
        *loss,
        *by_sgd("actual.append(labels[-1]), expected.append([label[tuple(x)] for x in seen[-1].tolist()])"),
        "nn.main(params)",
    ]
    judge = ['print("labels in each step:", actual, "\\nthose of its rows:", expected)', "agrees = actual == expected"]
    return run.draft(ask, judge, "actual", "expected")
