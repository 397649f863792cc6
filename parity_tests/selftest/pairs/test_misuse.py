"""Misuse of `hold`, `assert_agrees` and files of pairs: one sentence that says what to do, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests import assert_agrees, gradients, hold, opcheck
from parity_tests.cli import main
from parity_tests.pairs.radius import radius
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.pairs.layers import softmax

X = np.random.default_rng(7).standard_normal((6, 5))
SINGLE = X.astype(np.float32)
EYE = torch.eye(5)


def torchs_softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, -1)


def bound_to(**options: Any) -> Callable[[], Any]:
    return lambda: hold(lambda x: softmax(x) * 2, torchs_softmax, inputs={"x": X}, **options)


class Foreign:
    """An array of another library."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return X


def of_the_compiler(x: torch.Tensor) -> Any:
    """As torch.cond does where a branch returns its input; the compiler takes two seconds to be imported."""
    raise type("Refused", (RuntimeError,), {"__module__": "torch._dynamo.exc"})


def either(x: torch.Tensor) -> Any:
    return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))


def autocast(x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return x @ x.T


LINEAR = torch.nn.Linear(5, 3)
MISUSES: dict[str, tuple[Callable[[], Any], str]] = {
    "a candidate that is no function": (lambda: hold(softmax(X), torchs_softmax, x=X), "assert_agrees"),  # type: ignore[arg-type]
    "a typed radius": (bound_to(radius=1e-3), "one of auto, bound, sample"),
    "a typed tolerance": (lambda: hold(softmax, torchs_softmax, X, rtol=1e-3), "there is no rtol="),
    "an input that has an option's name": (bound_to(seed=2.0), "inputs={"),
    "a value in place of the function": (
        lambda: assert_agrees(softmax(X), torch.ones(6, 5), X),  # type: ignore[arg-type]
        "give what computes it",
    ),
    "no inputs": (lambda: assert_agrees(softmax(X), torchs_softmax), "the inputs after the function"),
    "no inputs, of a function without a signature": (lambda: assert_agrees(X, torch.tanh, seed=1), "the inputs after"),
    "a value in place of the function, by name": (lambda: hold(softmax, torch.ones(6, 5), x=X), "such as lambda x"),
    "gradients by position": (
        lambda: assert_agrees({"output": X, "x": X}, gradients(torchs_softmax, "x", "g"), X, X),
        "give them so (x=x, g=g)",
    ),
    "parameters of a function": (bound_to(parameters=X), "inputs={'parameters': …}"),
    "an array of another library": (lambda: hold(softmax, torchs_softmax, Foreign()), "numpy.asarray"),
    "a tolerance in place of assert_close": (
        lambda: assert_agrees(X, torchs_softmax, X, atol=1e-5),
        "there is no atol=",
    ),
    "a tolerance for radius": (lambda: radius(torchs_softmax, X, rtol=1e-5), "there is no rtol="),
    "an input that is called seed": (bound_to(seed=X), "seed is a ndarray, and a whole number"),
    "an input that is called search": (bound_to(search=X), "search is a ndarray, and a number of seconds"),
    "a search of no time": (bound_to(search=-1), "search is -1"),
    "a reference in numpy": (lambda: hold(np.exp, np.exp, X), "is numpy's exp"),
    "a nested input": (
        lambda: hold(softmax, torchs_softmax, torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])),
        "x is nested",
    ),
    "radii of a number": (lambda: radius(3, X), "the reference is a int"),  # type: ignore[arg-type]
    "a function of no library": (bound_to(ulps={"expo": 2}), "ulps= names expo; functions of a library are"),
    "ulps below 0": (bound_to(ulps={"exp": -1}), "the ulps of exp are -1"),
    "a reference of another type": (
        lambda: hold(softmax, lambda x: x @ EYE, X),
        "has tensors of its own in float32, and its inputs are float64",
    ),
    "what torch's compiler refuses": (lambda: hold(softmax, of_the_compiler, X), "hands functions to torch to run"),
    "derivatives of integers": (lambda: opcheck(torch.neg, torch.neg, np.arange(3)), "no input is of floating-point"),
    "third derivatives": (lambda: opcheck(torch.exp, torch.exp, X, orders=3), "orders is 3"),
    "an input without numbers": (lambda: hold(softmax, torchs_softmax, torch.empty(3, device="meta")), "device meta"),
    "complex numbers without a rule": (
        lambda: hold(softmax, lambda x: torch.complex(x, x).sqrt().real, X),
        "aten.sqrt.default of complex numbers",
    ),
    "complex numbers in low precision": (
        lambda: hold(softmax, lambda x: torch.fft.rfft(x).real, X, accumulate="float32", store="bfloat16"),
        "nothing follows in low precision",
    ),
    "a gradient in complex numbers": (
        lambda: hold(np.abs, gradients(lambda z: z.abs().sum(), "z", None), inputs={"z": X + 1j * X}),
        "not of floating-point numbers, in which gradients are",
    ),
    "a step in numpy": (
        lambda: hold(softmax, lambda x: torch.from_numpy(np.exp(x.numpy())), X),
        "out of torch (.numpy",
    ),
    "numpy on a tensor": (lambda: hold(softmax, lambda x: torch.tensor(np.exp(x)), X), "out of torch (.__array__"),
    "a list of a tensor": (lambda: hold(softmax, lambda x: torch.tensor(x.exp().tolist()), X), "out of torch (.tolist"),
    "a function that torch runs": (lambda: hold(softmax, either, X), "hands functions to torch"),
    "TorchScript": (lambda: hold(softmax, torch.jit.script(torch.nn.ReLU()), X), "give the Python module"),
    "a lower precision by autocast": (lambda: hold(softmax, autocast, SINGLE), "rounds to bfloat16"),
    "a result that is no tensor": (lambda: hold(softmax, lambda x: object(), X), "returned object as output"),
    "one replica": (bound_to(replicas=1), "whole number from 2"),
    "half a replica": (bound_to(replicas=2.5), "whole number from 2"),
    "a negative seed": (bound_to(seed=-1), "whole number from 0"),
    "endless ulps": (bound_to(unknown="sample", ulps=float("inf")), "positive number"),
    "ulps in words": (bound_to(unknown="sample", ulps="two"), "positive number"),
    "a form outside a list": (bound_to(forms=torchs_softmax), "list of functions"),
    "a form by a wrong name": (bound_to(forms=["two-pass"]), "there is no form"),
    "a form that computes something else": (bound_to(forms=[lambda x: x * 1e20]), "something else"),
    "a form that adds noise to no end": (bound_to(forms=[lambda x: torch.softmax(x, -1) * 0 + 1]), "something else"),
    "a form of another shape": (bound_to(forms=[lambda x: x.sum(0)]), "in the shape"),
    "comparing nothing": (bound_to(compare=[]), "not an empty one"),
    "comparing a text": (bound_to(compare="output"), "list of the results"),
    "an input twice": (lambda: hold(softmax, torchs_softmax, inputs={"x": X}, x=X), "given twice"),
    "inputs in a list": (lambda: hold(softmax, torchs_softmax, inputs=[X]), "dict of inputs"),  # type: ignore[arg-type]
    "a reference of nothing": (lambda: hold(lambda x: {}, lambda x: {}, x=X), "returns nothing"),
    "a parameter of another shape": (
        lambda: hold(softmax, LINEAR, input=X, parameters={"weight": X}),
        "the module's is (3, 5)",
    ),
    "an unknown parameter": (lambda: hold(softmax, LINEAR, input=X, parameters={"w": X}), "no parameter w"),
    "a gradient that is not given": (
        lambda: hold(softmax, gradients(torchs_softmax, of="x", given="g"), x=X),
        "no input 'g'",
    ),
    "a gradient of another shape": (
        lambda: hold(softmax, gradients(torchs_softmax, of="x", given="g"), x=X, g=X[0]),
        "has the shape (5,)",
    ),
    "a gradient in whole numbers": (
        lambda: hold(softmax, gradients(lambda n: n * 1.0, of="n", given="g"), n=np.arange(3), g=np.ones(3)),
        "not of floating-point numbers",
    ),
    "half precision in the reference": (
        lambda: hold(lambda x: x * 2, lambda x: (x.half() * 2).float(), x=SINGLE),
        "rounds to float16",
    ),
    "a function for arrays": (lambda: assert_agrees(softmax, torchs_softmax, X), "hold"),
    "an input by position and by name": (lambda: assert_agrees(X, torchs_softmax, X, x=X), "given twice"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_sentence(name: str) -> None:
    misuse, words = MISUSES[name]
    with pytest.raises(UsageError) as caught:
        misuse()
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


HEAD = """\
import sys
import numpy as np, torch
from parity_tests import gradients, labels, pair
"""


def run(tmp_path: Path, text: str) -> int:
    file = tmp_path / "pairs.py"
    file.write_text(HEAD + text)
    return main(["hold", str(file), "--dtype", "float64", "--out", str(tmp_path / "run")])


DOUBLE = "reference=lambda x: x * 2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sys.exit(0)\n", "cannot be run: SystemExit"),
        (f"@pair({DOUBLE}, shapes={{'x': (3,)}}, rtol=1e-3)\ndef f(x): return x * 2\n", "no option rtol"),
        (f"@pair({DOUBLE}, shapes={{'x': (3,)}}, radius='wide')\ndef f(x): return x * 2\n", "radius is 'wide'"),
        (f"@pair({DOUBLE}, shapes={{'x': (-1, 3)}})\ndef f(x): return x * 2\n", "the shape of x"),
        (f"@pair({DOUBLE}, shapes={{'x': (0, 3)}})\ndef f(x): return x * 2\n", "the shape of x"),
        (f"@pair({DOUBLE}, shapes=['x'])\ndef f(x): return x * 2\n", "dict of shapes"),
        (f"@pair({DOUBLE}, shapes={{'x': labels()}})\ndef f(x): return x * 2\n", "how many classes"),
        (f"@pair({DOUBLE}, inputs=lambda rng: None)\ndef f(x): return x * 2\n", "returned a NoneType"),
        (f"@pair({DOUBLE}, inputs=lambda: {{}})\ndef f(x): return x * 2\n", "function of a numpy generator"),
        (
            "@pair(reference=torch.nn.functional.cross_entropy, shapes={'input': ('N', 5), 'target': ('N',)})\n"
            "def f(input, target): return input.mean()\n",
            'are drawn by shapes={"y": labels("N", 10)}',
        ),
        ("@pair(reference=lambda x: None, shapes={'x': (3,)})\ndef f(x): return x\n", "returns nothing"),
    ],
)
def test_a_file_that_cannot_be_held_is_one_sentence_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    assert run(tmp_path, text) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said
    assert "UsageError" not in said
    assert ".." not in said.replace("...", "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"@pair({DOUBLE}, shapes={{'x': ('N', 3)}})\ndef f(x): sys.exit(0)\n", id="ends the process"),
        pytest.param(
            f"@pair({DOUBLE}, shapes={{'x': ('N', 3)}})\ndef f(x): return 'x'\n"
            f"@pair({DOUBLE}, shapes={{'x': ('N', 3)}})\ndef g(x): return x * 2\n",
            id="text beside a right pair",
        ),
        pytest.param(
            "@pair(reference=lambda x: x * 0 + 3, shapes={'x': ('N', 3)})\ndef f(x): return np.full_like(x, 3)\n",
            id="asks nothing but a constant",
        ),
        pytest.param(
            f"@pair({DOUBLE}, inputs=lambda rng: {{'x': np.zeros((0, 3))}})\ndef f(x): return x * 2\n", id="no elements"
        ),
        pytest.param(
            "@pair(reference=lambda x: x - x.mean(0), shapes={'x': ('N', 3)})\n"
            "def f(x): return x - x.mean(0) if len(x) > 1 else x\n",
            id="wrong at one row",
        ),
        pytest.param(
            "SEEN = {}\n@pair(reference=lambda x: x.sum(0), shapes={'x': ('N', 3)})\n"
            "def f(x): return x[:SEEN.setdefault('n', len(x))].sum(0)\n",
            id="keeps the first size",
        ),
        pytest.param(
            "@pair(reference=lambda x: x.reshape(-1), shapes={'x': ('N', 3)})\ndef f(x): return x.ravel('K')\n",
            id="follows the layout in memory",
        ),
    ],
)
def test_liars_and_slips_in_files_are_discrepancies(tmp_path: Path, text: str) -> None:
    assert run(tmp_path, text) == 1


def test_inputs_that_never_change_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, f"@pair({DOUBLE}, inputs=lambda rng: {{'x': np.arange(3.0)}})\ndef f(x): return x * 2\n") == 0
    assert "the inputs are the same in every draw" in " ".join(capsys.readouterr().out.split())


def test_a_pair_by_two_names_is_held_once(tmp_path: Path) -> None:
    assert run(tmp_path, f"@pair({DOUBLE}, shapes={{'x': ('N', 3)}})\ndef f(x): return x * 2\ng = f\n") == 0
