"""The upper limit of grading: the same cases and judging, but the submission runs in the harness's own process.

`python -m parity_tests.bench.in_process FOLDER...` does the work that `parity grade` does on each folder, without any
isolation or pipe: nothing that the harness does about a submission could be faster than this. For trusted code alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from parity_tests.assignments.mlp import editions
from parity_tests.grading.settings import Settings
from parity_tests.grading.task import Task, warm_up, work
from parity_tests.harness import check as checking
from parity_tests.harness.process.in_process import InProcessRunner
from reports.model.verdicts import Verdict


def main() -> None:
    """Do the work on each folder named."""
    warm_up()
    settings = Settings("mlp", seed=1, edition=editions.DEFAULT, dtypes=("float64",))
    with (
        tempfile.TemporaryDirectory(prefix="parity-bench-") as scratch,
        patch.object(checking, "Runner", InProcessRunner),
    ):
        os.chdir(scratch)
        for folder in map(Path, sys.argv[1:]):
            files = tuple((file.name, file.read_bytes()) for file in sorted(folder.glob("*.py")))
            outcome = work(Task(folder.name, files, "", settings))
            if outcome.trouble or any(record.verdict != Verdict.MATCH for record in outcome.records):
                raise SystemExit(f"{folder}: {outcome.trouble or 'it does not agree'}")


if __name__ == "__main__":
    main()
