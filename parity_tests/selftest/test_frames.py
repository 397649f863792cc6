"""The framing between the harness and a submission's process: round trips, and nonsense from the other side."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import tracemalloc
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parity_tests.harness.process.observation_builder import ObservationBuilder
from parity_tests.harness.wire import frames

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


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_wire_error_at_worst(data: bytes) -> None:
    try:
        message = decoded(data)
    except frames.WireError:
        return
    assert message is None


@settings(deadline=None)
@given(JSON, st.binary(max_size=40))
def test_an_arbitrary_header_is_a_wire_error_at_worst(header: object, body: bytes) -> None:
    try:
        message = decoded(frame({"arrays": header}, body))
    except frames.WireError:
        return
    assert message is not None
    assert sum(array.nbytes for array in message.arrays.values()) == len(body)


CAP = 1 << 16
"""The cap on arrays, small so that announced lengths lie around it."""
HEADERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"kind": "value", "name": "gradient of W", "call": 1, "what": "array", "detail": "an array"},
        {
            "kind": "failure",
            "name": "",
            "call": 0,
            "failure": "crashed",
            "error": "",
            "text": "",
            "file": "",
            "line": 1,
        },
        {"kind": "overwritten", "name": "output", "call": 2, "labels": ["X", "grad"]},
        {"kind": "fact", "key": "steps", "value": [1, [2.5, "x"], {"a": None}]},
        {"kind": "warning", "text": "RuntimeWarning: overflow"},
        {"kind": "interrupted", "where": " (x.py, line 3)", "file": "x.py", "line": 3, "function": "f"},
        {"kind": "done"},
    ]
)
SHAPES = st.sampled_from([(), (3,), (2, 3), (0, 7), (4, 1, 2), (9000,)])
SPECS = st.lists(
    st.tuples(st.sampled_from(["value", "other"]), st.sampled_from(["<f8", "<f4", "|b1"]), SHAPES), max_size=2
)
LENGTHS = st.sampled_from([0, 1, 70, CAP, CAP + 1, frames.MAX_HEADER, (1 << 32) - 1])
OPENINGS = st.builds(
    bytes.__mul__, st.sampled_from([b"[", b'{"a":', b'{"arrays":[']), st.sampled_from([1, 3, 20, 3000])
)
ODD_JSON = st.sampled_from(
    [b"-1", b"1e999", b"9" * 400, b"null", b'""', b'"<f8"', b'"|O"', b"[]", b"{}", b"[[]]", b"NaN"]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 8), ODD_JSON | OPENINGS | st.binary(max_size=8)), max_size=3
)
"""Where something is put, in place of how many bytes, and what."""


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, gone, put in edits:
        data = data[:at] + put + data[at + gone :]
    return data


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Sound messages, mangled anywhere, or of which other lengths are announced."""
    data = b""
    for header, specs in draw(st.lists(st.tuples(HEADERS, SPECS), min_size=1, max_size=3)):
        described = [[name, dtype, list(shape)] for name, dtype, shape in specs]
        body = bytes(sum(math.prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in specs))
        text = edited(json.dumps({**header, "arrays": described}).encode(), draw(EDITS))
        sizes = draw(st.just((len(text), len(body))) | st.tuples(LENGTHS, LENGTHS))
        data += struct.pack("<IQ", *sizes) + text + body
    return edited(data, draw(EDITS))


def taken(parts: list[bytes]) -> None:
    """Feed the decoder, and an observation what comes of it; whatever is not taken is refused as WireError."""
    decoder, builder = frames.Decoder(CAP), ObservationBuilder("case")
    with contextlib.suppress(frames.WireError):
        for part in parts:
            decoder.feed(part)
            while (message := decoder.next()) is not None:
                arrays = message.arrays.values()
                assert all(type(a) is np.ndarray and a.dtype.str in frames.DTYPES for a in arrays)
                assert all(a.flags.writeable and a.flags.c_contiguous for a in arrays)
                assert sum(a.nbytes for a in arrays) <= CAP
                builder.add(message)
        builder.build(0.0)


@settings(deadline=None)
@given(mangled(), st.sampled_from([1 << 20, 1, 7, 64]))
def test_mangled_messages_are_taken_or_refused_in_no_more_memory_than_is_reckoned_with(data: bytes, size: int) -> None:
    parts = [data[start : start + size] for start in range(0, min(len(data), 64 * size), size)]
    tracemalloc.start()
    try:
        taken(parts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= (4 + frames.JSON_MEMORY) * len(data) + 2 * CAP + (1 << 16)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["kind", "name", "text", "value", "line", "where"]), JSON), max_size=4))
def test_messages_of_any_content_are_taken_or_refused(headers: list[dict[str, Any]]) -> None:
    taken([b"".join(encoded(header, {}) for header in headers)])


def test_mangled_messages_see_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_is_small", lambda value: value["no such key"])
    with pytest.raises(KeyError):
        taken([frame({"arrays": []})])


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
