"""Digits: the shipped ones, files there and back, and a sentence for each way in which a file can be bad."""

from __future__ import annotations

import json
import os
import struct
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity_tests.assignments.mlp.digits import (
    DataError,
    Digits,
    load_data,
    load_digits,
    small_digits,
    write_homework_json,
)


def assert_same(got: Digits, want: Digits) -> None:
    for (_, got_X, got_y), (_, want_X, want_y) in zip(got.parts(), want.parts(), strict=True):
        assert got_X.dtype == np.float64
        assert got_y.dtype == np.int64
        assert np.array_equal(got_X, want_X)
        assert np.array_equal(got_y, want_y)


def npz_content() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    content: dict[str, Any] = {}
    for part in ("train", "valid", "test"):
        content[f"{part}_X"] = rng.integers(0, 256, (12, 16), dtype=np.uint8)
        content[f"{part}_y"] = np.arange(12, dtype=np.uint8) % 10
    return content


def write_idx(file: Path, array: Any) -> None:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    file.write_bytes(header + array.astype(np.uint8).tobytes())


def write_full_mnist(root: Path) -> tuple[Any, Any]:
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (10_007, 4, 4)), rng.integers(0, 10, 10_007)
    for name, count in (("train", 10_007), ("t10k", 9)):
        write_idx(raw / f"{name}-images-idx3-ubyte", images[:count])
        write_idx(raw / f"{name}-labels-idx1-ubyte", labels[:count])
    return images, labels


def test_shipped_digits_are_the_homeworks() -> None:
    digits = load_digits()
    assert [X.shape for _, X, _ in digits.parts()] == [(5000, 784), (1000, 784), (1000, 784)]
    for _, X, y in digits.parts():
        assert X.min() == 0
        assert X.max() == 255 / 256
        assert np.array_equal(X * 256, np.round(X * 256))
        assert np.unique(y).tolist() == list(range(10))


def test_homework_json_there_and_back_is_unchanged(tmp_path: Path) -> None:
    digits = small_digits(22, 11, 10)
    file = tmp_path / "digits.json"
    write_homework_json(file, digits)
    content = json.loads(file.read_text())
    assert list(content) == ["train", "valid", "test"]
    assert isinstance(content["test"][1][0], int)
    assert_same(load_data(file), digits)
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = small_digits(1, 1, 1, pixels=1)
    with pytest.raises(DataError, match="cannot be written"):
        write_homework_json(tmp_path / "nowhere" / "digits.json", digits)
    with pytest.raises(DataError, match="cannot be written"):
        write_homework_json(tmp_path, digits)

    file = tmp_path / "digits.json"
    file.write_text("before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_homework_json(file, digits)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_npz_is_read_as_the_shipped_one_is(tmp_path: Path) -> None:
    file = tmp_path / "digits.npz"
    np.savez(file, **npz_content())
    digits = load_data(file)
    assert np.array_equal(digits.valid_X * 256, npz_content()["valid_X"])


@pytest.mark.parametrize("kept", [0, 100, 100_000, 1_100_000])
def test_an_npz_cut_short_is_said_to_be(tmp_path: Path, kept: int) -> None:
    whole = (resources.files("parity_tests.assignments.mlp") / "data" / "mnist_subset.npz").read_bytes()
    file = tmp_path / "digits.npz"
    file.write_bytes(whole[:kept])
    with pytest.raises(DataError, match=r"digits\.npz is damaged or cut short"):
        load_data(file)


@pytest.mark.parametrize("place", [60_000, 600_000, 1_000_000])
def test_an_npz_with_flipped_bytes_is_said_to_be_damaged(tmp_path: Path, place: int) -> None:
    content = bytearray((resources.files("parity_tests.assignments.mlp") / "data" / "mnist_subset.npz").read_bytes())
    content[place : place + 8] = bytes(255 - byte for byte in content[place : place + 8])
    file = tmp_path / "digits.npz"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"digits\.npz is damaged"):
        load_data(file)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"test_y": None}, "test_y"),
        ({"test_X": np.zeros((12, 16))}, "test_X as float64, but uint8"),
        ({"test_X": np.zeros((12, 9), np.uint8)}, r"test pixels of shape \(12, 9\)"),
        ({"test_X": np.zeros((12, 4, 4), np.uint8)}, r"test pixels of shape \(12, 4, 4\)"),
        ({"train_X": np.uint8(0)}, r"train pixels of shape \(\)"),
        ({"test_X": np.zeros((0, 16), np.uint8)}, r"test pixels of shape \(0, 16\)"),
        ({"test_y": np.zeros(11, np.uint8)}, r"12 test digits, but labels of shape \(11,\)"),
        ({"test_y": np.full(12, 10, np.uint8)}, "labels other than 0 to 9"),
        ({"test_y": np.array([None] * 12)}, "damaged"),
    ],
)
def test_an_npz_with_wrong_content_is_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    file = tmp_path / "digits.npz"
    content = {key: array for key, array in {**npz_content(), **change}.items() if array is not None}
    np.savez(file, **content)
    with pytest.raises(DataError, match=sentence):
        load_data(file)


def test_a_lone_array_named_npz_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "digits.npz"
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match="damaged"):
        load_data(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "not JSON"),
        ('{"train": [[[0.5', "not JSON"),
        ("[1, 2]", "'train' should hold"),
        ('{"train": [[[0.5]], [1]]}', "'valid' should hold"),
        ('{"train": [[[0.5], [0.5, 0.5]], [1, 2]]}', "'train' should hold"),
        ('{"train": [[["a"]], [1]]}', "'train' should hold"),
        (
            '{"train": [[[0.5]], [1]], "valid": [[[1.5]], [1]], "test": [[[0.5]], [1]]}',
            r"valid pixels outside \[0, 1\]",
        ),
        (
            '{"train": [[[0.5]], [1]], "valid": [[[NaN]], [1]], "test": [[[0.5]], [1]]}',
            r"valid pixels outside \[0, 1\]",
        ),
        ('{"train": [[[0.5]], [1.5]], "valid": [[[0.5]], [1]], "test": [[[0.5]], [1]]}', "labels other than"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_json_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "digits.json"
    file.write_text(content)
    with pytest.raises(DataError, match=sentence):
        load_data(file)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no .*digits\.json"):
        load_data(tmp_path / "digits.json")


def test_full_mnist_in_idx_form_is_read_through_torchvision(tmp_path: Path) -> None:
    images, labels = write_full_mnist(tmp_path)
    digits = load_data(tmp_path)
    assert [len(y) for _, _, y in digits.parts()] == [7, 10_000, 9]
    assert np.array_equal(digits.train_X * 256, images[:7].reshape(7, 16))
    assert np.array_equal(digits.valid_y, labels[7:])
    assert np.array_equal(digits.test_X * 256, images[:9].reshape(9, 16))


def test_without_torchvision_full_mnist_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped digits need nothing more."""
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataError, match=r"is not installed\. This brings it: .* pip install torchvision"):
        load_data(tmp_path)
    assert load_digits().train_X.size


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("train-images-idx3-ubyte", 0),
        ("train-images-idx3-ubyte", 1000),
        ("train-labels-idx1-ubyte", 1000),
        ("t10k-images-idx3-ubyte", 3),
        ("t10k-labels-idx1-ubyte", None),
    ],
)
def test_full_mnist_cut_short_or_lacking_a_file_is_refused(tmp_path: Path, name: str, kept: int | None) -> None:
    write_full_mnist(tmp_path)
    file = tmp_path / "MNIST" / "raw" / name
    if kept is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataError, match="does not hold full MNIST, or holds it damaged"):
        load_data(tmp_path)


def test_small_digits_are_few_distinct_exact_and_always_the_same() -> None:
    digits = small_digits(22, 11, 10)
    rows = np.concatenate([X for _, X, _ in digits.parts()])
    assert rows.shape == (43, 100)
    assert len(np.unique(rows, axis=0)) == 43
    assert np.array_equal(rows * 1024, np.round(rows * 1024))
    assert np.array_equal(rows.astype(np.float32).astype(np.float64), rows)
    for _, _, y in digits.parts():
        counts = np.bincount(y, minlength=10)
        assert counts.max() - counts.min() <= 1
    assert_same(small_digits(22, 11, 10), digits)


def test_small_digits_are_averages_of_real_ones() -> None:
    digits = small_digits(10, 10, 10, pixels=14)
    originals = load_digits().train_X.reshape(-1, 14, 2, 14, 2)
    averages = (originals.sum(axis=(2, 4)) / 4).reshape(-1, 196)
    for row, label in zip(digits.train_X, digits.train_y, strict=True):
        (where,) = np.nonzero((averages == row).all(axis=1))
        assert label in load_digits().train_y[where]


def test_small_digits_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="pixels is 15"):
        small_digits(1, 1, 1, pixels=15)
    with pytest.raises(ValueError, match="1001 valid digits were asked for"):
        small_digits(1, 1001, 1)
