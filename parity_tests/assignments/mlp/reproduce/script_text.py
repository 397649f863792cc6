"""The script that a draft makes: with what it takes to import the two files of the homework."""

from __future__ import annotations

from collections.abc import Sequence

from parity_tests.harness.draft import SEEDED, Draft
from parity_tests.harness.script_text import script_of
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.escape import docstring
from reports.model.records import Record

RUN = "Run it as `python FILE [FOLDER]`, FOLDER that of neural_networks.py: status 1 where the failure shows, else 0."


def text(draft: Draft, judge: Sequence[str], record: Record, words: str, setting: ScriptSetting) -> str:
    """The script that a draft makes; `words` say what is wrong."""
    words = docstring(words)
    lines = [f'"""TODO {record.part}, {record.check}, {docstring(record.quantity)}: {words}.', "", RUN, '"""']
    imports = _imports(draft, setting)
    start = imports[:-1] if record.check == "import" else [*imports, *SEEDED]
    return script_of(draft, judge, words, "\n".join(lines), _needed(draft, setting), start, setting.seconds)


def _needed(draft: Draft, setting: ScriptSetting) -> list[str]:
    needed = ["os", "tempfile"] if draft.in_a_folder else []
    needed += ["types"] if "tqdm" in setting.fixtures else []
    needed += ["unittest.mock"] if "matplotlib" in setting.fixtures else []
    return needed + (["importlib.util"] if setting.breaks_off else [])


def _imports(draft: Draft, setting: ScriptSetting) -> list[str]:
    """Lines that import the submission as `nn`."""
    given = f"sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}"
    lines = []
    if draft.in_a_folder or setting.breaks_off:
        lines += [f"folder = os.path.abspath({given})" if draft.in_a_folder else f"folder = {given}"]
        lines += ["sys.path.insert(0, folder)"]
        lines += ["os.chdir(tempfile.mkdtemp())  # where it may write"] if draft.in_a_folder else []
    else:
        lines += [f"sys.path.insert(0, {given})"]
    if "utils" in setting.fixtures and setting.handed_on:
        lines += ["# It has no utils.py: put the one that you were given beside neural_networks.py."]
    elif "utils" in setting.fixtures:
        lines += [f"sys.path.append({setting.fixtures['utils']!r})  # it has no utils.py: here is one"]
    if "tqdm" in setting.fixtures:
        lines += ['sys.modules["tqdm"] = types.SimpleNamespace(tqdm=lambda rows, **_: rows, trange=range)']
    if "matplotlib" in setting.fixtures:
        lines += ['sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = unittest.mock.MagicMock()']
    lines += ['sys.argv = ["neural_networks.py"]']
    if not setting.breaks_off:
        return [*lines, "import neural_networks as nn"]
    return [
        *lines,
        'spec = importlib.util.spec_from_file_location("neural_networks", f"{folder}/neural_networks.py")',
        'nn = sys.modules["neural_networks"] = importlib.util.module_from_spec(spec)',
        "try:",
        "    spec.loader.exec_module(nn)",
        "except BaseException as error:  # its import breaks off; what it defines before that is there",
        "    print(type(error).__name__, error)",
    ]
