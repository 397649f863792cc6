"""The homework of the seeds: a two-layer perceptron for handwritten digits, in ten TODOs."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from parity_tests.assignments.mlp import editions
from parity_tests.assignments.mlp.cases import JOINT_CHECKS, plan
from parity_tests.assignments.mlp.inputs import DRAWS
from parity_tests.assignments.mlp.parts import TODOS
from parity_tests.protocol.assignment import Assignment, Inside, Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind
from parity_tests.protocol.layout import Editions, Layout
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.proof import Proof
from parity_tests.protocol.reproduction import Networks, Reproducer, Reproductions, ScriptSetting
from reports.model.records import Record

HERE = Path(__file__).parent
INSIDE = HERE / "inside"


def _solution() -> Path:
    """The folder of the shipped numpy network: the first submission."""
    spec = find_spec("implementation")
    if spec is None or not spec.submodule_search_locations:
        raise HarnessError("the package implementation is not installed beside parity_tests")
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def kinds() -> Mapping[str, Kind]:
    """How each kind of case is drawn and judged; torch is imported when the first is judged."""
    return {
        name: Kind(draw, _judge_of(name), frozenset({"Y", "idx"}), chained=name in ("network", "main"))
        for name, draw in DRAWS.items()
    }


def _judge_of(kind: str) -> Callable[[Case, Arrays, Observation, Context], Judged]:
    def judge(case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
        from parity_tests.assignments.mlp.expectations import JUDGES

        return JUDGES[kind](case, arrays, seen, context)

    return judge


def blame(plan: Sequence[Case], judged: Verdicts) -> Verdicts:
    """The same comparisons, each failure with the part that it comes of."""
    from parity_tests.assignments.mlp.blame import credit

    return credit(plan, judged)


def diagnosis() -> Diagnosis:
    """What is known of mistakes; its table is imported when something went wrong."""
    from parity_tests.assignments.mlp.mistakes.diagnosis import DIAGNOSIS

    return DIAGNOSIS


def proof() -> Proof:
    """What is known of variants of the shipped network."""
    from parity_tests.assignments.mlp.proof.proof import PROOF

    return PROOF


def _reproducer(networks: Networks, setting: ScriptSetting, seed: int) -> Reproducer:
    from parity_tests.assignments.mlp.reproduce.script_maker import ScriptMaker

    return ScriptMaker(networks, setting, seed)


def _same_failure(record: Record) -> tuple[str, ...]:
    from parity_tests.assignments.mlp.reproduce.same_failure import same_failure

    return same_failure(record)


ASSIGNMENT = Assignment(
    name="mlp",
    title="a two-layer perceptron for handwritten digits",
    layout=Layout(editions.MODULE, editions.UTILS, editions.UNSUPPORTED, entry="main"),
    solution=_solution(),
    parts=TODOS,
    inside=Inside(
        INSIDE / "probe.py",
        {"parts": (INSIDE / "recorder.py",), "wiring": (INSIDE / "recorder.py", INSIDE / "stand_ins.py")},
    ),
    plan=plan,
    kinds=kinds,
    editions=Editions(editions.EDITIONS, Path(editions.__file__).resolve(), editions.INERT_MODULES),
    joint_checks=JOINT_CHECKS,
    import_part="utils",
    rubric=HERE / "rubric.toml",
    blame=blame,
    diagnosis=diagnosis,
    proof=proof,
    reproductions=Reproductions(_reproducer, _same_failure),
)
