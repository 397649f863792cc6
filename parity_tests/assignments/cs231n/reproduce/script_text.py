"""The script that a draft makes: with what it takes to import a package that may lack files, or its own folder."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from parity_tests.assignments.cs231n.editions import NUMPY_1
from parity_tests.assignments.cs231n.names import GIVEN, PACKAGE
from parity_tests.harness.draft import SEEDED, Draft
from parity_tests.harness.script_text import script_of
from parity_tests.protocol.reproduction import ScriptSetting
from reports.model.escape import docstring
from reports.model.records import Record

RUN = "Run it as `python FILE [FOLDER]`, FOLDER that of cs231n/: status 1 where the failure shows, else 0."


def text(draft: Draft, judge: Sequence[str], record: Record, words: str, setting: ScriptSetting, solution: str) -> str:
    """The script; `words` say what is wrong, and `solution` is the folder of the files that are lent."""
    words = docstring(words)
    title = "\n".join([f'"""{record.part}, {record.check}, {docstring(record.quantity)}: {words}.', "", RUN, '"""'])
    inert = [name for name in setting.fixtures if name not in GIVEN]
    modules = ["os", "types", *(["unittest.mock"] if inert else [])]
    start = [*_start(setting, inert, solution), *SEEDED]
    return script_of(draft, judge, words, title, modules, start, setting.seconds)


def _start(setting: ScriptSetting, inert: Sequence[str], solution: str) -> list[str]:
    """Lines after which the submission's modules can be imported."""
    lacks = any(name in GIVEN for name in setting.fixtures)
    lent = [repr(f"{solution}/{PACKAGE}")] if lacks and not setting.handed_on else []
    places = ", ".join([f'os.path.join(folder, "{PACKAGE}")', "folder", *lent])
    lines = [f"folder = sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}"]
    lines += [f'package = sys.modules["{PACKAGE}"] = types.ModuleType("{PACKAGE}")']
    lines += [f"package.__path__ = [{places}]{'  # the last has what it lacks' if lent else ''}"]
    if lacks and setting.handed_on:
        lines += [f"# It lacks files: put those that you were given into {PACKAGE}/."]
    once = ", ".join(f'"{name}": {now}' for name, now in NUMPY_1.items())
    lines += textwrap.wrap(f"once = {{{once}}}", 110, subsequent_indent=" " * 8)
    lines += ["for name, now in once.items():", "    vars(np).setdefault(name, now)  # as numpy 1 had them"]
    if inert:
        lines += [f"for name in {list(inert)!r}:  # which it imports, and needs for nothing here"]
        lines += ["    sys.modules[name] = unittest.mock.MagicMock(range=range, xrange=range)"]
    if "past" in inert:
        lines += ['sys.modules["past.builtins"] = sys.modules["past"]']
    if "matplotlib" in inert:
        lines += ['sys.modules["matplotlib.pyplot"] = sys.modules["matplotlib"]']
    return lines
