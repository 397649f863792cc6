"""Which names near misses get: `python -m parity_tests.proof.near_misses ASSIGNMENT FILE` writes the table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parity_tests.proof.editions import edition_for
from parity_tests.proof.judged_variants import failures, records
from parity_tests.proof.variants import rewritten
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.mistake import NearMiss
from parity_tests.protocol.registry import find


@dataclass(frozen=True)
class Called:
    """What a near miss was called, and the first sentence about it; "" where it was not caught."""

    near: NearMiss
    names: tuple[str, ...]
    sentence: str

    @property
    def good(self) -> bool:
        """Whether it was caught, and got no false name."""
        return bool(self.sentence) and not set(self.names) & set(self.near.false)


def called(assignment: Assignment, near: NearMiss, seed: int = 0) -> Called:
    """Checks a near miss."""
    variant = rewritten(assignment, near.form)
    failed = failures(records(assignment, variant, seed=seed, edition=edition_for(assignment, variant)))
    names = tuple(sorted({record.diagnosis for record in failed if record.diagnosis}))
    return Called(near, names, failed[0].message if failed else "")


def table(rows: Sequence[Called]) -> str:
    """Markdown: each near miss, the names that would be false, those that it got, and what was said."""
    lines = [
        "# Near misses, and what was said of them",
        "",
        "| the wrong form | would be false | its names | the first sentence |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = (row.near.form.name, "; ".join(row.near.false), "; ".join(row.names) or "none", row.sentence)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") or "not caught" for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main(assignment_name: str, file: Path) -> int:
    """Writes the table; 1 where a near miss is not caught, or has a false name."""
    assignment = find(assignment_name)
    rows = [called(assignment, near) for near in assignment.proof().near_misses]
    file.write_text(table(rows), encoding="utf-8")
    for row in rows:
        if not row.good:
            print(f"{row.near.form.name}: {', '.join(row.names) or 'not caught'}")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
