"""Operators: each changes a function in one place, says so in words, and leaves Python behind."""

from __future__ import annotations

import ast

import pytest

from parity_tests.operators.changes import changes_of
from parity_tests.operators.of_functions import LONGEST, of_functions
from parity_tests.operators.of_sources import OF_SOURCES, of_blocks
from parity_tests.operators.source import LARGEST, Source, UnreadableError

LAYER = Source(
    '''"""A layer."""
import numpy as np


class layer:
    def backward(self, X, grad):
        self.gradient["W"] = X.T @ grad / len(X)
        self.gradient["b"] = grad.sum(axis=0)
        return grad @ self.params["W"].T


def norm(x, eps):
    mean, var = x.mean(axis=0), x.var(axis=0)
    if eps > 0:
        var = var + eps
    return (x - mean) / np.sqrt(var), x[1:-eps]


def total(x, w, L):
    loss, rows = 0.0, x.reshape(len(x), -1, order="F")
    for i in range(L - 1, 0, -1):
        loss += np.sum(w[i])
    return loss - np.max(rows, axis=0), rows[1:-L, 1:-L]
'''
)


@pytest.mark.parametrize(
    ("function", "mended", "words"),
    [
        ("layer.backward", 'self.gradient["W"] = X.T @ grad\n', "the divisor `len(X)` should not be there"),
        ("layer.backward", "grad.sum(axis=0, keepdims=True)", "`keepdims=True` is missing in `grad.sum(axis=0)`"),
        ("layer.backward", "grad.mean(axis=0)", "`grad.sum` is used where `grad.mean` belongs"),
        ("layer.backward", '["W"] += X.T @ grad', '`=` is used where `+=` belongs, at `self.gradient["W"]`'),
        ("layer.backward", 'return grad @ self.params["W"]\n', '`self.params["W"]` is transposed'),
        ("norm", "x.mean(axis=1), x.var", "`x.mean(axis=0)` goes along 0, where it should go along 1"),
        ("norm", "var, mean = x.mean(axis=0), x.var(axis=0)", "`mean` and `var` are exchanged"),
        ("norm", "if eps >= 0:", "`>` is used where `>=` belongs"),
        ("norm", "return x - (mean / np.sqrt(var)),", "brackets are set otherwise in `(x - mean) / np.sqrt(var)`"),
        ("norm", "/ np.sqrt(var + eps)", "`eps` is missing in `np.sqrt(var)`"),
        ("norm", "x[1:-eps or None]", "`-eps` as the end of a slice gives nothing when it is 0"),
        ("total", "x.reshape(len(x), -1)\n", '`order="F"` should not be there in `x.reshape(len(x), -1, order="F")`'),
        ("total", "range(L, 0, -1)", "the term `1` should not be there"),
        ("total", "np.max(rows, axis=1, keepdims=True)", "`np.max(rows, axis=0)` should go along 1, with keepdims"),
        ("total", "1:-L or None, 1:-L or None]", "`-L` as the end of a slice gives nothing when it is 0"),
    ],
)  # fmt: skip
def test_a_change_makes_an_edit_and_says_what_it_mends(function: str, mended: str, words: str) -> None:
    changes = changes_of(LAYER, [function], OF_SOURCES, blocks=of_blocks)
    made = [change for change in changes if mended in change.applied(LAYER)]
    assert words in [change.mends for change in made]


@pytest.mark.parametrize(
    ("code", "mended", "words"),
    [
        ("d = net.forward(x, train=True)", "train=False", "`True` is used where `False` belongs, in `{}`"),
        ("v = m[k]\nv = 2 * v\nreturn v", "2 * v\n    m[k] = v", "`v` is not kept as `m[k]`"),
        ("for w in ws:\n    w += 1\n    return ws", "+= 1\n    return ws", "`return ws` is within the loop"),
        ("p = random(n)\nfor t in ts:\n    f(p)", "    p = random(n)\n        f", "`p = random(n)` is done once"),
        ("h = D.forward(x)\ng = L.backward(h, e)", "L.backward(h, D.backward(x, e))", "`D.backward` is never called"),
        ("z = x[hs:hs + pw, ws:ws + ph]", "x[hs:hs + ph, ws:ws + pw]", "`ph` and `pw` are exchanged"),
        ("s = sqrt(2 / dims[l])", "sqrt(2 / dims[l - 1])", "the index `l` should be `l - 1`"),
        ("y = np.clip(x, 0, 1)", "np.clip(x, 0, None)", "the bound `1` should not be there"),
        ("for i in range(1, L):\n    f(i)", "range(1, L + 1)", "the range ends one too early with `L`"),
        ("y = g * h", "g * (h > 0)", "`h` is used where whether it is above 0 belongs"),
        ("m = u < p", "m = (u < p) / p", "the divisor `p` is missing at `u < p`"),
        ("y = where(x > 0, x, 0.1 * x)", "where(x > 0, x, 0)", "`0.1 * x` is used where `0` belongs"),
        ("return s", "return 2 * s - 1", "`s` is not doubled and lessened by 1"),
        ("W1 = g(x1) / m\nW2 = g(x2)", "W2 = g(x2) / m", "`W2` is not made as `W1` is"),
        ("dA1 = k\nA1 = dA1 * D1\nA2 = dA1\nD2 = 1\ndA2 = 2", "A2 = dA2 * D2", "`A2` is not made as `A1` is"),
        ("zt = f(Wz) * h\nWr = 1\nrt = f(Wr)", "rt = f(Wr) * h", "`rt` is not made as `zt` is"),
        ("w = w - r * dw\ng(b, db)", "dw\n    b = b - r * db", "`b` is not changed as `w` is"),
        ("z = relu(sigmoid(x))", "relu(relu(x))", "`sigmoid` is called where `relu` belongs"),
        ("z = g(tanh(x)) + sigmoid(x)", "np.tanh(x)", "`sigmoid` is used where `np.tanh` belongs"),
        ("z = np.pad(x, 1, 'edge')", "np.pad(x, 1, 'constant')", "`'edge'` is used where `'constant'` belongs"),
        ("z = g(x, 'relu') + g(x, 'tanh')", "g(x, 'tanh') + g", "`'relu'` is used where `'tanh'` belongs"),
        ("z = pad[:, p]\ny = x.sum()", "x[:, p].sum()", "`x` is not indexed as in `[:, p]`"),
        ("for c in cs:\n    z = x[0, :]", "x[0, c]", "`:` is used where `c` belongs"),
        ("z = pad * x / k", "pad * (x // k)", "`/` is used where `//` belongs, in `{}`"),
        ("z = x * (2 / pad)", "x * (np.sqrt(2 / pad))", "the root of `2 / pad` is missing"),
        ("t = 1\nz = x / (1 - b)", "x / (1 - b ** t)", "`b` is not raised to the power `t`"),
        ("z = x / (pad * pad)", "x / (pad + pad)", "`*` is used where `+` belongs"),
        ("for h in hs:\n    k = h\ns = 2", "k = h * s", "the factor `s` is missing at `h`"),
        ("z = g(x @ pad)", "g(x @ pad + run_mean)", "`run_mean` is not used"),
        ("for i in range(x, 0, -1):\n    g(i)", "(x, 0 - 1, -1)", "the range ends one too early with `0`"),
        ("y = x * (1 - self.h)", "(self.h * self.h)", "`self.h` is not squared"),
        ("y = pad[::-1, ::-1]", "y = pad", "the axes of `pad` are reversed"),
        ("h = (x - pad) // 2", "(x - pad) // 2 + 1", "`+ 1` is missing at `(x - pad) // 2`"),
        ("z = x @ pad", "(x @ pad).reshape(x.shape)", "`x @ pad` is not given the shape of `x`"),
        ("z = x / pad.mean()", "x / run_mean", "`pad.mean()` is used where `run_mean` belongs"),
        ("s = 2\nfor i in x:\n    k = min(i * pad, 3)", "min(i * s, 3)", "`pad` is used where `s` belongs"),
        ("N, C, H, W = x.shape\nm = N", "m = N * H * W", "`N` is used where `N * H * W` belongs"),
        ("z = x.reshape(1, pad.size)", "x.reshape(len(x), -1)", "the first axis is flattened too"),
        ("for m in pad:\n    m.backward(x)", "x = m.backward(x)", "what `m.backward(x)` returns is not used"),
        ("e = x - x.max(axis=0)\nz = e / e.sum(axis=0)", "sum(axis=1)", "everything goes along 0, where it should go"),
    ],
)  # fmt: skip
def test_a_function_is_mended_by_what_else_stands_in_it(code: str, mended: str, words: str) -> None:
    lines = "".join(f"    {line}\n" for line in code.split("\n"))
    source = Source(f"def f(x, pad, run_mean):\n{lines}")
    made = [one for one in changes_of(source, ["f"], OF_SOURCES, blocks=of_blocks) if mended in one.applied(source)]
    said = words.format(code.partition(" = ")[2])
    assert any(one.mends.startswith(said) for one in made), [one.mends for one in made]
    assert all(ast.parse(one.applied(source)) for one in made)


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("h1 = f(x); d1 = g(h1); a2 = f(h1)", "f(d1)"),
        ("w = normal(0, sqrt(0.1))", "normal(0, 0.1)"),
        ("scale = f(x); total = total + x.sum()", "total * scale"),
    ],
)
def test_a_name_alike_a_number_in_a_function_and_a_factor_of_what_is_summed_up_are_likely(
    code: str, mended: str
) -> None:
    source = Source(f"def f(self, x):\n    {code}\n")
    made = [one for one in changes_of(source, ["f"], OF_SOURCES, blocks=of_blocks) if mended in one.applied(source)]
    assert min(one.rank for one in made) <= 2


@pytest.mark.parametrize(("lines", "some"), [(LONGEST // 20 - 4, True), (LONGEST // 20, False)])
def test_a_function_is_looked_at_as_a_whole_up_to_a_length(lines: int, some: bool) -> None:
    source = Source("def f(x):\n" + "    x1 = ff(d1, h1)\n" * (lines + 1))
    assert any(of_functions(source, source.functions["f"])) is some


def test_every_change_leaves_python_that_differs_from_the_source_in_its_function_alone() -> None:
    for name in LAYER.functions:
        for change in changes_of(LAYER, [name]):
            changed = change.applied(LAYER)
            assert ast.dump(ast.parse(changed)) != ast.dump(LAYER.tree) or change.operator == "brackets", change
            others = [other for other in LAYER.functions if other != name]
            assert all(Source(changed).definition(one) == LAYER.definition(one) for one in others), change


def test_likelier_changes_come_first_and_none_twice() -> None:
    changes = changes_of(LAYER, LAYER.functions)
    assert [change.rank for change in changes] == sorted(change.rank for change in changes)
    assert len({change.edits for change in changes}) == len(changes)


@pytest.mark.parametrize("text", ["def f(:", "x = 1\0", "(" * 500 + ")" * 500, "x" * (LARGEST + 1)])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        Source(text)


def test_a_method_with_an_edit_can_be_run_by_itself() -> None:
    change = next(
        one for one in changes_of(LAYER, ["layer.backward"]) if one.mends == "the divisor `len(X)` should not be there"
    )
    found: dict[str, object] = {}
    exec(LAYER.definition("layer.backward", change.edits), found)
    assert callable(found["backward"])
    assert "len(X)" not in LAYER.definition("layer.backward", change.edits)


def test_a_name_is_put_in_anothers_place_only_where_it_is_known_and_both_are_numbers_or_neither() -> None:
    text = """def f(x, setting, other):
    n = x.sum()
    if setting['train']:
        inner = n
    else:
        z = x - n
    late = other['eps']
    return g(z, setting)
"""
    source = Source(text)
    made = {(one.line, one.edits[0][2]) for one in changes_of(source, ["f"]) if one.operator == "name"}
    assert {(6, "n"), (6, "x"), (8, "other"), (8, "late")} <= made
    assert not {(6, "inner"), (6, "late"), (6, "setting"), (8, "setting")} & made


@pytest.mark.parametrize(("word", "mends"), [("zeros_like", False), ("array", False), ("exp", True)])
def test_a_function_is_taken_from_around_a_value_but_not_what_makes_a_copy(word: str, mends: bool) -> None:
    """Without the copy both names are one array: what is written into one is then in the other."""
    source = Source(f"def f(x):\n    y = np.{word}(x)\n    y[0] = 1\n    return y\n")
    told = {one.mends for one in changes_of(source, ["f"])}
    assert (f"`np.{word}` should not be there around `x`" in told) == mends
