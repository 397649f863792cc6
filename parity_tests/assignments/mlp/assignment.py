"""The homework of the seeds: a two-layer perceptron for handwritten digits, in ten TODOs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from parity_tests.assignments.mlp.blame import blame, exchanged, suspects
from parity_tests.assignments.mlp.editions import EDITIONS, INERT_MODULES, LENT, MODULE, UNSUPPORTED, UTILS
from parity_tests.assignments.mlp.parts import TODOS
from parity_tests.assignments.mlp.plan import JOINT_CHECKS, KINDS, plan
from parity_tests.protocol.assignment import Assignment, Inside
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.layout import Editions, Layout
from parity_tests.protocol.proof import Proof
from parity_tests.protocol.reproduction import Networks, Reproducer, Reproductions, ScriptSetting
from reports.model.records import Record

if TYPE_CHECKING:
    from parity_tests.trace.training import Tracing

HERE = Path(__file__).resolve().parent
INSIDE = HERE / "inside"
PROBE_FILES = (
    "homework_names.py", "probe_layers.py", "probe_parts.py", "probe_network.py", "main_log.py", "main_hooks.py",
    "probe_main.py", "patched_parts.py", "as_script.py",
)  # fmt: skip
"""The files that the probes import, in every process of a submission."""


def _solution() -> Path:
    """The folder of the shipped numpy network: the first submission."""
    spec = find_spec("implementation")
    if spec is None or not spec.submodule_search_locations:
        raise HarnessError("the package implementation is not installed beside parity_tests")
    return Path(next(iter(spec.submodule_search_locations)))


def _inside(*names: str) -> tuple[Path, ...]:
    return tuple(INSIDE / name for name in names)


# What follows imports torch, which takes a second, where it is used.


def _diagnosis() -> Diagnosis:
    from parity_tests.assignments.mlp.mistakes.diagnosis import DIAGNOSIS

    return DIAGNOSIS


def _proof() -> Proof:
    from parity_tests.assignments.mlp.proof.proof import PROOF

    return PROOF


def _reproducer(networks: Networks, setting: ScriptSetting, seed: int) -> Reproducer:
    from parity_tests.assignments.mlp.scripts.scripts import SCRIPTS
    from parity_tests.harness.script_maker import ScriptMaker

    return ScriptMaker(ASSIGNMENT, SCRIPTS, networks, setting, seed)


def _tracing() -> Tracing:
    from parity_tests.assignments.mlp.trace.training import TRACING

    return TRACING


def _same_failure(record: Record) -> tuple[str, ...]:
    from parity_tests.assignments.mlp.scripts.scripts import same_failure

    return same_failure(record)


ASSIGNMENT = Assignment(
    name="mlp",
    title="a two-layer perceptron for handwritten digits",
    layout=Layout(MODULE, UTILS, UNSUPPORTED, entry="main"),
    solution=_solution(),
    parts=TODOS,
    inside=Inside(
        INSIDE / "probes.py",
        {"parts": _inside(*PROBE_FILES), "wiring": _inside(*PROBE_FILES, "stand_ins.py")},
    ),
    plan=plan,
    exam="4",
    kinds=KINDS,
    editions=Editions(EDITIONS, INSIDE / "homework_names.py", INERT_MODULES, LENT),
    joint_checks=JOINT_CHECKS,
    import_part="utils",
    rubric=HERE / "rubric.toml",
    null=HERE / "null.tsv",
    blame=blame,
    diagnosis=_diagnosis,
    proof=_proof,
    reproductions=Reproductions(_reproducer, _same_failure),
    tracing=_tracing,
    exchanged=exchanged,
    suspects=suspects,
)
