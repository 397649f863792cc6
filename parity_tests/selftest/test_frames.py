"""The framing between the harness and a submission's process: round trips, and nonsense from the other side."""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from parity_tests.harness.wire import frames
from parity_tests.selftest import fuzz_frames

DTYPES = st.sampled_from(["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "g", ">f8", ">i4"])
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def frame(header: object, body: bytes = b"", announced: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<IQ", len(text), len(body) if announced is None else announced) + text + body


def encoded(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    return b"".join(frames.encode(header, arrays))


def decoded(data: bytes, cap: int = frames.MAX_BODY) -> frames.Message | None:
    decoder = frames.Decoder(cap)
    decoder.feed(data)
    return decoder.next()


@given(st.dictionaries(st.text(), JSON, max_size=3), st.dictionaries(st.text(), ARRAYS, max_size=3), st.integers(1, 50))
def test_what_is_sent_arrives_bit_by_bit_in_pieces_of_any_size(
    header: dict[str, Any], arrays: dict[str, NDArray[Any]], size: int
) -> None:
    header.pop("arrays", None)
    data = encoded(header, arrays) * 2
    decoder, messages = frames.Decoder(), []
    for start in range(0, len(data), size):
        decoder.feed(data[start : start + size])
        while (message := decoder.next()) is not None:
            messages.append(message)
    assert len(messages) == 2
    for message in messages:
        assert message.header == header
        assert list(message.arrays) == list(arrays)
        for name, array in arrays.items():
            got = message.arrays[name]
            assert (got.shape, got.dtype) == (array.shape, array.dtype.newbyteorder("="))
            assert got.tobytes() == array.astype(got.dtype).tobytes()
            assert got.flags.writeable
            assert got.flags.c_contiguous


def test_what_comes_through_a_pipe_arrives_bit_by_bit_whatever_its_size() -> None:
    drawn = np.random.default_rng(0)
    arrays: dict[str, NDArray[Any]] = {
        "small": drawn.standard_normal(3),
        "large": drawn.standard_normal((300, 500)),
        "empty": np.zeros((0, 7)),
        "odd": drawn.integers(0, 256, 3 * frames.PIECE + 5).astype(np.uint8),
        "last": np.array(7),
    }
    data = encoded({"kind": "value"}, arrays) + encoded({"kind": "done"}, {})
    ours, theirs = os.pipe()
    decoder, messages = frames.Decoder(), []
    os.set_blocking(ours, False)
    assert decoder.read(ours) == 0
    with open(ours, "rb", 0), open(theirs, "wb", 0) as pipe:  # noqa: PTH123 - a descriptor is no path
        for start in range(0, len(data), 1 << 15):
            pipe.write(data[start : start + (1 << 15)])
            while decoder.read(ours):
                continue
            while (message := decoder.next()) is not None:
                messages.append(message)
    value, done = messages
    assert done.header == {"kind": "done"}
    assert list(value.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(value.arrays[name], array, strict=True)


def test_a_batch_of_five_digits_is_sent_in_one_piece() -> None:
    arrays = {"X": np.zeros((5, 784)), "Y": np.zeros((5, 1))}
    assert len(list(frames.encode({"kind": "round"}, arrays))) == 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_wire_error_at_worst(data: bytes) -> None:
    try:
        message = decoded(data)
    except frames.WireError:
        return
    assert message is None


@given(JSON, st.binary(max_size=40))
def test_an_arbitrary_header_is_a_wire_error_at_worst(header: object, body: bytes) -> None:
    try:
        message = decoded(frame({"arrays": header}, body))
    except frames.WireError:
        return
    assert message is not None
    assert sum(array.nbytes for array in message.arrays.values()) == len(body)


def test_mangled_messages_keep_the_promises() -> None:
    came = fuzz_frames.fuzz(3000, seed=0)  # python -m parity_tests.selftest.fuzz_frames makes it a million
    assert came.keys() == {"message", "refused", "waiting"}


@given(st.lists(st.dictionaries(st.sampled_from(["kind", "name", "text", "value", "line", "where"]), JSON), max_size=4))
def test_messages_of_any_content_are_taken_or_refused(headers: list[dict[str, Any]]) -> None:
    data = b"".join(encoded(header, {}) for header in headers)
    assert fuzz_frames.decode([data]) in ("message", "refused", "waiting")


def test_the_fuzzer_sees_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_is_small", lambda value: value["no such key"])
    with pytest.raises(AssertionError, match=r"(?s)input \d of seed 0, .*KeyError"):
        fuzz_frames.fuzz(10, seed=0)


def test_json_takes_no_more_memory_than_is_reckoned_with() -> None:
    for text in (b"[[]" + b",[]" * 30_000 + b"]", b"[{}" + b",{}" * 30_000 + b"]", b'["' + b'a","' * 20_000 + b'"]'):
        header = b'{"kind":"fact","key":"k","arrays":[],"value":' + text + b"}"
        tracemalloc.start()
        message = decoded(frame(header))
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert message is not None
        assert memory < frames.JSON_MEMORY * message.size


def test_a_cut_message_is_waited_for() -> None:
    data = encoded({"kind": "value"}, {"value": np.arange(5.0)})
    assert all(decoded(data[:length]) is None for length in range(len(data)))
    assert decoded(data) is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame({"arrays": []}, announced=(64 << 20) + 1), "announced"),
        (frame({"arrays": []}, announced=1 << 63), "announced"),
        (struct.pack("<IQ", frames.MAX_HEADER + 1, 0), "header"),
        (frame({"arrays": [["x", "<f8", [1 << 62]]]}), "account"),
        (frame({"arrays": [["x", "<f8", [1 << 40, 1 << 40]]]}), "account"),
        (frame({"arrays": [["x", "|O", [1]]]}, bytes(8)), "dtype"),
        (frame({"arrays": [["x", "<c16", [1]]]}, bytes(16)), "dtype"),
        (frame({"arrays": [["x", "<f8", [-1]]]}), "shape"),
        (frame({"arrays": [["x", "<f8", [True]]]}, bytes(8)), "shape"),
        (frame({"arrays": [["x", "<f8", [1.0]]]}, bytes(8)), "shape"),
        (frame({"arrays": [["x", "<f8", [0] * 33]]}), "shape"),
        (frame({"arrays": [["x", "<f8", [0]], ["x", "<f8", [0]]]}), "same name"),
        (frame({}), "list of arrays"),
        (frame([]), "JSON object"),
        (frame(b"[" * 100_000), "JSON"),
        (frame(b'{"a":' + b"[" * 50 + b"]" * 50 + b',"arrays":[]}'), "nested"),
        (frame(b'{"a":[0' + b",0" * frames.MAX_ITEMS + b'],"arrays":[]}'), "values"),
        (frame(b'{"a":' + b"9" * 5000 + b',"arrays":[]}'), "JSON"),
        (frame('{"ä": 1}'.encode()), "JSON"),
    ],
)
def test_nonsense_is_refused_with_a_reason_before_its_body_arrives(data: bytes, reason: str) -> None:
    with pytest.raises(frames.WireError, match=reason):
        decoded(data)


def test_an_announcement_allocates_nothing() -> None:
    data = frame({"arrays": [["x", "<f8", [8 << 20]]]}, announced=64 << 20)
    tracemalloc.start()
    assert decoded(data) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_cap_is_the_receivers() -> None:
    data = encoded({}, {"x": np.zeros(4)})
    assert decoded(data, cap=32) is not None
    with pytest.raises(frames.WireError, match="32 bytes are announced, more than 31"):
        decoded(data, cap=31)


@pytest.mark.parametrize("array", [np.array([object()]), np.array([1j]), np.array(["a"]), np.zeros(2, "i4,f8")])
def test_arrays_that_could_carry_something_else_than_numbers_are_not_sent(array: NDArray[Any]) -> None:
    with pytest.raises(frames.WireError, match="cannot travel"):
        encoded({}, {"x": array})


@pytest.mark.parametrize(
    ("text", "clean"),
    [("plain", True), ("x" * 1000, True), ("x" * 1001, False), ("a\nb", False), ("\x7f", False), ("\u202e", False)],
)
def test_a_message_says_whether_its_texts_can_be_taken_as_they_are(text: str, clean: bool) -> None:
    message = decoded(b"".join(frames.encode({"numbers": list(range(1000)), "facts": [{"text": text}]})))
    assert message is not None
    assert message.clean == clean


def test_a_header_that_is_not_json_is_not_sent() -> None:
    with pytest.raises(frames.WireError, match="not JSON"):
        encoded({"x": object()}, {})
