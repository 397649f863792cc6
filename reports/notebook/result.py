"""The result of a check from Python: tables, a page, and what a notebook shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from reports.model.run import Results

_HEIGHT = 620
"""Pixels of the page in a notebook."""


@dataclass(frozen=True, repr=False)
class Result:
    """A finished check. In a notebook it shows itself as a page; printed, it is a few lines."""

    run: Results
    strict: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each quantity; the columns are `reports.model.records.COLUMNS`."""
        from reports.model.records import to_frame

        return to_frame(self.run.records)

    @property
    def summary(self) -> pd.DataFrame:
        """One row for each part and dtype."""
        from reports.model.summary import summary_frame

        return summary_frame(self.run)

    @property
    def agrees(self) -> bool:
        """Whether nothing fails."""
        from reports.model.records import failing

        return not any(failing(record, self.strict) for record in self.run.records)

    def __bool__(self) -> bool:
        return self.agrees

    def __repr__(self) -> str:
        from reports.model.summary import nothing_judged, part_summaries
        from reports.model.verdicts import word_of
        from reports.model.words import sentence, verdict_sentence
        from reports.terminal.run import first_to_show

        lines = [verdict_sentence(self.run, self.strict, where="")]
        if nothing_judged(self.run.records):
            return lines[0]
        for part in part_summaries(self.run, self.strict):
            if part.verdict != "match":
                lines.append(f"  {part.label} ({part.title or part.label}): {word_of(part.verdict)}")
        first = first_to_show(self.run, self.strict)
        return "\n".join([*lines, *([f"  {sentence(first)}"] if first and first.message else [])])

    def page(self) -> str:
        """The whole page as an HTML document, for a file of its own."""
        from reports.html.run_page import report_page

        return report_page(self.run, strict=self.strict)

    def save(self, folder: str | Path = "parity-run") -> None:
        """Writes the run folder that `parity show` and `parity report` read. Raises RunFolderError where it cannot."""
        from reports.model.run_folder import save

        save(Path(folder), self.run, {"report.html": self.page().encode("utf-8", "backslashreplace")})

    def _repr_html_(self) -> str:
        from markupsafe import escape

        # In a frame of its own, the page's style and script meet neither the notebook's nor one another.
        title = escape(repr(self).partition("\n")[0])
        return (
            f"<p><b>{title}</b></p>"
            f'<iframe title="Parity" sandbox="allow-scripts" srcdoc="{escape(self.page())}" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 1px solid #888"></iframe>'
        )
