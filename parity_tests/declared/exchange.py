"""What is asked to prove an excuse: the same case, with functions of the solution in place of those that are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from parity_tests.declared.declaration import Question
from parity_tests.protocol.case import Case
from parity_tests.protocol.layout import Layout, file_of

IMPORT = re.compile(r"^from ([\w.]+) import .*\n", re.MULTILINE)


def beside_right_ones(
    questions: Mapping[str, Question], layout: Layout, folder: Path, case: Case, part: str
) -> Case | None:
    """The case with the solution's own in place of all that a part is built of or works on.

    None where that cannot be had: the solution is of the usual dialect alone, and what an object keeps of one method
    its others know.
    """
    question, own = questions[case.params["question"]], part.partition(".")[0]
    others = [*question.built_of.get("", ()), *question.built_of.get(part, ()), *question.works_on.get(part, ())]
    if question.of or any(one.partition(".")[0] in (own, *question.asks) for one in others if "." in part):
        return None
    right = [[one, _text(folder, layout.where.get(one, layout.module), layout.roots)] for one in dict.fromkeys(others)]
    return replace(case, params={**case.params, "right": right})


@cache
def _text(folder: Path, module: str, roots: tuple[str, ...]) -> str:
    """A module of the solution, with the others of it that it imports in place of the imports; "" for no such."""

    def inlined(found: re.Match[str]) -> str:
        text = _text(folder, found[1], roots)
        return f"{text}\n" if text else found[0]

    files = [folder / root / file_of(module) for root in ("", *roots)]
    file = next((one for one in files if one.is_file()), None)
    return "" if file is None else IMPORT.sub(inlined, file.read_text(encoding="utf-8"))
