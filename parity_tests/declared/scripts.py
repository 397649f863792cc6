"""What declared assignments say of their scripts: the lines of a question themselves, and torch's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from parity_tests.declared.cases import AGAIN, KIND
from parity_tests.declared.declaration import Question
from parity_tests.harness.draft import Draft
from parity_tests.harness.failing_case import FailingCase, literal
from parity_tests.harness.script_maker import ScriptMaker, Scripts, Shown
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case
from parity_tests.protocol.reproduction import Networks, ScriptSetting
from reports.model.records import Record

DRAWN = "its numbers are drawn by the submission, so that no line of torch's can draw the same; the run's own case does"
GRAD = """
def grad(output, of, given=None):
    leaves = list(of) if isinstance(of, (list, tuple)) else [of]
    output = output.sum() if given is None else output
    found = torch.autograd.grad(output, leaves, given, retain_graph=True, allow_unused=True)
    found = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found)]
    return found if isinstance(of, (list, tuple)) else found[0]
""".strip().split("\n")
NOTEBOOK = """
if folder.endswith(".ipynb"):  # of which the imports and definitions are taken
    module = sys.modules[MODULE] = types.ModuleType(MODULE)
    for cell in json.load(open(folder, encoding="utf-8"))["cells"]:
        text = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
        text = "\\n".join("" if line.startswith(("%", "!")) else line for line in text.split("\\n"))
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom)):
                with contextlib.suppress(ImportError):
                    exec(compile(ast.Module([node], []), "notebook", "exec"), vars(module))
""".strip().split("\n")
TENSOR = "torch.tensor({0}, requires_grad={0}.dtype.kind == 'f')"


def script_maker(
    assignment: Assignment, questions: Mapping[str, Question], networks: Networks, setting: ScriptSetting, seed: int
) -> ScriptMaker:
    """Makes the scripts of a run."""
    scripts = Scripts(
        kinds={KIND: Shown(("sizes",), drafts=partial(_drafts, questions), traced=False)},
        torch=lambda failing, call, actual: None,
        modules={},
        start=partial(_start, assignment),
        folder_of="the submission, or its notebook" if assignment.layout.notebook else "the submission",
        imported=f'importlib.import_module("{assignment.layout.module}")',
        why_none=lambda record, case: _why_none(questions, record, case),
    )
    return ScriptMaker(assignment, scripts, networks, setting, seed)


def _why_none(questions: Mapping[str, Question], record: Record, case: Case) -> str:
    if case.params["again"] and record.quantity.endswith(AGAIN[1]):
        return "it is wrong of an object that was asked before, which the run's own case does"
    return DRAWN if questions[case.params["question"]].read else ""


def _drafts(questions: Mapping[str, Question], failing: FailingCase) -> Iterator[Draft]:
    """The lines of a question up to a result, and those of torch that give it; of one copy of the inputs."""
    case, (name, k) = failing.case, (failing.key.name, failing.key.call)
    question = questions[case.params["question"]]
    constants = {**case.params["sizes"][k], **case.params["constants"][k]}
    last = max(number for number, one in enumerate(question.run) if name in one.targets)
    lines = [line for one in question.run[: last + 1] for line in one.line.split("\n")]
    ask = [f"{one} = defined({one!r})" for one in question.asks if re.search(rf"\b{one}\b", "\n".join(lines))]
    ask += lines
    torch = _leading_to(name, question.torch)
    texts = "\n".join([*ask, torch])
    given = [f"{one} = {value!r}" for one, value in constants.items() if re.search(rf"\b{one}\b", texts)]
    arrays = {one: failing.arrays[f"{one}_{k}"] for one in case.params["given"]}
    given += [literal(one, array) for one, array in arrays.items() if re.search(rf"\b{one}\b", texts)]
    given += ["Object = types.SimpleNamespace"] if "Object(" in texts else []
    used = [one for one in arrays if re.search(rf"\b{one}\b", torch)]
    expected = [*GRAD] if "grad(" in torch else []
    expected += [*(f"{one} = {TENSOR.format(one)}" for one in used), *torch.split("\n")]
    expected += [f"expected = {name}.detach().numpy()"]
    bare = replace(failing, arrays={})
    imports = ("types",) if "Object(" in texts else ()
    yield bare.draft([*ask, f"actual = {name}"], expected, given=given, imports=imports)


def _leading_to(name: str, text: str) -> str:
    """The lines that a name comes of: those that give it, or what they read, and so on."""
    needed, kept = {name}, list[ast.stmt]()
    for node in reversed(ast.parse(text).body):
        inner = list(ast.walk(node))
        names = [one for one in inner if isinstance(one, ast.Name)]
        given = {one.id for one in names if isinstance(one.ctx, ast.Store)}
        given |= {one.name for one in inner if isinstance(one, ast.FunctionDef)}
        given |= {ast.unparse(one.value) for one in inner if isinstance(one, ast.Attribute) and one.attr == "append"}
        if given & needed:
            kept.append(node)
            needed |= {one.id for one in names if isinstance(one.ctx, ast.Load)}
    return "\n".join(ast.unparse(node) for node in reversed(kept))


def _start(assignment: Assignment, draft: Draft, setting: ScriptSetting) -> tuple[list[str], list[str], list[str]]:
    """Lines after which `defined` gives what the submission defines."""
    layout = assignment.layout
    where: dict[str, Any] = {name: module for name, module in layout.where.items() if f"({name!r})" in str(draft.ask)}
    inert = [name for name in setting.fixtures if name not in layout.lent]
    roots = ", ".join(["folder", *(f"os.path.join(folder, {root!r})" for root in layout.roots)])
    lines = [f"folder = sys.argv[1] if len(sys.argv) > 1 else {setting.folder!r}", f"sys.path[:0] = [{roots}]"]
    lines += [] if setting.handed_on or not layout.lent else [f"sys.path.append({str(assignment.solution)!r})"]
    lines += [f"sys.modules[{name!r}] = unittest.mock.MagicMock()" for name in inert]
    lines += [one.replace("MODULE", repr(layout.module)) for one in NOTEBOOK] if layout.notebook else []
    lines += [
        f"where = {where!r}",
        "def defined(name):",
        f"    return getattr(importlib.import_module(where.get(name, {layout.module!r})), name)",
    ]
    more = ["ast", "contextlib", "json", "types"] if layout.notebook else []
    return ["importlib", "os", *more, *(["unittest.mock"] if inert else [])], lines, []
