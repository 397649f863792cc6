"""Memory shared with a submission's process: what is laid there, for how long, and what nonsense is refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from parity_tests.harness.wire import frames as wire
from parity_tests.harness.wire import shared_memory as shelf
from parity_tests.harness.wire.shared_memory import BANKS, Shelf

ROOM = 1 << 16


@pytest.fixture
def sides() -> tuple[Shelf, Shelf]:
    """The harness's and the submission's view of the same memory, turned to the first bank."""
    descriptor = shelf.create(ROOM)
    found = Shelf(descriptor, ROOM), Shelf(descriptor, ROOM)
    os.close(descriptor)
    turn(found)
    return found


def turn(sides: tuple[Shelf, Shelf]) -> None:
    for side in sides:
        side.turn()
    sides[0].clear()


def read(harness: Shelf) -> list[wire.Message]:
    return wire.shelved(harness.new(), harness.contents)


def test_what_is_laid_down_is_read_once_with_every_bit(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    arrays = {"value": np.array([[1.5, np.nan], [-0.0, np.inf]]).T, "count": np.array(7, np.int8)}
    assert other.put({"kind": "value", "name": "W"}, arrays)
    assert other.put({"kind": "fact", "key": "ö", "value": "a\nb"}, {})
    first, second = read(harness)
    assert first.header == {"kind": "value", "name": "W"}
    for name, array in arrays.items():
        assert first.arrays[name].dtype == array.dtype
        assert first.arrays[name].tobytes() == array.tobytes()
    assert second.header == {"kind": "fact", "key": "ö", "value": "a\nb"}
    assert read(harness) == []


def test_a_copy_is_laid_down(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    array = np.ones(3)
    other.put({}, {"value": array})
    array[:] = 2
    assert read(harness)[0].arrays["value"].tolist() == [1, 1, 1]


def test_an_array_stays_until_its_bank_comes_again(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    other.put({}, {"value": np.full(4, 1.0)})
    kept = read(harness)[0].arrays["value"]
    for k in range(1, BANKS):
        turn(sides)
        assert read(harness) == []
        other.put({}, {"value": np.full(4, 1.0 + k)})
        assert kept.tolist() == [1.0] * 4
    turn(sides)
    other.put({}, {"value": np.full(4, 9.0)})
    assert kept.tolist() == [9.0] * 4


def test_a_case_begins_where_the_one_before_began(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    other.put({}, {"value": np.full(4, 1.0)})
    first = read(harness)[0].arrays["value"]
    turn(sides)
    for side in sides:
        side.begin()
    harness.clear()
    other.put({}, {"value": np.full(4, 2.0)})
    assert [message.arrays["value"].tolist() for message in read(harness)] == [[2.0] * 4]
    assert first.tolist() == [2.0] * 4


def test_what_does_not_fit_or_is_no_json_is_not_laid_down(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    assert not other.put({}, {"value": np.zeros(ROOM + 1, np.int8)})
    assert not other.put({"text": "x" * shelf.LOG}, {})
    assert not other.put({"text": float}, {})
    assert read(harness) == []
    assert other.put({}, {"value": np.zeros(ROOM, np.int8)})


def test_the_call_at_hand_is_told(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    assert harness.label == ""
    other.call("linear_layer.forward")
    other.call("relu.forward")
    assert harness.label == "relu.forward"


def test_nobody_can_shorten_the_memory() -> None:
    descriptor = shelf.create(ROOM)
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


@pytest.mark.parametrize(
    "log",
    [
        b"\xff\xfe",
        b"{",
        b"7\n",
        b"[1]\n",
        b"{}\n",
        b'{"arrays": [["a", "<f8", [1], -8]]}\n',
        b'{"arrays": [["a", "<f8", [1], 4090]]}\n',
        b'{"arrays": [["a", "<f8", [1], true]]}\n',
        b'{"arrays": [["a", "<f8", [1]]]}\n',
        b'{"arrays": [["a", "O", [1], 0]]}\n',
        b'{"arrays": [["a", "<f8", [-1], 0]]}\n',
        b'{"arrays": [["a", "<f8", [1099511627776], 0]]}\n',
        b"[" * 100_000,
    ],
)
def test_nonsense_in_the_log_is_refused(log: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.shelved(log, memoryview(bytearray(4096)))


def test_a_length_beyond_the_log_reads_no_further(sides: tuple[Shelf, Shelf]) -> None:
    harness, other = sides
    line = json.dumps({"arrays": []}).encode() + b"\n"
    other.put({}, {})
    other.contents[:8] = (1 << 60).to_bytes(8, "little")
    found = harness.new()
    assert len(found) == shelf.LOG
    assert found.startswith(line)


def test_no_text_hides_in_a_header_that_is_broken_into_two_lines() -> None:
    log = b'{"arrays": [], "text": "\n\\u0007"}, {"arrays": []}\n'
    assert [message.tidy for message in wire.shelved(log, memoryview(bytearray(64)))] == [False, False]
