"""CS231n's assignments 1 and 2 as one value: layers, losses, update rules and networks in numpy."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from parity_tests.assignments.cs231n.editions import BECAUSE, EDITIONS, INERT
from parity_tests.assignments.cs231n.kinds.blame import blamed
from parity_tests.assignments.cs231n.names import CNN, FC_NET, GIVEN, LAYERS, OPTIM, UNSUPPORTED
from parity_tests.assignments.cs231n.parts import NETWORKS, PARTS
from parity_tests.assignments.cs231n.plan import KINDS, plan
from parity_tests.protocol.assignment import Assignment, Inside
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.layout import NUMPY_1, Editions, Layout
from parity_tests.protocol.proof import Proof
from parity_tests.protocol.reproduction import Networks, Reproducer, Reproductions, ScriptSetting
from reports.model.records import Record
from reports.model.verdicts import Verdict

if TYPE_CHECKING:
    from parity_tests.trace.training import Tracing

HERE = Path(__file__).resolve().parent
INSIDE = HERE / "inside"


def _solution() -> Path:
    """The folder that holds our own right solution, a package."""
    spec = find_spec("implementation")
    if spec is None or not spec.submodule_search_locations:
        raise HarnessError("the package implementation is not installed beside parity_tests")
    return Path(next(iter(spec.submodule_search_locations))) / "cs231n"


SOLUTION = _solution()
FILES = tuple(INSIDE / name for name in ("probe_layers.py", "probe_networks.py", "probe_training.py"))

# What follows imports torch, which takes a second, where it is used.


def _diagnosis() -> Diagnosis:
    from parity_tests.assignments.cs231n.mistakes.diagnosis import DIAGNOSIS

    return DIAGNOSIS


def _proof() -> Proof:
    from parity_tests.assignments.cs231n.proof.proof import PROOF

    return PROOF


def _reproducer(networks: Networks, setting: ScriptSetting, seed: int) -> Reproducer:
    from parity_tests.assignments.cs231n.scripts import SCRIPTS
    from parity_tests.harness.script_maker import ScriptMaker

    return ScriptMaker(ASSIGNMENT, SCRIPTS, networks, setting, seed)


def _tracing() -> Tracing:
    from parity_tests.assignments.cs231n.trace.training import TRACING

    return TRACING


def _same_failure(record: Record) -> tuple[str, ...]:
    """What one script is enough for: a mistake, or without a name the same result of a part, in whichever case.

    The weights after any step are one, and so are the gradients of a network.
    """
    if record.diagnosis:
        return record.part, record.diagnosis
    result = record.quantity.partition(" of ")[0].partition(" (")[0].partition(" after ")[0]
    if record.part in NETWORKS and result.startswith("d"):
        result = "gradients"
    return record.part, record.verdict if record.verdict != Verdict.MISMATCH else result


ASSIGNMENT = Assignment(
    name="cs231n",
    title="CS231n: layers, update rules and networks",
    layout=Layout(LAYERS, further=(OPTIM, FC_NET, CNN), lent=GIVEN, unsupported=UNSUPPORTED),
    solution=SOLUTION,
    parts=PARTS,
    # Networks are judged with right layers, in a process of their own that judges no layer.
    inside=Inside(INSIDE / "probes.py", {"parts": FILES, "nets": (*FILES, SOLUTION / "cs231n" / "layers.py")}),
    plan=plan,
    kinds=KINDS,
    exam="5",
    blame=blamed,
    diagnosis=_diagnosis,
    rubric=HERE / "rubric.toml",
    null=HERE / "null.tsv",
    reproductions=Reproductions(_reproducer, _same_failure),
    proof=_proof,
    tracing=_tracing,
    editions=Editions(
        EDITIONS, INSIDE / "families.py", dict.fromkeys(EDITIONS, INERT), because=BECAUSE, numpy_1=NUMPY_1
    ),
)
