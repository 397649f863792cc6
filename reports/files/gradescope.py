"""Gradescope's results.json: one test for each item of the rubric, with its points and what to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports.files.feedback import discrepancies
from reports.model.for_student import for_student
from reports.model.phrases import capitalised, ended, shortened
from reports.model.points import ItemPoints, Points, counts_for
from reports.model.reasons import causes_of, late_sentence, reason, total_text
from reports.model.records import Record
from reports.model.run import Results, parts_of
from reports.model.verdicts import FAILING

MAX_TEXT = 20_000


def results_json(
    run: Results,
    points: Points,
    notices: Sequence[str] = (),
    seconds: float | None = None,
    comments: Sequence[str] = (),
) -> str:
    """The file's text. Where there is no grade it holds no score, and says why.

    `notices` are sentences about what was handed in, `seconds` what the check took, `comments` what a human says of it.
    """
    run = for_student(run)
    results: dict[str, Any] = {
        "output": shortened(_output(run, points, [*notices, *comments]), MAX_TEXT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    if seconds is not None:
        results["execution_time"] = round(seconds, 2)
    if points.total is not None:
        results["score"] = points.total
    causes, wrong = causes_of(run.records), [record for record in run.records if record.verdict in FAILING]
    results["tests"] = [
        _test(str(number), item, run, wrong, causes, graded=points.total is not None)
        for number, item in enumerate(points.items, 1)
        if item.maximum is not None
    ]
    return json.dumps(results, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _test(
    number: str, item: ItemPoints, run: Results, wrong: Sequence[Record], causes: Mapping[str, str], *, graded: bool
) -> dict[str, Any]:
    sentences = [ended(capitalised(reason(item, causes, parts_of(run))))]
    own = [record for record in wrong if counts_for(record, item.checks, item.parts)]
    sentences += discrepancies(own, run)
    test: dict[str, Any] = {
        "name": item.name,
        "number": number,
        "output": shortened("\n\n".join(sentences), MAX_TEXT),
        "max_score": item.maximum,
        "visibility": "visible",
    }
    if graded and item.points is not None:
        test["score"] = item.points
        test["status"] = "passed" if item.points >= (item.maximum or 0.0) else "failed"
    return test


def _output(run: Results, points: Points, notices: Sequence[str]) -> str:
    lines = [f"{total_text(points)}.", *map(ended, notices)]
    if points.total is None:
        return lines[0]
    if points.late:
        lines.append(late_sentence(points, points.late))
    lines += [f"Nothing of {name} could be decided, so it does not count." for name in points.undecided]
    free = [record for record in run.records if record.part in points.free and not record.explained_by]
    if any(record.verdict in FAILING for record in free):
        lines += ["These cost no points:", *discrepancies(free, run)]
    return "\n\n".join(lines)
