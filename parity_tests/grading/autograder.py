"""Grades the one submission of a Gradescope autograder: reads its folders, writes its results.json, or neither."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

import msgspec

from parity_tests.grading.decode import DecodeError, from_json
from parity_tests.grading.folder import SEEDS
from parity_tests.grading.intake.entries import folder_entries
from parity_tests.grading.intake.prepare import prepare
from parity_tests.grading.rubric import Vocabulary, load_rubric
from parity_tests.grading.scoring import nothing_to_run, score
from parity_tests.grading.settings import Settings
from parity_tests.grading.task import Task, work
from parity_tests.harness.process.available_levels import choose
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.registry import find
from reports.files.gradescope import results_json
from reports.model.environment import Environment
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
    settings = _settings(root / "source" / "settings.json")
    assignment = find(settings.assignment)
    rubric, _ = load_rubric(root / "source" / "rubric.toml", Vocabulary.of(assignment))
    prepared = prepare(folder_entries(root / "submission"), assignment)
    outcome = work(Task("submission", prepared.files, prepared.missing, settings))
    points = score(outcome.records, rubric)
    points = nothing_to_run(points) if prepared.missing else points
    if points.total is None:
        raise HarnessError(outcome.trouble)
    environment, inputs = (json.loads(outcome.files[name]) for name in ("environment.json", "inputs.json"))
    run = SavedRun([] if prepared.missing else outcome.records, Environment.from_json(environment), {}, inputs, b"")
    remarks = [prepared.missing] if prepared.missing else prepared.notes
    return results_json(run, points, remarks, outcome.seconds)


def _settings(path: Path) -> Settings:
    """The settings of the bundle, with a new seed and the isolation that there is here."""
    try:
        settings = from_json(path.read_text(encoding="utf-8"), Settings)
    except DecodeError as error:
        raise HarnessError(f"{path}, line {error.line}: {error}") from None
    level = choose(settings.isolation)
    return msgspec.structs.replace(settings, seed=secrets.randbelow(SEEDS), isolation=level.name)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
