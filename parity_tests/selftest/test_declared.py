"""An assignment is a file: what is called and what torch says of it; cases, verdicts and names of mistakes follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from parity_tests import assignments
from parity_tests.declared.cases import draw, plan
from parity_tests.declared.declaration import read
from parity_tests.declared.judging import inputs, reference
from parity_tests.declared.names import HANDED_ON, names_in_numpy
from parity_tests.parts.fingerprints import of_values
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find

DECLARED = '''
name = "rms"
module = "layers"

[[question]]
name = "RMS norm"
given = { x = "N D", gamma = "rng.uniform(0.5, 1.5, D)", eps = [1e-5, 0.1], dout = "N D" }
run = """
out, cache = rms_forward(x, gamma, eps)
dx, dgamma = rms_backward(dout, cache)
"""
torch = """
out = F.rms_norm(x, (D,), gamma, eps)
dx, dgamma = grad(out, (x, gamma), dout)
"""
texts.rms_forward = "out = rms_norm(x, gamma, eps)"
texts.rms_backward = "dx, dgamma = rms_norm_backward(x, gamma, eps, dout)"
'''
SOLUTION = """
import numpy as np

def rms_forward(x, gamma, eps):
    root = np.sqrt((x ** 2).mean(axis=1, keepdims=True) + eps)
    return gamma * x / root, (x, gamma, root)

def rms_backward(dout, cache):
    x, gamma, root = cache
    normal = x / root
    scaled = dout * gamma
    through = normal * (scaled * normal).mean(axis=1, keepdims=True)
    return (scaled - through) / root, (dout * normal).sum(axis=0)
"""
CLASS = '''
name = "linear"
module = "linear"

[[question]]
name = "linear layer"
given = { A = "N I", W = "O I", b = "O 1", dLdZ = "N O" }
run = """
layer = Linear(I, O)
layer.W = W
layer.b = b
Z = layer.forward(A)
dLdA = layer.backward(dLdZ)
dLdW = layer.dLdW
"""
torch = """
Z = F.linear(A, W, b[:, 0])
dLdA, dLdW = grad(Z, (A, W), dLdZ)
"""
'''
LINEAR = """
import numpy as np

class Linear:
    def __init__(self, inputs, outputs):
        self.W = np.zeros((outputs, inputs))
        self.b = np.zeros((outputs, 1))

    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        self.dLdW = dLdZ.T @ self.A
        return dLdZ @ self.W
"""


def declared(folder: Path, text: str, solution: str, file: str) -> Assignment:
    """The assignment that lies in a folder, with its solution."""
    (folder / "assignment.toml").write_text(text, encoding="utf-8")
    (folder / "solution").mkdir()
    (folder / "solution" / file).write_text(solution, encoding="utf-8")
    return find(f"{folder}/")


@pytest.fixture(scope="module")
def rms(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return declared(tmp_path_factory.mktemp("rms"), DECLARED, SOLUTION, "layers.py")


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return declared(tmp_path_factory.mktemp("linear"), CLASS, LINEAR, "linear.py")


def changed(assignment: Assignment, old: str, new: str) -> Variant:
    """The solution with other words in the place of some that stand in it once."""
    (file, source), *_ = unchanged(assignment).files.items()
    assert source.count(old) == 1
    return Variant(new, {file: source.replace(old, new)})


def failing(assignment: Assignment, variant: Variant) -> dict[str, set[str]]:
    """The names of what fails, by part, each with what it is called."""
    found: dict[str, set[str]] = {}
    for record in failures(records(assignment, variant, dtypes=["float64"])):
        found.setdefault(record.part, set()).add(record.diagnosis or record.message)
    return found


def test_the_solution_agrees_with_torch(rms: Assignment, linear: Assignment) -> None:
    assert failing(rms, unchanged(rms)) == {}
    assert failing(linear, unchanged(linear)) == {}


def test_another_assignment_with_a_question_of_this_name_is_answered_by_its_own_lines(
    rms: Assignment, tmp_path: Path
) -> None:
    """In one process, with the same draws: what torch answered of the one is none of the other's."""
    line = "F.rms_norm(x, (D,), gamma, eps)"
    half = declared(tmp_path, DECLARED.replace(line, f"{line} / 2"), SOLUTION, "layers.py")
    assert failing(rms, unchanged(rms)) == {}
    assert failing(half, unchanged(half)).keys() == {"rms_forward"}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("(dout * normal).sum(axis=0)", "(dout * normal).mean(axis=0)", "a mean in place of a sum in dgamma"),
        ("scaled - through", "scaled + through", "the gradient through the root has the wrong sign"),
        ("scaled - through", "scaled", "the gradient through the root is left out of dx"),
    ],
)
def test_a_mistake_that_nobody_wrote_down_has_a_name(rms: Assignment, old: str, new: str, name: str) -> None:
    """By the right text of the part alone, which a line of the declaration names."""
    assert failing(rms, changed(rms, old, new)) == {"rms_backward": {name}}


def test_what_a_text_does_not_give_is_named_by_the_sizes(tmp_path: Path) -> None:
    """A text that does not know the number of columns takes nothing from what is known without it."""
    text = 'name = "half"\nmodule = "half"\n[[question]]\nname = "half"\ngiven = { x = "N D" }\nrun = "y = half(x)"\n'
    text += 'torch = "y = x / 2"\ntexts.half = "y = x * share  # y"\nnames = "share = 0.5 + 0 * x  # the share"\n'
    half = declared(tmp_path, text, "def half(x):\n    return x / 2\n", "half.py")
    assert failing(half, changed(half, "x / 2", "x / 2 * len(x[0])")) == {
        "half": {"y is multiplied by D once too often"}
    }
    assert failing(half, changed(half, "x / 2", "x * x / 2")) == {"half": {"x is squared in y"}}


def test_what_no_single_change_of_the_text_gives_has_no_name(rms: Assignment) -> None:
    found = failing(rms, changed(rms, "(scaled - through) / root", "(2 * scaled + through) / root ** 2"))
    assert list(found) == ["rms_backward"]
    assert all("torch says" in said for said in found["rms_backward"])


def test_a_backward_is_not_blamed_for_its_forward(rms: Assignment) -> None:
    """It agrees where it is the derivative of the changed forward, or does what the solution's would after that."""
    doubled = changed(rms, "gamma * x / root", "2 * gamma * x / root")
    (file, source), *_ = doubled.files.items()
    own = source.replace("(scaled - through) / root, (dout", "2 * (scaled - through) / root, 2 * (dout")
    assert failing(rms, Variant("own", {file: own})) == {"rms_forward": {"out is doubled"}}
    outside = changed(rms, "keepdims=True) + eps)", "keepdims=True)) + eps")
    assert set(failing(rms, outside)) == {"rms_forward"}
    dx = [one for one in records(rms, outside, dtypes=["float64"]) if one.quantity == "dx"]
    assert {(one.verdict, HANDED_ON in one.notes) for one in dx} == {("match", True)}
    (source,) = outside.files.values()
    both = Variant("both", {file: source.replace("(scaled - through) / root", "(scaled + through) / root")})
    dx = [one for one in records(rms, both, dtypes=["float64"]) if one.quantity == "dx"]
    assert "match" not in {one.verdict for one in dx}, "what is wrong by itself earns nothing"


def test_two_of_a_kind_are_asked_in_turn_so_that_what_they_share_shows(rms: Assignment, linear: Assignment) -> None:
    module = changed(rms, "    x, gamma, root = cache\n", "    x, gamma, root = CACHE[0]\n")
    (file, source), *_ = module.files.items()
    source = (
        source.replace("    return gamma", "    CACHE[:] = [(x, gamma, root)]\n    return gamma") + "\nCACHE = [0]\n"
    )
    assert "rms_backward" in failing(rms, Variant("by module", {file: source}))
    assert "Linear.backward" in failing(linear, changed(linear, "        self.A = A\n", "        Linear.A = A\n"))


def test_what_a_method_leaves_on_its_object_is_its_own(linear: Assignment) -> None:
    found = failing(linear, changed(linear, "        self.dLdW = dLdZ.T @ self.A\n", ""))
    assert all("Linear.backward leaves no dLdW" in said for said in found["Linear.backward"])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("module", "modul", "'modul' is not known here"),
        ('name = "RMS norm"', "", "lacks 'name'"),
        ("out, cache = rms_forward(x, gamma, eps)", "out, = = 1", "run, is not Python"),
        ("out, cache = rms_forward(x, gamma, eps)", "out, cache = x, gamma", "no function was called before it"),
        ("out = rms_norm(x, gamma, eps)", "out = nothing(x, gamma, eps)", "there is no text of 'nothing'"),
        ("out = rms_norm(x, gamma, eps)", "rms_norm", "'rms_norm' gives nothing"),
        ('run = """', 'sizes.N = [4, 2]\nrun = """', "sizes.N is .* the least and the most"),
    ],
)
def test_what_is_wrong_in_a_declaration_is_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert DECLARED.count(old) == 1
    with pytest.raises(UsageError, match=sentence):
        declared(tmp_path, DECLARED.replace(old, new), SOLUTION, "layers.py")


def test_a_folder_without_a_declaration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no assignment\.toml"):
        find(f"{tmp_path}/")


@pytest.mark.parametrize(
    "name", ["mytorch", *(f"dlai-{one}" for one in ("c1w2", "c1w3", "c1w4", "c2w2", "c4w1", "c5w1"))]
)
def test_every_text_gives_what_torch_says(name: str) -> None:
    """In each dialect: from a text that gives anything else false names would follow, or none."""
    folder = Path(assignments.__file__).parent
    declaration = read(folder / "mytorch" if name == "mytorch" else folder / f"dlai/{name.removeprefix('dlai-')}.toml")
    for question in (one for one in declaration.questions if one.texts and not one.open):
        asked = replace(declaration, questions=(question,))
        case, rng = plan(asked, question.edition, ["float64"], 0)[0], np.random.default_rng(0)
        arrays = draw(question, case.params, rng)
        for read_of, like in question.read.items():
            like_it = arrays[f"{like}_0"]
            kept = rng.random(like_it.shape[:2]) < 0.5  # of whole channels, where there are any
            arrays[f"own_{read_of}_0"] = np.ones_like(like_it) * kept.reshape(kept.shape + (1,) * (like_it.ndim - 2))
        given = {name: torch.from_numpy(np.array(value)) for name, value in inputs(case, arrays, 0).items()}
        right = reference(question, case, 0)(**given)
        for part, text in question.texts.items():
            known = of_values(text, names_in_numpy(text, question, case, arrays, 0))
            for result in (one for one, of in question.results if of == part and one in text.targets):
                assert known.is_right(result, right[result].numpy()), f"{question.name}: {result}"
