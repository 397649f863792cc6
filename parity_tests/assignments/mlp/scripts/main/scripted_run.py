"""One run of main for a script, and the lines that watch it.

It is watched as little as can be: the layers that main builds, and the forwards that it makes, are enough to hold one
of its steps, or a loss, against torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from parity_tests.assignments.mlp.main.configs import Config
from parity_tests.assignments.mlp.names import WEIGHT_NAMES, weight_shapes
from parity_tests.assignments.mlp.scripts.main.runs import FILE, SmallerRun
from parity_tests.assignments.mlp.scripts.stand_in_lines import stand_in_lines
from parity_tests.harness.draft import Draft, Judge, Results
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison

HIDDEN = 4
TRIED = 16
"""As many hidden units as the smaller runs are watched with: then the same random numbers are drawn."""
VARIABLES = {"L1_W": "W1", "L1_b": "b1", "L2_W": "W2", "L2_b": "b2"}
"""What a script calls the weights."""


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
    def drops(self) -> bool:
        return self.config.rate > 0

    @property
    def N(self) -> int:  # noqa: N802 - the number of examples
        return len(self.small.digits["train_X"])

    @property
    def B(self) -> int:  # noqa: N802 - the size of a mini-batch
        return self.config.batch

    @property
    def pixels(self) -> int:
        return int(self.small.digits["train_X"].shape[1])

    @property
    def steps_an_epoch(self) -> int:
        """⌊N/B⌋, 1 at least."""
        return max(self.N // self.B, 1)

    def draft(
        self, ask: Sequence[str], judge: Judge, *keeps: str, imports: Sequence[str] = (),
        **options: Any,
    ) -> Draft:  # fmt: skip
        """A draft whose script writes the digits, watches, and calls main."""
        parts = stand_in_lines(self.correct, self.edition)
        file = [f'with open("{FILE}", "w") as file:', "    json.dump(digits, file)"]
        return Draft(
            self.small.lines(), [*file, *parts, *ask], judge, keeps or ("actual",), in_a_folder=True,
            process="wiring" if self.correct else "parts", imports=["json", *imports], **options,
        )  # fmt: skip

    # ---- the layers

    def build(self) -> list[str]:
        """Keeps the two linear layers by name, and makes the hidden one small."""
        return [
            "# Watch which layers main builds.",
            "layers, init = {}, nn.linear_layer.__init__",
            *self._sizes(),
            '    layers["L2" if sizes[-1] == 10 else "L1"] = self',
            "nn.linear_layer.__init__ = build",
        ]

    def build_as_tried(self) -> list[str]:
        """The same, where nothing but the number of hidden units is to be that of the smaller runs."""
        return self.build() if self.hidden == TRIED else []

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
            fewer = f"[{self.hidden} if size == {self.config.hidden} else size for size in {given}]"
            lines += [f"    sizes = {fewer}  # fewer hidden units"]
        else:
            lines += [f"    sizes = {given}"]
        return [*lines, "    init(self, *sizes)"]

    # ---- the forwards

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

    def inputs(self) -> list[str]:
        """Notes what the first layer is given."""
        return [
            *self.build_as_tried(),
            "# Note what the first layer is given, and look at it at each update.",
            "seen, forward = [], nn.linear_layer.forward",
            "def watch(self, X):",
            f'    if len(self.params["W"]) == {self.pixels}:  # pixels: the first layer',
            "        seen.append(X.copy())",
            "    return forward(self, X)",
            "nn.linear_layer.forward = watch",
        ]


def scripted_runs(small: SmallerRun, comparison: Comparison, case: Case, edition: str) -> Iterator[ScriptedRun]:
    """The submission's own parts first; where main's wiring is judged alone, with ever more of them replaced."""
    first = ScriptedRun(small, comparison, edition, HIDDEN)
    yield first
    yield replace(first, hidden=TRIED)
    yield replace(first, hidden=0)
    if case.process == "parts":
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


# ---- lines that do not depend on the run ----

SGD = [
    'name = next(name for name in dir(nn) if name.startswith("miniBatch"))',
    "sgd = getattr(nn, name)",
    "def watch_sgd(*given, **named):",
    "    NOTE",
    "    return sgd(*given, **named)",
    "setattr(nn, name, watch_sgd)",
]


def by_sgd(note: str) -> list[str]:
    """Lines that note something at each call of SGD."""
    return [line.replace("NOTE", note) for line in SGD]


def variables(suffix: str = "") -> list[str]:
    """The four weights, as a script calls them."""
    return [f"{variable}{suffix}" for variable in VARIABLES.values()]


def listed(suffix: str = "") -> str:
    """The same, in one line."""
    return ", ".join(variables(suffix))


AT_THE_END = f'{listed()} = (layers[name].params[key] for name in ("L1", "L2") for key in ("W", "b"))'
"""The line that names the weights that main left."""


def weights_left(results: Results, suffix: str = "") -> dict[str, NDArray[Any]]:
    """The weights that the first half of a script left, in the shapes that torch needs."""
    D, M = results["W1"].shape
    shapes = weight_shapes(D, M, 10)
    return {name: results[f"{VARIABLES[name]}{suffix}"].reshape(shapes[name]) for name in WEIGHT_NAMES}
