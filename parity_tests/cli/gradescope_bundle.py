"""`parity gradescope-bundle`: write an autograder for Gradescope."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from parity_tests.cli.extras import CLASS, PAGES, require
from parity_tests.cli.files import write
from parity_tests.cli.options import LEVELS, allow_option, assignment_option, timeout_of


@click.command("gradescope-bundle")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("autograder.zip"),
    show_default=True,
    help="Zip file to write.",
)
@click.option("--rubric", type=click.Path(path_type=Path), help="Points, in place of the usual ones.")
@assignment_option
@click.option("--edition", help="The class's edition of the assignment; its default if left out.")
@timeout_of("case")
@allow_option
@click.option(
    "--isolation",
    type=click.Choice(LEVELS),
    default="restricted",
    show_default=True,
    help="The least that will do there.",
)
@click.option("--index-url", help="Where its setup gets packages from, such as an index of torch without CUDA.")
def gradescope_bundle(
    out: Path,
    rubric: Path | None,
    assignment: str | None,
    edition: str | None,
    timeout: float,
    allow: tuple[str, ...],
    isolation: str,
    index_url: str | None,
) -> None:
    """Write the zip file that Gradescope takes as an autograder.

    It grades a submission in float64 without a network, by the rubric that is put in, from a seed drawn each time.
    """
    require("grading", CLASS | PAGES)
    from parity_tests.grading.bundle import bundle
    from parity_tests.grading.rubric import Vocabulary, load_rubric
    from parity_tests.grading.settings import Settings
    from parity_tests.protocol.registry import find, select

    chosen = find(assignment) if assignment else select("what is installed", lambda layout: True)
    edition = chosen.editions.default if edition is None else edition
    chosen.refuse_edition(edition)
    text = load_rubric(rubric, Vocabulary.of(chosen))[1] if rubric else chosen.rubric_text
    settings = Settings(assignment or chosen.name, 0, edition, ("float64",), timeout, allow, isolation)
    data = bundle(settings, text, index_url)
    write(out, data)
    click.echo(f"{shlex.quote(str(out))}: {len(data) / 1e6:.1f} MB. Upload it as the assignment's autograder.")
