"""The page of a training trace: where the two sides part, differences and bounds over the steps, losses, epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.html.cards import code_of
from reports.html.template import facts, markup, template
from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.phrases import agreement, capitalised, ended
from reports.model.records import Record
from reports.model.run import Results, parts_of, title_of
from reports.model.verdicts import FAILING, NOT_JUDGED, PASSING, Verdict, row_of
from reports.model.words import mistakes
from reports.pictures.training import trace_charts

if TYPE_CHECKING:
    import pandas as pd


FOLLOWS = "follows"
"""What is said in place of a verdict where something diverged before."""


def trace_html(run: Results, quantities: pd.DataFrame, steps: pd.DataFrame, epochs: pd.DataFrame) -> str:
    """The page of a saved trace as a whole HTML document; the frames are its tables."""
    parts = parts_of(run)
    records = [record for record in run.records if record.check != "import" or record.verdict != Verdict.MATCH]
    first = next((r for r in records if r.verdict in FAILING and not r.explained_by), None)
    undecided = next((r for r in records if r.verdict == Verdict.UNDECIDED), None)
    environment = run.environment
    return template("trace.html").render(
        title="Parity: a training trace",
        fails=first is not None,
        verdict=_verdict(first, undecided, len(steps)),
        detail=_detail(run, first),
        undecided=None if undecided is None else f"{ended(undecided.message)} {environment.advice or ''}",
        setting=printable(f"{environment.submission or ''}: {environment.setting or ''}"),
        charts=[
            (name, markup(wide), markup(narrow))
            for (name, wide), (_, narrow) in zip(
                trace_charts(run, quantities, steps), trace_charts(run, quantities, steps, narrow=True), strict=True
            )
        ],
        records=[
            {
                "part": parts.label(record.part),
                "quantity": record.quantity,
                "verdict": FOLLOWS if _follows(record) else record.verdict,
                "sign": row_of(NOT_JUDGED if _follows(record) else record.verdict).sign,
                "step": "" if record.step is None else record.step,
                "gap": number(record.gap),
                "radius": number(record.radius),
                "ratio": number(record.ratio),
            }
            for record in sorted(records, key=lambda one: (one is not first, one.verdict in PASSING, _follows(one)))
        ],
        code=[] if first is None else code_of(run, [first]),
        part="" if first is None else parts.heading(first.part),
        diagnosis="" if first is None else mistakes(first),
        hint="" if first is None else (environment.hints or {}).get(first.diagnosis, ""),
        follows=any(map(_follows, records)),
        epochs=epochs.to_dict("records"),
        environment=facts(environment),
    )


def _follows(record: Record) -> bool:
    """Whether a quantity is off after a divergence, in what was computed from it."""
    return bool(record.explained_by) and record.verdict == Verdict.MISMATCH


def _verdict(first: Record | None, undecided: Record | None, steps: int) -> str:
    if first is not None:
        at = "" if first.step is None else f" at step {first.step}"
        return f"Divergence{at}, in {first.quantity}."
    if not steps:
        return "Nothing was traced: no step was taken."
    last = steps if undecided is None or undecided.step is None else undecided.step - 1
    return agreement(last)


def _detail(run: Results, first: Record | None) -> str:
    """What was seen first, and the name of its mistake."""
    if first is None:
        return ""
    title = title_of(run, first.case)
    diagnosis = f" Likely cause: {mistakes(first)}." if first.diagnosis else ""
    return capitalised(ended(first.message.removeprefix(f"{title}: "))) + diagnosis
