"""Finds characters that no name or text of a person's holds: those that control a device."""

from __future__ import annotations

import unicodedata

LINES = "\t\n\r"
"""Those that a text of several lines may hold."""


def control_in(text: str, allowed: str = "") -> str:
    """The first control character in a text, as the object of a sentence; "" where there is none."""
    for symbol in text:
        if unicodedata.category(symbol) == "Cc" and symbol not in allowed:
            return f"the control character U+{ord(symbol):04X}"
    return ""
