"""The ends of lines of a source, which is otherwise left as it was handed in: it is judged as Python reads it."""

from __future__ import annotations

import io
import tokenize


def as_source(data: bytes) -> bytes:
    """A source with Unix's ends of lines; one that Python cannot decode is left alone, for Python refuses it."""
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(declared)
    except (SyntaxError, UnicodeError, LookupError):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def holds_code(data: bytes) -> bool:
    """Whether a source has a line that is neither empty nor a comment."""
    return any(line and not line.startswith(b"#") for line in map(bytes.strip, data.splitlines()))
