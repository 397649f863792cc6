"""Frames messages between the harness and the process that runs a submission: a JSON header, then raw arrays.

A message is 4 + 8 bytes of lengths, a header in JSON, and the bytes of its arrays one after another, C-ordered, in the
machine's byte order. Nothing in it is ever executed (no pickle). The receiver checks the lengths against its caps, and
names, dtypes and shapes against the lengths, before it waits for the bytes of the arrays. So the caps bound what the
receiver allocates, whatever the other side sends. The submission's process loads this file by its path: it may import
the standard library and numpy only.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_HEADER = 1 << 20
"""Bytes of JSON in one message."""
JSON_MEMORY = 30
"""Decoded JSON takes at most so many times as much memory as its text has bytes."""
MAX_BODY = 64 << 20
"""Bytes of arrays in one message, unless the receiver sets another cap."""
MAX_DEPTH = 16
"""Lists and objects inside one another in a header."""
MAX_ITEMS = 100_000
"""Values in a header, at all depths."""
MAX_DIMENSIONS = 32
MAX_TEXT = 1000
"""Characters of a text in a header that the receiver may use unchanged."""
MAX_ARRAYS = 10_000
PIECE = 1 << 16
"""Bytes that are read or written at a time: the capacity of a pipe."""
CUT_OFF = 81
"""The exit status of a process that what it called has cut off from the harness."""

_JOINED = 1 << 15
"""Up to so many bytes of arrays are copied into one piece with the header: a second write takes longer."""
_PREFIX = struct.Struct("<IQ")
_KINDS = "biuf"
DTYPES = {
    dtype.str: dtype
    for dtype in (np.dtype(code) for code in "?bBhHiIlLqQefdg")
    if dtype.kind in _KINDS and dtype.isnative
}
"""The dtypes that a message may hold, by their `dtype.str`: booleans, integers and floats."""


class WireError(Exception):
    """The bytes are not a message; the text says what is wrong with them."""


class Message(NamedTuple):
    """One message: a JSON object without its list of arrays, and the arrays, each a writable copy of its own.

    `size` is the number of bytes of JSON. `clean` says that every text in the header is printable and has at most
    MAX_TEXT characters.
    """

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    size: int
    clean: bool = False


class _Description(NamedTuple):
    """What a header says of an array."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def encode(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> Iterator[memoryview]:
    """Yield the pieces of a message in the order in which they must be written.

    `header` is a JSON object without the key "arrays". `arrays` are exact ndarrays of a dtype in `DTYPES`, of any
    layout and either byte order. Raises WireError for what cannot be sent, before anything is yielded.
    """
    descriptions, bodies = [], []
    for name, array in (arrays or {}).items():
        code, shape = array.dtype.str, array.shape
        if code not in DTYPES:
            array = array.astype(array.dtype.newbyteorder("="))
            code = array.dtype.str
            if code not in DTYPES:
                raise WireError(f"the array {name} of dtype {array.dtype} cannot travel")
        descriptions.append([name, code, list(shape)])
        if array.nbytes <= _JOINED:
            bodies.append(memoryview(array.tobytes()))
        else:
            bodies.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    try:
        text = json.dumps({**header, "arrays": descriptions}).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"the header is not JSON: {error}") from None
    if len(text) > MAX_HEADER:
        raise WireError(f"the header has {len(text)} bytes, more than {MAX_HEADER}")
    size = sum(map(len, bodies))
    head = _PREFIX.pack(len(text), size) + text
    if size <= _JOINED:
        return iter([memoryview(b"".join([head, *bodies]))])
    return iter([memoryview(head), *bodies])


class Decoder:
    """Cuts a stream of bytes into messages. After a WireError the stream is of no further use."""

    def __init__(self, cap: int = MAX_BODY) -> None:
        """`cap` is the number of bytes of arrays that one message may have."""
        self._cap = cap
        self._buffer = bytearray()
        self._header: dict[str, Any] | None = None
        self._size, self._clean = 0, False
        self._arrays: dict[str, NDArray[Any]] = {}
        self._awaited: list[_Description] = []
        """The arrays of the message that is arriving of which nothing has come yet; the last one first."""
        self._room = memoryview(b"")
        """What is still to be filled of the array that is arriving."""

    def read(self, descriptor: int) -> int:
        """Add what can be read from a pipe now, and return how many bytes that was; what is of an array goes there."""
        try:
            if len(self._room) >= PIECE:
                size = os.readv(descriptor, [self._room])
                self._room = self._room[size:]
                return size
            data = os.read(descriptor, PIECE)
        except BlockingIOError:
            return 0
        self.feed(data)
        return len(data)

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived. Raises WireError."""
        rest = memoryview(data)
        while rest and (self._room or self._awaited):
            if not self._room:
                self._begin_array()
            size = min(len(self._room), len(rest))
            self._room[:size] = rest[:size]
            self._room, rest = self._room[size:], rest[size:]
        self._buffer += rest

    def next(self) -> Message | None:
        """Return the next message, or None while it has not arrived whole. Raises WireError."""
        if self._header is None:
            if len(self._buffer) < _PREFIX.size:
                return None
            self._size, body = _PREFIX.unpack_from(self._buffer)
            size = self._size
            if size > MAX_HEADER:
                raise WireError(f"a header of {size} bytes is announced, more than {MAX_HEADER}")
            if body > self._cap:
                raise WireError(f"arrays of {body} bytes are announced, more than {self._cap}")
            if len(self._buffer) < _PREFIX.size + size:
                return None
            text = bytes(self._buffer[_PREFIX.size : _PREFIX.size + size])
            self._header, descriptions, self._clean = _parse_header(text, body)
            self._arrays, self._awaited = {}, descriptions[::-1]
            came = bytes(self._buffer[_PREFIX.size + size :])
            self._buffer.clear()
            self.feed(came)
        while self._awaited and not self._room and not self._awaited[-1].nbytes:
            self._begin_array()
        if self._room or self._awaited:
            return None
        message = Message(self._header, self._arrays, self._size, self._clean)
        self._header = None
        return message

    def _begin_array(self) -> None:
        """Make the next array, which is to be filled."""
        name, dtype, shape = self._awaited.pop()
        try:
            self._arrays[name] = array = np.empty(shape, dtype)
        except ValueError:
            raise WireError(f"the shape {list(shape)} is too large") from None
        self._room = array.reshape(-1).view(np.uint8).data


def _parse_header(data: bytes, body: int) -> tuple[dict[str, Any], list[_Description], bool]:
    """Return the header, its descriptions of arrays, which must fill `body` bytes exactly, and whether it is clean."""
    try:
        text = data.decode("ascii")
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError("the header is not JSON") from None
    if not isinstance(header, dict) or not _is_small(header):
        limits = f"at most {MAX_ITEMS} values, nested at most {MAX_DEPTH} deep"
        raise WireError(f"the header is not a JSON object of {limits}")
    listed = header.pop("arrays", None)
    if not isinstance(listed, list) or len(listed) > MAX_ARRAYS:
        raise WireError("the header has no list of arrays")
    descriptions = [_description(item) for item in listed]
    if len({description.name for description in descriptions}) != len(descriptions):
        raise WireError("two arrays have the same name")
    if sum(description.nbytes for description in descriptions) != body:
        raise WireError("dtypes and shapes do not account for the bytes announced")
    return header, descriptions, _is_clean(text)


def _is_small(value: object) -> bool:
    """Whether a JSON value is nested neither too deeply nor too widely."""
    level, items = [value], 0
    for _ in range(MAX_DEPTH):
        items += len(level)
        if items > MAX_ITEMS:
            return False
        containers = [value for value in level if type(value) is dict or type(value) is list]
        if not containers:
            return True
        level = [inner for outer in containers for inner in (outer.values() if type(outer) is dict else outer)]
    return not level


def _is_shape(value: object) -> bool:
    if type(value) is not list or len(value) > MAX_DIMENSIONS:
        return False
    for length in value:  # noqa: SIM110 - all() takes three times as long for so few
        if type(length) is not int or not 0 <= length < 1 << 63:
            return False
    return True


def _is_clean(text: str) -> bool:
    """Whether all texts in valid JSON are certainly printable and short; most are."""
    if "\\" in text or not text.isprintable():
        return False
    return len(text) <= MAX_TEXT or max(map(len, text.split('"')[1::2]), default=0) <= MAX_TEXT


def _description(item: object) -> _Description:
    if type(item) is list and len(item) == 3:
        name, dtype, shape = item
        if type(name) is str and type(dtype) is str and dtype in DTYPES and _is_shape(shape):
            return _Description(name, DTYPES[dtype], tuple(shape))
    raise WireError("the header describes an array by something else than a name, a dtype and a shape")
