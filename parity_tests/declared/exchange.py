"""What is asked to prove an excuse: the same case, with functions of the solution in place of those that are wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from parity_tests.declared.declaration import BuiltOf, Declaration, Question
from parity_tests.protocol.case import Case
from parity_tests.protocol.kind import Judged
from parity_tests.protocol.layout import Layout, file_of
from reports.model.notes import NoteKind

IMPORT = re.compile(r"^from ([\w.]+) import .*\n", re.MULTILINE)


def beside_right_ones(
    declared: Declaration, layout: Layout, reading: Callable[[], BuiltOf], case: Case, wrong: Collection[str], part: str
) -> Case | None:
    """The case with the solution's own in place of what is wrong of all that a part is built of; of a notebook, of all.

    None where that cannot be had: not every dialect has a solution, nor lines that make one of the usual. What an
    object keeps of one method its others know, so that a class is left as it is.
    """
    question = next(one for one in declared.questions if one.name == case.params["question"])
    own = part.partition(".")[0]
    others = {*question.built_of(part, reading()), *question.works_on.get(part, ())} - {part, own}
    if "." in part:
        others &= {one.partition(".")[0] for one in wrong} - {own}
    if declared.notebook:
        others |= {name for one in declared.questions for name in one.asks if name != part}
    of_dialect = {name: one for one in declared.questions if one.of for name in one.asks if name in others}
    has_solution = not question.of or question.dialect in declared.solutions
    if not has_solution and not all(one.solution for one in of_dialect.values()):
        return None
    if not others or any(one.partition(".")[0] in question.asks for one in others if "." in part):
        return None
    folder = declared.solution_of(question.dialect)
    layout = layout.in_folder(folder)
    right: dict[str, list[str]] = {}
    for one in sorted(others):
        right.setdefault(_text(folder, layout.where.get(one, layout.module), layout.roots), []).append(one)
    lines = {name: one.solution for name, one in of_dialect.items()}
    texts = ["\n".join((text, *(lines.get(name, "") for name in names))) for text, names in right.items()]
    return replace(case, params={**case.params, "right": list(zip(texts, right.values(), strict=True))})


def suspects(questions: Mapping[str, Question], case: Case, judged: Judged, name: str) -> dict[str, Case]:
    """The case with all that is overwritten put back, by the part that overwrites what a result hangs on."""
    asked = next(q for q in case.quantities if q.name == name)
    earlier = questions[case.params["question"]].works_on[asked.part]
    again = replace(case, params={**case.params, "restored": True})
    for q in case.quantities:
        wrote = any(note.kind is NoteKind.OVERWRITES for note in judged[q.name].notes)
        if wrote and q.part in earlier and q.key.call == asked.key.call:
            return {"": again, q.part: again}
    return {}


@cache
def _text(folder: Path, module: str, roots: tuple[str, ...]) -> str:
    """A module of the solution, with the others of it that it imports in place of the imports; "" for no such."""

    def inlined(found: re.Match[str]) -> str:
        text = _text(folder, found[1], roots)
        return f"{text}\n" if text else found[0]

    files = [folder / root / file_of(module) for root in ("", *roots)]
    file = next((one for one in files if one.is_file()), None)
    return "" if file is None else IMPORT.sub(inlined, file.read_text(encoding="utf-8"))
