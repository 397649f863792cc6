"""Measures how far honest forms of CS231n's solution go in a trace: `python -m parity_tests.bench.trace_factor`.

Every honest form trains by a Solver beside torch under some settings; what is measured is the largest gap, in any
quantity at any step before *undecided*, divided by the largest spread so far of the perturbed copies in the same
tensor. The factor of the radius must lie above all of them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.trace.settings import Settings
from parity_tests.assignments.cs231n.trace.training import training
from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.trace.radius import LargestMultiples, factor_for
from parity_tests.trace.run import trace

SETTINGS: tuple[dict[str, Any], ...] = (
    {"rule": "sgd", "dtype": "float32"},
    {"rule": "sgd_momentum"},
    {"rule": "adam", "normalization": "batchnorm", "rate": 0.25},
    {"rule": "rmsprop", "normalization": "layernorm", "rate": 0.25},
    {"rule": "adam", "normalization": "batchnorm", "dtype": "float32"},
)


@click.command()
@click.option("--steps", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--replicas", type=click.IntRange(min=2), default=Settings.replicas, show_default=True)
@click.option("--forms", type=click.IntRange(min=0), help="Only so many honest forms beside the solution itself.")
def main(steps: int, seeds: int, replicas: int, forms: int | None) -> None:
    """Print the largest gap of each honest run as a multiple of the copies' spread; end with 1 where one diverges."""
    proof = ASSIGNMENT.proof()
    variants = [unchanged(ASSIGNMENT), *(rewritten(ASSIGNMENT, form) for form in proof.honest[:forms])]
    most, off, undecided = 0.0, 0, 0
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        for number, variant in enumerate(variants):
            variant.write(Path(scratch) / str(number))
            for seed in range(seeds):
                for settings in SETTINGS:
                    own = {**settings, "steps": steps, "seed": 42 + seed, "replicas": replicas}
                    largest = LargestMultiples()
                    done = trace(ASSIGNMENT, Path(scratch) / str(number), training(own, None), largest)
                    name, (multiple, step) = max(
                        largest.multiples.items(), key=lambda item: item[1], default=("nothing", (0.0, 0))
                    )
                    words = f"{own['rule']} {own.get('normalization', '')} {own.get('dtype', 'float64')}"
                    until = "" if done.undecided is None else f", undecided from {done.undecided[0]} on"
                    undecided += done.undecided is not None
                    click.echo(f"{multiple:6.2f}  {name} ({step}{until})  {variant.name}; {words}")
                    if done.divergence is not None:
                        off += 1
                        click.echo(f"        diverges: {done.divergence}")
                    most = max(most, multiple)
    runs = len(variants) * seeds * len(SETTINGS)
    click.echo(
        f"The largest of all is {most:.2f}; the factor is {factor_for(replicas):g}; of {runs} runs {off} diverge, and "
        f"{undecided} are undecided at the end."
    )
    raise SystemExit(bool(off))


if __name__ == "__main__":
    main()
