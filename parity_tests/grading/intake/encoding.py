"""The encoding of a source: one that Python reads is left alone, any other is read as what it most likely is."""

from __future__ import annotations

import io
import tokenize

LIKELY = ("utf_8", "utf_16", "utf_32", "cp1252", "cp1251", "gb18030", "big5", "cp932", "euc_kr")
"""Encodings in which editors of our time save what is not in UTF-8. Among all that there are, a guess goes wrong."""


def as_source(data: bytes, name: str) -> tuple[bytes, str]:
    """A source as Python reads it, with Unix's ends of lines, and a note on its encoding ("" where it is right)."""
    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(declared)
        return _with_unix_lines(data.decode("latin-1")).encode("latin-1"), ""
    except (SyntaxError, UnicodeError, LookupError):
        text, encoding = _guessed(data)
        note = f"{name} is not in the encoding that it should be in; it was read as {encoding}"
        return _without_declaration(_with_unix_lines(text)).encode(), note


def _guessed(data: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=list(LIKELY)).best()
    return (str(best), best.encoding) if best is not None else (data.decode("latin-1"), "latin_1")


def _with_unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_declaration(text: str) -> str:
    """The text without a comment that declares an encoding, which Python looks for in the first two lines."""
    lines = text.split("\n")
    for number, line in enumerate(lines[:2]):
        if "coding" in line and line.lstrip().startswith("#"):
            lines[number] = "#"
    return "\n".join(lines)
