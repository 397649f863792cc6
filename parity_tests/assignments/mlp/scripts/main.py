"""Scripts of main: the smaller trainings that may still go wrong, lines that watch it, and what each quantity shows.

It is watched as little as can be: the layers that main builds, the passes through them, and its updates are enough to
hold one of its steps, or a loss, against torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
from parity_tests.assignments.mlp.names import WEIGHT_NAMES
from parity_tests.harness.draft import AS_THE_SOLUTION, Draft, compared, equal
from parity_tests.harness.failing_case import Arrays, FailingCase
from parity_tests.harness.script_maker import Trial
from parity_tests.protocol.kind import Params
from parity_tests.protocol.quantity import Key
from reference.rounding import gamma
from reports.model.verdicts import Verdict

WIDTH = 165
"""Characters of a line of examples, beyond which they are made by a formula."""
SIZES = (  # epochs, examples, mini-batch
    (1, 1, 1), (1, 2, 2), (1, 2, 1), (2, 1, 1), (2, 2, 2), (2, 2, 1), (1, 4, 2), (1, 5, 2), (2, 4, 2), (2, 5, 2),
    (3, 4, 2), (2, 8, 8), (1, 12, 2), (2, 14, 2), (6, 1, 1), (11, 1, 1), (11, 2, 1), (12, 4, 2), (12, 15, 13),
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


# ---- lines that watch main

BUILD = """\
layers, passes, init, forward = [], [], nn.linear_layer.__init__, nn.linear_layer.forward
def build(self, *given, **named):  # with few hidden units
    init(self, *(UNITS if size == HIDDEN else size for size in (*given, *named.values())))
    layers.append(self)
nn.linear_layer.__init__ = build
def weights():
    pair = sorted(layers[-2:], key=lambda layer: len(layer.params["W"]))
    return [layer.params[key].copy() for layer in pair for key in ("W", "b")]"""
PASSES = """\
def ask(self, X):  # a pass begins with the layer of the pixels; the other one is given what dropout left
    if len(self.params["W"]) == len(weights()[0]):
        passes.append({"weights": weights(), "X": X.copy()})
    elif passes:
        passes[-1]["given"] = X.copy()
    return forward(self, X)
nn.linear_layer.forward = ask"""
OTHERS = ("relu", "tanh", "dropout", "softmax_cross_entropy")
"""The other layers, which are watched where a line names one."""
FURTHER = f"""\
def watch(layer, name):  # in each pass: the layer, what it was given, and what it returned
    own = layer.forward
    def noted(self, *given, **named):
        passes[-1][name] = [self, *given, *named.values()]
        passes[-1][name].append(np.copy(own(self, *given, **named)))
        return passes[-1][name][-1].copy()
    layer.forward = noted
for name in {{*dir(nn)}} & {{*{OTHERS}}}:
    watch(getattr(nn, name), name)"""
ETAS = """\
etas, name = [], next(name for name in dir(nn) if name.startswith("miniBatch"))
def step(*given, own=getattr(nn, name), **named):
    etas.append(float([*given, *named.values()][-1]))
    return own(*given, **named)
setattr(nn, name, step)"""
STEPS = """\
passes.append({"weights": weights()})
moved = lambda one, next: any((v != w).any() for v, w in zip(one["weights"], next["weights"]))
steps = [pair for pair in zip(passes, passes[1:]) if moved(*pair)]  # each step: its pass, and the one after it"""
ROWS = """\
number = {tuple(x): i for i, x in enumerate(digits["train"][0])}
label = {tuple(x): y for x, y in zip(*digits["train"])}
rows = [[number.get(tuple(x), -1) for x in one["X"].tolist()] for one, _ in steps]  # those of each step
epochs = [rows[i : i + PER] for i in range(0, len(rows), PER)]"""
EVALUATED = """\
at = max(i for i, one in enumerate(passes) if any(one is before for before, _ in steps))  # the last step
seen = [tuple(x) for one in passes[at + 1 : -1] for x in one["X"].tolist() if x in digits["SPLIT"][0]]"""
W = ("W1", "b1", "W2", "b2")
"""What a script calls the weights."""
LISTED = ", ".join(W)
CALL = "result = nn.main(params)"
TYPED = "try:\n    nn.main(params)\nexcept ValueError:  # these layers do not take the digits\n    pass"


@dataclass(frozen=True)
class _Run:
    """A run for a script."""

    failing: FailingCase

    @property
    def config(self) -> Config:
        return configs_of(self.failing.case.params)[0]

    @property
    def steps(self) -> int:
        """Those of an epoch: ⌊N/B⌋, 1 at least."""
        return max(len(self.failing.arrays["train_X"]) // self.config.batch, 1)

    def draft(self, ask: str, judge: Sequence[str] = (), *keeps: str, verdict: str = Verdict.MISMATCH) -> Draft:
        """A draft whose script writes the digits, and calls main as `ask` says."""
        lines = [f'with open("{DEFAULT_FILE}", "w") as file:', "    json.dump(digits, file)", *ask.split("\n")]
        imports = ["json", *(["glob"] if "glob." in ask else [])]
        return Draft(self._given(), lines, judge, keeps or ("actual",), verdict, imports, in_a_folder=True)

    def watched(self, ask: str, judge: Sequence[str], *keeps: str, call: str = CALL) -> Draft:
        """A draft that watches what main does, as far as its lines ask for it."""
        watch = [FURTHER] * any(f'"{name}"' in ask for name in OTHERS) + [ETAS] * ("etas" in ask)
        rows = "rows" in ask or "epochs" in ask
        after = [STEPS] * (rows or "steps" in ask or "seen" in ask) + [ROWS] * rows + [EVALUATED] * ("seen" in ask)
        text = "\n".join([self.build(), PASSES, *watch, call, *after, ask])
        split = _split(self.failing.quantity.name)
        least = len(self.failing.arrays[f"{split}_y"]) // self.config.batch * self.config.batch
        for word, value in (("PER", self.steps), ("SPLIT", split), ("LEAST", least)):
            text = text.replace(word, str(value))
        return self.draft(text, judge, *keeps)

    def facts(self, name: str) -> Draft:
        """A draft of what is exactly as the solution has it, or else wrong."""
        of_rate = {key: text for key, text in FACTS[name].items() if "dropout" not in text or self.config.rate}
        asked = "".join(f'\n    "{key}": {text},' for key, text in of_rate.items())
        call = TYPED if self.failing.comparison.finding == Found.TYPED_PIXELS else CALL
        return self.watched(f"actual = {{{asked}\n}}", AS_THE_SOLUTION, call=call)

    def allowed(self) -> list[str]:
        """The end that allows what the worst of the numbers was allowed; of a share what its division rounds."""
        return compared(self.failing.comparison.radius or gamma(3, DOUBLE))

    def build(self) -> str:
        """The lines that keep the linear layers, and make the hidden one small."""
        return BUILD.replace("UNITS", str(FEW_UNITS)).replace("HIDDEN", str(self.config.hidden))

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

_BATCHES = {
    "steps": "len(steps)",
    "rows": "[len(step) for step in rows]",
    "different examples in each epoch": "[len({*sum(epoch, [])} - {-1}) for epoch in epochs]",
    "labels": '[np.ravel(one["softmax_cross_entropy"][2]).tolist() == [label.get(tuple(x)) for x in one["X"].tolist()]'
    " for one, _ in steps]",
}
_EVALUATIONS = {
    "records": "0 if result is None else sum(np.ndim(record) == 1 for record in result)",
    "all is evaluated": "len(set(seen)) >= LEAST",
    "none is twice": "len(seen) == len(set(seen))",
}
FACTS: Mapping[str, Mapping[str, str]] = {
    "batches": _BATCHES,
    "layers": {
        "weights": "[[*w.shape] for w in weights()]",
        "activations": 'sorted({*sum(map(list, passes), [])} & {"relu", "tanh"})',
        "rates": 'sorted({float(one["dropout"][0].r) for one in passes if "dropout" in one})',
    },
    "shuffle": {
        "different orders": "len(set(map(str, epochs)))",
        "in the order of the file": "int(sum(np.ptp(np.diff(sum(epoch, [])) % len(number)) == 0 for epoch in epochs))",
        "different mini-batches": "len({str(sorted(map(sorted, epoch))) for epoch in epochs})",
    },
    "dropout": {
        "on": '[[True, *map(bool, one["dropout"][2:-1])][-1] if "dropout" in one else None for one, _ in steps]',
        "is handed on": '[np.array_equal(one["given"], one.get("dropout", [0])[-1]) for one, _ in steps]',
        "different masks": 'len({(one["dropout"][-1] != 0).tobytes() for one, _ in steps if "dropout" in one})',
    },
    "training losses": _EVALUATIONS,
    "validation losses": _EVALUATIONS,
}
"""What is as it is asked or not, by quantity: the solution's is expected."""


def drafts(failing: FailingCase) -> Iterator[Draft]:
    """What shows a quantity; a main that does not come to its end shows that whatever is asked."""
    name, verdict, run = failing.quantity.name, failing.comparison.verdict, _Run(failing)
    if verdict != Verdict.MISMATCH:
        yield run.draft("actual = nn.main(params)", verdict=verdict)
        yield run.draft(f"{run.build()}\nactual = nn.main(params)", verdict=verdict)
        return
    if name in FACTS:
        yield run.facts(name)
    if name in ("weights", "learning rate"):
        yield from _weights(run)
    elif name.endswith(("losses", "accuracy")):
        yield from _measured(run, name)
    yield run.facts("batches")


def _split(name: str) -> str:
    return "train" if name.startswith("training") else "valid"


def _weights(run: _Run) -> Iterator[Draft]:
    """What SGD is passed; the step that goes wrong, from the weights before it."""
    config, s = run.config, run.failing.comparison.step or 1  # the first step is 1
    epoch = (s - 1) // run.steps
    rate = repr(config.eta) if epoch < 10 else f"{config.eta} * 0.1 ** {epoch // 10}"
    if run.failing.quantity.name == "learning rate":
        ask = f"actual = etas[{s - 1}]  # the learning rate in epoch t = {epoch}"
        yield run.watched(ask, [f"expected = {rate}", *compared(eta_radius(config, epoch))])
    drops, moving = config.rate > 0, s > 1 and config.alpha > 0
    after, before = (", ".join(f"{name}_{word}" for name in W) for word in ("after", "before"))
    ask = f'step, after = steps[{s - 1}]\nX, {LISTED} = step["X"], *step["weights"]\n{after} = after["weights"]'
    ask += '\nkept = step["given"] != 0  # or it is 0 without dropout too' * drops
    ask += f'\n{before} = steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity' * moving
    where = run.failing.comparison.where.split("[")[0]
    if where not in WEIGHT_NAMES:
        return
    k = WEIGHT_NAMES.index(where)
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
    record = f"record = nn.main(params)[{POSITION[split]}]"
    if not losses:
        record = f"""\
nn.main(params)
records = {{}}
for name in set(glob.glob("*.json")) - {{params["input_file"]}}:
    records.update(json.load(open(name)))  # the accuracies that it writes
record = next(record for key, record in records.items() if "{WORD[split]}" in key.lower())"""
    ask = f"{run.build()}\n{record}\n"
    if run.failing.comparison.finding == Found.OTHER_LENGTH:
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
