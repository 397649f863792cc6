"""Who got which name: `python -m parity_tests.proof.names ASSIGNMENT FOLDER [PROOF]` writes names.csv and names.md.

Every known mistake is plugged in, and every near miss, as the self-proof does; so it takes as long. PROOF is the
selftest.csv of a `parity selftest`: mistakes that it holds are taken as they were found there, not made again.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from parity_tests.proof.mistakes import known_mistakes
from parity_tests.proof.near_misses import Called, called, near_misses
from parity_tests.proof.proof import SEPARATOR, prove, tasks
from parity_tests.protocol.registry import find

COLUMNS = {"part": "part", "name": "mistake", "outcome": "outcome", "detail": "names", "sentence": "sentence"}
"""The columns of names.csv, by the fields of the self-proof's rows."""


def write(mistakes: Sequence[Mapping[str, Any]], near: Sequence[Called], folder: Path) -> None:
    """Writes the self-proof's rows of all mistakes, and as Markdown what of both a reader should look at."""
    with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS.values())
        rows.writerows([row[field] for field in COLUMNS] for row in mistakes)
    (folder / "names.md").write_text(f"{of_mistakes(mistakes)}\n{of_near_misses(near)}", encoding="utf-8")


def of_mistakes(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: how many mistakes got their own name alone, and those that got another, with what was said."""
    others = {row["name"]: [name for name in row["detail"].split(SEPARATOR) if name != row["name"]] for row in rows}
    with_others = [row for row in rows if row["detail"] != row["name"]]
    return _table(
        "# Mistakes that got another name",
        f"{len(rows) - len(with_others)} of {len(rows)} got their own name and no other: all are in names.csv.",
        ("part", "the mistake", "its other names", "a sentence with one of them"),
        [(row["part"], row["name"], "; ".join(others[row["name"]]), row["sentence"]) for row in with_others],
    )


def of_near_misses(rows: Sequence[Called]) -> str:
    """Markdown: each near miss, the names that it got, and what was said."""
    return _table(
        "# Near misses, and what was said of them",
        f"{sum(row.good for row in rows)} of {len(rows)} were caught, and got no name of what they lie near.",
        ("the mistake, and where alone it is made", "its names", "the first sentence"),
        [(row.near.variant.name, "; ".join(row.names) or "none", row.sentence or "not caught") for row in rows],
    )


def _table(title: str, count: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (head, *rows)]
    return "\n".join([title, "", count, "", lines[0], f"|{' --- |' * len(head)}", *lines[1:]]) + "\n"


def of_all_mistakes(assignment: str, proof: Path | None) -> list[Mapping[str, Any]]:
    """The self-proof's rows of every known mistake: those that `proof` holds, and the others made and checked now."""
    frame = pd.read_csv(proof, keep_default_na=False) if proof else pd.DataFrame(columns=["kind", *COLUMNS, "good"])
    mistakes = frame[frame["kind"] == "mistakes"].to_dict("records")
    known: dict[tuple[str, str], Mapping[Any, Any]] = {(row["part"], row["name"]): row for row in mistakes}
    keys = [(mistake.part, mistake.name) for mistake in known_mistakes(find(assignment))]
    missing = [task for task in tasks(assignment, ("mistakes",)) if keys[task.number] not in known]
    known |= {keys[task.number]: rows[0] for task, rows in prove(missing, jobs=1)}
    return [known[key] for key in keys]


def main(assignment: str, folder: Path, proof: Path | None) -> int:
    """Writes the tables; 1 where a mistake has not its name, or a near miss is not caught or has it too."""
    mistakes = of_all_mistakes(assignment, proof)
    found = find(assignment)
    near = [called(found, one) for one in near_misses(found)]
    write(mistakes, near, folder)
    return 0 if all(row["good"] for row in mistakes) and all(row.good for row in near) else 1


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or not Path(sys.argv[2]).is_dir():
        print(
            "usage: python -m parity_tests.proof.names ASSIGNMENT FOLDER [PROOF]; the folder must be there.",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None))
