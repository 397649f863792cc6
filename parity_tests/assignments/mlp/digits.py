"""MNIST digits: the homework's 7,000, which are shipped, and what a file or folder of the user's holds."""

from __future__ import annotations

import json
import os
import shlex
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from reports.model.write_whole import write_whole

PARTS = ("train", "valid", "test")
CLASSES = 10
SIDE = 28  # pixels along a side of a digit
VALIDATION_DIGITS = 10_000  # of full MNIST, which has no validation set: the last ones of its training set


class DataError(ValueError):
    """Digits cannot be read or written; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Three sets of digits: X has a digit a row (N×D float64, pixel/256, which is exact), y the N labels."""

    train_X: NDArray[np.float64]  # noqa: N815, as in the shipped file
    train_y: NDArray[np.int64]
    valid_X: NDArray[np.float64]  # noqa: N815
    valid_y: NDArray[np.int64]
    test_X: NDArray[np.float64]  # noqa: N815
    test_y: NDArray[np.int64]

    def parts(self) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.int64]]]:
        """('train', X, y), then the same for 'valid' and 'test'."""
        yield "train", self.train_X, self.train_y
        yield "valid", self.valid_X, self.valid_y
        yield "test", self.test_X, self.test_y


SHIPPED_FILE = resources.files("parity_tests.assignments.mlp") / "data" / "mnist_subset.npz"


def load_digits() -> Digits:
    """The homework's own subset of MNIST, shipped with Parity: 5,000, 1,000, 1,000 digits of 784 pixels."""
    with SHIPPED_FILE.open("rb") as file:
        return _from_npz(file, "the shipped mnist_subset.npz", "Install Parity anew.")


@cache
def shipped_digits() -> Digits:
    """The same digits, read once: the same arrays for everybody, which cannot be written to."""
    digits = load_digits()
    for _, *arrays in digits.parts():
        for array in arrays:
            array.flags.writeable = False
    return digits


def load_data(path: str | os.PathLike[str], *, download: bool = False) -> Digits:
    """Digits from the homework's JSON file, an .npz like the shipped one, or a folder of full MNIST (IDX).

    JSON holds {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, pixels in [0, 1]. An .npz holds train_X,
    train_y and so on, as uint8. A folder is read by torchvision: it holds MNIST/raw/train-images-idx3-ubyte
    and so on, and with `download` what it lacks is fetched into it. Of full MNIST's 60,000 training digits
    the last 10,000 are `valid`.

    Raises DataError for a file that is missing, damaged, cut short, or of wrong shapes.
    """
    path = Path(path)
    if download or path.is_dir():
        return _from_idx(path, download)
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".npz":
                return _from_npz(
                    file, str(path), "Give a whole file, or leave the option out to use the shipped digits."
                )
            return _from_json(file, str(path))
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}. `parity data` writes the homework's digits to a file.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def write_homework_json(path: str | os.PathLike[str], digits: Digits) -> None:
    """Write the homework's JSON, {'train': [X, y], 'valid': [X, y], 'test': [X, y]}, whole or not at all.

    Raises DataError where the file cannot be written; what was there before is then untouched.
    """
    path = Path(path)
    content = json.dumps({part: [X.tolist(), y.tolist()] for part, X, y in digits.parts()})
    try:
        write_whole(path, content.encode())
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}. Choose a folder that can be.") from error


def small_digits(
    count_train: int, count_valid: int, count_test: int, pixels: int = 10, rng: np.random.Generator | None = None
) -> Digits:
    """A few real digits of few pixels (pixels×pixels): cheap enough for a network made of Python loops.

    The middle 2·pixels×2·pixels of each digit is averaged over squares of 2×2, so every value is a whole
    multiple of 1/1024, which float32 holds exactly. No two rows of the three sets together are alike, so a
    row tells which digit it is. The classes are as evenly spread as the counts allow. `rng` draws them; without it
    they are the first of the file.

    Raises ValueError where pixels is not in 1…14, or there are not that many different digits.
    """
    if not 1 <= pixels <= SIDE // 2:
        raise ValueError(f"pixels is {pixels}, but must lie between 1 and {SIDE // 2}.")
    counts = {"train": count_train, "valid": count_valid, "test": count_test}
    seen: set[bytes] = set()
    chosen: dict[str, NDArray[Any]] = {}
    for part, X, y in shipped_digits().parts():
        small: dict[int, NDArray[np.float64]] = {}
        for row in _round_robin(y, np.arange(len(y)) if rng is None else rng.permutation(len(y))):
            if len(small) == counts[part]:
                break
            reduced = _reduced(X[row], pixels)
            key = reduced.tobytes()
            if key not in seen:
                seen.add(key)
                small[row] = reduced
        if len(small) != counts[part]:
            raise ValueError(f"{counts[part]} {part} digits were asked for, but only {len(small)} of them differ.")
        rows = sorted(small)  # as they come in the file, so that labels are in no order
        chosen[f"{part}_X"], chosen[f"{part}_y"] = np.stack([small[row] for row in rows]), y[rows]
    return Digits(**chosen)


def _reduced(X: NDArray[np.float64], pixels: int) -> NDArray[np.float64]:
    """The middle of a digit (784), averaged over squares of 2×2: pixels²."""
    margin = SIDE // 2 - pixels
    middle = X.reshape(SIDE, SIDE)[margin : SIDE - margin, margin : SIDE - margin]
    means: NDArray[np.float64] = middle.reshape(pixels, 2, pixels, 2).mean(axis=(1, 3))
    return means.reshape(-1)


def _round_robin(y: NDArray[np.int64], rows: NDArray[np.int64]) -> list[int]:
    """Row numbers: the first digit of each class among `rows`, then the second of each, and so on."""
    turn = np.zeros(len(y), dtype=int)
    for label in range(CLASSES):
        mine = rows[y[rows] == label]
        turn[mine] = np.arange(len(mine))
    order: list[int] = np.lexsort((y, turn)).tolist()
    return order


def _from_npz(file: IO[bytes], name: str, remedy: str) -> Digits:
    try:
        with np.load(file, allow_pickle=False) as archive:
            raw = {key: archive[key] for part in PARTS for key in (f"{part}_X", f"{part}_y")}
    except KeyError as error:
        raise DataError(f"{name} is not a file of digits: {error.args[0]}. {remedy}") from error
    except (
        ValueError,
        EOFError,
        OSError,
        AttributeError,
        TypeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        # AttributeError and TypeError: numpy read a lone array, which is no archive.
        raise DataError(f"{name} is damaged or cut short ({type(error).__name__}: {error}). {remedy}") from error
    for key, array in raw.items():
        if array.dtype != np.uint8:
            raise DataError(f"{name} holds {key} as {array.dtype}, but uint8 is expected. {remedy}")
    return _checked({key: array / 256 if key.endswith("_X") else array for key, array in raw.items()}, name, remedy)


def _from_json(file: IO[bytes], name: str) -> Digits:
    remedy = "`parity data` writes a whole one."
    try:
        content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is damaged or cut short: it is not JSON ({error}). {remedy}") from error
    raw: dict[str, NDArray[Any]] = {}
    for part in PARTS:
        try:
            X, y = content[part]
            raw[f"{part}_X"], raw[f"{part}_y"] = np.array(X, dtype=np.float64), np.array(y, dtype=np.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{name} is not the homework's file: '{part}' should hold rows of pixels and their labels"
                f" ({type(error).__name__}: {error}). {remedy}"
            ) from error
    return _checked(raw, name, remedy)


def _from_idx(folder: Path, download: bool) -> Digits:
    try:
        from torchvision.datasets import MNIST  # costs twice what torch does, and only full MNIST needs it
    except ImportError as error:
        install = shlex.join([sys.executable, "-m", "pip", "install", "torchvision"])
        raise DataError(
            f"full MNIST is read by torchvision, which is not installed. This brings it: {install}"
        ) from error

    remedy = (
        f"{folder / 'MNIST' / 'raw'} should hold train-images-idx3-ubyte, t10k-images-idx3-ubyte"
        f" and their labels; --download fetches them where there is a network."
    )
    try:
        train, test = (MNIST(str(folder), train=part, download=download) for part in (True, False))
        images, labels = train.data.numpy() / 256, train.targets.numpy()
        test_images, test_labels = test.data.numpy() / 256, test.targets.numpy()
    except Exception as error:
        # torchvision meets damage with whatever comes first: AssertionError, KeyError, RuntimeError.
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise DataError(f"{folder} does not hold full MNIST, or holds it damaged ({reason}). {remedy}") from error
    if len(images) <= VALIDATION_DIGITS or len(images) != len(labels):
        raise DataError(f"{folder} holds {len(images)} training images and {len(labels)} labels. {remedy}")
    images, test_images = images.reshape(len(images), -1), test_images.reshape(len(test_images), -1)
    raw = {
        "train_X": images[:-VALIDATION_DIGITS],
        "train_y": labels[:-VALIDATION_DIGITS],
        "valid_X": images[-VALIDATION_DIGITS:],
        "valid_y": labels[-VALIDATION_DIGITS:],
        "test_X": test_images,
        "test_y": test_labels,
    }
    return _checked(raw, str(folder), remedy)


def _checked(raw: Mapping[str, NDArray[Any]], name: str, remedy: str) -> Digits:
    """Digits of what was read, once shapes, pixels (in [0, 1]) and labels (whole, 0 to 9) are right."""
    arrays: dict[str, NDArray[Any]] = {}
    columns = raw["train_X"].shape[1:]
    for part in PARTS:
        X, y = raw[f"{part}_X"], raw[f"{part}_y"]
        if X.ndim != 2 or X.size == 0 or X.shape[1:] != columns:
            raise DataError(
                f"{name} holds {part} pixels of shape {X.shape}, but a row of pixels for each digit is"
                f" expected, as many in all sets. {remedy}"
            )
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.shape != X.shape[:1]:
            raise DataError(f"{name} holds {len(X)} {part} digits, but labels of shape {y.shape}. {remedy}")
        if not ((X >= 0) & (X <= 1)).all():
            raise DataError(f"{name} holds {part} pixels outside [0, 1]. {remedy}")
        if not np.isin(y, np.arange(CLASSES)).all():
            raise DataError(f"{name} holds {part} labels other than 0 to {CLASSES - 1}. {remedy}")
        arrays[f"{part}_X"], arrays[f"{part}_y"] = X, y.astype(np.int64)
    return Digits(**arrays)
