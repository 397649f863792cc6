"""The result of holding candidates: the records, as reports show them, and how much would have been noticed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from reports.model.records import failing
from reports.model.verdicts import Verdict
from reports.model.words import LIKELY, sentence
from reports.notebook.result import Result
from reports.terminal.run import first_to_show

if TYPE_CHECKING:
    import pandas as pd

    from parity_tests.pairs.hold import CaseHeld
    from reports.model.records import Record
    from reports.model.run import Results


SHORT = "PARITY_SHORT_MESSAGES"
"""Set in the environment by Parity's plugin where pytest runs and was not asked for more by `-v`."""


@dataclass(frozen=True, repr=False)
class HoldResult(Result):
    """What was found of one candidate or of several; true where all agrees and something was decided of everything."""

    cases: Mapping[str, Sequence[CaseHeld]] = None  # type: ignore[assignment]

    def __init__(self, run: Results, cases: Mapping[str, Sequence[CaseHeld]], strict: bool = False) -> None:
        super().__init__(run, strict)
        object.__setattr__(self, "cases", cases)

    @property
    def agrees(self) -> bool:
        """Whether nothing fails, something was compared, and of nothing all elements are undecided."""
        return bool(self.run.records) and not self._open and not self._wrong

    @property
    def _wrong(self) -> list[Record]:
        return [record for record in self.run.records if failing(record, self.strict)]

    @property
    def _open(self) -> list[Record]:
        """Those of which nothing was decided, which is no agreement."""
        return [r for r in self.run.records if r.verdict == Verdict.UNDECIDED and r.undecided == r.total]

    def __repr__(self) -> str:
        """The verdict, and what was noticed besides, such as an input that is overwritten."""
        notes = dict.fromkeys(record.note for record in self.run.records if record.note)
        declared = dict.fromkeys(case.declared for cases in self.cases.values() for case in cases if case.declared)
        said = [f"  Declared: {arithmetic}." for arithmetic in declared]
        lines = super().__repr__().replace(f" {LIKELY}: ", f"\n  {LIKELY}: ")
        if self._open and not self._wrong:
            lines = f"No agreement: {len(self._open)} of {len(self.run.records)} quantities are undecided."
        told = [f"  {sentence(record)}" for record in self._open]
        lines = "\n".join([lines, *told, *said, *(f"  Note: {note}." for note in notes)])
        return lines if self.agrees else narrow(lines)

    @property
    def message(self) -> str:
        """All that is wrong; in pytest without `-v` what is first, with its likely cause, and how much besides."""
        if not os.environ.get(SHORT):
            return str(self)
        wrong = self._wrong or self._open
        first = first_to_show(self.run, self.strict) or next(iter(self._open), None)
        if first is None or not first.message:
            return str(self)
        be = "wrong" if self._wrong else "undecided"
        more = f" {len(wrong) - 1} more results are {be}." if len(wrong) > 1 else ""
        return narrow(f"{sentence(first)}{more}")

    @property
    def resolution(self) -> pd.DataFrame:
        """For each result the relative change that would be noticed, and the share of elements where zeros agree.

        Columns: pair, case, quantity, median, p95, zeros_agree; and dtype, where a low precision is declared.
        """
        import pandas as pd

        rows = [
            [pair, case.records[0].case, name, case.records[0].dtype, known.median, known.p95, known.zeros_agree]
            for pair, cases in self.cases.items()
            for case in cases
            for name, held in case.held.items()
            if (known := held.resolution) is not None
        ]
        frame = pd.DataFrame(rows, columns=["pair", "case", "quantity", "dtype", "median", "p95", "zeros_agree"])
        declared = any(case.declared for cases in self.cases.values() for case in cases)
        return frame if declared else frame.drop(columns="dtype")


def narrow(text: str) -> str:
    """A message in lines that 80 columns, of a terminal or the log of a CI, show beside pytest's margin."""

    def lines(line: str, before: str = "") -> str:
        broken = wrap(before + line, 72, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        return "\n".join(broken).removeprefix(before) or line

    first, *others = text.split("\n")
    return "\n".join([lines(first, "AssertionError: "), *map(lines, others)])
