"""Files of pairs: candidates beside their references, put to drawn cases and to those that catch liars and slips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.cli import main
from parity_tests.pairs.cases import cases
from parity_tests.pairs.pair import Pair, between, labels, pair, positive
from parity_tests.pairs.run_pairs import pairs_in, run_pairs
from parity_tests.protocol.errors import UsageError
from reference.flow import gradients

Array = np.ndarray[Any, Any]
SHAPES = {"x": ("N", 5)}


def made(candidate: Any, reference: Any, **options: Any) -> Pair:
    """A pair in float64 alone, named "it"."""
    options = {"shapes": SHAPES, "dtypes": ("float64",), "name": "it"} | options
    decorated = pair(reference=reference, **options)(candidate)
    return decorated.parity_pair  # type: ignore[no-any-return, attr-defined]


def verdicts(candidate: Any, reference: Any, **options: Any) -> dict[str, str]:
    """The verdict of each case, by its name, on the first result."""
    frame = run_pairs([made(candidate, reference, **options)]).frame
    return {
        str(case).removeprefix("it/"): str(verdict)
        for case, verdict in zip(frame["case"], frame["verdict"], strict=True)
    }


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def test_an_honest_candidate_agrees_in_every_case_and_dtype() -> None:
    result = run_pairs([made(relu, lambda x: torch.relu(x), dtypes=("float32", "float64"))])
    assert result
    names = {str(case).split("/")[1] for case in result.frame["case"]}
    assert names == {
        "drawn", "drawn again", "one row", "zeros", "magnitudes", "ties and nondifferentiable points",
        "another size after the first",
        "Fortran order", "views with strides", "read-only", "all cases",
        "sizes around 32", "sizes around 64", "sizes around 128", "sizes around 256",
    }  # fmt: skip


class Remembers:
    """Answers by the first shape that it has seen."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, x: Array) -> Array:
        self.rows = self.rows or len(x)
        return np.asarray(x.sum(axis=0) / self.rows)


def first_is_kept(x: Array, kept: dict[str, Array] = {}) -> Array:  # noqa: B006 - the mistake that is looked for
    return kept.setdefault("x", np.maximum(x, 0)) if len(kept.get("x", x)) == len(x) else np.maximum(x, 0)


def by_memory(x: Array) -> Array:
    flat = np.frombuffer(x.tobytes(order="A"), x.dtype)
    return np.maximum(flat.reshape(x.shape), 0)


def in_place(x: Array) -> Array:
    x[x < 0] = 0
    return x


@pytest.mark.parametrize(
    ("candidate", "reference", "case"),
    [
        (lambda x: np.maximum(x, 0) * (len(x) > 1), lambda x: torch.relu(x), "one row"),
        (lambda x: np.where(x > 0, x, 0) + (x == 0), lambda x: torch.relu(x), "zeros"),
        (lambda x: np.clip(x, 0, 100), lambda x: torch.relu(x), "magnitudes"),
        (lambda x: x / np.abs(x), lambda x: torch.sign(x), "ties and nondifferentiable points"),
        (Remembers(), lambda x: x.mean(0), "another size after the first"),
        (by_memory, lambda x: torch.relu(x), "Fortran order"),
        (in_place, lambda x: torch.relu(x), "read-only"),
    ],
    ids=["one row", "zeros", "magnitudes", "ties", "another size", "Fortran order", "read-only"],
)
def test_a_slip_shows_in_the_case_that_is_made_for_it(candidate: Any, reference: Any, case: str) -> None:
    found = verdicts(candidate, reference)
    assert found[f"{case}/float64"] in ("mismatch", "crashed")
    if not isinstance(candidate, Remembers):
        assert found["drawn/float64"] == "match"


def test_the_same_seed_draws_the_same_inputs_and_another_one_others() -> None:
    it = made(relu, lambda x: torch.relu(x))
    first, again, other = (list(cases(it, seed)) for seed in (1, 1, 2))
    assert [case.name for case in first] == [case.name for case in other]
    for one, two in zip(first, again, strict=True):
        assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(one.calls, two.calls, strict=True))
    assert not np.array_equal(first[0].calls[0]["x"], other[0].calls[0]["x"])


def test_what_is_wrong_at_the_edge_of_a_tile_shows_by_itself_and_at_sizes_that_are_given() -> None:
    def by_tiles(x: Any) -> Any:  # the last tile is done only where it is whole
        out = np.maximum(x, 0)
        out[len(x) // 64 * 64 :] *= len(x) < 64
        return out

    found = verdicts(by_tiles, lambda x: torch.relu(x))
    assert {case for case, verdict in found.items() if verdict != "match"} == {
        f"sizes around {edge}/float64"
        for edge in (64, 128)  # 65 and 127
    }
    found = verdicts(by_tiles, lambda x: torch.relu(x), sizes={"N": [63, 64, 65]})
    assert found["N = 64/float64"] == "match"
    assert found["N = 65/float64"] == "mismatch"
    assert "sizes around 64/float64" not in found


def test_larger_cases_are_one_less_just_and_one_more_than_an_edge_and_no_array_is_huge() -> None:
    it = made(relu, None, shapes={"x": ("N", "C", "H", "W"), "w": ("C", "K")}, dtypes=("float32", "float64"))
    sizes: dict[str, set[int]] = {"sizes around 32": set(), "sizes around 256": set()}
    for case in (case for seed in range(3) for case in cases(it, seed)):
        arrays = case.calls[-1]
        assert all(array.size <= 1 << 14 for array in arrays.values())
        name = case.name.split("/")[1]
        if name in sizes:
            sizes[name] |= {size for array in arrays.values() for size in array.shape if size > 13}
    assert sizes["sizes around 32"] == {31, 32, 33}
    assert sizes["sizes around 256"] <= {255, 256, 257}


def test_labels_are_whole_numbers_and_positive_inputs_positive_and_others_within_their_range() -> None:
    it = made(relu, None, shapes={"y": labels("N", 10), "v": positive("N"), "z": ("N", "M"), "p": between(0, 1, "N")})
    for case in cases(it, 0):
        call = case.calls[-1]
        assert call["y"].dtype == np.int64
        assert ((call["y"] >= 0) & (call["y"] < 10)).all()
        assert (call["v"] > 0).all()
        assert ((call["p"] >= 0) & (call["p"] <= 1)).all()
        assert len(call["y"]) == len(call["v"]) == len(call["z"])


def test_inputs_may_be_drawn_by_a_function_of_a_generator() -> None:
    def draw(rng: np.random.Generator) -> dict[str, Any]:
        return {"x": rng.uniform(1, 2, (3, 4)), "axis": 1}

    found = verdicts(lambda x, axis: x.sum(axis), lambda x, axis: x.sum(axis), shapes=None, inputs=draw)
    assert set(found.values()) == {"match"}
    assert "drawn 4/float64" in found


def test_cases_on_which_the_reference_raises_are_listed() -> None:
    def reference(x: Any) -> Any:
        if len(x) == 1:
            raise ValueError("one row is too few")
        return x.var(0)

    result = run_pairs([made(lambda x: x.var(0, ddof=1), reference)])
    assert result
    assert result.run.environment.cases_refused_by_the_reference == {
        "it/one row/float64": "ValueError: one row is too few"
    }


def test_a_reference_that_raises_everywhere_is_a_sentence() -> None:
    def reference(x: Any) -> Any:
        raise ValueError("never")

    with pytest.raises(UsageError, match=r"reference of it raises in every case: ValueError: never\.$"):
        run_pairs([made(relu, reference)])
    with pytest.raises(UsageError, match=r"where it takes others, write lambda x: f\(x\)"):
        run_pairs([made(relu, lambda z: z)])


def test_results_of_other_names_are_not_taken_for_what_is_not_written() -> None:
    def named(**results: Any) -> set[str]:
        found = run_pairs([made(lambda x: {k: v(x) for k, v in results.items()}, torch.relu)]).run.records
        return {f"{one.verdict}: {one.message}" for one in found}

    assert any("mismatch" in one and "returns out; expected are output" in one for one in named(out=relu))
    assert not any("missing" in one for one in named(out=relu))
    assert any("missing" in one for one in named())


@pytest.mark.parametrize(
    "reference",
    [lambda x: x * 0, lambda x: x * 0 + 2, lambda x: x * float("nan")],
    ids=["zeros", "a constant", "no numbers"],
)
def test_inputs_that_ask_nothing_are_reported(reference: Any) -> None:
    result = run_pairs([made(lambda x: reference(x), reference)])
    assert not result
    last = result.frame.iloc[-1]
    assert (last["case"], last["verdict"]) == ("it/all cases", "unjudged")
    assert "the inputs ask nothing of output" in last["message"]


def test_the_gradient_of_a_softmax_summed_asks_nothing() -> None:
    reference = gradients(lambda x: torch.softmax(x, -1).sum(), of=("x",), given=None)
    result = run_pairs([made(lambda x: {"output": np.float64(len(x)), "x": np.zeros_like(x)}, reference)])
    assert "the inputs ask nothing of x" in result.frame["message"].iloc[-1]


FILE = """
import numpy as np, torch
from parity import between, pair

@pair(reference=lambda x: torch.relu(x), shapes={"x": ("N", 5)}, dtypes=["float64"])
def relu(x):
    return np.maximum(x, 0)

@pair(reference=lambda x: torch.tanh(x), shapes={"x": ("N",)}, dtypes=["float64"], name="tanh, wrongly")
def tanh(x):
    return x
"""


def test_a_file_of_pairs_is_found_and_run(tmp_path: Path) -> None:
    file = tmp_path / "pairs.py"
    file.write_text(FILE)
    pairs = pairs_in(file)
    assert [it.name for it in pairs] == ["relu", "tanh, wrongly"]
    result = run_pairs(pairs)
    wrong = set(result.frame[result.frame["verdict"] == "mismatch"]["part"])
    assert wrong == {"tanh, wrongly"}


def test_where_the_reference_lacks_an_input_it_is_said_how_to_give_it() -> None:
    made = pair(reference=torch.nn.functional.cosine_similarity, shapes={"x1": (3, 4)})(lambda x1: x1)
    with pytest.raises(UsageError, match=r"missing .*fixed="):
        run_pairs([made.parity_pair])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "defines no pair"),
        ("raise ValueError('broken')\n", "cannot be run: ValueError: broken"),
        (FILE.replace('name="tanh, wrongly"', 'name="relu"'), "defines relu more than once"),
        ("from parity_tests import pair\npair(reference=None)\n", "needs shapes="),
        ("from parity_tests import pair\npair(reference=None, shapes={'x': 1.5})\n", "the shape of x is 1.5"),
        ("from parity_tests import pair\npair(reference=None, shapes={}, dtypes=['float16'])\n", "not float16"),
    ],
    ids=["none", "broken", "twice", "no inputs", "no shape", "another type"],
)
def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "pairs.py"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        pairs_in(file)
    with pytest.raises(UsageError, match="is a folder: `parity check "):
        pairs_in(tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        pairs_in(tmp_path / "nowhere.py")


# ---- the command


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pairs.py"
    path.write_text(FILE)
    return path


def test_a_wrong_pair_fails_with_its_place_and_numbers(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(file)]) == 1
    shown = capsys.readouterr().out
    assert "tanh, wrongly" in shown
    assert "times the error bound" in " ".join(shown.split())
    assert (file.parent / "parity-run" / "report.html").is_file()
    assert main(["show", "parity-run"]) == 0
    assert main(["report", "parity-run", "--format", "junit", "--out", "junit.xml"]) == 0
    assert 'name="tanh, wrongly"' in Path("junit.xml").read_text(encoding="utf-8")


def test_pairs_that_agree_end_with_0(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.partition("@pair(reference=lambda x: torch.tanh")[0])
    assert main(["hold", str(file), "-q"]) == 0
    assert capsys.readouterr().out.startswith("Agreement:")


def test_json_stands_alone_on_standard_output(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(file), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {record["check"] for record in document["records"]} == {"hold"}
    assert {record["radius_kind"] for record in document["records"]} <= {"", "bound", "sample"}


def test_what_cannot_be_run_is_a_sentence_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", str(tmp_path / "nowhere.py"), "--out", str(tmp_path / "run")]) == 2
    assert "there is no file" in capsys.readouterr().err
