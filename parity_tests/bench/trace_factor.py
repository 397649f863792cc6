"""Measures the factor on the spread of a trace's copies: `python -m parity_tests.bench.trace_factor [ASSIGNMENT]`.

Every honest form of the solution trains beside torch under some settings; what is measured is the largest gap, in any
quantity at any step before *undecided*, divided by the largest spread so far of the perturbed copies in the same
tensor. The factor of the radius must lie above all of them.
"""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import click

from parity_tests.proof.variants import rewritten, unchanged
from parity_tests.protocol.registry import find
from parity_tests.trace.radius import LargestMultiples, factor_for
from parity_tests.trace.run import trace
from parity_tests.trace.training import training_of

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "mlp": tuple(
        {"activation": activation, "hidden": (width,), "dtype": dtype, "batch": 20, "epochs": 4, "drop_every": 2,
         "alpha": 0.9, "lam": 1e-4, "rate": 0.25}
        for width, activation, dtype in product((30, 100), ("relu", "tanh"), ("float64", "float32"))
    ),
    "cs231n": (
        {"rule": "sgd", "dtype": "float32"},
        {"rule": "sgd_momentum"},
        {"rule": "adam", "normalization": "batchnorm", "rate": 0.25},
        {"rule": "rmsprop", "normalization": "layernorm", "rate": 0.25},
        {"rule": "adam", "normalization": "batchnorm", "dtype": "float32"},
    ),
}  # fmt: skip


@click.command()
@click.argument("name", metavar="ASSIGNMENT", type=click.Choice(list(SETTINGS)), default="mlp")
@click.option("--steps", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--replicas", type=click.IntRange(min=2), default=4, show_default=True)
@click.option("--forms", type=click.IntRange(min=0), help="Only so many honest forms beside the solution itself.")
def main(name: str, steps: int, seeds: int, replicas: int, forms: int | None) -> None:
    """Print the largest gap of each honest run as a multiple of the copies' spread; end with 1 where one diverges."""
    assignment = find(name)
    variants = [unchanged(assignment), *(rewritten(assignment, form) for form in assignment.proof().honest[:forms])]
    most, off, undecided = 0.0, 0, 0
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        for number, variant in enumerate(variants):
            variant.write(Path(scratch) / str(number))
            for seed, settings in product(range(seeds), SETTINGS[name]):
                own = {**settings, "steps": steps, "seed": 42 + seed, "replicas": replicas}
                largest = LargestMultiples()
                done = trace(assignment, Path(scratch) / str(number), training_of(assignment, own, {}, None), largest)
                quantity, (multiple, step) = max(
                    largest.multiples.items(), key=lambda item: item[1], default=("nothing", (0.0, 0))
                )
                until = "" if done.undecided is None else f", undecided from {done.undecided[0]} on"
                undecided += done.undecided is not None
                words = " ".join(str(value) for value in settings.values() if not isinstance(value, tuple))
                click.echo(f"{multiple:6.2f}  {quantity} ({step}{until})  {variant.name}; {words}")
                if done.divergence is not None:
                    off += 1
                    click.echo(f"        diverges: {done.divergence}")
                most = max(most, multiple)
    runs = len(variants) * seeds * len(SETTINGS[name])
    click.echo(
        f"The largest of all is {most:.2f}; the factor is {factor_for(replicas):g}; of {runs} runs {off} diverge, and "
        f"{undecided} are undecided at the end."
    )
    raise SystemExit(bool(off))


if __name__ == "__main__":
    main()
