"""Operators: each changes a function in one place, says so in words, and leaves Python behind."""

from __future__ import annotations

import ast

import pytest

from parity_tests.operators.changes import changes_of
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
        ("total", "\n    loss += np.sum(w[L])\n    ret", "`loss += np.sum(w[i])` is missing for `L`, after the loop"),
        ("total", "np.max(rows, axis=1, keepdims=True)", "`np.max(rows, axis=0)` should go along 1, with keepdims"),
        ("total", "1:-L or None, 1:-L or None]", "`-L` as the end of a slice gives nothing when it is 0"),
    ],
)  # fmt: skip
def test_a_change_makes_an_edit_and_says_what_it_mends(function: str, mended: str, words: str) -> None:
    changes = changes_of(LAYER, [function], OF_SOURCES, blocks=of_blocks)
    made = [change for change in changes if mended in change.applied(LAYER)]
    assert words in [change.mends for change in made]


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
