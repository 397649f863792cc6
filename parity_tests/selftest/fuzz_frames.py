"""Feeds the decoder of what a submission's process sends with a million mangled messages, and holds it to its promises.

`python -m parity_tests.selftest.fuzz_frames [INPUTS] [SEED]`. Whatever arrives, in whatever pieces, the decoder gives
messages or raises WireError and nothing else; what it gives is made of exact, writable arrays that account for the
bytes that arrived; and neither it nor the builder of observations takes more memory than the caps say.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
import tracemalloc
from collections import Counter

import numpy as np

from parity_tests.harness.process.observation_builder import ObservationBuilder
from parity_tests.harness.wire import frames

CAP = 1 << 16
"""The cap on arrays, small so that mangled lengths lie around it."""
OVERHEAD = 1 << 16
"""Bytes that decoding may take beside its input, its header as JSON and its arrays."""
WATCHED = 16
"""One input in so many is decoded with its memory measured, which is slow."""
_JSON = (b"0", b"-1", b"1e999", b"9" * 400, b"true", b"null", b'""', b'"<f8"', b'"|O"', b"[]", b"{}", b"[[]]", b"NaN")
_HEADERS: tuple[dict[str, object], ...] = (
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
        "function": "",
    },
    {"kind": "overwritten", "name": "output", "call": 2, "labels": ["X", "grad"]},
    {"kind": "fact", "key": "steps", "value": [1, [2.5, "x"], {"a": None}]},
    {"kind": "warning", "text": "RuntimeWarning: overflow"},
    {"kind": "interrupted", "where": " (x.py, line 3)", "file": "x.py", "line": 3, "function": "f"},
    {"kind": "done"},
)
_ARRAYS = ((), (3,), (2, 3), (0, 7), (4, 1, 2), (9000,))
_DTYPES = ("<f8", "<f4", "<i8", "|b1", "<f2", "|u1")


def frame(text: bytes, body: bytes, sizes: tuple[int, int] | None = None) -> bytes:
    """A message of any header and body, announced truly or as `sizes`."""
    return struct.pack("<IQ", *(sizes or (len(text), len(body)))) + text + body


def drawn(rng: random.Random) -> bytes:
    """One input: a sound message or a few, mangled once or more."""
    data = b""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        header = dict(rng.choice(_HEADERS))
        specs, body = [], b""
        for number in range(rng.choice((0, 1, 1, 2))):
            shape, dtype = rng.choice(_ARRAYS), rng.choice(_DTYPES)
            specs.append([f"value{number}" if number else "value", dtype, list(shape)])
            body += rng.randbytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        text = json.dumps({**header, "arrays": specs}).encode()
        if rng.random() < 0.5:
            text = mangled(text, rng)
        sizes = None
        if rng.random() < 0.15:
            lengths = (0, 1, len(text), len(text) - 1, len(body) + 1, CAP, CAP + 1, frames.MAX_HEADER, (1 << 32) - 1)
            sizes = (max(0, rng.choice(lengths)), rng.choice((*lengths, 1 << 40, (1 << 64) - 1)) % (1 << 64))
        data += frame(text, body, sizes)
    return mangled(data, rng) if rng.random() < 0.4 else data


def mangled(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few flipped, cut, repeated, or replaced by odd JSON."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 1:
                del changed[at : at + rng.randrange(9)]
            case 2:
                changed[at:at] = rng.randbytes(rng.randrange(9))
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(40)]
            case 4:
                changed[at : at + rng.randrange(4)] = rng.choice(_JSON)
            case _:
                opening = rng.choice((b"[", b'{"a":', b'{"arrays":['))
                changed[at:at] = opening * rng.choice((1, 3, 20, 3000))
    return bytes(changed)


def pieces(data: bytes, rng: random.Random) -> list[bytes]:
    """The input as a pipe may deliver it."""
    if rng.random() < 0.5:
        return [data]
    size = rng.choice((1, 7, 64, 4096))
    return [data[start : start + size] for start in range(0, min(len(data), 64 * size), size)]


def decode(parts: list[bytes]) -> str:
    """What became of an input: "message", "waiting" or "refused". Raises AssertionError, or whatever it should not."""
    decoder, builder, whole = frames.Decoder(CAP), ObservationBuilder("case"), 0
    try:
        for part in parts:
            decoder.feed(part)
            while (message := decoder.next()) is not None:
                whole += 1
                for array in message.arrays.values():
                    assert type(array) is np.ndarray
                    assert array.dtype.str in frames.DTYPES
                    assert array.flags.writeable
                    assert array.flags.c_contiguous
                assert sum(array.nbytes for array in message.arrays.values()) <= CAP
                builder.add(message)
        builder.build(0.0)
    except frames.WireError:
        return "refused"
    return "message" if whole else "waiting"


def fuzz(inputs: int, seed: int) -> Counter[str]:
    """Decode so many inputs; how many came to what. Raises AssertionError with the input that breaks a promise."""
    rng, came = random.Random(seed), Counter[str]()
    for number in range(inputs):
        data = drawn(rng)
        parts = pieces(data, rng)
        watched = number % WATCHED == 0
        if watched:
            tracemalloc.start()
        try:
            came[decode(parts)] += 1
            peak = tracemalloc.get_traced_memory()[1] if watched else 0
        except Exception as error:
            raise AssertionError(f"input {number} of seed {seed}, {data[:2000]!r}: {error!r}") from error
        finally:
            tracemalloc.stop()
        most = 4 * len(data) + frames.JSON_MEMORY * len(data) + 2 * CAP + OVERHEAD
        assert peak <= most, f"input {number} of seed {seed} takes {peak} bytes, {len(data)} long: {data[:200]!r}"
    return came


def main() -> None:
    """Fuzz, and say how many inputs came to what."""
    inputs, seed = (int(text) for text in (*sys.argv[1:], *("1000000", "0")[len(sys.argv) - 1 :]))
    start = time.monotonic()
    came = fuzz(inputs, seed)
    outcomes = ", ".join(f"{count:,} {what}" for what, count in sorted(came.items()))
    print(f"{inputs:,} inputs (seed {seed}) in {time.monotonic() - start:.0f} s: {outcomes}; no other outcome.")


if __name__ == "__main__":
    main()
