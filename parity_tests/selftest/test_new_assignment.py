"""`parity new-assignment` proposes an assignment from names and docstrings, and says what it cannot tell."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

from parity_tests.cli import main
from parity_tests.declared.declaration import read
from parity_tests.declared.proposing.proposal import Answers, Proposal, questions
from parity_tests.declared.proposing.signatures import read_module
from parity_tests.examples.sessions import ROOT, blocks
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import Variant, unchanged
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.registry import find

GUIDE = ROOT / "docs" / "guide" / "add-an-assignment.md"
FIVE = next(block.content for block in blocks(GUIDE.read_text(encoding="utf-8")) if block.file == "layers.py")
MISH = "mish=x * torch.tanh(F.softplus(x))"
WRONG = {
    "affine_forward": ("@ w + b,", "@ w - b,", "b has the wrong sign"),
    "affine_backward": ("dout.sum(axis=0)", "dout.mean(axis=0)", "a mean in place of a sum in db"),
    "softmax": (
        "keepdims=True))\n    return e / e.sum(axis=1",
        "keepdims=True))\n    return e / e.sum(axis=0",
        "examples",
    ),
    "softmax_backward": ("(dprobs - (p", "(dprobs + (p", "is wrong by itself"),
    "mish": ("np.log1p(np.exp(x))", "np.log1p(np.exp(-x))", "torch says"),
}
"""By part a change of the five functions, and words of what is said of it; that of softmax's gradient is its second."""


def propose(source: str, *wanted: str, **torch: str) -> list[Proposal]:
    module = read_module(source, "a module")
    return questions(module, wanted or [*module.functions, *module.layers], Answers(torch))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command writes for the five functions of the guide, with one word typed for them."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "layers.py").write_text(FIVE, encoding="utf-8")
    assert main(["new-assignment", str(folder / "layers.py"), "--out", str(folder / "five"), "--torch", MISH]) == 0
    return folder / "five"


OTHERS = """
import numpy as np
def svm_loss(scores, y):
    margins = np.maximum(0, scores - scores[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = 0
    return margins.sum() / len(y)
def huber(pred, target, delta=1.0):
    e = np.abs(pred - target)
    return np.mean(np.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)))
def rnn_step(x, prev_h, Wx, Wh, b):
    return np.tanh(x @ Wx + prev_h @ Wh + b)
def cosine_similarity(A, B):
    Bn = B / np.linalg.norm(B, axis=1, keepdims=True)
    return A @ Bn.T / np.linalg.norm(A, axis=1)[:, None]
def smooth_ce(z, t, eps=0.1):
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -((np.eye(z.shape[1])[t] * (1 - eps) + eps / z.shape[1]) * logp).sum(axis=1).mean()
def embed(table, ids):
    return table[ids]
def mae(pred, target):
    return np.abs(pred - target).mean()
def lse(x):
    return np.log(np.exp(x).sum(axis=1))
"""


def test_what_is_known_by_torchs_line_alone_needs_no_dots(tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "others.py"), "--out", str(tmp_path / "others")]) == 0
    made = find(f"{tmp_path / 'others'}/")
    found = records(made, unchanged(made), dtypes=["float64"])
    assert failures(found) == []
    assert len({record.part for record in found}) == 8
    wrong = OTHERS.replace("    margins[np.arange(len(y)), y] = 0\n", "").replace("norm(B, axis=1", "norm(B, axis=0")
    said = {one.part: one.diagnosis for one in failures(records(made, Variant("", {"others.py": wrong})))}
    assert said == {
        "svm_loss": "a statement that sets margins is left out, or has no effect",
        "cosine_similarity": "another number in place of axis=1 in Bn",
    }


@pytest.fixture(scope="module")
def five(course: Path) -> Assignment:
    return find(f"{course}/")


def test_the_solution_agrees_with_what_is_proposed(five: Assignment) -> None:
    found = records(five, unchanged(five), dtypes=["float64"])
    assert failures(found) == []
    assert {part.id for part in five.parts} == set(WRONG) <= {record.part for record in found}


def test_a_mistake_in_each_function_is_told_and_named_where_the_function_is_known(five: Assignment) -> None:
    source = FIVE
    for old, new, _ in WRONG.values():
        assert source.count(old) == 1
        source = source.replace(old, new)
    said: dict[str, str] = {}
    for record in failures(records(five, Variant("", {"layers.py": source}), dtypes=["float64"])):
        said.setdefault(record.part, record.diagnosis or record.message)
    assert said.keys() == WRONG.keys()
    assert [part for part, (_, _, words) in WRONG.items() if words not in said[part]] == []


def test_what_is_no_python_is_refused_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("def f(x):\n    return x)\n", encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "notes.txt"), "--out", str(tmp_path / "a")]) == 2
    assert "notes.txt, line 2, is not Python: unmatched ')', in “return x)”." in " ".join(
        capsys.readouterr().err.split()
    )


def test_nothing_is_written_over(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, before = str(course.parent / "layers.py"), (course / "assignment.toml").read_bytes()
    assert main(["new-assignment", source, "--out", str(course)]) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert (course / "assignment.toml").read_bytes() == before


def test_an_epsilon_is_that_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "ln.py").write_text(
        "def layer_norm(x, gamma, beta, eps=1e-6):\n    return x\n\n\n"
        "def rms_norm(x, gamma):\n    return x / ((x * x).mean(1, keepdims=True) + 1e-7) ** 0.5 * gamma\n"
    )
    assert main(["new-assignment", str(tmp_path / "ln.py"), "--out", str(tmp_path / "ln")]) == 0
    layer_norm, rms_norm = read(tmp_path / "ln").questions
    assert layer_norm.given["eps"][0] == 1e-6
    assert "+ 1e-07)" in rms_norm.torch


def test_what_is_not_told_stands_as_dots_which_nobody_is_judged_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "odd.py"
    source.write_text("def twist(x, how):\n    return x\n", encoding="utf-8")
    source.write_text(source.read_text() + "def relu(x):\n    return x\n", encoding="utf-8")
    assert main(["new-assignment", str(source), "--out", str(tmp_path / "odd"), "--function", "relu,twist"]) == 1
    out = capsys.readouterr().out
    again = out.partition("Replace the dots:\n")[2].partition("\nOr replace ")[0]
    assert again.splitlines()[1:] == [
        "    --function relu,twist \\",
        "    --torch 'twist=...' \\",
        "    --given 'how=...'",
    ], "of what is still to be said"
    words = shlex.split(again.partition("; parity ")[2].replace("\\\n", ""))
    shutil.rmtree(tmp_path / "odd")
    assert (main(words), capsys.readouterr().out) == (1, out), "dots say nothing"
    shutil.rmtree(tmp_path / "odd")
    assert main([word.replace("twist=...", "twist=x").replace("how=...", "how=N D") for word in words]) == 0
    shutil.rmtree(tmp_path / "odd")
    assert main(words) == 1
    capsys.readouterr()
    text = (tmp_path / "odd" / "assignment.toml").read_text(encoding="utf-8")
    assert "# STILL TO BE SAID: torch's lines; what is drawn for how" in text
    assert text.index("STILL TO BE SAID") < text.index('name = "relu"') < text.index("[part."), (
        "what is open comes first"
    )
    assert main(["check", str(tmp_path), "--assignment", f"{tmp_path}/odd/"]) == 2
    refused = capsys.readouterr().err
    assert "twist: given.how, torch `x_out = ...`" in refused
    told = text.replace('how = "..."', "how = [1, 2]")
    (tmp_path / "odd" / "assignment.toml").write_text(told, encoding="utf-8")
    with pytest.raises(UsageError, match=r"twist: torch `x_out = \.\.\.`$"):
        read(tmp_path / "odd")
    (tmp_path / "odd" / "assignment.toml").write_text(
        told.replace("x_out = ...", "x_out = x[..., :]"), encoding="utf-8"
    )
    assert read(tmp_path / "odd").questions, "dots of an index say all"


def test_torch_is_tried_on_what_is_drawn_before_it_is_proposed(tmp_path: Path) -> None:
    source = tmp_path / "layers.py"
    source.write_text("def linear(x, w, b):\n    return x @ w + b\n", encoding="utf-8")
    assert main(["new-assignment", str(source), "--out", str(tmp_path / "a"), "--given", "b=N 7"]) == 1
    assert "of what is drawn torch's lines raise RuntimeError" in (tmp_path / "a" / "assignment.toml").read_text()


CALLS = {
    "def relu_forward(x):\n    return out, cache\ndef relu_backward(dout, cache):\n    return dx": (
        ["out, cache = relu_forward(x)", "dx = relu_backward(dout, cache)"],
        ["out = torch.relu(x)", "dx = grad(out, x, dout)"],
    ),
    "def sigmoid(z):\n    return a\ndef sigmoid_prime(z):\n    return s": (
        ["a = sigmoid(z)", "s = sigmoid_prime(z)"],
        ["a = torch.sigmoid(z)", "s = grad(a, z, torch.ones_like(a))"],
    ),
    "def linear(A, W, b):\n    '''A: (N, I), W: (O, I), b: (O,)'''\n    return Z": (
        ["Z = linear(A, W, b)"],
        ["Z = A @ W.T + b"],
    ),
    "def linear(b, x, w):\n    return x @ w + b": (["out = linear(b, x, w)"], ["out = x @ w + b"]),
    "def softmax_loss(scores, y):\n    '''scores (N, C), y (N,)'''\n    return loss, dscores": (
        ["loss, dscores = softmax_loss(scores, y)"],
        ["loss = F.cross_entropy(scores, y)", "dscores = grad(loss, scores)"],
    ),
    "def relu(x):\n    return x\ndef relu_grad(dz, z):\n    return dz": (
        ["x_out = relu(x)", "dx = relu_grad(dz, x)"],
        ["x_out = torch.relu(x)", "dx = grad(x_out, x, dz)"],
    ),
    "def swiglu_backward(dout, x, w):\n    return x @ w, w": (
        ["dx, dw = swiglu_backward(dout, x, w)"],
        ["out = ...", "dx, dw = grad(out, (x, w), dout)"],
    ),
    "def glu_forward(x):\n    return a * s, (a, s)\ndef glu_backward(dout, cache):\n    return dout * s": (
        ["out, cache = glu_forward(x)", "dx = glu_backward(dout, cache)"],
        ["out = F.glu(x, -1)", "dx = grad(out, x, dout)"],
    ),
    "def svm_loss(scores, y):\n    '''Returns a tuple (loss, dscores).'''\n    return loss, dscores / N": (
        ["loss, dscores = svm_loss(scores, y)"],
        ["loss = F.multi_margin_loss(scores, y) * scores.shape[1]", "dscores = grad(loss, scores)"],
    ),
    "def huber(p, y):\n    '''Returns:\n    - loss: of all\n    - dp: of p\n    '''\n    return 0.5 * e, e / N": (
        ["loss, dp = huber(p, y)"],
        ["loss = F.huber_loss(p, y, delta=1.0)", "dp = grad(loss, p)"],
    ),
    "def rnn_step(x, h, Wx, Wh, b):\n    pass\ndef rnn_step_backward(dh, x, h, Wx, Wh, b):\n    return 1, 2, 3, 4, 5": (
        ["out = rnn_step(x, h, Wx, Wh, b)", "dx, dh_out, dWx, dWh, db = rnn_step_backward(dh, x, h, Wx, Wh, b)"],
        ["out = torch.tanh(x @ Wx + h @ Wh + b)", "dx, dh_out, dWx, dWh, db = grad(out, (x, h, Wx, Wh, b), dh)"],
    ),
    "def tanh(*, x):\n    return y": (["y = tanh(x=x)"], ["y = torch.tanh(x)"]),
    "def step(w, grad, lr):\n    return w\n": (["w_out = step(w, grad_in, lr)"], ["w_out = ..."]),
    "def sgd(w, grad, lr):\n    return w\n": (["w_out = sgd(w, grad_in, lr)"], ["w_out = w - lr * grad_in"]),
    "def adagrad(w, dw, cache):\n    return w, cache\n": (
        ["w_out, cache_out = adagrad(w, dw, cache)"],
        ["w_out = ...", "cache_out = ..."],
    ),
    "def huber(p, t, delta=1.0):\n    '''p: (N,), t: (N,)'''\n    return loss\n": (
        ["loss = huber(p, t, delta)"],
        ["loss = F.huber_loss(p, t, delta=delta)"],
    ),
    "def softmax(x):\n    '''x: (N,)'''\n    return out\n": (["out = softmax(x)"], ["out = ..."]),
    "def rms_norm(x, g, eps=1e-6):\n    return out": (
        ["out = rms_norm(x, g, eps)"],
        ["out = g * x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)"],
    ),
}
"""By source, what is called and what torch says of it."""


@pytest.mark.parametrize("source", CALLS)
def test_what_is_called_and_what_torch_says_follows_from_names(source: str) -> None:
    (made,) = propose(source)
    assert (made.run, made.torch) == CALLS[source]


LAYER = """
class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.zeros((out_features, in_features))
        self.b = np.zeros(out_features)
        self.dW = None

    def forward(self, x):
        return x @ self.W.T + self.b

    def backward(self, dout):
        return dout @ self.W
"""


def test_a_class_is_asked_by_its_methods_and_the_gradients_that_it_leaves() -> None:
    (made,) = propose(LAYER)
    assert made.run == [
        *("layer = Linear(I, O)", "layer.W = W", "layer.b = b", "out = layer.forward(x)"),
        *("dx = layer.backward(dout)", "dW = layer.dW"),
    ]
    assert made.torch == ["out = x @ W.T + b", "dx, dW = grad(out, (x, W), dout)"]
    assert "no attribute is the gradient in b, so it is not asked" in made.said


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def linear(x, w, b, mystery):\n    return x", "the parameters are not those of linear"),
        (
            "def linear(x, w, b):\n    '''w: (A, B, C)'''\n    return x",
            "the sizes that are given are not those of linear",
        ),
        ("def relu_backward(dout, cache):\n    return dx", "the parameters are not those of relu"),
        ("def relu(x):\n    return y\ndef relu_backward(d, e, f):\n    return g", "what relu_backward is called with"),
        ("def nothing():\n    return 1", "nothing can be drawn for it"),
        ("def mlp(x, dropout):\n    return x", "what is drawn for dropout"),
    ],
)
def test_what_does_not_follow_is_left_open(source: str, sentence: str) -> None:
    assert any(sentence in one for made in propose(source) for one in made.open)


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


def test_of_a_notebook_the_definitions_are_taken_and_of_a_starter_no_solution_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "def relu(x):\n    ### YOUR CODE\n    pass",
        "plt.plot()",
    ]
    (tmp_path / "Week 1.ipynb").write_text(notebook(*cells), encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "Week 1.ipynb"), "--out", str(tmp_path / "week")]) == 0
    assert "Put your own solution into" in capsys.readouterr().out
    declared = read(tmp_path / "week")
    assert (declared.module, declared.notebook, declared.inert) == ("Week_1", True, ("matplotlib",))
    starter = (tmp_path / "week" / "starter" / "Week_1.py").read_text(encoding="utf-8")
    assert "def relu" in starter
    assert "plt.plot" not in starter


def test_sizes_of_expressions_are_drawn_and_each_gradient_may_be_asked_for_by_itself(tmp_path: Path) -> None:
    (tmp_path / "gate.py").write_text("def gate_backward(dout, x):\n    return dout, dout\n", encoding="utf-8")
    draw = "x=rng.standard_normal((N, 2 * D))"
    assert main(["new-assignment", str(tmp_path / "gate.py"), "--out", str(tmp_path / "gate"), "--given", draw]) == 1
    written = tmp_path / "gate" / "assignment.toml"
    text = written.read_text(encoding="utf-8")
    text = (
        text[: text.index("[[question]]")]
        + text[text.index("[part.") :]
        + (
            '[[question]]\nname = "gate"\ngiven = { x = "rng.standard_normal((N, 2 * D))", y = "N D", dout = "N D" }\n'
            'run = "dx, dy = gate_backward(dout, x)"\n'
            'torch = """\nout = x[:, ::2] * y\ndx = grad(out, x, dout)\ndy = grad(out, y, dout)\n"""\n'
        )
    )
    written.write_text(text, encoding="utf-8")
    made = find(f"{tmp_path / 'gate'}/")
    found = records(made, unchanged(made), dtypes=["float64"])
    assert {record.verdict for record in found} <= {"mismatch", "match"}
    assert {record.quantity for record in failures(found)} >= {"dx", "dy"}


BAD = [
    (["--function", "softmx"], "defines no 'softmx'; it defines affine_forward"),
    (["--torch", "softmx=x"], "--torch names 'softmx', which is no function that is asked"),
    (["--given", "q=N"], "--given names 'q', which is no parameter that is asked"),
    (["--torch", "mish"], "is not of the form NAME=TEXT"),
    (["--torch", "mish=x * torch.tanh(x"], "'mish=x * torch.tanh(x' is not Python: '(' was never closed"),
    (
        ["--torch", "mish=torch.sigmod(x)"],
        "mish, torch `torch.sigmod(x)`: of what is drawn torch's lines raise AttributeError, module 'torch' has no "
        "attribute 'sigmod'",
    ),
    (
        ["--torch", "mish=F.mish(y)"],
        "mish, torch `F.mish(y)`: of what is drawn torch's lines raise NameError, name 'y'",
    ),
    (["--torch", MISH, "--given", "x=rnd.normal((N, D))"], "given.x = 'rnd.normal((N, D))' cannot be drawn: NameError"),
]
"""What cannot be done, and words of the sentence that says so."""


@pytest.mark.parametrize(("options", "sentence"), BAD)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layers.py").write_text(FIVE, encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "layers.py"), "--out", str(tmp_path / "a"), *options]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "a").exists()


HIGHWAY = """
def highway_forward(x, w):
    g = 1 / (1 + np.exp(-x @ w))
    out, cache = g * x, (x, w, g)
    return out, cache
"""
ONE_HOT = """
def one_hot(y, C):
    return np.eye(C)[y]
"""
NORM = """
def layernorm_forward(x, gamma, beta, eps=1e-5):
    s = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    n = (x - x.mean(axis=1, keepdims=True)) / s
    return gamma * n + beta, (n, gamma, s)
def layernorm_backward(dout, cache):
    n, gamma, s = cache
    dg, db, d = (dout * n).sum(axis=0), dout.sum(axis=0), dout * gamma
    dx = (d - d.mean(axis=1, keepdims=True) - n * (d * n).mean(axis=1, keepdims=True)) / s
    return dx, dg, db
"""
UNLIKE = NORM.replace("return dx, dg, db", "return dg, dx, db")
TOLD = "layernorm_forward=dg, dx, db = grad(out, (gamma, x, beta), dout)"
HIGH = "highway_forward=g = torch.sigmoid(x @ w); out = g * x"
LABELS_OF_C = ["--given", "y=rng.integers(0, C, N)", "--given", "C=5"]


@pytest.mark.parametrize(
    ("source", "options", "wrong"),
    [
        (HIGHWAY, ["--torch", HIGH, "--given", "w=D D"], "g + x"),
        (ONE_HOT, ["--torch", "one_hot=F.one_hot(y, C)", *LABELS_OF_C], "eye(6)"),
        (NORM, [], "dout.mean(axis=0)"),
        (UNLIKE, ["--torch", TOLD], "dout.mean(axis=0)"),
    ],
)  # fmt: skip
def test_helpers_constants_and_gradients_are_taken_as_they_are_told(
    source: str, options: list[str], wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(f"import numpy as np\n{source}", encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "own.py"), "--out", str(tmp_path / "a"), *options]) == 0
    of = ["--assignment", f"{tmp_path / 'a'}/", "--out", str(tmp_path / "run")]
    assert main(["check", str(tmp_path / "a" / "solution"), *of]) == 0
    assert "not compared" not in capsys.readouterr().out
    right = {"g + x": "g * x", "eye(6)": "eye(C)"}.get(wrong, "dout.sum(axis=0)")
    (tmp_path / "own.py").write_text(f"import numpy as np\n{source.replace(right, wrong)}", encoding="utf-8")
    assert main(["check", str(tmp_path / "own.py"), *of]) == 1


def test_a_gradient_that_is_not_told_is_asked_by_an_option_that_answers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("My Homework.py").write_text(f"import numpy as np\n{UNLIKE}", encoding="utf-8")
    assert main(["new-assignment", "My Homework.py", "--out", "my course"]) == 1
    out = capsys.readouterr().out
    line = f"    --torch '{TOLD.replace('(gamma, x, beta)', '...')}'\n"
    assert line in out
    words = shlex.split(out.partition("; parity ")[2].partition("\nOr replace")[0].replace("\\\n", ""))
    shutil.rmtree("my course")
    assert main([word.replace("...", "(gamma, x, beta)") for word in words]) == 0
    last = capsys.readouterr().out.splitlines()[-1].strip()
    assert last == "parity check 'my course/solution' --assignment 'my course/'"
    assert 'dout = "N D"' in Path("my course", "assignment.toml").read_text(encoding="utf-8")


def test_a_text_of_no_known_function_is_refused(tmp_path: Path) -> None:
    declared = 'name = "a"\nmodule = "a"\n[[question]]\nname = "q"\ngiven = { x = "N D" }\nrun = "y = f(x)"\n'
    for text, sentence in (
        ("y = reluu(x)", "there is no text of 'reluu'"),
        ("y = relu(x, x)", "does not give what it needs"),
    ):
        more = f'torch = "y = torch.relu(x)"\ntexts.f = "{text}"\n'
        (tmp_path / "assignment.toml").write_text(declared + more, encoding="utf-8")
        with pytest.raises(UsageError, match=sentence):
            read(tmp_path)


def test_what_is_called_as_usual_is_drawn_as_usual_unless_it_picks_elements() -> None:
    (made,) = propose("def scaled(pred, target, gamma):\n    return pred - gamma * target[0]")
    assert made.given == {"pred": "N D", "target": "N D", "gamma": "D"}
    (made,) = propose("def picked(pred, target):\n    return pred[target]")
    assert made.given == {"pred": "N D", "target": "rng.integers(0, N, N)"}


def test_what_an_update_takes_beside_weights_is_of_their_sizes() -> None:
    (made,) = propose("def momentum_update(dw, w, b, v, x):\n    return w - v, v")
    assert made.given == {"dw": "D M", "w": "D M", "b": "M", "v": "D M", "x": "N D"}


@pytest.mark.parametrize("own", ["w", "w - 1"])
def test_torchs_results_go_by_name_into_the_order_of_what_is_returned(own: str) -> None:
    source = f"def adagrad(w, dw, cache):\n    return {own}, cache\n"
    results = "w_out" if own == "w" else "out"
    (made,) = propose(source, adagrad=f"cache_out = cache + dw**2; {results} = w - dw / cache_out")
    assert made.run == [f"{results}, cache_out = adagrad(w, dw, cache)"]
    (made,) = propose(source, adagrad="w - dw")
    assert made.torch == [f"{results} = w - dw"]
    for lines in ("g = dw**2; cache_out = cache + g", "a = w - dw; b = cache", "cache = cache + dw**2; w = w - dw"):
        with pytest.raises(UsageError, match=f"adagrad returns {results}, cache_out; torch's lines give"):
            propose(source, adagrad=lines)


def test_b_is_a_bias_beside_weights_alone_and_else_of_the_sizes_of_a() -> None:
    (made,) = propose("def product(a, B):\n    return a @ B")
    assert made.given == {"a": "N D", "B": "N D"}
    (made,) = propose('def apart(a, b):\n    """a: (N, K)"""\n    return a - b')
    assert made.given == {"a": "N K", "b": "N K"}
    (made,) = propose("def twisted(x, w, b):\n    return x @ w - b")
    assert made.given == {"x": "N D", "w": "D M", "b": "M"}


def checked_by_its_own(folder: Path, called: str, returned: str, given: str) -> int:
    """The status of a check of one function beside an assignment that asks it with this `given` and torch's line."""
    (folder / "own.py").write_text(f"def {called}:\n    return {returned}\n", encoding="utf-8")
    name = called.partition("(")[0]
    declared = f'name = "s"\nmodule = "own"\n[[question]]\nname = "{name}"\nrun = "out = {called}"\n'
    (folder / "assignment.toml").write_text(declared + given, encoding="utf-8")
    return main(["check", str(folder), "--assignment", f"{folder}/", "--out", str(folder / "run")])


@pytest.mark.parametrize(("drawn", "status"), [("M", 3), ("N D", 0)])
def test_a_line_of_torchs_that_raises_is_the_assignments_and_told_with_the_sizes(
    drawn: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f'given = {{ a = "N D", b = "{drawn}" }}\ntorch = "out = a - b"\n'
    assert checked_by_its_own(tmp_path, "apart(a, b)", "a - b", given) == status
    out, err = capsys.readouterr()
    is_told = (
        "the assignment's fault, not the submission's: assignment.toml, question 'apart': torch's lines raise" in err
    )
    assert (is_told, "for a of (" in err and ", b of (" in err) == (status == 3, status == 3)
    assert "Parity's own fault" not in out + err


@pytest.mark.parametrize(("drawn", "status"), [("N D", 3), ("rng.random((N, D))", 0)])
def test_where_torchs_answer_is_no_number_nothing_agrees(
    drawn: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f'given = {{ a = "{drawn}" }}\nsizes = {{ N = [4, 9] }}\ntorch = "out = torch.sqrt(a)"\n'
    assert checked_by_its_own(tmp_path, "root(a)", "a**0.5", given) == status
    err = capsys.readouterr().err
    assert ("question 'root': torch's out is NaN at " in err) == (status == 3)


def test_a_number_of_steps_is_a_number_and_what_is_under_a_root_is_not_below_0() -> None:
    body = "v = rho * v + dw**2\n    return w - dw / (np.sqrt(v / (1 - rho**t)) + np.sqrt((w**2).sum()) + np.sqrt(m))"
    (made,) = propose(f'def my_step(w, dw, m, v, t, rho=0.9):\n    """v: (D,)"""\n    {body}\n')
    assert made.given == {
        **{"w": "D M", "dw": "D M", "m": "...", "v": "rng.random((D,))", "t": [1, 5], "rho": [0.9, 0.45]}
    }
    assert made.said == ["v is under a root, so it is drawn between 0 and 1"]
    assert "what is drawn for m" in made.open, "nothing is known of it"
    body = "v = rho * v + (1 - rho) * grads * grads\n    v_hat = v / 2\n    return params - grads / np.sqrt(v_hat), v"
    (made,) = propose(f"def my_step(params, grads, v, rho=0.9):\n    {body}\n")
    assert made.given == {"params": "D M", "grads": "D M", "v": "rng.random((D, M,))", "rho": [0.9, 0.45]}


@pytest.mark.parametrize(
    ("source", "torch"),
    [
        (
            "mse_loss(pred, target):\n    d = pred - target\n    return (d**2).mean(), 2 * d / d.size",
            "dpred = grad(out, pred)",
        ),
        ("relu(x):\n    return x * (x > 0), (x,)", ""),
    ],
    ids=["of a loss it is the gradient", "of no other function"],
)
def test_a_second_result_of_no_name_is_the_gradient_of_a_loss_alone(source: str, torch: str) -> None:
    (made,) = propose(f"def {source}\n")
    assert (made.torch[1:], made.open) == ([torch] * bool(torch), [])


@pytest.mark.parametrize(
    ("body", "drawn"),
    [
        ('"""scores: (N, C), y: (N,)"""', "rng.integers(0, C, N)"),
        ("return -np.log(scores)[np.arange(len(y)), y].mean()", "rng.integers(0, C, N)"),
        ("return -(y * np.log(scores)).sum()", "np.eye(C)[rng.integers(0, C, N)]"),
    ],
)
def test_labels_are_drawn_as_the_function_reads_them(body: str, drawn: str) -> None:
    (made,) = propose(f"def cross_entropy(scores, y):\n    {body}\n")
    assert made.given["y"] == drawn
    assert made.open == []


@pytest.mark.parametrize(
    ("source", "drawn"),
    [
        ('def apart(scores, y):\n    """scores: (N, C), y: (N,) labels"""\n', "rng.integers(0, C, N)"),
        ("def apart(x, labels):\n    return x.sum()\n", "rng.integers(0, D, N)"),
        ("def apart(x, y):\n    return x[np.arange(9), y]\n", "rng.integers(0, D, N)"),
        ("def taken(ids, w):\n    return w[ids]\n", "rng.integers(0, D, N)"),
        ('def apart(scores, y):\n    """scores: (N, C) of labels, y: (N,)"""\n', "N"),
    ],
)
def test_labels_of_no_known_function_are_whole_numbers(source: str, drawn: str) -> None:
    (made,) = propose(source)
    assert drawn in made.given.values()


@pytest.mark.parametrize("said", [[], ["--given", "y=rng.integers(0, C, N)"]])
def test_a_line_that_is_given_is_kept_where_torch_cannot_do_it_with_what_is_drawn(
    said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, line = tmp_path / "loss.py", "F.multi_margin_loss(scores, y)"
    source.write_text(
        'def margin(scores, y):\n    """scores: (N, C), y: (N,)"""\n    return scores\n', encoding="utf-8"
    )
    words = ["new-assignment", str(source), "--out", str(tmp_path / "a"), "--torch", f"margin={line}", *said]
    assert main(words) == (not said)
    text, told = (tmp_path / "a" / "assignment.toml").read_text(encoding="utf-8"), capsys.readouterr().out
    assert f"out = {line}" in text
    assert max(len(line) for line in told.splitlines()[:-1] if " " in line) <= 80, "all but a command is wrapped"
    told = " ".join(told.split())
    assert ('y = "..."' in text, 'labels are drawn by "rng.integers(0, C, N)"' in told) == (not said, not said)


SMOOTH = """
import numpy as np


def smooth_ce(z, t):
    z = z - z.max(axis=1, keepdims=True)
    y = HOT * 0.9 + 0.1 / z.shape[1]
    return -(y * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum(axis=1).mean()
"""
LABELS = "rng.integers(0, D, N)"


@pytest.mark.parametrize(("hot", "said"), [("np.eye(z.shape[1])[t]", False), ("z[t] * 0", True)])
def test_labels_are_drawn_under_the_size_that_torch_takes_in_sizes_of_each_order(
    hot: str, said: bool, tmp_path: Path
) -> None:
    (tmp_path / "ce.py").write_text(SMOOTH.replace("HOT", hot), encoding="utf-8")
    line = "smooth_ce=F.cross_entropy(z, t, label_smoothing=0.1)"
    assert main(["new-assignment", str(tmp_path / "ce.py"), "--out", str(tmp_path / "ce"), "--torch", line]) == 0
    assert read(tmp_path / "ce").questions[0].given["t"] == LABELS
    text = (tmp_path / "ce" / "assignment.toml").read_text(encoding="utf-8")
    assert ("t is drawn under D, since torch fails under other sizes" in text) == said


@pytest.mark.parametrize("in_checkout", [False, True])
@pytest.mark.parametrize(("labels", "status"), [("rng.integers(0, N, N)", 3), (LABELS, 0)])
def test_what_torch_cannot_do_in_other_sizes_is_refused_by_check_and_grade(
    labels: str,
    status: int,
    in_checkout: bool,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if in_checkout:
        tmp_path = Path(tempfile.mkdtemp(prefix=".own-", dir=ROOT))
        request.addfinalizer(partial(shutil.rmtree, tmp_path))
    source = SMOOTH.replace("HOT", "np.eye(z.shape[1])[t]")
    for place in ("ce/solution", "class/ann", "class/bob"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "ce.py").write_text(source, encoding="utf-8")
    (tmp_path / "ce" / "assignment.toml").write_text(
        'name = "ce"\nmodule = "ce"\n[[question]]\nname = "smooth_ce"\nrun = "loss = smooth_ce(z, t)"\n'
        f'given = {{ z = "N D", t = "{labels}" }}\ntorch = "loss = F.cross_entropy(z, t, label_smoothing=0.1)"\n'
    )
    of = ["--assignment", f"{tmp_path / 'ce'}/", "--out", str(tmp_path / "out")]
    assert main(["check", str(tmp_path / "ce" / "solution"), *of, "--seed", "0"]) == status
    said = capsys.readouterr().err
    assert ("question 'smooth_ce': torch's lines raise IndexError" in said, "for z of (" in said) == (status == 3,) * 2
    grade = ["grade", str(tmp_path / "class"), *of[:2], "--out", str(tmp_path / "grades"), "--seed", "1", "--jobs", "1"]
    if status:
        for dry in ([], ["--dry-run"]):
            assert main([*grade, *dry]) == status
            assert not (tmp_path / "grades").exists(), "nothing is begun"
            assert "question 'smooth_ce': torch's lines raise" in capsys.readouterr().err
        monkeypatch.setattr("parity_tests.declared.judging.SEEDS", ())
    assert main(grade) == status
    out = " ".join(capsys.readouterr().out.split())
    assert ("because the assignment fails: assignment.toml, question 'smooth_ce': torch's" in out) == (status == 3)
    assert ("Mend the assignment, then grade into another folder." in out) == (status == 3)
    assert "Parity itself failed" not in out
    told = " ".join(path.read_text() for path in (tmp_path / "grades" / "submissions" / "ann").glob("*.[mh]*"))
    assert ("Parity or the assignment failed, not your submission" in told) == (status == 3)
    assert "Parity itself failed" not in told


HINGE = '''
import numpy as np


def svm_loss(scores, y):
    """Multiclass SVM. scores: (N, C), y: (N,) labels.SAID"""
    rows, own = np.arange(len(y)), y
    margins = np.maximum(0, scores - scores[rows, own][:, None] + 1)
    margins[rows, own] = 0
    slopes = (margins > 0) * 1.0
    slopes[rows, own] -= slopes.sum(axis=1)
    return margins.sum() / len(y), SIGN * slopes / len(y)
'''
MARGIN = "F.multi_margin_loss(scores, y) * C"


@pytest.mark.parametrize(
    ("said", "line", "compared"),
    [
        ("", MARGIN, False),
        (" Returns (loss, dscores).", MARGIN, True),
        ("", f"loss = {MARGIN}; dscores = grad(loss, scores)", True),
    ],
)
def test_a_result_that_is_not_compared_is_told_and_its_name_is_the_docstrings(
    said: str, line: str, compared: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, made, torch = HINGE.replace("SAID", said), tmp_path / "svm", f"svm_loss={line}"
    (tmp_path / "svm.py").write_text(own.replace("SIGN", "1"), encoding="utf-8")
    assert main(["new-assignment", str(tmp_path / "svm.py"), "--out", str(made), "--torch", torch]) == 0
    told = "svm_loss: its second result is not compared."
    out = capsys.readouterr().out
    assert (told in out) != compared
    assert ("are taken to be loss, dscores, in this order." in out) == (not said and "; " in line)
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "svm.py").write_text(own.replace("SIGN", "-1"), encoding="utf-8")
    of = ["--assignment", f"{made}/", "--out", str(tmp_path / "run")]
    assert main(["check", str(made / "solution"), *of]) == 0
    assert (told in capsys.readouterr().out) != compared
    assert main(["check", str(tmp_path / "wrong"), *of]) == compared
    assert told not in capsys.readouterr().out


def test_a_folder_that_stands_there_needs_no_slash_and_an_installed_assignment_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "layers.py").write_text("def relu(x:\n    return x\n", encoding="utf-8")
    (tmp_path / "layers.py").write_text("def relu(x):\n    return x * (x > 0)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("q", "mlp"):
        assert main(["new-assignment", "layers.py", "--out", name]) == 0
    assert main(["check", "q/solution", "--assignment", "q"]) == 0
    assert main(["check", "bad", "--assignment", "q"]) == 1
    assert "Does not import: layers.py, line 1 is not Python" in " ".join(capsys.readouterr().out.split())
    assert main(["check", "q/solution", "--assignment", "mlp"]) == 2
    assert main(["check", "q/solution", "--assignment", "nosuch"]) == 2
    assert "there is no assignment 'nosuch'" in " ".join(capsys.readouterr().err.split())
