"""Options that several commands take, and the checks of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.protocol.errors import UsageError
from reports.model.phrases import listed, near_names

if TYPE_CHECKING:
    from parity_tests.protocol.assignment import Assignment

DTYPES = ("float64", "float32")
LEVELS = ("none", "restricted", "bubblewrap")
"""Those of harness.isolation, whose import is slow."""


def names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Names out of options that may be repeated, or hold several with commas between them."""
    return tuple(split(values))


def known_parts(assignment: Assignment, parts: Sequence[str]) -> frozenset[str] | None:
    """The parts asked for by id or label, None for all. Raises UsageError for one that the assignment does not have."""
    known = [part.id for part in assignment.parts]
    labels = {part.label.casefold(): part.id for part in assignment.parts}
    asked = [part if part in known else labels.get(" ".join(part.casefold().split()), part) for part in parts]
    for part in asked:
        if part not in known:
            near = ("" if part.isdigit() else near_names(part, known)) or f"; it has {listed(known)}."
            raise UsageError(f"the assignment {assignment.name} has no part {part!r}{near}")
    return frozenset(asked) or None


def module_names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Names of modules out of such options. Raises BadParameter for what is no name."""
    for name in split(values):
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
            raise click.BadParameter(f"{name!r} is not the name of a module.")
    return tuple(split(values))


def finite_seconds(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """The seconds of an option. Raises BadParameter unless they are finite and above 0."""
    if not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is not a number of seconds above 0.")
    return value


SIZES = "sizes"
"""The name of the type of an option that takes a whole number, or several with commas between them."""


def split(values: Sequence[str]) -> list[str]:
    """Options that may be repeated, or hold several names with commas between them."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


class Whole(click.IntRange):
    """A whole number between bounds."""

    name = "whole number"


device_option = click.option(
    "--device", default="cpu", show_default=True, help="Where torch computes: cpu, cuda or cuda:1."
)
seed_option = click.option(
    "--seed", type=Whole(min=0), default=0, show_default=True, help="What inputs are drawn from."
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-run"),
    show_default=True,
    help="Run folder to write; an earlier run there is replaced.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print the verdict alone, and errors.")
github_option = click.option(
    "--github/--no-github",
    default=None,
    help="Annotations and a job summary; left out, only in a GitHub workflow.",
)
assignment_option = click.option(
    "--assignment",
    metavar="NAME",
    help="The assignment, by name or as module:NAME; found from the files if left out.",
)
allow_option = click.option(
    "--allow",
    multiple=True,
    callback=module_names,
    metavar="MODULE,...",
    help="Modules beside numpy that a submission may import; may be repeated.",
)


def timeout_of(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --timeout: the seconds that one case, or one step, may take."""
    of_all = "; all cases may take 12 times as long, and 120 seconds at least" if what == "case" else ""
    return click.option(
        "--timeout",
        type=float,
        default=10.0,
        show_default=True,
        callback=finite_seconds,
        help=f"Seconds that one {what} may take{of_all}.",
    )


def class_file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of files that the points of a class depend on; what is left out is what its folder keeps."""
    for name, what in (
        ("--comments", "CSV of comments for students, beside the points."),
        ("--overrides", "CSV of points that a grader sets; applied last."),
        ("--late", "TOML file: what is taken off for each day late; applied last but for the overrides."),
        ("--roster", "CSV of who is in the class."),
        ("--starter", "Folder or file of what students were given; it makes nobody alike."),
        ("--rubric", "TOML file: points, in place of the usual ones or of those kept."),
    ):
        command = click.option(name, type=click.Path(path_type=Path), help=what)(command)
    return command


def tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The certificates by which a Dask scheduler and we know each other."""
    for name, what in (
        ("--tls-key", "Our key for that certificate."),
        ("--tls-cert", "Our certificate, of that authority."),
        (
            "--tls-ca",
            "The authority of the scheduler's and its workers' certificates, in PEM.",
        ),
    ):
        command = click.option(name, type=click.Path(path_type=Path), help=what)(command)
    return command


def verbose_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --verbose of a command that says more as its work goes on, or of what there is."""
    return click.option("-v", "--verbose", is_flag=True, help=what)
