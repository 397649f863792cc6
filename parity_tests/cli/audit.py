"""`parity audit`: which faults the typed tolerances of a test file let pass."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity_tests.cli.extras import AUDIT, require
from parity_tests.cli.options import json_option
from parity_tests.cli.status import AGREEMENT, DISCREPANCIES, UNUSABLE

if TYPE_CHECKING:
    from parity_tests.pairs.audit import Audit, Gate


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--compares",
    "functions",
    multiple=True,
    metavar="MODULE:NAME",
    help="A function of yours that compares its first argument with its second.",
)
@json_option
def audit(file: Path, options: tuple[str, ...], functions: tuple[str, ...], as_json: bool) -> int:
    """Say which faults the typed tolerances of a test file let pass.

    FILE is run by pytest, with OPTIONS such as `-k name`, so it must be code that you trust. Each comparison that
    passes (assert_close, allclose, assert_allclose, assert_almost_equal) is made again with zeros in place of what was
    compared, with the other sign, 1 % off, and with single elements that are 0. Exit status: 0 each place tells zeros
    and the other sign, 1 some let them pass, 2 what was asked for cannot be done, as where a place compares nothing
    but 0 and no fault can be tried, 3 Parity's own fault.
    """
    require("an audit", AUDIT)
    from parity_tests.pairs.audit import audit as audited

    found = audited(file, options, functions)
    click.echo(json.dumps(asdict(found), indent=2) if as_json else "\n".join(_lines(file, found)))
    return DISCREPANCIES if found.blind else UNUSABLE if found.untried or not found.gates else AGREEMENT


def _lines(file: Path, found: Audit) -> list[str]:
    from parity_tests.pairs.audit import FAULTS

    failed = f", of which {found.failed} fail" if found.failed else ""
    if not found.gates:
        return [
            f"{file}: {found.tests} tests{failed}; no comparison of numbers passes in them, so there is none to audit "
            "(--compares names a function of yours)."
        ]
    calls = sum(gate.calls for gate in found.gates)
    lines = [f"{file}: {found.tests} tests{failed}; {calls} comparisons at {len(found.gates)} places.", ""]
    rows = [["line", "comparison", "times", *FAULTS]]
    rows += [[f"{gate.file}:{gate.line}", *_of(gate, FAULTS)] for gate in found.gates]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["Each column: how many of the faults that were tried would pass.", ""]
    tried = sum(gate.asked.get("zeros", 0) for gate in found.gates)
    of = f"{tried} comparisons" + (" that could be tried" if tried < calls else "")
    if found.blind:
        zeros = sum(gate.passed.get("zeros", 0) for gate in found.gates)
        lines.append(f"Zeros would pass {zeros} of {of}; zeros or the other sign pass at {_places(found.blind)}.")
    elif tried:
        lines.append(f"Each of {of} tells zeros and the other sign.")
    if found.untried:
        lines.append(f"No fault could be tried, and nothing is known, at {_places(found.untried)}.")
    return lines


def _places(gates: list[Gate]) -> str:
    return ", ".join(f"{gate.file}:{gate.line}" for gate in gates)


def _of(gate: Gate, faults: tuple[str, ...]) -> list[str]:
    shares = [f"{gate.passed.get(f, 0)}/{gate.asked[f]}" if gate.asked.get(f) else "-" for f in faults]
    return [f"{gate.function}({gate.tolerance})", str(gate.calls), *shares]
