"""Which family a submission is of, told by the functions, classes and files that it holds."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.inside.families import FIRST, LATEST, editions_of
from parity_tests.grading.intake.given import given_of
from parity_tests.harness.submission import find_submission
from parity_tests.protocol.errors import UsageError

PAIRS = ("affine", "relu", "batchnorm", "dropout", "conv", "max_pool", "spatial_batchnorm")
SEVENTEEN = (
    *(f"{name}_{way}{'_naive' * (name in ('conv', 'max_pool'))}" for name in PAIRS for way in ("forward", "backward")),
    "batchnorm_backward_alt", "svm_loss", "softmax_loss",
)  # fmt: skip
TWENTY_ONE = (
    *SEVENTEEN, "layernorm_forward", "layernorm_backward", "spatial_groupnorm_forward", "spatial_groupnorm_backward",
)  # fmt: skip
SIX = ("affine_forward", "affine_backward", "relu_forward", "relu_backward", "softmax_loss", "svm_loss")
TWENTY = tuple(name for name in TWENTY_ONE if name != "svm_loss")
RULES = ("sgd", "sgd_momentum", "rmsprop", "adam")
OLD, MIDDLE = "dropout=0, use_batchnorm=False", "dropout=1, normalization=None"
LATER = "dropout_keep_ratio=1, normalization=None"


@dataclass(frozen=True)
class Handed:
    """What files hold: functions written and left empty, networks by what they take, marks, and other files' names."""

    written: tuple[str, ...]
    empty: tuple[str, ...] = ()
    rules: tuple[str, ...] = RULES
    networks: Mapping[str, str] = field(default_factory=dict)
    cnn: bool = True
    saves: bool = False
    marks: bool = True
    further: tuple[str, ...] = ()
    lines: str = ""

    def files(self) -> dict[str, str]:
        """The text of each file by its path, "" for others."""
        mark = "    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****\n" * self.marks
        layers = [f"def {name}(x, param):\n{mark}    out = x * 2\n    return out, x\n" for name in self.written]
        layers += [
            f'def {name}(x, param):\n    mode, out = param["mode"], None\n    eps = param.get("eps", 1e-5)\n'
            f'    if mode == "train":\n{mark}        pass\n    elif mode != "test":\n'
            f'        raise ValueError("Invalid mode %s" % mode)\n    return out, (x, eps)\n'
            for name in self.empty
        ]
        classes = [
            f"class {name}:\n    def __init__(self, hidden_dims, {takes}):\n{mark}        self.params = {{}}\n"
            f"    def loss(self, X, y=None):\n        return X @ self.params['W1']\n"
            + "".join(f"    def {way}(self, name):\n        pass\n" for way in ("save", "load") if self.saves)
            for name, takes in self.networks.items()
        ]
        rules = (f"def {rule}(w, dw, config=None):\n    return w - dw, config\n" for rule in self.rules)
        cnn = "class ThreeLayerConvNet:\n    def loss(self, X):\n        return 2 * X\n"
        files = {
            "cs231n/layers.py": self.lines + "".join(layers),
            "cs231n/optim.py": "".join(rules),
            "cs231n/classifiers/fc_net.py": "".join(classes),
            "cs231n/classifiers/cnn.py": cnn * self.cnn,
        }
        return {**{name: text for name, text in files.items() if text}, **dict.fromkeys(self.further, "")}


def told(handed: Handed) -> str:
    """The likeliest edition of it, "" where it tells none."""
    statements: list[ast.stmt] = []
    files = handed.files()
    for text in files.values():
        with contextlib.suppress(SyntaxError):
            statements += ast.parse(text).body
    return next(iter(editions_of(ast.Module(statements, []), files)), "")


TWO, FULL = {"TwoLayerNet": "reg=0.0"}, "FullyConnectedNet"
SECONDS = tuple(name for name in TWENTY_ONE if name not in SIX)
HANDED_OUT = {
    "2016-17": Handed(SEVENTEEN, networks={**TWO, FULL: OLD}),
    "2018-20": Handed(TWENTY_ONE, networks={**TWO, FULL: MIDDLE}),
    "2021-24": Handed(TWENTY, networks={FULL: LATER}),
    "2025-26": Handed(TWENTY_ONE, networks={FULL: LATER}, marks=False),
    "assignment-1": Handed(SIX, rules=("sgd",), networks=TWO, cnn=False),
    "assignment-1 of 2022-24": Handed(SIX, SECONDS, rules=("sgd",), networks=TWO, cnn=False),
    "assignment-1-2025-26": Handed(SIX, networks={**TWO, FULL: "reg=0.0"}, cnn=False, saves=True, marks=False),
    "assignment-1-2025-26 with all functions": Handed(
        SIX, SECONDS, networks={**TWO, FULL: LATER}, cnn=False, saves=True, marks=False
    ),
}
FURTHER = ("collect.py", "helpers.py", "requirements.txt", "layers_old.py")
NOTEBOOKS = ("BatchNormalization.ipynb", "Dropout.ipynb", "ConvolutionalNetworks.ipynb", "PyTorch.ipynb")
OF_THE_FIRST = ("knn.ipynb", "softmax.ipynb", "two_layer_net.ipynb", "features.ipynb")


def variants() -> Iterator[tuple[str, str, Handed]]:
    """Every family as it is handed in: what tells it, its name, and what it holds."""
    for name, handed in HANDED_OUT.items():
        edition, first = name.partition(" ")[0], name.startswith("assignment-1")
        notebooks = [*(OF_THE_FIRST if first else NOTEBOOKS)]
        if first == ("2025" in name):  # which the first assignment asks for since 2025, the second did before
            notebooks.append("FullyConnectedNets.ipynb")
        yield edition, f"{name} as it is", handed
        yield edition, f"{name} without marks", replace(handed, marks=False)
        yield (
            edition,
            f"{name} with files and functions beside",
            replace(handed, written=(*handed.written, "relu_of_mine", "timed"), further=FURTHER),
        )
        yield edition, f"{name}, the whole folder", replace(handed, further=(*FURTHER, *notebooks), marks=False)
        yield edition, f"{name} without optim.py", replace(handed, rules=())
        if not first:
            empty = tuple(one for one in handed.written if one not in SIX)
            yield edition, f"{name} without cnn.py", replace(handed, cnn=False)
            written = tuple(one for one in SIX if one in handed.written)
            yield edition, f"{name} with empty functions", replace(handed, written=written, empty=empty)
    in_python_2 = replace(HANDED_OUT["2016-17"], lines="print 'layers'\n")
    yield "2016-17", "2016-17 in Python 2", in_python_2
    brought = {**TWO, FULL: LATER}
    yield (
        "2021-24",
        "2021-24 with what was brought from its first",
        replace(HANDED_OUT["2021-24"], written=TWENTY_ONE, networks=brought),
    )
    yield (
        "2025-26",
        "2025-26 with what was brought from its first",
        replace(HANDED_OUT["2025-26"], networks=brought, saves=True),
    )
    yield (
        "assignment-1-2025-26",
        "the first of 2025-26 that cannot save",
        replace(HANDED_OUT["assignment-1-2025-26"], saves=False),
    )


VARIANTS = list(variants())


@pytest.mark.parametrize(("edition", "handed"), [(edition, handed) for edition, _, handed in VARIANTS],
                         ids=[name for _, name, _ in VARIANTS])  # fmt: skip
def test_a_family_is_told_by_what_its_files_hold(edition: str, handed: Handed) -> None:
    assert told(handed) == edition


@pytest.mark.parametrize("package", ["cs231n/", ""])
def test_update_rules_are_given_in_the_editions_that_ship_them_and_asked_in_the_others(package: str) -> None:
    folder = ASSIGNMENT.solution / "cs231n"
    files = [(f"{package}{name}", (folder / name).read_bytes()) for name in ("optim.py", "layers.py", "layer_utils.py")]
    given = {edition: set(given_of(files, ASSIGNMENT, edition)) for edition in ASSIGNMENT.editions.names}
    shipping = {edition for edition, names in given.items() if "cs231n/optim.py" in names}
    assert shipping == {LATEST, FIRST}  # the first assignment of 2016 to 2024 has them for its networks
    assert all("cs231n/layer_utils.py" in names and "cs231n/layers.py" not in names for names in given.values())


def test_what_tells_nothing_is_of_no_family() -> None:
    assert told(Handed(("main",), rules=(), cnn=False)) == ""
    assert told(replace(HANDED_OUT["2021-24"], networks={})) == ""  # which lacks the file that tells the year


@pytest.mark.parametrize("year", ["2021-24", "2025-26"])
def test_a_second_assignment_may_be_judged_as_a_first_and_as_none_of_another_year(year: str) -> None:
    files = HANDED_OUT[year].files()
    tree = ast.Module([one for text in files.values() for one in ast.parse(text).body], [])
    assert editions_of(tree, files) == (year, "assignment-1", "assignment-1-2025-26")


@pytest.mark.parametrize("content", [False, True])
def test_a_first_assignment_of_which_there_is_no_edition_is_refused(tmp_path: Path, content: bool) -> None:
    package = tmp_path / "cs231n"
    (package / "classifiers").mkdir(parents=True)
    for name in ("neural_net", "linear_svm", "k_nearest_neighbor"):
        (package / "classifiers" / f"{name}.py").write_text("import numpy as np\n")
    with pytest.raises(UsageError, match=r"neural_net\.py, which makes it the 2016-20 \(assignment 1\) edition"):
        find_submission(package if content else tmp_path, ASSIGNMENT)
