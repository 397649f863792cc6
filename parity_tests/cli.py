"""The `parity` command: check, show, data, doctor; however it ends, with a sentence and an exit status."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shlex
import shutil
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity_tests.assignment.editions import EDITIONS
from parity_tests.assignment.parts import PARTS
from parity_tests.harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from reports.records import Record
    from reports.text import Paint

DTYPES = ("float64", "float32")

AGREEMENT, DISCREPANCIES, UNUSABLE, OWN_FAULT, INTERRUPTED = 0, 1, 2, 3, 130

_COLOURS = {"good": "green", "bad": "red", "warn": "yellow"}
_PROGRESS_AFTER = 2.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status, whatever happens: no traceback reaches the screen.

    0 agreement, 1 discrepancies, 2 what was asked for cannot be done, 3 Parity's own fault, 130 Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter stops nothing
    try:
        status = cli.main(args=arguments, prog_name="parity", standalone_mode=False)
        return int(status or AGREEMENT)
    except click.ClickException as error:
        error.show()
        return UNUSABLE
    except UsageError as error:
        _complain(str(error))
        return UNUSABLE
    except HarnessError as error:
        _complain(f"this is Parity's own fault, not the submission's: {error}")
        return OWN_FAULT
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted.")
        return INTERRUPTED
    except Exception as error:
        _complain(
            f"this is Parity's own fault, not the submission's: {type(error).__name__}: {error}. "
            f"{_keep_traceback(error)}"
        )
        return OWN_FAULT


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="parity", message="parity %(version)s")
def cli() -> None:
    """Says whether a hand-written numpy network agrees with the equivalent torch.nn model,
    and if not, what is wrong with it."""


def _todos(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> frozenset[str] | None:
    todos = _split(values)
    for todo in todos:
        if todo not in PARTS:
            raise click.BadParameter(f"{todo!r} is no TODO; there are {', '.join(PARTS)}.")
    return frozenset(todos) or None


def _modules(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for name in _split(values):
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name):
            raise click.BadParameter(f"{name!r} is not the name of a module.")
    return tuple(_split(values))


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is not a number of seconds above 0.")
    return value


@cli.command()
@click.argument("submission", required=False, type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True, help="Where torch computes: cpu, cuda or cuda:1.")
@click.option(
    "--dtype",
    type=click.Choice([*DTYPES, "both"]),
    default="both",
    show_default=True,
    help="Precision of the inputs.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What inputs are drawn from.")
@click.option(
    "--todo",
    "todos",
    multiple=True,
    callback=_todos,
    metavar="N,...",
    help="Only these: 1 to 10 and utils; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Notes count as discrepancies (promotion of the dtype aside).")
@click.option(
    "--edition",
    type=click.Choice(EDITIONS),
    help="The year's form of the assignment; told by itself if left out.",
)
@click.option(
    "--timeout",
    type=float,
    default=10.0,
    show_default=True,
    callback=_finite,
    help="Seconds that one case may take.",
)
@click.option(
    "--allow",
    multiple=True,
    callback=_modules,
    metavar="MODULE,...",
    help="Modules beside numpy that the submission may import; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("parity-run"),
    show_default=True,
    help="Run folder to write; an earlier run there is replaced.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict alone.")
def check(
    submission: Path | None,
    device: str,
    dtype: str,
    seed: int,
    todos: frozenset[str] | None,
    strict: bool,
    edition: str | None,
    timeout: float,
    allow: tuple[str, ...],
    out: Path,
    quiet: bool,
) -> int:
    """Hold a network against torch, quantity by quantity.

    SUBMISSION is a folder with the assignment's neural_networks.py and utils.py; left out, it is the network
    that comes with Parity. Exit status: 0 agreement, 1 discrepancies, 2 what was asked for cannot be done,
    3 Parity's own fault.
    """
    from reports.runs import RunFolderError, refuse_unwritable, save

    try:
        refuse_unwritable(out)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    _refuse_missing_device(device)

    from parity_tests.check import check as run_check
    from parity_tests.check import shipped_network

    with _Progress() as progress:
        run = run_check(
            shipped_network() if submission is None else submission,
            device=device,
            dtypes=DTYPES if dtype == "both" else (dtype,),
            seed=seed,
            todos=todos,
            edition=edition,
            timeout=timeout,
            allow=allow,
            progress=progress,
        )
    if not run.records:
        raise HarnessError("nothing was compared, and that is never an agreement.")
    try:
        save(out, run)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    _print_run(run, out, strict, quiet)
    return _status(run.records, strict)


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("case", required=False)
def show(run: Path, case: str | None) -> None:
    """Explain a saved run, or one case of it.

    RUN is the folder that `parity check` wrote. CASE is the name of a case, or a part of it that no other
    name has; left out, the cases with something that does not match are listed.
    """
    from reports.runs import RunFolderError, load
    from reports.text import case_page, unmatched_page

    try:
        saved = load(run)
    except RunFolderError as error:
        raise UsageError(f"{error}.") from error
    if case is None:
        lines = unmatched_page(saved, shlex.quote(str(run)), width=_width(), paint=_paint())
    else:
        name = _one_case(saved.records, case, run)
        lines = case_page(saved, name, width=_width(), paint=_paint())
    click.echo("\n".join(lines), color=True)


@cli.command()
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

    from reference.mnist import DataError, load_data, load_digits, write_homework_json

    try:
        digits = load_digits() if data is None else load_data(data, download=download)
        write_homework_json(out, digits)
    except DataError as error:
        raise UsageError(str(error)) from error
    sizes = ", ".join(f"{len(y)} {name}" for name, _, y in digits.parts())
    click.echo(f"{out}: {sizes} ({out.stat().st_size / 1e6:.1f} MB).")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(as_json: bool) -> None:
    """Say what this machine has for Parity.

    Versions, BLAS and threads, devices, precision switches, isolation, data.
    """
    from parity_tests.doctor import describe, examine

    found = examine()
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(describe(found)))


def _split(values: Sequence[str]) -> list[str]:
    """Options that may be repeated, or hold several names with commas between them."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def _refuse_missing_device(device: str) -> None:
    if device == "cpu":
        return
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise UsageError(f"there is no device {device!r}; --device takes cpu, cuda or cuda:N.")
    import torch

    if not torch.cuda.is_available():
        why = "this torch was built without CUDA" if torch.version.cuda is None else "torch finds none"
        raise UsageError(f"no CUDA device: {why}; `parity doctor` says more, and --device cpu works anywhere.")
    count = torch.cuda.device_count()
    if ":" in device and int(device.partition(":")[2]) >= count:
        raise UsageError(f"no device {device}: there are {count} CUDA devices, the first of them cuda:0.")


def _status(records: Sequence[Record], strict: bool) -> int:
    from reports.records import failing

    if any(record.verdict == "harness_error" for record in records):
        return OWN_FAULT
    return DISCREPANCIES if any(failing(record, strict) for record in records) else AGREEMENT


def _print_run(run: Any, out: Path, strict: bool, quiet: bool) -> None:
    from reports.text import first_to_show, printable, run_page, verdict_sentence

    paint = _paint()
    lines = []
    if not quiet:
        lines += [*run_page(run, parts=PARTS, strict=strict, width=_width(), paint=paint), ""]
    good = _status(run.records, strict) == AGREEMENT
    sentence = textwrap.wrap(verdict_sentence(run.records, strict), _width())
    lines += [paint(line, "good" if good else "bad") for line in sentence]
    if not quiet:
        example = first_to_show(run.records, strict)
        name = shlex.quote(printable(str(out)))
        lines.append(f"The run is saved in {name}." + ("" if example is None else " To see the numbers:"))
        if example is not None:
            lines.append(f"  parity show {name} {printable(example.case)}")
    click.echo("\n".join(lines), color=True)


def _one_case(records: Sequence[Record], wanted: str, run: Path) -> str:
    """The case of that name, or the only one with it in its name. Raises UsageError that lists near ones."""
    import difflib

    names = list(dict.fromkeys(record.case for record in records))
    if wanted in names:
        return wanted
    matches = [name for name in names if wanted.lower() in name.lower()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = "\n  ".join(matches[:20])
        more = f"\n  and {len(matches) - 20} more" if len(matches) > 20 else ""
        raise UsageError(f"{len(matches)} cases of {run} have {wanted!r} in their names; name one:\n  {shown}{more}")
    near = difflib.get_close_matches(wanted, names, n=5, cutoff=0.3)
    hint = "; near it are: " + ", ".join(near) if near else ""
    raise UsageError(f"{run} has no case {wanted!r}{hint}.")


class _Progress:
    """A bar on standard error, if that is a terminal, for what takes longer than two seconds."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._wanted = sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int, str], None]:
        return self._advance

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _advance(self, done: int, total: int, case: str) -> None:
        if not self._wanted or time.monotonic() - self._start < _PROGRESS_AFTER:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("checking"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task("", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=case)


def _paint() -> Paint:
    from reports.text import plain

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    return lambda text, style: click.style(
        text, fg=_COLOURS.get(style), bold=style in ("head", "bad"), dim=style == "dim"
    )


def _width() -> int:
    """The columns there are: at least 80, at most 120, 80 where the output is no terminal."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, 80), 120)


def _complain(sentence: str) -> None:
    click.echo(f"parity: {sentence}", err=True)


def _keep_traceback(error: Exception) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="parity-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError as failure:
        return f"The traceback could not be kept ({failure.strerror})."
    return f"The traceback is in {file.name}; please report it."


if __name__ == "__main__":
    sys.exit(main())
