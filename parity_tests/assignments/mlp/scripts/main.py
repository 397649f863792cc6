"""Scripts of main: the smaller trainings that may still go wrong, lines that watch it, and what each quantity shows.

It is watched as little as can be: the layers that main builds, the passes through them, and its updates are enough to
hold one of its steps, or a loss, against torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.findings import Found
from parity_tests.assignments.mlp.main.accuracies import WORD
from parity_tests.assignments.mlp.main.configs import DEFAULT_FILE, FEW_UNITS, Config, configs_of
from parity_tests.assignments.mlp.main.evaluations import POSITION
from parity_tests.assignments.mlp.main.learning_rate import eta_radius
from parity_tests.assignments.mlp.main.run import SPLITS
from parity_tests.assignments.mlp.mistakes.main import called
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.harness.draft import AS_THE_SOLUTION, Draft, compared, equal
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Judged, Trial
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key
from reference.rounding import gamma
from reports.model.records import Record
from reports.model.verdicts import Verdict

WIDTH = 165
"""Characters of a line of examples, beyond which they are made by a formula."""
SIZES = (  # epochs, examples, mini-batch
    (1, 1, 1), (1, 2, 2), (1, 2, 1), (2, 1, 1), (2, 2, 2), (2, 2, 1), (1, 4, 2), (1, 5, 2), (2, 4, 2), (2, 5, 2),
    (3, 4, 2), (2, 8, 8), (1, 12, 2), (2, 12, 2), (6, 1, 1), (11, 1, 1), (11, 2, 1), (12, 4, 2), (12, 15, 13),
)  # fmt: skip
FOR_ACCURACY = ((2, 24, 2), (6, 24, 2), (12, 24, 2))
"""Sizes at which a few per cent of the examples are seen to change sides."""
LEFT_OUT = (("alpha", "lam", "rate"), ("alpha", "lam"), ("lam", "rate"), ("alpha", "rate"), ())
"""Parameters that are set to zero, the plainest run first."""
FORMULA = (
    "def examples(start, end):  # two pixels and a label each, no two of the same pixels",
    "    i = np.arange(start, end)",
    "    X = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)",
    "    return X.tolist(), ((3 * i + 2) % 10).tolist()",
)
"""The lines that make the same examples as `_digits`."""
UNITS = (4, FEW_UNITS)
"""Hidden units that a script has, and as many as the smaller runs are watched with: then the same numbers are drawn."""
DOUBLE = np.dtype(np.float64)


def smaller(params: Params, drawn: Arrays, key: Key) -> Iterator[Trial]:
    """Ever longer runs under ever more of the parameters of each run of a case."""
    quantity = key.name
    for own in dict.fromkeys(configs_of(params)):
        config = replace(own, file=DEFAULT_FILE, units=FEW_UNITS, digits="")
        for epochs, N, batch in (*SIZES, *(FOR_ACCURACY if quantity.endswith("accuracy") else ())):
            if quantity == "shuffle" and N < 12:  # of a few examples a right order may be that of the file
                continue
            if quantity.endswith("losses") and epochs == 1:  # two records of one number look like one of two
                continue
            run = replace(config, epochs=epochs, batch=batch)
            plain = [replace(run, **dict.fromkeys(names, 0.0)) for names in LEFT_OUT]  # type: ignore[arg-type]
            for one in dict.fromkeys(plain):
                if one.rate or quantity != "dropout":
                    yield {**params, "runs": [one.run()], "as_script": 0, "decoy": ""}, _digits(N, N, 1)


def _digits(*counts: int) -> dict[str, NDArray[Any]]:
    """Examples of two pixels, all of them different, with labels: so many of each split."""
    examples: dict[str, NDArray[Any]] = {}
    for split, N, start in zip(SPLITS, counts, np.cumsum([0, *counts]), strict=False):
        i = np.arange(start, start + N)
        examples[f"{split}_X"] = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)
        examples[f"{split}_y"] = (3 * i + 2) % 10
    return examples


def names(record: Record, judged: Judged) -> frozenset[str]:
    """The record's names that something which is found in a run is called by."""
    found = {called(one.finding) for one in judged.values() if one.verdict == Verdict.MISMATCH}
    return frozenset(found & set(record.diagnosis.split("; "))) - {""}


# ---- lines that watch main

BUILD = """\
layers, sizes, init = [], [], nn.linear_layer.__init__  # those that main builds, with few hidden units
def build(self, *given, **named):
    sizes.append([int(size) for size in (*given, *named.values())])
    init(self, *(UNITS if size == HIDDEN else size for size in sizes[-1]))
    layers.append(self)
nn.linear_layer.__init__ = build
def weights():
    pair = sorted(layers[-2:], key=lambda layer: len(layer.params["W"]))
    return [layer.params[key].copy() for layer in pair for key in ("W", "b")]"""
NOTING = """\
def noting(owner, name, note):  # at each call, of what it returned and what it was given
    own = getattr(owner, name)
    def noted(*given, **named):
        before = [one.copy() if isinstance(one, np.ndarray) else one for one in (*given, *named.values())]
        result = own(*given, **named)
        note(result, *before)
        return result
    setattr(owner, name, noted)
passes, updates, etas = [], [], []  # a pass begins with a forward of the first layer, that of the pixels
is_first = lambda self: len(self.params["W"]) == len(weights()[0])
begin = lambda u, self, X: is_first(self) and passes.append({"weights": weights(), "X": X})
noting(nn.linear_layer, "forward", begin)
step = lambda returned, *given: (updates.append(len(passes) - 1), etas.append(float(given[-1])))
noting(nn, next(name for name in dir(nn) if name.startswith("miniBatch")), step)"""
FURTHER = {
    "given": """\
second = lambda a, self, X: is_first(self) or passes[-1].update(given=X)
noting(nn.linear_layer, "forward", second)""",
    "used": """\
used = set()
for name in ("relu", "tanh"):
    noting(getattr(nn, name), "forward", lambda _, self, X, name=name: used.add(name))""",
    "rates": """\
rates = []
noting(nn.dropout, "__init__", lambda _, self, r: rates.append(float(r)))""",
    "dropped": """\
drop = lambda s, self, X, is_train=True: passes[-1].update(is_train=bool(is_train), dropped=np.array(s))
noting(nn.dropout, "forward", drop)""",
    "labels": """\
labels = lambda l, self, X, Y: passes[-1].update(labels=np.ravel(Y).astype(float).tolist())
noting(nn.softmax_cross_entropy, "forward", labels)""",
}
"""What watches more, by a word that stands in the lines that need it."""
STEPS = """\
passes.append({"weights": weights()})
moved = lambda i: any((v != w).any() for v, w in zip(passes[i]["weights"], passes[i + 1]["weights"]))
at = updates or [i for i in range(len(passes) - 1) if moved(i)]
steps = [(passes[i], passes[i + 1]) for i in at]  # each update: the pass before it, and the one after it"""
ROWS = """\
number = {tuple(x): i for i, x in enumerate(digits["train"][0])}
rows = [[number.get(tuple(x), "none") for x in step["X"].tolist()] for step, _ in steps]
epochs = [sum(rows[i : i + PER], []) for i in range(0, len(rows), PER)]  # the examples of each epoch, by number
print("training examples in each step:", rows)"""
W = ("W1", "b1", "W2", "b2")
"""What a script calls the weights."""
LISTED = ", ".join(W)


CALL = "result = nn.main(params)"
TYPED = "try:\n    nn.main(params)\nexcept ValueError:  # these layers do not take the digits\n    pass"


@dataclass(frozen=True)
class _Run:
    """A run for a script, with so many hidden units."""

    failing: FailingCase
    units: int

    @property
    def config(self) -> Config:
        return configs_of(self.failing.case.params)[0]

    @property
    def found(self) -> str:
        return self.failing.comparison.finding

    @property
    def N(self) -> int:  # noqa: N802 - the number of examples
        return len(self.failing.arrays["train_X"])

    @property
    def steps(self) -> int:
        """Those of an epoch: ⌊N/B⌋, 1 at least."""
        return max(self.N // self.config.batch, 1)

    @property
    def step(self) -> int:
        """The step that goes wrong, the first being 1."""
        return self.failing.comparison.step or 1

    def draft(self, ask: str, judge: Sequence[str] = (), *keeps: str, verdict: str = Verdict.MISMATCH) -> Draft:
        """A draft whose script writes the digits, and calls main as `ask` says."""
        lines = [f'with open("{DEFAULT_FILE}", "w") as file:', "    json.dump(digits, file)", *ask.split("\n")]
        imports = ["json", *(["glob"] if "glob." in ask else [])]
        return Draft(self._given(), lines, judge, keeps or ("actual",), verdict, imports, in_a_folder=True)

    def watched(self, ask: str, judge: Sequence[str], *keeps: str, call: str = CALL) -> Draft:
        """A draft that watches what main does, as far as its lines ask for it."""
        ask = f"{ROWS}\n{ask}" if "rows" in ask or "epochs" in ask else ask
        watch = [NOTING, *(text for word, text in FURTHER.items() if word in ask)]
        lines = [self.build(), *watch, call, STEPS, ask.replace("PER", str(self.steps))]
        return self.draft("\n".join(lines), judge, *keeps)

    def exact(self, actual: str, call: str = CALL) -> Draft:
        """A draft of what is exactly as the solution has it, or else wrong."""
        split = _split(self.failing.quantity.name)
        least = len(self.failing.arrays[f"{split}_y"]) // self.config.batch * self.config.batch
        actual = actual.replace("SPLIT", split).replace("LEAST", str(least))
        return self.watched(actual if "\n" in actual else f"actual = {actual}", AS_THE_SOLUTION, call=call)

    def allowed(self) -> list[str]:
        """The end that allows what the worst of the numbers was allowed; of a share what its division rounds."""
        return compared(self.failing.comparison.radius or gamma(3, DOUBLE))

    def build(self) -> str:
        """The lines that keep the linear layers, and make the hidden one small."""
        return BUILD.replace("UNITS", str(self.units)).replace("HIDDEN", str(self.config.hidden))

    def _given(self) -> list[str]:
        """The lines that give `digits` and `params` their values."""
        digits = self.failing.arrays
        ends = np.cumsum([len(digits[f"{split}_y"]) for split in SPLITS]).tolist()
        examples = {s: [digits[f"{s}_X"].tolist(), digits[f"{s}_y"].astype(int).tolist()] for s in SPLITS}
        lines = [f"digits = {json.dumps(examples)}"]
        if len(lines[0]) > WIDTH:
            made = (f'"{s}": examples({start}, {end})' for s, start, end in zip(SPLITS, [0, *ends], ends, strict=False))
            lines = [*FORMULA, f"digits = {{{', '.join(made)}}}"]
        params = [f'"{key}": {json.dumps(value)}' for key, value in self.config.main_params().items()]
        return [*lines, f"params = {{{', '.join(params[:5])},", f"          {', '.join(params[5:])}}}"]


# ---- what each quantity shows

_OFF = '[step.get("is_train", "none") for step, _ in steps]'
_TURNS = "{(b - a) % len(number) for a, b in zip(epoch, epoch[1:])}"
_AS_IN_THE_FILE = f"[epoch for epoch in epochs if {_TURNS} in ({{1}}, {{len(number) - 1}})]"
_EVALUATED = '[tuple(x) for one in passes[at[-1] + 1 : -1] for x in one["X"].tolist() if x in digits["SPLIT"][0]]'
LABELS = """\
label = {tuple(x): float(y) for x, y in zip(*digits["train"])}
actual = [step["labels"] == [label[tuple(x)] for x in step["X"].tolist()] for step, _ in steps]"""
ACTUAL = {
    "number of steps": "len(steps)",
    Found.NO_STEP_SEEN: "len(steps)",
    "layers": "sorted(sizes)",
    Found.OTHER_RATE: "rates",
    Found.OTHER_ACTIVATION: "sorted(used)",
    Found.NO_ACTIVATION: "sorted(used)",
    "batches": '[len(rows), [len(step) for step in rows], [len({*epoch} - {"none"}) for epoch in epochs]]',
    Found.OTHER_LABELS: LABELS,
    Found.NEVER_USED: "sorted({*number.values()} - {*sum(rows, [])})  # never used",
    Found.NO_TRAINING_ROWS: "sorted({*number.values()} - {*sum(rows, [])})  # never used",
    "shuffle": "len(set(map(str, epochs)))  # different orders",
    Found.ALL_IN_FILE_ORDER: _AS_IN_THE_FILE,
    Found.IN_FILE_ORDER: _AS_IN_THE_FILE,
    Found.SAME_BATCHES: "len({str(sorted(map(sorted, rows[i : i + PER]))) for i in range(0, len(rows), PER)})",
    "dropout": 'bool(np.array_equal(steps[0][0]["given"], steps[0][0]["dropped"]))  # the second layer is given that',
    Found.SAME_MASK: 'len({(step["dropped"] != 0).tobytes() for step, _ in steps})  # different masks',
    Found.NO_DROPOUT: _OFF,
    Found.A_STEP_WITHOUT_DROPOUT: _OFF,
    Found.DROPOUT_OFF: _OFF,
    Found.DROPOUT_OFF_IN_A_STEP: _OFF,
    Found.RETURNS_NOTHING: "0 if result is None else sum(np.ndim(record) == 1 for record in result)  # records",
    Found.NOT_RETURNED: "0 if result is None else sum(np.ndim(record) == 1 for record in result)  # records",
    Found.NOT_EVALUATED: f"len(set({_EVALUATED})) >= LEAST",
    Found.EVALUATED_TWICE: f"len({_EVALUATED}) == len(set({_EVALUATED}))",
}
"""What is as it is asked or not, by quantity or by what was found: the solution's is expected."""


def drafts(failing: FailingCase) -> Iterator[Draft]:
    """What shows a quantity; a main that does not come to its end shows that whatever is asked."""
    name, verdict = failing.quantity.name, failing.comparison.verdict
    for units in UNITS:
        run = _Run(failing, units)
        if verdict != Verdict.MISMATCH:
            bare = "actual = nn.main(params)"
            yield run.draft(bare if units == UNITS[0] else f"{run.build()}\n{bare}", verdict=verdict)
            continue
        actual = ACTUAL.get(run.found) or ACTUAL.get(name, "")
        if actual:
            yield run.exact(actual, TYPED if run.found == Found.TYPED_PIXELS else CALL)
        if name in ("weights", "learning rate"):
            yield from _weights(run)
        elif name.endswith(("losses", "accuracy")):
            yield from _measured(run, name)
        yield run.exact(ACTUAL["number of steps"])


def _split(name: str) -> str:
    return "train" if name.startswith("training") else "valid"


def _weights(run: _Run) -> Iterator[Draft]:
    """What SGD is passed; the step that goes wrong, from the weights before it."""
    config, s, epoch = run.config, run.step, (run.step - 1) // run.steps
    rate = repr(config.eta) if epoch < 10 else f"{config.eta} * 0.1 ** {epoch // 10}"
    if run.failing.quantity.name == "learning rate":
        ask = f"actual = etas[{s - 1}]  # the learning rate in epoch t = {epoch}"
        yield run.watched(ask, [f"expected = {rate}", *compared(eta_radius(config, epoch))])
    drops, moving = config.rate > 0, s > 1 and config.alpha > 0
    after, before = (", ".join(f"{name}_{word}" for name in W) for word in ("after", "before"))
    ask = f'step, after = steps[{s - 1}]\nX, {LISTED} = step["X"], *step["weights"]\n{after} = after["weights"]'
    ask += '\nkept = step["dropped"] != 0' * drops
    ask += f'\n{before} = steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity' * moving
    k = WEIGHT_NAMES.index(run.failing.comparison.where.split("[")[0])
    gradient = f"(w[{k}].grad + {config.lam} * w[{k}])" if config.lam else f"w[{k}].grad"
    velocity = f" + {config.alpha} * torch.tensor({W[k]} - {W[k]}_before)" if moving else ""
    torch = [
        'label = {tuple(x): y for x, y in zip(*digits["train"])}',
        "y = torch.tensor([label[tuple(x)] for x in X.tolist()])",
        f"w = [torch.tensor(value, requires_grad=True) for value in ({LISTED})]",
        f"h = torch.{config.activation}(torch.tensor(X) @ w[0] + w[1])",
        *([f"h = h * torch.tensor(kept) / (1 - {config.rate})"] if drops else []),
        "F.cross_entropy(h @ w[2] + w[3], y).backward()",
        f"actual, expected = {W[k]}_after, (w[{k}]{velocity} - {rate} * {gradient}).detach().numpy()",
        *run.allowed(),
    ]
    keeps = ["X", *W, *after.split(", "), *(["kept"] * drops), *(before.split(", ") * moving)]
    yield run.watched(ask, torch, *keeps)


def _measured(run: _Run, name: str) -> Iterator[Draft]:
    """The length of a record, or its last number, from the weights at the end."""
    split, losses = _split(name), name.endswith("losses")
    if where := run.failing.comparison.where * (not losses):  # the last of the run is looked at
        params = run.failing.case.params
        one = replace(run.config, epochs=json.loads(where)[0] + 1).run()
        run = replace(
            run, failing=replace(run.failing, case=replace(run.failing.case, params={**params, "runs": [one]}))
        )
    record = f"record = nn.main(params)[{POSITION[split]}]"
    if not losses:
        record = f"""\
nn.main(params)
records = {{}}
for name in set(glob.glob("*.json")) - {{params["input_file"]}}:
    records.update(json.load(open(name)))  # the accuracies that it writes
record = next(record for key, record in records.items() if "{WORD[split]}" in key.lower())"""
    ask = f"{run.build()}\n{record}\n"
    if run.found == Found.OTHER_LENGTH:
        yield run.draft(f"{ask}actual = len(record)", equal(f"{run.config.epochs}  # one number an epoch"))
        return
    config, B, whole = run.config, run.config.batch, len(run.failing.arrays[f"{split}_y"]) // run.config.batch
    losses_of = f"sum(float(F.cross_entropy(a[i : i + {B}], y[i : i + {B}])) for i in range(0, {B * whole}, {B}))"
    torch = [
        f'X, y = torch.tensor(digits["{split}"][0], dtype=torch.float64), torch.tensor(digits["{split}"][1])',
        f"w = [torch.tensor(value) for value in ({LISTED})]  # the weights at the end",
        f"a = torch.{config.activation}(X @ w[0] + w[1]) @ w[2] + w[3]  # without dropout",
        f"expected = {losses_of if losses else f'float((a.argmax(dim=1) == y)[:{B * whole}].double().mean())'}",
        *run.allowed(),
    ]
    yield run.draft(f"{ask}actual = float(np.reshape(record, -1)[-1])\n{LISTED} = weights()", torch, "actual", *W)
