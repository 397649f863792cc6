"""`parity doctor`: say what this machine has for Parity."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(as_json: bool) -> None:
    """Say what this machine has for Parity.

    Versions, BLAS and threads, devices, precision switches, isolation, data.
    """
    from parity_tests.harness.environment import describe, examine

    found = examine()
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(describe(found)))
