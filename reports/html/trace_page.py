"""The page of a training trace: where the two sides part, gaps and radii over the steps, losses, epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reports.html.charts import Marks, losses_chart, steps_chart
from reports.html.template import facts, markup, template
from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.phrases import ended
from reports.model.records import FAILING, Record
from reports.model.run import Results, parts_of
from reports.model.words import mistakes

if TYPE_CHECKING:
    import pandas as pd


def trace_html(run: Results, quantities: pd.DataFrame, steps: pd.DataFrame, epochs: pd.DataFrame) -> str:
    """The page of a saved trace as a whole HTML document; the frames are its tables."""
    parts = parts_of(run)
    records = [record for record in run.records if record.check != "import" or record.verdict != "match"]
    first = next((r for r in records if r.verdict in FAILING and not r.explained_by), None)
    undecided = next((r for r in records if r.verdict == "undecided"), None)
    marks = Marks(None if first is None else first.step, None if undecided is None else undecided.step)
    environment = run.environment
    return template("trace.html").render(
        title="Parity: a training trace",
        fails=first is not None,
        verdict=_verdict(first, undecided, len(steps)),
        detail=_detail(first),
        undecided=None if undecided is None else f"{ended(undecided.message)} {environment.get('advice', '')}",
        setting=printable(f"{environment.get('submission', '')}: {environment.get('setting', '')}"),
        panels=_panels(environment, quantities, marks),
        losses=markup(losses_chart(_losses(steps), marks)),
        records=[
            {
                "part": parts.label(record.part),
                "quantity": record.quantity,
                "verdict": record.verdict,
                "step": "" if record.step is None else record.step,
                "gap": number(record.gap),
                "radius": number(record.radius),
                "ratio": number(record.ratio),
            }
            for record in records
        ],
        epochs=epochs.to_dict("records"),
        environment=facts(environment),
    )


def _panels(environment: Mapping[str, Any], quantities: pd.DataFrame, marks: Marks) -> list[tuple[str, Any]]:
    """The pictures of the quantities that the trace puts together, but for those with nothing to draw."""
    panels = []
    for panel, names in environment.get("panels", {}).items():
        chart = steps_chart(panel, panel.capitalize(), _series(quantities, names), marks)
        if chart:
            panels.append((panel, markup(chart)))
    return panels


def _verdict(first: Record | None, undecided: Record | None, steps: int) -> str:
    if first is not None:
        at = "" if first.step is None else f" at step {first.step}"
        return f"Divergence{at}, in {first.quantity}."
    if not steps:
        return "Nothing was traced: no step was taken."
    last = steps if undecided is None or undecided.step is None else undecided.step - 1
    return f"Agreement: every quantity of {last} steps lies within its radius."


def _detail(first: Record | None) -> str:
    if first is None:
        return ""
    diagnosis = f" It looks like this mistake: {mistakes(first)}." if first.diagnosis else ""
    return ended(first.message) + diagnosis


def _series(quantities: pd.DataFrame, names: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        rows = quantities[quantities["quantity"] == name] if len(quantities) else quantities
        for column in ("gap", "radius") if len(rows) else ():
            found[f"{column} of {name}"] = _points(rows, column)
    return found


def _losses(steps: pd.DataFrame) -> dict[str, list[tuple[float, float]]]:
    if not len(steps):
        return {}
    return {"submission": _points(steps, "loss"), "torch": _points(steps, "torch_loss")}


def _points(rows: pd.DataFrame, column: str) -> list[tuple[float, float]]:
    return list(zip(rows["step"].astype(int).tolist(), rows[column].astype(float).tolist(), strict=True))
