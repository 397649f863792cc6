"""Two runs side by side as JSON: which quantities have another verdict, and which ratios moved."""

from __future__ import annotations

import json
from typing import Any

from reports.files.document import plain
from reports.model.parts import Parts
from reports.model.summary import shown_verdict
from reports.model.two_runs import Change, Key, TwoRuns, comparison_sentence

SCHEMA_VERSION = 1
"""Of the JSON; it changes when the meaning of a key does."""


def comparison_json(two: TwoRuns, parts: Parts) -> str:
    """What differs: each quantity by its case and name, with what it was in A and is in B."""
    moved = two.drift.moved if two.drift is not None else ()
    found = {
        "schema": "parity comparison",
        "schema_version": SCHEMA_VERSION,
        "verdict": comparison_sentence(two, parts),
        "compared": two.compared,
        "worse": [_change(change) for change in two.worse],
        "better": [_change(change) for change in two.better],
        "other": [_change(change) for change in two.other],
        "moved": [{"case": one.case, "quantity": one.quantity, "a": one.was, "b": one.now} for one in moved],
        "only_in_a": [_named(key) for key in two.only_before],
        "only_in_b": [_named(key) for key in two.only_after],
        "versions": {name: {"a": was, "b": now} for name, (was, now) in two.versions.items()},
    }
    return json.dumps(plain(found), indent=1, allow_nan=False)


def _change(change: Change) -> dict[str, Any]:
    return {
        **_named((change.now.case, change.now.quantity)),
        "part": change.now.part,
        "a": shown_verdict(change.was),
        "b": shown_verdict(change.now),
        "diagnosis": change.now.diagnosis,
    }


def _named(key: Key) -> dict[str, str]:
    return {"case": key[0], "quantity": key[1]}
