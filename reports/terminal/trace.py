"""What the terminal shows of a training trace: the epochs, the quantities, the costs, and where the sides part."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reports.model.records import Record
from reports.terminal.text import Paint, number, plain, printable

_STYLES = {"match": "good", "undecided": "warn"}


class Traced(Protocol):
    """A trace, wherever it comes from."""

    @property
    def records(self) -> Sequence[Record]: ...
    @property
    def environment(self) -> Mapping[str, Any]: ...
    @property
    def steps(self) -> int: ...
    @property
    def planned(self) -> int: ...
    @property
    def epochs(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def divergence(self) -> tuple[int, str, str] | None: ...
    @property
    def undecided(self) -> tuple[int, str] | None: ...
    @property
    def totals(self) -> Mapping[str, float]: ...
    @property
    def interrupted(self) -> bool: ...


def trace_page(run: Traced, *, width: int = 80, paint: Paint = plain) -> list[str]:
    """The page that `parity trace` prints, but for its verdict."""
    lines = _wrapped(_headline(run), width)
    if run.epochs:
        lines += ["", *epoch_lines(run.epochs, paint)]
    lines += ["", *_quantity_lines(run.records, paint), ""]
    for text in _facts(run):
        lines += _wrapped(text, width)
    return lines


def verdict(run: Traced) -> list[str]:
    """The sentences that say what the trace came to; the first is the verdict."""
    said = []
    if run.divergence is not None:
        step, quantity, message = run.divergence
        word = "Divergence" if quantity else "Stopped"
        said.append(f"{word} at step {step}: {printable(message)}.")
    elif run.steps == 0:
        said.append("Nothing was traced: no step was taken.")
    else:
        last = run.steps if run.undecided is None else run.undecided[0] - 1
        said.append(f"Agreement: every quantity of {last} steps lies within its radius.")
    if run.undecided is not None:
        step, because = run.undecided
        said.append(f"Undecided from step {step} on: {because}. {advice(run.environment['trace'])}")
    if run.interrupted:
        said.append(f"Interrupted after {run.steps} of {run.planned} steps.")
    return said


def advice(settings: Mapping[str, Any]) -> str:
    """What to try where rounding drives honest runs apart."""
    tries = []
    if settings["dtype"] == "float32":
        tries.append("float64 (--dtype float64)")
    tries.append(f"a smaller η (--lr {settings['eta'] / 10:g})")
    if settings["alpha"] > 0:
        tries.append("no momentum (--alpha 0)")
    tries.append("each step from torch's weights (--forced)")
    return f"To see further, try {', '.join(tries[:-1])} or {tries[-1]}."


def epoch_lines(epochs: Sequence[Mapping[str, Any]], paint: Paint = plain) -> list[str]:
    """The table of the epochs: losses summed over the mini-batches and accuracies, of both sides."""
    head = (
        f"{'epoch':>5}  {'side':<10}  {'training loss':>14}  {'accuracy':>8}  {'validation loss':>15}  {'accuracy':>8}"
    )
    lines = [paint(head, "head")]
    for row in epochs:
        for side, prefix in (("submission", ""), ("torch", "torch_")):
            label = f"{row['epoch']:>5}" if not prefix else " " * 5
            figures = [
                f"{row[f'{prefix}{part}_loss']:>{wide}.6f}  {row[f'{prefix}{part}_accuracy']:>8.4f}"
                for part, wide in (("training", 14), ("validation", 15))
            ]
            lines.append("  ".join([label, f"{side:<10}", *figures]))
    return lines


def _headline(run: Traced) -> str:
    said = run.environment
    s = said["trace"]
    drop = f", times 0.1 every {s['drop_every']} epochs"
    form = "each step from torch's weights" if s["forced"] else f"radius from {s['replicas']} perturbed replicas"
    return (
        f"{printable(said['submission'])}: edition {said['edition']}, traced beside torch on {said['device']} in "
        f"{s['dtype']}; {s['activation']}, {s['hidden']} hidden units, batch {s['batch']}, η {s['eta']:g}{drop}, "
        f"α {s['alpha']:g}, λ {s['lam']:g}, dropout {s['rate']:g}, seed {s['seed']}; {form}; "
        f"{run.steps} of {run.planned} steps"
    )


def _quantity_lines(records: Sequence[Record], paint: Paint) -> list[str]:
    lines = [
        paint(f"{'quantity':<22}  {'TODO':<5}  {'verdict':<9}  {'largest gap':>11}  {'ratio':>8}  at step", "head")
    ]
    for record in records:
        if record.check == "import" and record.verdict == "match":
            continue
        word = "follows" if record.explained_by and record.verdict == "mismatch" else record.verdict
        verdict = paint(f"{word:<9}", _STYLES.get(record.verdict, "bad"))
        step = "" if record.step is None else str(record.step)
        lines.append(
            f"{record.quantity:<22}  {record.part:<5}  {verdict}  {number(record.gap):>11}  "
            f"{number(record.ratio):>8}  {step}"
        )
    return lines


def _facts(run: Traced) -> list[str]:
    t = run.totals
    said = ["ratio: the gap as a share of what rounding explains, where it is largest or first too large"]
    if any(record.explained_by and record.verdict == "mismatch" for record in run.records):
        said.append("follows: off after the first divergence, and because of it")
    if t.get("masked"):
        said.append(
            f"masks shared: {t['kept'] / t['masked']:.2%} kept of the {t['masked']:,.0f} units whose mask can be seen"
        )
    if run.environment["trace"]["activation"] == "relu" and not run.environment["trace"]["forced"]:
        said.append(
            f"kinks shared: {t.get('shared_kinks', 0):,.0f} pre-activations within their radius of 0 on the "
            f"submission's side; {t.get('other_kinks', 0):,.0f} on another side and further off"
        )
    cost = f"time: submission {t.get('submission_seconds', 0):.1f} s, torch {t.get('torch_seconds', 0):.1f} s"
    replicas = t.get("replica_seconds", 0)
    said.append(f"{cost}, replicas {replicas:.1f} s" if replicas else cost)
    return said


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False) or [""]
