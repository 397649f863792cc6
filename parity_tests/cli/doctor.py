"""`parity doctor`: say what this machine has for Parity."""

from __future__ import annotations

import json

import click

from parity_tests.cli.options import json_option


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what this machine has for Parity.

    Versions, BLAS and threads, devices, precision switches, isolation, assignments, data.
    """
    from parity_tests.harness.environment import describe, examine
    from parity_tests.protocol.registry import installed

    assignments = {name: point.value for name, point in installed().items()}
    answers = {**examine(), "assignments": assignments, "data": _data()}
    click.echo(json.dumps(answers, indent=2) if as_json else "\n".join(describe(answers)))


def _data() -> str:
    """Where the digits of the homework lie."""
    from parity_tests.assignments.mlp.digits import SHIPPED_FILE

    there = "the homework's 7,000 digits are in" if SHIPPED_FILE.is_file() else "missing:"
    return f"{there} {SHIPPED_FILE}"
