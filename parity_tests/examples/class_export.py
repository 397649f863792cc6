"""Makes a class to try grading on: `python -m parity_tests.examples.class_export FOLDER`.

The folder gets `export.zip`, as Gradescope exports an assignment's submissions, and `grades.csv`, as it exports their
grades: seven students, whose networks are the shipped one with the mistakes that students make.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

from parity_tests.assignments.mlp.assignment import ASSIGNMENT

TOP = "assignment_4711_export"
HEADER = "First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status,Submission ID,Submission Time"
DUE = "2026-11-01 22:00:00 Z"


class HandedIn(NamedTuple):
    """What one student hands in: the network with some texts replaced, None for nothing; and how late."""

    first: str
    last: str
    changes: tuple[tuple[str, str], ...] | None
    late: str = "0:00:00"


MEAN = ("X.T @ grad", "X.T @ grad / len(X)")
STUDENTS = (
    HandedIn("Ann", "Lee", ()),
    HandedIn("Bob", "Ray", (MEAN,)),
    HandedIn("Cem", "Kaya", (("1 - self.h * self.h", "1 - X * X"),), "26:30:00"),
    HandedIn("Dee", "Okafor", (("return grad * self.mask", "return grad"),)),
    HandedIn("Eli", "Novak", (("v -= _learning_rate * g", "v -= g"), ("w += v", "w += _learning_rate * v"))),
    HandedIn("Fay", "Lund", (("def forward(self, X", "def forward(self, X)"),)),
    HandedIn("Gil", "Moss", None),
)


def main(arguments: list[str] | None = None) -> int:
    """Writes both files."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.class_export", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    layout = ASSIGNMENT.layout
    source, support = ((ASSIGNMENT.solution / name).read_text("utf-8") for name in (layout.file, layout.support_file))
    about: dict[str, object] = {}
    rows = [HEADER]
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as export:
        for number, student in enumerate(STUDENTS, start=1001):
            name, email = f"{student.first} {student.last}", f"{student.first.lower()}@example.edu"
            row = f"{student.first},{student.last},{number - 900},{email},,,100.0"
            if student.changes is None:
                rows.append(f"{row},Missing,,")
                continue
            folder_name = f"submission_{number}"
            text = source
            for before, after in student.changes:
                if before not in text:
                    raise ValueError(f"the shipped network has no {before!r} any more")
                text = text.replace(before, after)
            export.writestr(f"{TOP}/{folder_name}/{layout.file}", text)
            export.writestr(f"{TOP}/{folder_name}/{layout.support_file}", support)
            about[folder_name] = {
                ":submitters": [{":name": name, ":sid": str(number - 900), ":email": email}],
                ":created_at": DUE,
                ":lateness": student.late,
            }
            rows.append(f"{row},Ungraded,{number},{DUE}")
        export.writestr(f"{TOP}/submission_metadata.yml", json.dumps(about))  # JSON is YAML
    (folder / "grades.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{folder / 'export.zip'}, {folder / 'grades.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
