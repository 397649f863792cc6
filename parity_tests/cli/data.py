"""`parity data`: write the homework's data file."""

from __future__ import annotations

from pathlib import Path

import click

from parity_tests.protocol.errors import UsageError


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("mnist_subset.json"),
    show_default=True,
    help="File to write.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Digits to take instead of the shipped ones: a folder of full MNIST, or an .npz or .json file.",
)
@click.option("--download", is_flag=True, help="Fetch full MNIST into the folder of --data first.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def data(out: Path, data: Path | None, download: bool, force: bool) -> None:
    """Write the homework's data file (JSON).

    `python neural_networks.py` trains from it.
    """
    if download and data is None:
        raise UsageError("--download needs --data DIR, the folder that full MNIST is fetched into.")
    if out.is_dir():
        raise UsageError(f"{out} is a folder; name a file with --out.")
    if out.exists() and not force:
        raise UsageError(f"{out} is there already; --force overwrites it, --out names another file.")

    from parity_tests.assignments.mlp.digits import DataError, load_data, load_digits, write_homework_json

    try:
        digits = load_digits() if data is None else load_data(data, download=download)
        write_homework_json(out, digits)
    except DataError as error:
        raise UsageError(str(error)) from error
    sizes = ", ".join(f"{len(y)} {name}" for name, _, y in digits.parts())
    click.echo(f"{out}: {sizes} ({out.stat().st_size / 1e6:.1f} MB).")
