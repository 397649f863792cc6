"""Drift on a page: what has moved against a baseline, as the run folder keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.model.baseline import MOVE, since
from reports.model.numbers import number

_MOST = 50
_NAMED = 5


@dataclass(frozen=True)
class DriftShown:
    """A sentence, the rows (case, quantity, was, is), and sentences on what came, what went, and the versions."""

    sentence: str
    moved: list[tuple[str, str, str, str]]
    more: list[str]


def drift_of(document: Mapping[str, Any] | None) -> DriftShown | None:
    """The drift that a run keeps, a document of `drift_document`; None where it was not asked for."""
    if document is None:
        return None
    moved = [row for row in _list(document, "moved") if isinstance(row, Mapping)]
    rows = [
        (str(row.get("case", "")), str(row.get("quantity", "")), _number(row.get("was")), _number(row.get("is")))
        for row in moved
    ]
    name = str(document.get("baseline", ""))
    more = [f"And {len(rows) - _MOST} more have moved."] if len(rows) > _MOST else []
    for key, words in (("new", "not in the baseline"), ("gone", "gone since")):
        names = list(map(str, _list(document, key)))
        if names:
            rest = f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            more.append(f"{len(names)} {words}: {'; '.join(names[:_NAMED])}{rest}.")
    versions = document.get("versions")
    pairs = versions.items() if isinstance(versions, Mapping) else ()
    changed = {str(key): (str(pair[0]), str(pair[1])) for key, pair in pairs if _is_pair(pair)}
    more += since(changed)
    ratios = "1 ratio has" if len(rows) == 1 else f"{len(rows) or 'no'} ratios have"
    what = f"{ratios[:1].upper()}{ratios[1:]} moved by more than {MOVE} against {name}; it decides no verdict."
    return DriftShown(what, rows[:_MOST], more)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _number(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) else str(value)
