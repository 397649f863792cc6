"""What the homework says of its scripts: their kinds, what it takes to import its two files, and names."""

from __future__ import annotations

from parity_tests.assignments.mlp.kinds.turns import plain
from parity_tests.assignments.mlp.mistakes import MISTAKES
from parity_tests.assignments.mlp.mistakes.generated import TRIED
from parity_tests.assignments.mlp.mistakes.relations import RELATIONS
from parity_tests.assignments.mlp.plan import KINDS
from parity_tests.assignments.mlp.scripts import draws, layers, network, sgd, utils
from parity_tests.assignments.mlp.scripts.main import main_drafts
from parity_tests.harness.diagnosis.formulas import fits
from parity_tests.harness.diagnosis.relations import relation
from parity_tests.harness.draft import Draft
from parity_tests.harness.failing_case import Arrays
from parity_tests.harness.script_maker import Judged, Scripts
from parity_tests.protocol.case import Case
from parity_tests.protocol.finding import Odd
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.records import Record
from reports.model.verdicts import Verdict

SHOWN_BY_SMALL_NUMBERS = ("right up to the sign", "right to float32 digits only")
"""Relations that small readable numbers show as well as those of the case do."""


def same_failure(record: Record) -> tuple[str, ...]:
    """The part, name and quantity of a failure: records that share them are one discrepancy.

    A call of `main` that does not come to its end fails all its quantities at once, and is one discrepancy; so is a
    function that does not come back.
    """
    word = plain(record.quantity)
    if record.check == "sgd" and record.quantity != "model returned":
        word = "weights"
    if record.verdict == Verdict.TIMEOUT or (
        record.check == "main" and record.verdict in (Verdict.CRASHED, Verdict.MISSING)
    ):
        word = f"{record.check} {record.verdict}"
    return record.part, record.diagnosis, word


def _names(record: Record, case: Case, arrays: Arrays, seen: Observation, judged: Judged) -> frozenset[str]:
    """The record's names whose formula gives what this quantity of a case was, or all calls of its part."""
    told = record.diagnosis.split("; ")
    named = [mistake for mistake in (*MISTAKES, *TRIED.values()) if mistake.name in told]
    known = [mistake for mistake in named if mistake.formula is not None]
    if not known and record.diagnosis not in SHOWN_BY_SMALL_NUMBERS:
        return frozenset()
    calls = list(KINDS[case.probe].evidence(case, arrays, seen, judged))
    own = [call for call in calls if call.quantity == record.quantity]
    known = [mistake for mistake in known if own and own[0].operation == mistake.operation]
    alike = [call for call in calls if own and call.operation == own[0].operation]
    found = {mistake.name for mistake in known if fits(mistake, own) or fits(mistake, alike)}
    related = relation(own, RELATIONS) if record.diagnosis in SHOWN_BY_SMALL_NUMBERS else ""
    return frozenset(found | ({related} & set(SHOWN_BY_SMALL_NUMBERS)))


def _start(draft: Draft, setting: ScriptSetting) -> tuple[list[str], list[str], list[str]]:
    """What imports the submission as `nn`."""
    lent, given = setting.fixtures, f"sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}"
    modules, lines = [], [f"folder = {given}", "sys.path.insert(0, folder)"]
    if draft.in_a_folder:
        modules += ["os", "tempfile"]
        lines[0] = f"folder = os.path.abspath({given})"
        lines += ["os.chdir(tempfile.mkdtemp())  # where it may write"]
    if "utils" in lent and setting.handed_on:
        lines += ["# It has no utils.py: put the one that you were given beside neural_networks.py."]
    elif "utils" in lent:
        lines += [f"sys.path.append({lent['utils']!r})  # it has no utils.py: here is one"]
    if "tqdm" in lent:
        modules += ["types"]
        lines += ['sys.modules["tqdm"] = types.SimpleNamespace(tqdm=lambda rows, **_: rows, trange=range)']
    if "matplotlib" in lent:
        modules += ["unittest.mock"]
        lines += ['sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = unittest.mock.MagicMock()']
    lines += ['sys.argv = ["neural_networks.py"]']
    if not setting.breaks_off:
        return modules, lines, ["import neural_networks as nn"]
    return (
        [*modules, "importlib.util"],
        lines,
        [
            'spec = importlib.util.spec_from_file_location("neural_networks", f"{folder}/neural_networks.py")',
            'nn = sys.modules["neural_networks"] = importlib.util.module_from_spec(spec)',
            "try:",
            "    spec.loader.exec_module(nn)",
            "except BaseException as error:  # its import breaks off; what it defines before that is there",
            "    print(type(error).__name__, error)",
        ],
    )


SCRIPTS = Scripts(
    kinds={**layers.KINDS, **sgd.KINDS, **network.KINDS, **draws.KINDS, **utils.KINDS},
    start=_start,
    folder_of="neural_networks.py",
    imported="import neural_networks, utils",
    names=_names,
    # The same masks may be found to be the one or the other where there are more of them, or fewer.
    alike={Odd.COLUMNS_ALIKE: Odd.ROWS_ALIKE, Odd.TURNS_ALIKE: Odd.CALLS_ALIKE},
    whole={"main": main_drafts},
)
