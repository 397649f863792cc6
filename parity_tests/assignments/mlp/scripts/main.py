"""Scripts of main: the smallest training that still goes wrong, lines that watch it, and what each quantity shows.

It is watched as little as can be: the layers that main builds, the passes through them, and its updates are enough to
hold one of its steps, or a loss, against torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.accuracies import WORD
from parity_tests.assignments.mlp.main.configs import DEFAULT_FILE, Config
from parity_tests.assignments.mlp.main.evaluations import POSITION
from parity_tests.assignments.mlp.main.learning_rate import eta_radius
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.assignments.mlp.network.answers import Evaluation, evaluation, training_step
from parity_tests.assignments.mlp.scripts.main_runs import RunCache, SmallerRun, causes, fails_alike, longer, plainer
from parity_tests.assignments.mlp.scripts.stand_in_lines import stand_in_lines
from parity_tests.harness.draft import Draft, Judge, Results, Unfit, compared, equal
from parity_tests.harness.script_maker import Told
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.reproduction import Networks
from reference.rounding import gamma
from reports.model.records import Record
from reports.model.verdicts import Verdict

MATCHING = 5
"""In how many sizes runs that fail in the same way are tried for a script."""
MOST = 2
"""How many of them, with and without dropout and so on, in each size."""
HIDDEN, TRIED = 4, 16
"""Hidden units that a script has, and as many as the smaller runs are watched with: then the same numbers are drawn."""
DOUBLE = np.dtype(np.float64)


def main_drafts(networks: Networks, edition: str, seed: int) -> Callable[[Record, Case], Told]:
    """What makes the drafts for a record of main, with what is wrong in words, the smallest run first."""
    runs = RunCache(networks.submission)

    def drafts(record: Record, case: Case) -> Told:
        others: list[tuple[SmallerRun, str]] = []
        matching = 0
        for longest in longer(case, record.quantity, seed):
            if not fails_alike(record, runs.judged(case, longest)):
                continue
            matching += 1
            alike = (one for one in plainer(longest, record.quantity) if fails_alike(record, runs.judged(case, one)))
            for small in [*alike][:MOST]:
                judged = runs.judged(case, small)
                others += [(small, quantity) for quantity in causes(record, judged)]
                yield from _of_run(small, record.quantity, judged[record.quantity], case, edition)
            if matching == MATCHING:
                break
        for small, quantity in others[:MATCHING]:
            yield from _of_run(small, quantity, runs.judged(case, small)[quantity], case, edition)

    return drafts


def _of_run(small: SmallerRun, quantity: str, comparison: Comparison, case: Case, edition: str) -> Told:
    """The submission's own parts first; where main's wiring is judged alone, with ever more of them replaced."""
    numbers = comparison.got is not None and quantity.split()[-1] in ("weights", "losses", "accuracy")
    words = "it is not what torch says" if numbers else "it is not what is asked for"
    first, activation = ScriptedRun(small, comparison, edition, HIDDEN), small.config.activation
    layers = ("linear_layer", activation, *(("dropout",) if small.config.rate > 0 else ()))
    every = ("linear_layer", activation, "dropout", "softmax_cross_entropy", "sgd")
    replaced = ((activation,), ("linear_layer",), ("dropout",), layers, every)
    runs = [first, replace(first, hidden=TRIED), replace(first, hidden=0)]
    runs += [replace(first, correct=correct) for correct in replaced if case.process != "parts"]
    for run in runs:
        for draft in _drafts(run, quantity):
            yield draft, "main crashes" if comparison.verdict == Verdict.CRASHED else words


def _drafts(run: ScriptedRun, quantity: str) -> Iterator[Draft]:
    """What shows a quantity; a main that does not come to its end, or makes no step, shows that whatever is asked."""
    if run.comparison.verdict != Verdict.MISMATCH:
        return _run(run)
    return _number_of_steps(run) if run.found == Found.NO_STEP_SEEN else QUANTITIES[quantity](run)


@dataclass(frozen=True)
class ScriptedRun:
    """One run for a script: how many hidden units are built for the 1,000 (0: all), and which parts are replaced."""

    small: SmallerRun
    comparison: Comparison
    edition: str
    hidden: int
    correct: tuple[str, ...] = ()

    @property
    def config(self) -> Config:
        return self.small.config

    @property
    def found(self) -> str:
        return self.comparison.finding

    @property
    def N(self) -> int:  # noqa: N802 - the number of examples
        return len(self.small.digits["train_X"])

    @property
    def steps(self) -> int:
        """Those of an epoch: ⌊N/B⌋, 1 at least."""
        return max(self.N // self.config.batch, 1)

    @property
    def step(self) -> int:
        """The step that goes wrong, the first being 1."""
        return self.comparison.step or 1

    @property
    def epoch(self) -> int:
        """And its epoch, the first being 0."""
        return (self.step - 1) // self.steps

    def draft(self, ask: Sequence[str], judge: Judge, *keeps: str, verdict: str = Verdict.MISMATCH) -> Draft:
        """A draft whose script writes the digits, watches, and calls main."""
        file = [f'with open("{DEFAULT_FILE}", "w") as file:', "    json.dump(digits, file)"]
        lines = [*file, *stand_in_lines(self.correct, self.edition), *ask]
        imports = ["json", *(["glob"] if any("glob." in line for line in lines) else [])]
        process = "wiring" if self.correct else "parts"
        return Draft(
            self.small.lines(), lines, judge, keeps or ("actual",), verdict, imports, in_a_folder=True, process=process
        )

    def watched(self, *further: str, by_calls: bool = True) -> list[str]:
        """Lines that call main, and leave `passes`, what each forward of the first layer began with, and `steps`.

        A step is the pass before an update and the one after it. Updates are calls of SGD, or changes of weights.
        """
        pixels = self.small.digits["train_X"].shape[1]
        lines = [*self.build(), *NOTING, *(line.replace("PIXELS", str(pixels)) for line in PASSES), *further]
        at = ["at = updates"] if by_calls else MOVED
        lines += [*(SGD if by_calls else []), "nn.main(params)", 'passes.append({"weights": weights()})', *at]
        return [*lines, "steps = [(passes[i], passes[i + 1]) for i in at]"]

    def build(self) -> list[str]:
        """Keeps the linear layers that main builds, and makes the hidden one small."""
        fewer = f"size if size != {self.config.hidden} else {self.hidden or self.config.hidden}"
        return [line.replace("FEWER", fewer) for line in BUILD]

    def built_as_tried(self) -> list[str]:
        """The same, where nothing but the number of hidden units is to be that of the smaller runs."""
        return self.build() if self.hidden == TRIED else []


# ---- lines that watch main

BUILD = [
    "# Keep the layers that main builds, with few hidden units.",
    "layers, init = [], nn.linear_layer.__init__",
    "def build(self, *sizes, **named):",
    "    init(self, *(FEWER for size in (*sizes, *named.values())))",
    "    layers.append(self)",
    "nn.linear_layer.__init__ = build",
    "def weights():",
    '    pair = sorted(layers[-2:], key=lambda layer: len(layer.params["W"]))',
    '    return [layer.params[key].copy() for layer in pair for key in ("W", "b")]',
]
NOTING = [
    "def noting(owner, name, note):  # at each call, of what it returned and what it was given",
    "    own = getattr(owner, name)",
    "    def noted(*given, **named):",
    "        before = [one.copy() if isinstance(one, np.ndarray) else one for one in (*given, *named.values())]",
    "        result = own(*given, **named)",
    "        note(result, *before)",
    "        return result",
    "    setattr(owner, name, noted)",
]
PASSES = [
    "passes = []  # each begins with a forward of the first layer, that of the pixels",
    'begin = lambda u, self, X: len(self.params["W"]) == PIXELS and passes.append({"weights": weights(), "X": X})',
    'noting(nn.linear_layer, "forward", begin)',
]
GIVEN = [
    'second = lambda a, self, X: len(self.params["W"]) == len(weights()[2]) and passes[-1].update(given=X)',
    'noting(nn.linear_layer, "forward", second)',
]
DROPOUT = [
    "drop = lambda s, self, X, is_train=True: passes[-1].update(is_train=bool(is_train), dropped=np.array(s))",
    'noting(nn.dropout, "forward", drop)',
]
LOSS = [
    "labels = lambda l, self, X, Y: passes[-1].update(labels=np.ravel(Y).astype(float).tolist())",
    'noting(nn.softmax_cross_entropy, "forward", labels)',
]
SGD = [
    "updates, etas = [], []  # after which pass SGD is called, and with which learning rate",
    "step = lambda returned, *given: (updates.append(len(passes) - 1), etas.append(float(given[-1])))",
    'noting(nn, next(name for name in dir(nn) if name.startswith("miniBatch")), step)',
]
MOVED = [
    "def moved(a, b):",
    '    return any((v != w).any() for v, w in zip(a["weights"], b["weights"]))',
    "at = [i for i, pair in enumerate(zip(passes, passes[1:])) if moved(*pair)]  # passes that an update follows",
]
NUMBER = 'number = {tuple(x): i for i, x in enumerate(digits["train"][0])}'
ROWS = 'rows = [[number.get(tuple(x), "none") for x in step["X"].tolist()] for step, _ in steps]'
W = ("W1", "b1", "W2", "b2")
"""What a script calls the weights."""


def _listed(suffix: str = "") -> str:
    return ", ".join(f"{name}{suffix}" for name in W)


def _left(results: Results, suffix: str = "") -> dict[str, NDArray[Any]]:
    """The weights that the first half of a script left, in the shapes that torch needs."""
    D, M = results["W1"].shape
    shapes = weight_shapes(D, M, 10)
    return {name: results[f"{w}{suffix}"].reshape(shapes[name]) for name, w in zip(WEIGHT_NAMES, W, strict=True)}


# ---- what each quantity shows


def _run(run: ScriptedRun) -> Iterator[Draft]:
    verdict = run.comparison.verdict
    ask = [*run.built_as_tried(), "actual = nn.main(params)"]
    if verdict in (Verdict.CRASHED, Verdict.MISSING):
        yield run.draft(ask, (), verdict=Verdict.CRASHED)
    if verdict == Verdict.MISSING:
        end = ['print("actual:  ", actual, "\\nexpected: two records of losses")', "agrees = actual is not None"]
        yield run.draft(ask, end)
    if verdict in (Verdict.TIMEOUT, Verdict.MISMATCH):
        yield run.draft(ask, (), verdict=Verdict.TIMEOUT)
    if verdict == Verdict.MISMATCH:
        yield from _number_of_steps(run)


def _number_of_steps(run: ScriptedRun) -> Iterator[Draft]:
    expected = f"{run.config.epochs} * ({run.N} // {run.config.batch})  # epochs, and whole mini-batches in each"
    for by_calls in (True, False):
        yield run.draft([*run.watched(by_calls=by_calls), "actual = len(steps)"], equal(expected))


def _layers(run: ScriptedRun) -> Iterator[Draft]:
    """The rate, the activation, or the sizes."""
    D, H = run.small.digits["train_X"].shape[1], run.config.hidden
    if run.found == Found.OTHER_RATE:
        watch = ["actual = []", 'noting(nn.dropout, "__init__", lambda _, self, r: actual.append(float(r)))']
        yield run.draft([*NOTING, *watch, "nn.main(params)"], equal(f"[{run.config.rate!r}]"))
    elif run.found in (Found.OTHER_ACTIVATION, Found.NO_ACTIVATION):
        watch = ["used = set()", 'for name in ("relu", "tanh"):']
        watch += ['    noting(getattr(nn, name), "forward", lambda _, self, X, name=name: used.add(name))']
        ask = [*run.build(), *NOTING, *watch, "nn.main(params)", "actual = sorted(used)"]
        yield run.draft(ask, equal(f"[{run.config.activation!r}]"))
    else:
        built = "lambda _, self, *sizes: built.append([int(size) for size in sizes])"
        watch = ["built = []", f'noting(nn.linear_layer, "__init__", {built})']
        typed = ["try:", "    nn.main(params)", "except ValueError:  # these layers do not take the digits", "    pass"]
        call = typed if run.found == Found.TYPED_PIXELS else ["nn.main(params)"]
        yield run.draft([*NOTING, *watch, *call, "actual = sorted(built)"], equal(f"[[{D}, {H}], [{H}, 10]]"))


def _batches(run: ScriptedRun) -> Iterator[Draft]:
    """The rows of each step; or its labels, where it is about these."""
    if run.found == Found.OTHER_LABELS:
        ask = ['label = {tuple(x): float(y) for x, y in zip(*digits["train"])}', *run.watched(*LOSS)]
        ask += ['actual = [step["labels"] for step, _ in steps]']
        ask += ['expected = [[label[tuple(x)] for x in step["X"].tolist()] for step, _ in steps]']
        judge = [
            'print("labels in each step:", actual, "\\nexpected, of its rows:", expected)',
            "agrees = actual == expected",
        ]
        yield run.draft(ask, judge, "actual", "expected")
        return
    B, whole, total = run.config.batch, run.N // run.config.batch * run.config.batch, run.config.epochs * run.steps
    judge = [
        'print("training examples in each step:", rows)',
        f'print("expected: {total} steps of {B}, {whole} different ones in each epoch")',
        *_epochs(run),
        f"agrees = len(rows) == {total} and all(len(step) == {B} for step in rows) and all(",
        f'    "none" not in epoch and len(set(epoch)) == {whole} for epoch in epochs)',
    ]
    if run.found == Found.NEVER_USED:
        judge = [f"actual = sorted(set(range({run.N})) - set(sum(rows, [])))  # never used", *equal("[]")]
    yield from _of_rows(run, judge)


def _shuffle(run: ScriptedRun) -> Iterator[Draft]:
    """The rows of each epoch, compared with the order of the file or with those of other epochs."""
    N, n = run.N, run.steps
    if run.found in (Found.NO_TRAINING_ROWS, Found.NEVER_USED):
        yield from _batches(run)
        return
    judge = [*_epochs(run), 'print("training examples in each epoch:", *epochs, sep="\\n")']
    if run.found in (Found.ALL_IN_FILE_ORDER, Found.IN_FILE_ORDER):
        judge += ['print("expected: another order than that of the file")']
        judge += [f"turns = [{{(b - a) % {N} for a, b in zip(epoch, epoch[1:])}} for epoch in epochs]"]
        judge += [f"agrees = {{1}} not in turns and {{{N - 1}}} not in turns"]
    else:
        what, made = "an order of its own", "epochs"
        if run.found == Found.SAME_BATCHES:
            what, made = "other mini-batches", "made_of"
            judge += [f"made_of = [{{frozenset(step) for step in rows[i:i + {n}]}} for i in range(0, len(rows), {n})]"]
        judge += [f'print("expected: {what} in each epoch")']
        judge += [f"agrees = len({made}) > 0 and all(a != b for i, a in enumerate({made}) for b in {made}[:i])"]
    yield from _of_rows(run, judge)


def _of_rows(run: ScriptedRun, judge: Sequence[str]) -> Iterator[Draft]:
    for by_calls in (True, False):
        yield run.draft([*run.watched(by_calls=by_calls), NUMBER, ROWS], judge, "rows")


def _epochs(run: ScriptedRun) -> list[str]:
    """Lines that make `epochs` of `rows`."""
    return [f"epochs = [sum(rows[i:i + {run.steps}], []) for i in range(0, len(rows), {run.steps})]"]


def _dropout(run: ScriptedRun) -> Iterator[Draft]:
    """Whether dropout is on in training, draws a fresh mask, and is not bypassed."""
    off = (Found.NO_DROPOUT, Found.A_STEP_WITHOUT_DROPOUT, Found.DROPOUT_OFF, Found.DROPOUT_OFF_IN_A_STEP)
    if run.found in off:
        ask = [*run.watched(*DROPOUT), 'actual = [step.get("is_train", "none") for step, _ in steps]']
        yield run.draft(ask, equal("[True] * len(actual)  # is_train before each update"))
    elif run.found == Found.SAME_MASK and run.comparison.step is not None:
        ask = [*run.watched(*DROPOUT), f'kept = np.array([step["dropped"] != 0 for step, _ in steps[:{run.step}]])']
        judge = ["*earlier, mask = kept", "actual = sum(np.array_equal(one, mask) for one in earlier)"]
        yield run.draft(ask, [*judge, *equal("0  # masks of steps before are the same")], "kept")
    else:
        ask = [*run.watched(*GIVEN, *DROPOUT), 'actual, expected = steps[0][0]["given"], steps[0][0]["dropped"]']
        judge = ['print("the second layer is given:", actual, "what dropout gave:", expected, sep="\\n")']
        yield run.draft(ask, [*judge, "agrees = np.array_equal(actual, expected)"], "actual", "expected")


def _learning_rate(run: ScriptedRun) -> Iterator[Draft]:
    """What SGD is passed, or the step that is made with it."""
    ask = [*run.watched(), f"actual = etas[{run.step - 1}]  # the learning rate in epoch t = {run.epoch}"]
    expected = f'expected = params["learning_rate"]{f" * 0.1 ** {run.epoch // 10}" if run.epoch >= 10 else ""}'
    yield run.draft(ask, [expected, *compared(eta_radius(run.config, run.epoch))])
    yield from _weights(run)


def _weights(run: ScriptedRun) -> Iterator[Draft]:
    """The step that goes wrong, from the weights before it; where there is none, their number."""
    config, s = run.config, run.step
    drops, moving = config.rate > 0, s > 1 and config.alpha > 0
    ask = [f"step, after = steps[{s - 1}]", f'X, {_listed()} = step["X"], *step["weights"]']
    ask += [f'{_listed("_after")} = after["weights"]', *(['kept = step["dropped"] != 0'] if drops else [])]
    keeps = ["X", *W, *(f"{name}_after" for name in W), *(["kept"] if drops else [])]
    if moving:
        ask += [f'{_listed("_before")} = steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity']
        keeps += [f"{name}_before" for name in W]

    def judge(results: Results) -> list[str]:
        train_X, y = run.small.digits["train_X"].tolist(), run.small.digits["train_y"]
        known = {tuple(x): int(label) for x, label in zip(train_X, y, strict=True)}
        labels = np.array([known[tuple(x)] for x in results["X"].tolist()])
        noted, after = _left(results), _left(results, "_after")
        before = _left(results, "_before") if moving else None
        answer = training_step(
            noted, results["X"], labels, results["kept"] / (1 - config.rate) if drops else None,
            activation=config.activation, alpha=config.alpha, lam=config.lam, eta=config.eta_of(run.epoch),
            previous=before, velocity=None if before is None else {name: noted[name] - before[name] for name in noted},
        ).weights  # fmt: skip
        gaps = {name: np.abs(after[name] - answer[name].value) for name in WEIGHT_NAMES}
        wrong = [name for name in ("L2_b", "L1_b", "L2_W", "L1_W") if not (gaps[name] <= answer[name].radius).all()]
        if not wrong:
            raise Unfit
        said = run.comparison.where.split("[")[0]
        name = said if said in wrong else wrong[0]
        return [*_torch_step(run, WEIGHT_NAMES.index(name), moving), *compared(answer[name].radius, gaps[name].max())]

    for by_calls in (False, True):
        yield run.draft([*run.watched(*(DROPOUT if drops else []), by_calls=by_calls), *ask], judge, *keeps)
    yield from _number_of_steps(run)


def _torch_step(run: ScriptedRun, k: int, moving: bool) -> list[str]:
    """The lines that leave parameter k after torch's step as `expected`."""
    config, v = run.config, W[k]
    lines = ['label = {tuple(x): y for x, y in zip(*digits["train"])}']
    lines += ["y = torch.tensor([label[tuple(x)] for x in X.tolist()])"]
    lines += [f"w = [torch.tensor(value, requires_grad=True) for value in ({_listed()})]"]
    lines += [f"h = torch.{config.activation}(torch.tensor(X) @ w[0] + w[1])"]
    lines += [f"h = h * torch.tensor(kept) / (1 - {config.rate})"] if config.rate > 0 else []
    lines += ["F.cross_entropy(h @ w[2] + w[3], y).backward()"]
    gradient = f"(w[{k}].grad + {config.lam} * w[{k}])" if config.lam else f"w[{k}].grad"
    velocity = f" + {config.alpha} * torch.tensor({v} - {v}_before)" if moving else ""
    rate = repr(config.eta) if run.epoch < 10 else f"{config.eta} * 0.1 ** {run.epoch // 10}"
    return [*lines, f"actual, expected = {v}_after, (w[{k}]{velocity} - {rate} * {gradient}).detach().numpy()"]


# ---- what main measures after its epochs


def _losses(run: ScriptedRun, split: str) -> Iterator[Draft]:
    """The last loss of a set, from the weights at the end; or that its record is missing, or too long."""
    record = f"record = nn.main(params)[{POSITION[split]}]"
    if run.found in (Found.RETURNS_NOTHING, Found.NOT_RETURNED):
        count = "sum(np.ndim(record) == 1 for record in result)"
        ask = ["result = nn.main(params)", f"actual = 0 if result is None else {count}"]
        yield run.draft(ask, equal("2  # records are returned, a number an epoch each"))
    else:
        yield from _measured(run, split, [record], "float(np.reshape(record, -1)[-1])", _loss)


def _accuracy(run: ScriptedRun, split: str) -> Iterator[Draft]:
    """The last accuracy of a set in the files that main wrote, from the weights at the end."""
    if run.comparison.where:  # the last of the run is looked at
        (epoch,) = json.loads(run.comparison.where)
        run = replace(run, small=replace(run.small, config=replace(run.config, epochs=epoch + 1)))
    record = [
        "nn.main(params)",
        "records = {}",
        'for name in set(glob.glob("*.json")) - {params["input_file"]}:',
        "    records.update(json.load(open(name)))  # the accuracies that it writes",
        f'record = next(record for key, record in records.items() if "{WORD[split]}" in key.lower())',
    ]
    yield from _measured(run, split, record, "float(record[-1])", _share_right)


def _measured(
    run: ScriptedRun,
    split: str,
    record: Sequence[str],
    last: str,
    judge: Callable[[ScriptedRun, str, Sequence[Evaluation]], list[str]],
) -> Iterator[Draft]:
    """What is evaluated, the length of a record, or its last number."""
    N, B = len(run.small.digits[f"{split}_X"]), run.config.batch
    if run.found in (Found.NOT_EVALUATED, Found.EVALUATED_TWICE):
        ask = [*run.watched(), f'number = {{tuple(x): i for i, x in enumerate(digits["{split}"][0])}}']
        seen = 'for one in passes[at[-1] + 1 : -1] for x in one["X"].tolist() if tuple(x) in number'
        end = [f'print("examples of the {split} set evaluated after the last step:", actual)']
        end += [f'print("expected: at least {N // B * B} of its {N}, each once")']
        end += [f"agrees = len(set(actual)) == len(actual) >= {N // B * B}"]
        yield run.draft([*ask, f"actual = sorted(number[tuple(x)] {seen})"], end)
    ask = [*run.build(), *record]
    if run.found == Found.OTHER_LENGTH:
        yield run.draft([*ask, "actual = len(record)"], equal(f"{run.config.epochs}  # one number an epoch"))
        return
    config, X, y = run.config, run.small.digits[f"{split}_X"], run.small.digits[f"{split}_y"]

    def judged(results: Results) -> list[str]:
        weights = {name: np.asarray(w, np.float64) for name, w in _left(results).items()}
        parts = [slice(i, i + B) for i in range(0, N - B + 1, B)]
        evaluated = [evaluation(weights, X[part], y[part], activation=config.activation) for part in parts]
        return [
            f'X, y = torch.tensor(digits["{split}"][0], dtype=torch.float64), torch.tensor(digits["{split}"][1])',
            f"w = [torch.tensor(value) for value in ({_listed()})]  # the weights at the end",
            f"a = torch.{config.activation}(X @ w[0] + w[1]) @ w[2] + w[3]  # without dropout",
            *judge(run, split, evaluated),
        ]

    yield run.draft([*ask, f"actual = {last}", f"{_listed()} = weights()"], judged, "actual", *W)


def _loss(run: ScriptedRun, split: str, evaluated: Sequence[Evaluation]) -> list[str]:
    answers, B = [one.loss for one in evaluated], run.config.batch
    size = sum(abs(float(one.value)) for one in answers)
    radius = sum(float(one.radius) for one in answers) + 2 * gamma(len(answers) + 3, DOUBLE) * size
    starts = f"range(0, len(y) - {B} + 1, {B})  # mini-batches, whose losses are added up"
    summed = f"expected = sum(float(F.cross_entropy(a[i : i + {B}], y[i : i + {B}])) for i in starts)"
    return [f"starts = {starts}", summed, *compared(radius)]


def _share_right(run: ScriptedRun, split: str, evaluated: Sequence[Evaluation]) -> list[str]:
    if any(one.correct_at_least != one.correct_at_most for one in evaluated):
        raise Unfit
    count = len(evaluated) * run.config.batch
    lines = [f"expected = float((a.argmax(dim=1) == y)[:{count}].double().mean())"]
    return [*lines, *compared(gamma(count + 2, DOUBLE))]


QUANTITIES: Mapping[str, Callable[[ScriptedRun], Iterator[Draft]]] = {
    "run": _run,
    "layers": _layers,
    "batches": _batches,
    "shuffle": _shuffle,
    "number of steps": _number_of_steps,
    "dropout": _dropout,
    "learning rate": _learning_rate,
    "weights": _weights,
    "training losses": partial(_losses, split="train"),
    "validation losses": partial(_losses, split="valid"),
    "training accuracy": partial(_accuracy, split="train"),
    "validation accuracy": partial(_accuracy, split="valid"),
}
