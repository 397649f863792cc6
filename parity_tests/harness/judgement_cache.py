"""Remembers what was judged right: in a class, much comes back alike to the byte, and need not be judged again."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests.harness.kept_answers import KeptAnswers
from parity_tests.protocol.case import Case
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.kind import Context
from parity_tests.protocol.observation import Observation
from reports.model.notes import Note, NoteKind
from reports.model.verdicts import PASSING

MOST = 4096
"""How many are kept: about 40 MB."""


@cache
def cache_of(solution: Path) -> JudgementCache:
    """The one of a process that checks many submissions to the assignment with this solution."""
    return JudgementCache()


class JudgementCache:
    """Passing verdicts on cases of one assignment, by the case with its inputs and everything that the submission did.

    A verdict depends on nothing else. Failing ones are not kept: they hold arrays, and are few of a kind. What
    `earlier` processes have judged of an `assignment` is known as well.
    """

    def __init__(self, earlier: KeptAnswers | None = None, assignment: str = "") -> None:
        self._earlier = earlier
        self._words = f"judged of {assignment}"
        self._kept: OrderedDict[bytes, Mapping[str, Comparison]] = OrderedDict()

    @property
    def machine(self) -> dict[str, Any] | None:
        """What earlier processes said of the machine on which torch computes; None where none has judged anything."""
        message = None if self._earlier is None else self._earlier.get(self._words)
        return None if message is None else message.header["machine"]

    def judge(
        self, case: Case, seed: int, context: Context, seen: Observation, judge: Callable[[], Mapping[str, Comparison]]
    ) -> dict[str, Comparison]:
        """What `judge` says, or said of the same answers to the same case."""
        key = self._digest(case, seed, context, seen)
        known = self._known(key)
        if known is not None:
            return known
        judged = judge()
        if all(comparison.verdict in PASSING for comparison in judged.values()):
            self._kept[key] = dict(judged)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return dict(judged)

    def known(self, case: Case, seed: int, context: Context, seen: Observation) -> dict[str, Comparison] | None:
        """What was said of the same answers to the same case, if anything."""
        return self._known(self._digest(case, seed, context, seen))

    def keep(self, machine: Mapping[str, Any]) -> None:
        """What was judged right on a `machine` is known to the next process that has the same earlier ones."""
        if self._earlier is None:
            return
        entries: list[tuple[str, dict[str, Any], dict[str, Any]]] = [(self._words, {"machine": machine}, {})]
        for key, judged in self._kept.items():
            with suppress(TypeError):
                entries.append((f"{self._words} {key.hex()}", {"judged": _said(judged)}, {}))
        self._earlier.add(entries)

    # ---- inside

    def _known(self, key: bytes) -> dict[str, Comparison] | None:
        if key in self._kept:
            self._kept.move_to_end(key)
            return dict(self._kept[key])
        message = None if self._earlier is None else self._earlier.get(f"{self._words} {key.hex()}")
        return None if message is None else _understood(message.header["judged"])

    def _digest(self, case: Case, seed: int, context: Context, seen: Observation) -> bytes:
        described = {
            "case": [case.name, case.dtype, dict(case.params), seed, *vars(context).values()],
            "values": [
                [
                    key,
                    value.kind,
                    value.detail,
                    *(("", ()) if value.array is None else (value.array.dtype.str, value.array.shape)),
                ]
                for key, value in seen.values.items()
            ],
            "failures": {key: vars(failure) for key, failure in seen.failures.items()},
            "overwritten": dict(seen.overwritten),
            "facts": dict(seen.facts),
            "warnings": [seen.warnings, dict(seen.warned)],
        }
        # Processors have instructions for this one, and megabytes of answers pass through it.
        digest = hashlib.sha256(repr(described).encode("utf-8", "backslashreplace"))
        for value in seen.values.values():
            if value.array is not None:
                digest.update(np.ascontiguousarray(value.array).data)
        return digest.digest()


def _said(judged: Mapping[str, Comparison]) -> str:
    """Comparisons as a text. Raises TypeError where one holds more than numbers and texts."""
    plain = {name: vars(one) | {"notes": [[n.kind, n.text] for n in one.notes]} for name, one in judged.items()}
    return json.dumps(plain)


def _understood(text: str) -> dict[str, Comparison]:
    """What `_said` wrote."""
    plain = json.loads(text).items()
    notes = {name: tuple(Note(NoteKind(kind), words) for kind, words in one.pop("notes")) for name, one in plain}
    return {name: Comparison(**one, notes=notes[name]) for name, one in plain}
