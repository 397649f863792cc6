"""Memory shared with a submission's process: what is written there, how long it stays, and what nonsense is refused."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from parity_tests.harness.wire import frames, shared_memory
from parity_tests.harness.wire.shared_memory import BANKS, SharedMemory

ARRAY_BYTES = 1 << 16


@pytest.fixture
def sides() -> tuple[SharedMemory, SharedMemory]:
    """The harness's and the submission's view of the same memory, turned to the first bank."""
    descriptor = shared_memory.create(ARRAY_BYTES)
    both = SharedMemory(descriptor, ARRAY_BYTES), SharedMemory(descriptor, ARRAY_BYTES)
    os.close(descriptor)
    next_bank(both)
    return both


def next_bank(sides: tuple[SharedMemory, SharedMemory]) -> None:
    for side in sides:
        side.next_bank()
    sides[0].clear()


def read(harness: SharedMemory) -> list[frames.Message]:
    return frames.decode_log(harness.read_log(), harness.bank)


def test_what_is_written_is_read_once_with_every_bit(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    arrays = {"value": np.array([[1.5, np.nan], [-0.0, np.inf]]).T, "count": np.array(7, np.int8)}
    assert submission.write({"kind": "value", "name": "W"}, arrays)
    assert submission.write({"kind": "fact", "key": "ö", "value": "a\nb"}, {})
    first, second = read(harness)
    assert first.header == {"kind": "value", "name": "W"}
    for name, array in arrays.items():
        assert first.arrays[name].dtype == array.dtype
        assert first.arrays[name].tobytes() == array.tobytes()
    assert second.header == {"kind": "fact", "key": "ö", "value": "a\nb"}
    assert read(harness) == []


def test_a_copy_is_written(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    array = np.ones(3)
    submission.write({}, {"value": array})
    array[:] = 2
    assert read(harness)[0].arrays["value"].tolist() == [1, 1, 1]


def test_an_array_stays_until_its_bank_comes_again(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    submission.write({}, {"value": np.full(4, 1.0)})
    kept = read(harness)[0].arrays["value"]
    for k in range(1, BANKS):
        next_bank(sides)
        assert read(harness) == []
        submission.write({}, {"value": np.full(4, 1.0 + k)})
        assert kept.tolist() == [1.0] * 4
    next_bank(sides)
    submission.write({}, {"value": np.full(4, 9.0)})
    assert kept.tolist() == [9.0] * 4


def test_a_case_begins_where_the_one_before_began(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    submission.write({}, {"value": np.full(4, 1.0)})
    first = read(harness)[0].arrays["value"]
    next_bank(sides)
    for side in sides:
        side.first_bank()
    harness.clear()
    submission.write({}, {"value": np.full(4, 2.0)})
    assert [message.arrays["value"].tolist() for message in read(harness)] == [[2.0] * 4]
    assert first.tolist() == [2.0] * 4


def test_what_does_not_fit_or_is_no_json_is_not_written(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    assert not submission.write({}, {"value": np.zeros(ARRAY_BYTES + 1, np.int8)})
    assert not submission.write({"text": "x" * shared_memory.LOG_BYTES}, {})
    assert not submission.write({"text": float}, {})
    assert read(harness) == []
    assert submission.write({}, {"value": np.zeros(ARRAY_BYTES, np.int8)})


def test_the_current_call_is_named(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    assert harness.label == ""
    submission.write_label("linear_layer.forward")
    submission.write_label("relu.forward")
    assert harness.label == "relu.forward"


def test_the_memory_cannot_be_shortened() -> None:
    descriptor = shared_memory.create(ARRAY_BYTES)
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
    with pytest.raises(frames.WireError):
        frames.decode_log(log, memoryview(bytearray(4096)))


def test_a_length_beyond_the_log_reads_no_further(sides: tuple[SharedMemory, SharedMemory]) -> None:
    harness, submission = sides
    line = json.dumps({"arrays": []}).encode() + b"\n"
    submission.write({}, {})
    submission.bank[:8] = (1 << 60).to_bytes(8, "little")
    log = harness.read_log()
    assert len(log) == shared_memory.LOG_BYTES
    assert log.startswith(line)


def test_no_text_hides_in_a_header_that_is_broken_into_two_lines() -> None:
    log = b'{"arrays": [], "text": "\n\\u0007"}, {"arrays": []}\n'
    assert [message.clean for message in frames.decode_log(log, memoryview(bytearray(64)))] == [False, False]
