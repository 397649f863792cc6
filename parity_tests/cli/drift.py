"""The baseline as the command line meets it: read before a run, held against it after, and written when asked."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity_tests.cli.files import write
from parity_tests.cli.terminal import width
from parity_tests.protocol.errors import UsageError

if TYPE_CHECKING:
    from reports.model.baseline import Baseline, Drift
    from reports.model.environment import Environment
    from reports.model.records import Record


def read_before(path: Path | None, update: bool, fail_on: str | None) -> Baseline | None:
    """The baseline that was asked for, before anything runs. Raises UsageError where the options make no sense."""
    from reports.model.baseline import BaselineError, read_baseline

    if path is None:
        if update or fail_on:
            raise UsageError("--update-baseline and --fail-on drift need --baseline FILE.")
        return None
    try:
        return read_baseline(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if update:
            return None
        raise UsageError(f"there is no baseline {path}; --update-baseline makes it.") from None
    except (OSError, UnicodeError, BaselineError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the baseline {path} cannot be read ({reason}).") from error


def hold_against(
    baseline: Baseline | None,
    path: Path | None,
    records: Sequence[Record],
    environment: Environment,
    *,
    whole: bool,
    update: bool,
) -> Drift | None:
    """What has moved, where there is a baseline. Raises UsageError where it is of another exam, unless it is to go."""
    from reports.model.baseline import BaselineError, drift_from

    if baseline is None:
        return None
    try:
        return drift_from(baseline, records, environment, whole=whole)
    except BaselineError as error:
        if update:
            return None
        raise UsageError(
            f"the baseline {path} cannot be compared with this run: {error}. --update-baseline makes it anew."
        ) from error


def lines(moved: Drift | None, baseline: Path | None) -> list[str]:
    """What is said of what has moved."""
    from reports.model.baseline import drift_lines

    if moved is None:
        return []
    return [part for line in drift_lines(moved, str(baseline)) for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    """A line as the terminal shows it: a row of numbers as it is, a sentence in lines that fit."""
    if "→" in line:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, width(), initial_indent="", subsequent_indent=indent)


def document(moved: Drift | None, baseline: Path | None, fail_on: str | None) -> dict[str, Any] | None:
    """What has moved, for the run and its JSON document."""
    from reports.model.baseline import drift_document

    return None if moved is None else drift_document(moved, str(baseline), fails=bool(fail_on and moved))


def update(path: Path, records: Sequence[Record], environment: Environment, *, agreed: bool, whole: bool) -> str:
    """Writes the baseline of a whole run that agreed, and says what became of it in a sentence."""
    from reports.model.baseline import baseline_text

    if not agreed:
        return f"The baseline {path} is left as it is: a run with discrepancies makes none."
    if not whole:
        raise UsageError(f"the baseline {path} is left as it is: --part and --dtype leave a part out.")
    write(path, baseline_text(records, environment).encode())
    return f"The baseline is written to {path}."
