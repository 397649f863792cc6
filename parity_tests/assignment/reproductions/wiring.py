"""Reproductions of main (TODO 10): the smallest training that still goes wrong, and a few lines that watch it.

`main` is asked smaller until it no longer fails in the same way. The script watches it as little as it can: the layers
that it builds, and the forwards that it makes, are enough to hold one of its steps, or a loss, against torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignment import inputs
from parity_tests.assignment.cases import Case
from parity_tests.assignment.diagnoses import MISTAKES
from parity_tests.assignment.diagnoses.wiring import HIDES
from parity_tests.assignment.main.configs import Config, configs
from parity_tests.assignment.main.verdicts import judge_main
from parity_tests.assignment.reproductions import standing_in
from parity_tests.assignment.reproductions.draft import SEED, WIDTH, Ask, Draft, Left, Unfit, compared, equal
from parity_tests.assignment.reproductions.parts import sized
from parity_tests.harness.compare import Comparison
from parity_tests.harness.observation import Observation
from reference.answers import evaluation, training_step
from reference.rounding import gamma, unit_roundoff
from reports.records import Record

Arrays = dict[str, NDArray[Any]]
Names = ("L1_W", "L1_b", "L2_W", "L2_b")
SHORTEST = ("L2_b", "L1_b", "L2_W", "L1_W")
VARIABLES = {"L1_W": "W1", "L1_b": "b1", "L2_W": "W2", "L2_b": "b2"}
FILE = "mnist_subset.json"
HIDDEN = 4
TRIED = 16
"""As many hidden units as the smaller runs are watched with: then the same random numbers are drawn."""
DOUBLE = np.dtype(np.float64)
MATCHING = 5
"""In how many sizes runs that fail in the same way are tried for a script."""
MOST = 2
"""How many of them, with and without dropout and so on, in each size."""


@dataclass(frozen=True)
class Small:
    """A smaller run of main."""

    config: Config
    digits: Arrays


class Mains:
    """What `main` did, each smaller run asked once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[tuple[Any, ...], dict[str, Comparison]] = {}
        self._late = 0

    def findings(self, case: Case, small: Small) -> dict[str, Comparison]:
        """What is found of this run; nothing after `main` has twice not come back."""
        key = (case.worker, small.config, len(small.digits["train_X"]))
        if key not in self._known:
            if self._late > 1:
                return {}
            params = {"main_params": small.config.main_params(), "config": small.config.name}
            seen = self._ask(sized(case, **params), small.digits, SEED)
            self._late += any(failure.kind == "timeout" for failure in seen.failures.values())
            self._known[key] = self._judged(case, small, seen)
        return self._known[key]

    def _judged(self, case: Case, small: Small, seen: Observation) -> dict[str, Comparison]:
        return judge_main(
            seen, config=small.config, digits=small.digits, stand_ins=bool(case.params["stand_ins"])
        )  # fmt: skip


def drafts(mains: Mains, record: Record, case: Case, edition: str, seed: int) -> Iterator[tuple[Draft, str]]:
    """Drafts for a record of main, with what is wrong in words, the smallest run first."""
    causes: list[tuple[Small, str, Comparison]] = []
    matching = 0
    for sized_run in _sizes(case, edition, record.quantity, seed):
        if not _fails_alike(mains, record, case, sized_run):
            continue
        matching += 1
        plainer = [small for small in _plainer(sized_run, record.quantity) if _fails_alike(mains, record, case, small)]
        for small in plainer[:MOST]:
            found = mains.findings(case, small)
            causes += _causes(record, small, found)
            finding = found[record.quantity]
            for scene in _scenes(small, finding, case, edition):
                for draft in _BUILDERS[record.quantity](scene):
                    yield draft, _words(record.quantity, finding)
        if matching == MATCHING:
            break
    for small, quantity, cause in causes[:MATCHING]:
        for scene in _scenes(small, cause, case, edition):
            for draft in _BUILDERS[quantity](scene):
                yield draft, _words(quantity, cause)


def _fails_alike(mains: Mains, record: Record, case: Case, small: Small) -> bool:
    found = mains.findings(case, small)
    return record.quantity in found and same(record, found[record.quantity], found)


def _causes(record: Record, small: Small, found: Mapping[str, Comparison]) -> list[tuple[Small, str, Comparison]]:
    """Of a row that only follows from another mistake of the run: what that one shows itself in."""
    known = set(record.diagnosis.split("; ")) & set(HIDES)
    wrong = [(q, one) for q, one in found.items() if one.verdict == "mismatch" and q != record.quantity]
    return [(small, q, one) for q, one in wrong if known & _names(one.problem)]


# ---- smaller runs ----

SIZES = (  # epochs, examples, mini-batch
    (1, 1, 1), (1, 2, 2), (1, 2, 1), (2, 1, 1), (2, 2, 2), (2, 2, 1), (1, 4, 2), (1, 5, 2), (2, 4, 2), (2, 5, 2),
    (3, 4, 2), (2, 8, 8), (1, 12, 2), (2, 12, 2), (6, 1, 1), (11, 1, 1), (11, 2, 1), (12, 4, 2), (12, 15, 13),
)  # fmt: skip
FOR_ACCURACY = ((2, 24, 2), (6, 24, 2), (12, 24, 2))
"""Sizes at which a few per cent of the examples are seen to change sides."""


def _sizes(case: Case, edition: str, quantity: str, seed: int) -> Iterator[Small]:
    """Ever longer runs under the parameters of the one that failed, up to its own length."""
    config = next(c for c in configs(edition) if c.name == case.params["config"])
    for epochs, N, batch in (*SIZES, *(FOR_ACCURACY if quantity.endswith("accuracy") else ())):
        if quantity == "shuffle" and N < 12:  # of a few examples an honest order may be that of the file
            continue
        if quantity.endswith("losses") and epochs == 1:  # two records of one number look like one of two
            continue
        yield Small(replace(config, epochs=epochs, batch=batch), digits(N, N, 1))
    drawn = inputs.draw(case, seed)
    yield Small(config, digits(*(len(drawn[f"{part}_y"]) for part in PARTS)))


def _plainer(small: Small, quantity: str) -> list[Small]:
    """The same run without dropout, momentum or weight decay, as far as it can be; the plainest first."""
    found = []
    for names in (
        ("alpha", "lam", "rate"),
        ("alpha", "lam"),
        ("lam", "rate"),
        ("alpha", "rate"),
        ("lam",),
        ("alpha",),
        ("rate",),
        (),
    ):
        config = replace(small.config, **dict.fromkeys(names, 0.0))  # type: ignore[arg-type]
        if quantity != "dropout" or config.rate:
            found.append(Small(config, small.digits))
    return [one for i, one in enumerate(found) if one.config not in [other.config for other in found[:i]]]


PARTS = ("train", "valid", "test")
FORMULA = (
    "def examples(start, end):  # two pixels and a label each, no two of the same pixels",
    "    i = np.arange(start, end)",
    "    X = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)",
    "    return X.tolist(), ((3 * i + 2) % 10).tolist()",
    "digits = {",
)
"""The lines that make the same examples as `digits`."""


def digits(train: int, valid: int, test: int) -> Arrays:
    """Examples of two pixels, all of them different, with labels."""
    found: Arrays = {}
    start = 0
    for part, N in zip(PARTS, (train, valid, test), strict=True):
        i = np.arange(start, start + N)
        found[f"{part}_X"] = np.stack([(2 * i + 4) % 9 / 8, (5 * i + 7) % 8 / 8], axis=1)
        found[f"{part}_y"] = (3 * i + 2) % 10
        start += N
    return found


# ---- the same failure ----


def same(record: Record, finding: Comparison, found: Mapping[str, Comparison]) -> bool:
    """Whether a smaller run fails in the same way: quantity, verdict, and what it is called."""
    if finding.verdict != record.verdict:
        return False
    if record.verdict in ("crashed", "missing", "timeout"):
        return record.verdict == "timeout" or finding.line == (record.line or None)
    names = set(record.diagnosis.split("; ")) if record.diagnosis else set()
    known = names & {m.name for m in MISTAKES if m.said and m.todo == "10"}
    alike = _skeleton(finding.problem) == _skeleton(record.message)
    if not known:
        return alike
    # A row that only follows from another mistake of the run has that one's name.
    others = [one for one in found.values() if one.verdict == "mismatch"]
    of_this, of_all = _names(finding.problem), {name for one in others for name in _names(one.problem)}
    hidden = {name for cause in known for name in HIDES.get(cause, ())}
    follows = alike or bool(of_this & hidden)
    return known <= of_this or (follows and (known <= of_all or of_this <= hidden))


def _names(sentence: str) -> set[str]:
    return {m.name for m in MISTAKES if m.said and m.todo == "10" and re.search(m.said, sentence)}


def _skeleton(sentence: str) -> str:
    """The beginning of a sentence without its numbers, and whichever parameter it names."""
    said = sentence.partition("): ")[2].partition("; ")[0]
    without = re.sub(r"L\d_[Wb]|[\d.,+\-e\[\]()]*\d[\d.,+\-e\[\]()]*", "#", said)
    return re.sub(r"#(\s*#)+", "#", without)


def _words(quantity: str, finding: Comparison) -> str:
    """What a finding says, in few words."""
    if finding.verdict == "crashed":
        return "main crashes"
    said = finding.problem.partition("): ")[2].partition("; ")[0]
    numbers = finding.got is not None and quantity.split()[-1] in ("weights", "losses", "accuracy")
    return "it is not what torch says" if numbers or len(said) > 100 else said


# ---- how it is watched ----


@dataclass(frozen=True)
class Scene:
    """One run for a script: how many hidden units are built for the 1,000 (0: all), and which parts are replaced."""

    small: Small
    finding: Comparison
    edition: str
    own: bool
    hidden: int
    correct: tuple[str, ...] = ()

    @property
    def config(self) -> Config:
        return self.small.config

    @property
    def drops(self) -> bool:
        return self.config.rate > 0

    @property
    def N(self) -> int:  # noqa: N802 - the number of examples
        return len(self.small.digits["train_X"])

    @property
    def B(self) -> int:  # noqa: N802 - the size of a mini-batch
        return self.config.batch

    def draft(
        self, ask: Sequence[str], judge: Callable[[Left], Sequence[str]], *keeps: str, imports: Sequence[str] = (),
        **options: Any,
    ) -> Draft:  # fmt: skip
        """A draft whose script writes the digits, watches, and calls main."""
        parts = standing_in.lines(self.correct, self.edition)
        file = [f'with open("{FILE}", "w") as file:', "    json.dump(digits, file)"]
        return Draft(
            self._given(), [*file, *parts, *ask], judge, keeps or ("got",), in_a_folder=True,
            worker="wiring" if self.correct else "parts", imports=["json", *imports], **options,
        )  # fmt: skip

    def _given(self) -> list[str]:
        found = self.small.digits
        parts = {
            part: [found[f"{part}_X"].tolist(), found[f"{part}_y"].reshape(-1).astype(int).tolist()] for part in PARTS
        }
        lines = [f"digits = {json.dumps(parts)}"]
        if len(lines[0]) > 1.5 * WIDTH:
            lines, start = [*FORMULA], 0
            for part in PARTS:
                lines[-1] += f'"{part}": examples({start}, {start + len(parts[part][1])}), '
                start += len(parts[part][1])
            lines[-1] = lines[-1][:-2] + "}"
        params = [
            f"{json.dumps(key)}: {json.dumps(value) if isinstance(value, str) else repr(value)}"
            for key, value in {**self.config.main_params(), "input_file": FILE}.items()
        ]
        return [*lines, f"params = {{{', '.join(params[:5])},", f"          {', '.join(params[5:])}}}"]

    # -- lines

    def build(self) -> list[str]:
        """Keeps the two linear layers by name, and makes the hidden one small."""
        return [
            "# Watch which layers main builds.",
            "layers, init = {}, nn.linear_layer.__init__",
            *self._sizes(),
            '    layers["L2" if sizes[-1] == 10 else "L1"] = self',
            "nn.linear_layer.__init__ = build",
        ]

    def start(self) -> list[str]:
        """Keeps the layers in the order in which they are built, and the weights that they start from."""
        return [
            "# Watch which layers main builds, and the weights that they start from.",
            "layers, start, init = [], [], nn.linear_layer.__init__",
            *self._sizes(),
            "    layers.append(self)",
            '    start.extend(self.params[key].copy() for key in ("W", "b"))',
            "nn.linear_layer.__init__ = build",
        ]

    def _sizes(self) -> list[str]:
        given = "(*sizes, *named.values())"
        lines = ["def build(self, *sizes, **named):"]
        if self.hidden:
            lines += [
                f"    sizes = [{self.hidden} if size == 1000 else size for size in {given}]  # fewer hidden units"
            ]
        else:
            lines += [f"    sizes = {given}"]
        return [*lines, "    init(self, *sizes)"]

    def watch(self, *, drop: bool) -> list[str]:
        """Notes each forward of L1 with the weights at that time, and what dropout keeps."""
        lines = [
            "# Note the weights and the input at each forward of the first layer.",
            "passes, forward = [], nn.linear_layer.forward",
            "def weights():",
            '    return [layers[name].params[key].copy() for name in ("L1", "L2") for key in ("W", "b")]',
            "def watch(self, X):",
            '    if self is layers["L1"]:',
            '        passes.append({"weights": weights(), "X": X.copy()})',
            "    return forward(self, X)",
            "nn.linear_layer.forward = watch",
        ]
        if drop:
            lines += [
                "drop = nn.dropout.forward",
                "def watch_dropout(self, X, is_train=True):",
                "    s = drop(self, X, is_train)",
                "    if is_train:",
                '        passes[-1]["kept"] = s != 0',
                "    return s",
                "nn.dropout.forward = watch_dropout",
            ]
        return lines

    def steps(self) -> list[str]:
        """Calls main, and finds its steps."""
        return [
            "nn.main(params)",
            'passes.append({"weights": weights()})',
            "def moved(a, b):",
            '    return any((v != w).any() for v, w in zip(a["weights"], b["weights"]))',
            "steps = [(a, b) for a, b in zip(passes, passes[1:]) if moved(a, b)]  # forwards that an update follows",
        ]


def _scenes(small: Small, finding: Comparison, case: Case, edition: str) -> Iterator[Scene]:
    own = case.worker == "own"
    first = Scene(small, finding, edition, own, HIDDEN)
    yield first
    yield replace(first, hidden=TRIED)
    yield replace(first, hidden=0)
    if own:
        return
    activation = small.config.activation
    for correct in (
        (activation,),
        ("linear_layer",),
        ("dropout",),
        ("linear_layer", activation, "dropout")[: 3 if small.config.rate > 0 else 2],
        ("linear_layer", activation, "dropout", "softmax_cross_entropy", "sgd"),
    ):
        yield replace(first, correct=correct)


# ---- weights ----


def _weights(scene: Scene) -> Iterator[Draft]:
    if "never changes" in scene.finding.problem:
        yield from _number_of_steps(scene)
        return
    if scene.config.epochs == 1 and scene.N == scene.B and (scene.N == 1 or not scene.drops):
        yield _only_step(scene)
    s = scene.finding.step or 1
    ask = [*scene.build(), *scene.watch(drop=scene.drops), *scene.steps()]
    ask += [f"step, after = steps[{s - 1}]", f'X, {_names_of("")} = step["X"], *step["weights"]']
    ask += [f'{_names_of("_after")} = after["weights"]']
    keeps = ["X", *_list("", 4), *_list("_after", 4)]
    if scene.drops:
        ask += ['kept = step["kept"]']
        keeps += ["kept"]
    moving = s > 1 and scene.config.alpha > 0
    if moving:
        ask += [
            f'{_names_of("_before")} = steps[{s - 2}][0]["weights"]  # a step earlier: their change is the velocity'
        ]
        keeps += _list("_before", 4)
    yield scene.draft(ask, lambda left: _weights_judge(scene, left, moving), *keeps)


def _list(suffix: str, count: int) -> list[str]:
    return [f"{VARIABLES[name]}{suffix}" for name in Names[:count]]


def _names_of(suffix: str) -> str:
    return ", ".join(_list(suffix, 4))


def _labels(scene: Scene, X: NDArray[Any]) -> NDArray[Any]:
    train_X, train_y = scene.small.digits["train_X"].tolist(), scene.small.digits["train_y"].reshape(-1)
    known = {tuple(x): int(y) for x, y in zip(train_X, train_y, strict=True)}
    return np.array([known[tuple(x)] for x in X.tolist()])


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
    ask += ["nn.main(params)  # one step", f"{_names_of('')} = start"]
    ask += [f'{_names_of("_after")} = (layer.params[key] for layer in layers for key in ("W", "b"))']
    ask += ["kept = kept[0]  # by dropout's first forward"] if scene.drops else []
    keeps = [*_list("", 4), *_list("_after", 4), *(["kept"] if scene.drops else [])]

    def judge(left: Left) -> list[str]:
        X = scene.small.digits["train_X"]
        given = ['X, y = torch.tensor(digits["train"][0], dtype=torch.float64), torch.tensor(digits["train"][1])']
        return [*given, *_step_judge(scene, {**left, "X": X}, "X", moving=False)]

    return scene.draft(ask, judge, *keeps)


def _weights_judge(scene: Scene, left: Left, moving: bool) -> list[str]:
    lines = ['label = {tuple(x): y for x, y in zip(*digits["train"])}']
    lines += ["y = torch.tensor([label[tuple(x)] for x in X.tolist()])"]
    return [*lines, *_step_judge(scene, left, "torch.tensor(X)", moving=moving)]


def _step_judge(scene: Scene, left: Left, X_: str, *, moving: bool) -> list[str]:
    """One step in torch from what was noted, and the parameter that it is held against."""
    config = scene.config

    def noted(end: str) -> dict[str, NDArray[Any]]:
        return {name: left[f"{VARIABLES[name]}{end}"].reshape(_shape(name, left)) for name in Names}

    weights, after = noted(""), noted("_after")
    before = noted("_before") if moving else None
    epoch = ((scene.finding.step or 1) - 1) // max(scene.N // scene.B, 1)
    answer = training_step(
        weights, left["X"], _labels(scene, left["X"]), left["kept"] / (1 - config.rate) if scene.drops else None,
        activation=config.activation, alpha=config.alpha, lam=config.lam, eta=config.eta_of(epoch), previous=before,
        velocity=None if before is None else {name: weights[name] - before[name] for name in Names},
    ).weights  # fmt: skip
    gaps = {name: np.abs(after[name] - answer[name].value) for name in Names}
    wanted = scene.finding.where.split("[")[0]
    name = next((n for n in (wanted, *SHORTEST) if n in gaps and not (gaps[n] <= answer[n].radius).all()), "")
    if not name:
        raise Unfit
    k, v = Names.index(name), VARIABLES[name]
    lines = [f"w = [torch.tensor(value, requires_grad=True) for value in ({_names_of('')})]"]
    lines += [f"h = torch.{config.activation}({X_} @ w[0] + w[1])"]
    lines += [f"h = h * torch.tensor(kept) / (1 - {config.rate})"] if scene.drops else []
    lines += ["torch.nn.functional.cross_entropy(h @ w[2] + w[3], y).backward()"]
    decay = f"(w[{k}].grad + {config.lam} * w[{k}])" if config.lam else f"w[{k}].grad"
    velocity = f" + {config.alpha} * torch.tensor({v} - {v}_before)" if moving else ""
    rate = repr(config.eta) if epoch < 10 else f"{config.eta} * 0.1 ** {epoch // 10}"
    lines += [f"got, want = {v}_after, (w[{k}]{velocity} - {rate} * {decay}).detach().numpy()"]
    return [*lines, *compared(answer[name].radius, float(gaps[name].max()))]


def _shape(name: str, left: Left) -> tuple[int, int]:
    D, M = left["W1"].shape
    return {"L1_W": (D, M), "L1_b": (1, M), "L2_W": (M, 10), "L2_b": (1, 10)}[name]


# ---- losses and accuracies ----


def _losses(part: str, position: int) -> Callable[[Scene], Iterator[Draft]]:
    def build(scene: Scene) -> Iterator[Draft]:
        message, name = scene.finding.problem, ("train_loss_record", "val_loss_record")[position]
        if "returns nothing" in message or "does not return" in message:
            count = "sum(np.ndim(record) == 1 for record in result)"
            ask = ["result = nn.main(params)", f"got = 0 if result is None else {count}"]
            want = "2  # records are returned, a number an epoch each"
            yield scene.draft(ask, lambda left: equal(want))
            return
        ask = [*scene.build(), f"{name} = nn.main(params)[{position}]"]
        if "loss record has" in message:
            yield scene.draft(
                [*ask, f"got = len({name})"], lambda left: equal(f"{scene.config.epochs}  # one number an epoch")
            )
            return
        yield from _coverage(scene, part)
        ask += [f"got = float(np.reshape({name}, -1)[-1])"]
        ask += [f'{_names_of("")} = (layers[name].params[key] for name in ("L1", "L2") for key in ("W", "b"))']
        yield scene.draft(ask, lambda left: _loss_judge(scene, part, left), "got", *_list("", 4))

    return build


def _coverage(scene: Scene, part: str) -> Iterator[Draft]:
    """Which examples of a set are evaluated after the last step, where it is said that some are not, or twice."""
    if not re.search("set is not evaluated|set are evaluated", scene.finding.problem):
        return
    ask = [
        *_inputs(scene),
        *_by_sgd("seen.clear()"),
        "nn.main(params)",
        f'place = {{tuple(x): i for i, x in enumerate(digits["{part}"][0])}}',
        "got = sorted(place[tuple(x)] for X in seen for x in X.tolist() if tuple(x) in place)",
    ]
    N, B = len(scene.small.digits[f"{part}_X"]), scene.B
    judge = [
        f'print("examples of the {part} set evaluated after the last step:", got)',
        f'print("want: at least {N // B * B} of its {N}, each once")',
        f"agrees = len(set(got)) == len(got) >= {N // B * B}",
    ]
    yield scene.draft(ask, lambda left: judge)


def _evaluated(scene: Scene, part: str, left: Left) -> list[Any]:
    """torch's evaluation of each mini-batch of a set with the weights that were left."""
    X, y = scene.small.digits[f"{part}_X"], scene.small.digits[f"{part}_y"].reshape(-1)
    B = scene.B
    weights = {name: np.asarray(left[VARIABLES[name]], np.float64).reshape(_shape(name, left)) for name in Names}
    return [
        evaluation(weights, X[i : i + B], y[i : i + B], activation=scene.config.activation)
        for i in range(0, len(X) - B + 1, B)
    ]


def _logits(scene: Scene, part: str) -> list[str]:
    return [
        f'X, y = torch.tensor(digits["{part}"][0], dtype=torch.float64), torch.tensor(digits["{part}"][1])',
        f"w = [torch.tensor(value) for value in ({_names_of('')})]  # the weights at the end",
        f"a = torch.{scene.config.activation}(X @ w[0] + w[1]) @ w[2] + w[3]  # without dropout",
    ]


def _loss_judge(scene: Scene, part: str, left: Left) -> list[str]:
    answers = [one.loss for one in _evaluated(scene, part, left)]
    size = sum(abs(float(one.value)) for one in answers)
    radius = sum(float(one.radius) for one in answers) + 2 * gamma(len(answers) + 3, DOUBLE) * size
    N, B = len(scene.small.digits[f"{part}_X"]), scene.B
    if len(answers) == 1:
        want = ["want = float(torch.nn.functional.cross_entropy(a, y))"]
    else:
        want = [
            f"starts = range(0, {N} - {B} + 1, {B})  # mini-batches of {B}, whose losses are added up",
            f"want = float(sum(torch.nn.functional.cross_entropy(a[i:i + {B}], y[i:i + {B}]) for i in starts))",
        ]
    return [*_logits(scene, part), *want, *compared(radius)]


def _accuracy(part: str, word: str) -> Callable[[Scene], Iterator[Draft]]:
    def build(scene: Scene) -> Iterator[Draft]:
        yield from _coverage(scene, part)
        epoch = re.search(r"after epoch (\d+)", scene.finding.problem)
        if epoch is not None:  # the last of the run is looked at
            until = replace(scene.small, config=replace(scene.config, epochs=int(epoch[1])))
            scene = replace(scene, small=until)
        ask = [
            *scene.build(),
            "nn.main(params)",
            "records = {}",
            'for name in set(glob.glob("*.json")) - {params["input_file"]}:',
            "    records.update(json.load(open(name)))  # the accuracies that it writes",
            f'record = next(record for key, record in records.items() if "{word}" in key.lower())',
        ]
        if "one for each of" in scene.finding.problem:
            want = f"{scene.config.epochs}  # one number an epoch"
            yield scene.draft([*ask, "got = len(record)"], lambda left: equal(want), imports=["glob"])
            return
        ask += [
            "got = float(record[-1])",
            f'{_names_of("")} = (layers[name].params[key] for name in ("L1", "L2") for key in ("W", "b"))',
        ]
        yield scene.draft(ask, lambda left: _accuracy_judge(scene, part, left), "got", *_list("", 4), imports=["glob"])

    return build


def _accuracy_judge(scene: Scene, part: str, left: Left) -> list[str]:
    found = _evaluated(scene, part, left)
    if any(one.correct_at_least != one.correct_at_most for one in found):
        raise Unfit
    count = len(scene.small.digits[f"{part}_X"]) // scene.B * scene.B
    lines = [*_logits(scene, part), f"want = float((a.argmax(dim=1) == y)[:{count}].double().mean())"]
    return [*lines, *compared(gamma(count + 2, DOUBLE))]


# ---- steps, batches, orders ----


SGD = [
    'name = next(name for name in dir(nn) if name.startswith("miniBatch"))',
    "sgd = getattr(nn, name)",
    "def watch_sgd(*given, **named):",
    "    NOTE",
    "    return sgd(*given, **named)",
    "setattr(nn, name, watch_sgd)",
]
PLACE = 'place = {tuple(x): i for i, x in enumerate(digits["train"][0])}'


def _by_sgd(note: str) -> list[str]:
    """Lines that note something at each call of SGD."""
    return [line.replace("NOTE", note) for line in SGD]


def _inputs(scene: Scene) -> list[str]:
    """Lines that note what the first layer is given."""
    return [
        *(scene.build() if scene.hidden == TRIED else []),
        "# Note what the first layer is given, and look at it at each update.",
        "seen, forward = [], nn.linear_layer.forward",
        "def watch(self, X):",
        f'    if len(self.params["W"]) == {scene.small.digits["train_X"].shape[1]}:  # pixels: the first layer',
        "        seen.append(X.copy())",
        "    return forward(self, X)",
        "nn.linear_layer.forward = watch",
    ]


def _number_of_steps(scene: Scene) -> Iterator[Draft]:
    want = f"{scene.config.epochs} * ({scene.N} // {scene.B})  # epochs, and whole mini-batches in each"
    by_sgd = ["calls = []", *_by_sgd("calls.append(1)"), "nn.main(params)", "got = len(calls)  # of SGD"]
    by_weights = [*scene.build(), *scene.watch(drop=False), *scene.steps(), "got = len(steps)"]
    for ask in (by_sgd, by_weights):
        yield scene.draft(ask, lambda left: equal(want))


def _rows(scene: Scene) -> Iterator[list[str]]:
    """Lines that leave `rows`: which training examples each step is made on."""
    yield [
        PLACE,
        *_inputs(scene),
        "rows = []",
        *_by_sgd('rows.append([place.get(tuple(x), "none") for x in seen[-1].tolist()])'),
        "nn.main(params)",
    ]
    yield [
        *scene.build(),
        *scene.watch(drop=False),
        *scene.steps(),
        PLACE,
        'rows = [[place.get(tuple(x), "none") for x in step["X"].tolist()] for step, _ in steps]',
    ]


def _epochs(scene: Scene) -> list[str]:
    n = max(scene.N // scene.B, 1)
    if scene.config.epochs == 1:
        return ["epochs = [sum(rows, [])]"]
    return [f"epochs = [sum(rows[i:i + {n}], []) for i in range(0, len(rows), {n})]"]


def _batches(scene: Scene) -> Iterator[Draft]:
    if "labels" in scene.finding.problem:
        yield from _given_labels(scene)
        return
    if "never used" in scene.finding.problem:
        judge = [
            f"got = sorted(set(range({scene.N})) - set(sum(rows, [])))",
            f'print("never used in {scene.config.epochs} epochs:", got, "\\nwant: []")',
            "agrees = not got",
        ]
        for ask in _rows(scene):
            yield scene.draft(ask, lambda left: judge, "rows")
        return
    B, whole, total = scene.B, scene.N // scene.B * scene.B, scene.config.epochs * (scene.N // scene.B)
    judge = [
        'print("training examples in each step:", rows)',
        f'print("want: {total} steps of {B}, {whole} different ones in each epoch")',
        *_epochs(scene),
        f"agrees = len(rows) == {total} and all(len(step) == {B} for step in rows) and all(",
        f'    "none" not in epoch and len(set(epoch)) == {whole} for epoch in epochs)',
    ]
    for ask in _rows(scene):
        yield scene.draft(ask, lambda left: judge, "rows")


def _given_labels(scene: Scene) -> Iterator[Draft]:
    loss = [
        "loss = nn.softmax_cross_entropy.forward",
        "def watch_loss(self, X, Y):",
        "    labels.append([float(y) for y in np.reshape(Y, -1)])",
        "    return loss(self, X, Y)",
        "nn.softmax_cross_entropy.forward = watch_loss",
    ]
    ask = [
        'label = {tuple(x): float(y) for x, y in zip(*digits["train"])}',
        "labels, got, want = [], [], []",
        *_inputs(scene),
        *loss,
        *_by_sgd("got.append(labels[-1]), want.append([label[tuple(x)] for x in seen[-1].tolist()])"),
        "nn.main(params)",
    ]
    judge = ['print("labels in each step:", got, "\\nthose of its rows:", want)', "agrees = got == want"]
    yield scene.draft(ask, lambda left: judge, "got", "want")


def _shuffle(scene: Scene) -> Iterator[Draft]:
    message = scene.finding.problem
    N, n = scene.N, max(scene.N // scene.B, 1)
    lines = [*_epochs(scene), 'print("training examples in each epoch:", *epochs, sep="\\n")']
    if "no step was made" in message:
        yield from _batches(scene)
        return
    if "order of the file" in message:
        lines += [
            'print("want: another order than that of the file")',
            f"turns = [{{(b - a) % {N} for a, b in zip(epoch, epoch[1:])}} for epoch in epochs]",
            f"agrees = {{1}} not in turns and {{{N - 1}}} not in turns",
        ]
    elif "same mini-batches" in message:
        lines += [
            f"made_of = [{{frozenset(step) for step in rows[i:i + {n}]}} for i in range(0, len(rows), {n})]",
            'print("want: other mini-batches in each epoch")',
            "agrees = all(a != b for i, a in enumerate(made_of) for b in made_of[:i])",
        ]
    else:
        lines += [
            'print("want: an order of its own in each epoch")',
            "agrees = len(epochs) > 0 and all(a != b for i, a in enumerate(epochs) for b in epochs[:i])",
        ]
    for ask in _rows(scene):
        yield scene.draft(ask, lambda left: lines, "rows")


# ---- dropout, the learning rate, the layers ----


def _dropout(scene: Scene) -> Iterator[Draft]:
    message = scene.finding.problem
    if "not called" in message or "is_train=False" in message:
        ask = [
            *(scene.build() if scene.hidden == TRIED else []),
            "got, told, drop = [], [], nn.dropout.forward",
            "def watch(self, X, is_train=True):",
            "    told.append(bool(is_train))",
            "    return drop(self, X, is_train)",
            "nn.dropout.forward = watch",
            *_by_sgd("got.append(told[-1:]), told.clear()"),
            "nn.main(params)",
        ]
        judge = [
            'print("is_train in the last dropout.forward before each update:", got, "\\nwant: True in each")',
            "agrees = len(got) > 0 and all(told == [True] for told in got)",
        ]
        yield scene.draft(ask, lambda left: judge)
    elif "same dropout mask" in message:
        first, second = (int(n) - 1 for n in re.findall(r"steps (\d+) and (\d+)", message)[0])
        ask = [*scene.build(), *scene.watch(drop=True), *scene.steps()]
        ask += [f'one, other = steps[{first}][0]["kept"], steps[{second}][0]["kept"]']
        judge = [
            'print("masks of two steps:", one.astype(int), other.astype(int), "want: different ones", sep="\\n")',
            "agrees = not np.array_equal(one, other)",
        ]
        yield replace(scene, hidden=0 if not scene.correct else 16).draft(ask, lambda left: judge, "one", "other")
    else:
        units = scene.hidden or 1000
        ask = [
            *scene.build(),
            "given, dropped, forward, drop = [], [], nn.linear_layer.forward, nn.dropout.forward",
            "def watch(self, X):",
            f"    if X.shape[1] == {units}:  # the second layer",
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
        yield scene.draft(ask, lambda left: judge, "got", "want")


def _learning_rate(scene: Scene) -> Iterator[Draft]:
    s = scene.finding.step or 1
    epoch = (s - 1) // max(scene.N // scene.B, 1)
    want = scene.config.eta_of(epoch)
    radius = 4 * unit_roundoff(DOUBLE) * want * (1 + epoch // 10)
    ask = [
        "etas = []",
        *_by_sgd("etas.append(float([*given, *named.values()][-1]))"),
        "nn.main(params)",
        f"got = etas[{s - 1}]  # the learning rate in epoch t = {epoch}",
    ]
    judge = [f'want = params["learning_rate"]{f" * 0.1 ** {epoch // 10}" if epoch >= 10 else ""}', *compared(radius)]
    yield scene.draft(ask, lambda left: judge)
    yield from _weights(scene)


def _layers(scene: Scene) -> Iterator[Draft]:
    message = scene.finding.problem
    width = scene.small.digits["train_X"].shape[1]
    if "builds dropout" in message:
        ask = [
            "rates, init = [], nn.dropout.__init__",
            "def build(self, r):",
            "    rates.append(float(r))",
            "    init(self, r)",
            "nn.dropout.__init__ = build",
            "nn.main(params)",
            "got = rates",
        ]
        want = f"[{scene.config.rate!r}]"
    elif "it uses" in message:
        ask = [
            *scene.build(),
            "used = set()",
            'for name in ("relu", "tanh"):',
            "    def watch(self, X, name=name, forward=getattr(nn, name).forward):",
            "        used.add(name)",
            "        return forward(self, X)",
            "    getattr(nn, name).forward = watch",
            "nn.main(params)",
            "got = sorted(used)",
        ]
        want = f"[{scene.config.activation!r}]"
    else:
        ask = [
            "asked, init = [], nn.linear_layer.__init__",
            "def build(self, *sizes, **named):",
            "    asked.append([int(size) for size in (*sizes, *named.values())])",
            "    init(self, *sizes, **named)",
            "nn.linear_layer.__init__ = build",
            "nn.main(params)",
            "got = sorted(asked)",
        ]
        want = f"[[{width}, 1000], [1000, 10]]"
    yield scene.draft(ask, lambda left: equal(want))


# ---- main itself ----


def _run(scene: Scene) -> Iterator[Draft]:
    verdict = scene.finding.verdict
    ask = [*(scene.build() if scene.hidden == TRIED else []), "got = nn.main(params)"]
    if verdict in ("crashed", "missing"):
        yield scene.draft(ask, lambda left: (), verdict="crashed")
    if verdict == "missing":
        judge = ['print("got: ", got, "\\nwant: two records of losses")', "agrees = got is not None"]
        yield scene.draft(ask, lambda left: judge)
    if verdict in ("timeout", "mismatch"):
        yield scene.draft(ask, lambda left: (), verdict="timeout")
    if verdict == "mismatch":
        yield from _number_of_steps(scene)


_KINDS: Mapping[str, Callable[[Scene], Iterator[Draft]]] = {
    "layers": _layers,
    "batches": _batches,
    "shuffle": _shuffle,
    "number of steps": _number_of_steps,
    "dropout": _dropout,
    "learning rate": _learning_rate,
    "weights": _weights,
    "training losses": _losses("train", 0),
    "validation losses": _losses("valid", 1),
    "training accuracy": _accuracy("train", "train"),
    "validation accuracy": _accuracy("valid", "val"),
    "run": _run,
}


def _built(quantity: str) -> Callable[[Scene], Iterator[Draft]]:
    """What shows a quantity; a main that does not come to its end shows that whatever is asked of it."""
    return lambda scene: (_KINDS[quantity] if scene.finding.verdict == "mismatch" else _run)(scene)


_BUILDERS = {quantity: _built(quantity) for quantity in _KINDS}
