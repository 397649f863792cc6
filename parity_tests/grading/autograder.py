"""Grades the one submission of a Gradescope autograder: reads its folders, writes its results.json, or neither."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import replace
from pathlib import Path

from parity_tests.grading.folder import SEEDS
from parity_tests.grading.intake.entries import folder_entries
from parity_tests.grading.intake.prepare import prepare
from parity_tests.grading.points import grade
from parity_tests.grading.tables import usable_rubric
from parity_tests.grading.task import Settings, Task, work
from parity_tests.harness.sandbox.isolation import choose
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.registry import find
from reports.files.gradescope import results_json
from reports.model.run import SavedRun
from reports.model.write_whole import write_whole


def main(root: Path) -> int:
    """Grade `root`/submission into `root`/results/results.json; 0, or 3 and no file where Parity is at fault.

    The seed is drawn anew each time, so that a number once shown answers nothing the next time.
    """
    try:
        text = _results(root)
    except Exception as error:  # whatever it is: a trace would show the student what is inside
        print(f"Parity could not grade this: {error}", file=sys.stderr)
        return 3
    results = root / "results"
    results.mkdir(exist_ok=True)
    write_whole(results / "results.json", text.encode())
    return 0


def _results(root: Path) -> str:
    kept = json.loads((root / "source" / "settings.json").read_text(encoding="utf-8"))
    settings = Settings(**{**kept, "dtypes": tuple(kept["dtypes"]), "allow": tuple(kept["allow"])})
    settings = replace(settings, seed=secrets.randbelow(SEEDS), isolation=choose(settings.isolation).name)
    rubric, _ = usable_rubric(root / "source" / "rubric.toml")
    prepared = prepare(folder_entries(root / "submission"), find(settings.assignment))
    outcome = work(Task("submission", prepared.files, prepared.missing, settings))
    graded = grade(outcome.records, rubric)
    if graded.total is None:
        raise HarnessError(outcome.trouble)
    titles = {
        case.name: {"title": case.title} for case in find(settings.assignment).cases(settings.edition, settings.dtypes)
    }
    environment = json.loads(outcome.files["environment.json"])
    run = SavedRun([] if prepared.missing else outcome.records, environment, {}, titles, b"")
    said = [prepared.missing] if prepared.missing else prepared.notes
    return results_json(run, graded, said, outcome.seconds)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
