"""What the terminal shows of a training trace: the epochs, the quantities, the costs, and where the sides part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reports.model.escape import printable
from reports.model.numbers import number
from reports.model.phrases import agreement, listed
from reports.model.run import Results, parts_of
from reports.model.verdicts import Verdict, row_of
from reports.model.words import LIKELY, mistakes
from reports.terminal.lines import Paint, plain, table, wrapped


class Traced(Results, Protocol):
    """A trace that has just ended: a run, and what its records do not tell.

    `divergence` has the step, the quantity and the sentence of the first one; `undecided` the step from which on the
    radius tells nothing, and why.
    """

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
    environment = run.environment
    ran = f"{environment.submission}: {environment.setting}; {run.steps} of {run.planned} steps"
    lines = wrapped(printable(ran), width)
    if run.epochs:
        lines += ["", *epoch_lines(run.epochs, paint)]
    lines += ["", *_quantity_lines(run, paint), ""]
    for text in _facts(run):
        lines += wrapped(text, width, "  ", first="")
    return lines


def verdict(run: Traced) -> list[str]:
    """The sentences that say what the trace came to; the first is the verdict."""
    sentences = []
    if run.divergence is not None:
        step, quantity, message = run.divergence
        word = "Divergence" if quantity else "Stopped"
        own = [record for record in run.records if record.verdict == Verdict.MISMATCH and not record.explained_by]
        named = next((record for record in own if record.quantity == quantity), None)
        looks = f" {LIKELY}: {printable(mistakes(named))}." if named is not None and named.diagnosis else ""
        sentences.append(f"{word} at step {step}: {printable(message)}.{looks}")
        others = [f"{record.quantity} (step {record.step})" for record in own if quantity and record is not named]
        if others:
            sentences.append(f"Also wrong, though computed from what agrees: {printable(listed(others))}.")
    elif run.steps == 0:
        sentences.append("Nothing was traced: no step was taken.")
    else:
        last = run.steps if run.undecided is None else run.undecided[0] - 1
        sentences.append(agreement(last))
    if run.undecided is not None:
        step, because = run.undecided
        sentences.append(f"Undecided from step {step} on: {because}. {run.environment.advice}")
    if run.interrupted:
        sentences.append(f"Interrupted after {run.steps} of {run.planned} steps.")
    return sentences


def epoch_lines(epochs: Sequence[Mapping[str, Any]], paint: Paint = plain) -> list[str]:
    """The table of the epochs: losses summed over the mini-batches and accuracies, of both sides."""
    heads = ("epoch", "side", "training loss", "accuracy", "validation loss", "accuracy")
    rows = [[paint(head, "head") for head in heads]]
    for row in epochs:
        for side, prefix in (("submission", ""), ("torch", "torch_")):
            cells = [str(row["epoch"]) if side == "submission" else "", side]
            for part in ("training", "validation"):
                cells += [f"{row[f'{prefix}{part}_loss']:.6f}", f"{row[f'{prefix}{part}_accuracy']:.4f}"]
            rows.append(cells)
    return table(rows, "rlrrrr")


def _quantity_lines(run: Traced, paint: Paint) -> list[str]:
    parts = parts_of(run)
    heads = ("quantity", "part", "verdict", "largest difference", "ratio", "at step")
    rows = [[paint(head, "head") for head in heads]]
    for record in run.records:
        if record.check == "import" and record.verdict == Verdict.MATCH:
            continue
        word = "follows" if record.explained_by and record.verdict == Verdict.MISMATCH else record.verdict
        rows.append(
            [
                printable(record.quantity),
                parts.label(record.part),
                paint(word, row_of(record.verdict).style),
                number(record.gap),
                number(record.ratio),
                "" if record.step is None else str(record.step),
            ]
        )
    return table(rows, "lllrrl")


def _facts(run: Traced) -> list[str]:
    totals = run.totals
    facts = ["ratio: the difference as a share of the error bound, where it is largest or first too large"]
    if any(record.explained_by and record.verdict == Verdict.MISMATCH for record in run.records):
        facts.append("follows: computed from what diverged before")
    if any(record.quantity == "validation logits" for record in run.records):
        facts.append("validation logits: torch's from the submission's own weights")
    if totals.get("masked"):
        share = totals["kept"] / totals["masked"]
        facts.append(f"masks shared: {share:.2%} kept of the {totals['masked']:,.0f} units whose mask can be seen")
    if "shared_kinks" in totals:
        facts.append(
            f"nondifferentiable points: at {totals['shared_kinks']:,.0f} pre-activations within rounding of 0 torch "
            f"took the submission's side; at {totals['other_kinks']:,.0f} others the two are on different sides of 0"
        )
    seconds = [f"{who} {totals.get(f'{who}_seconds', 0):.1f} s" for who in ("submission", "torch")]
    if totals.get("replica_seconds"):
        seconds.append(f"copies {totals['replica_seconds']:.1f} s")
    return [*facts, f"time: {', '.join(seconds)}"]
