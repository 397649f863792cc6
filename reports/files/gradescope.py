"""Gradescope's results.json: one test for each item of the rubric, with its points and what to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from parity_tests.grading.feedback import points_text, sentences
from parity_tests.grading.points import Earned, Grade
from parity_tests.grading.rubric import Rubric
from reports.model.records import FAILING, Record

MAX_TEXT = 20_000
_FAULT = "Parity itself failed while it looked at this submission, so there is no grade yet. That is not your fault."


def results_json(
    records: Sequence[Record],
    grade: Grade,
    rubric: Rubric,
    *,
    titles: Mapping[str, Any],
    hints: Mapping[str, str],
    said: Sequence[str] = (),
    seconds: float | None = None,
) -> str:
    """The file's text. Where there is no grade it holds no score, and says why."""
    results: dict[str, Any] = {
        "output": _shortened(_output(records, grade, titles, hints, said)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
    }
    if seconds is not None:
        results["execution_time"] = round(seconds, 2)
    if grade.total is not None:
        results["score"] = grade.total
    results["tests"] = [
        _test(number, earned, [r for r in records if r.check in item.checks], titles, hints, grade.total is not None)
        for number, (item, earned) in enumerate(zip(rubric.items, grade.items, strict=True), 1)
        if earned.maximum is not None
    ]
    return json.dumps(results, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _test(
    number: int,
    earned: Earned,
    records: Sequence[Record],
    titles: Mapping[str, Any],
    hints: Mapping[str, str],
    graded: bool,
) -> dict[str, Any]:
    said = [f"{earned.right} of {earned.counted} quantities are right."]
    if earned.override:
        said.append(f"Given by hand in place of {points_text(earned.before)}: {earned.override}")
    if earned.undecided:
        said.append(f"{earned.undecided} undecided, which count neither for nor against you.")
    said += sentences(records, titles, hints)
    test: dict[str, Any] = {
        "name": earned.item,
        "number": str(number),
        "output": _shortened("\n\n".join(said)),
        "max_score": earned.maximum,
        "visibility": "visible",
    }
    if graded and earned.points is not None:
        test["score"] = earned.points
        test["status"] = "passed" if earned.points >= (earned.maximum or 0.0) else "failed"
    return test


def _output(
    records: Sequence[Record], grade: Grade, titles: Mapping[str, Any], hints: Mapping[str, str], said: Sequence[str]
) -> str:
    if grade.total is None:
        return _FAULT
    lines = [f"{points_text(grade.total)} of {points_text(grade.maximum)} points."]
    lines += [sentence if sentence.endswith(".") else f"{sentence}." for sentence in said]
    for name in grade.undecided:
        lines.append(f"Nothing of {name} could be decided, so it does not count.")
    elsewhere = [r for r in records if r.part == "utils" and r.verdict in FAILING and not r.explained_by]
    if elsewhere:
        lines += ["These cost no points:", *sentences(elsewhere, titles, hints)]
    return "\n\n".join(lines)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
