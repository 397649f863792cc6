"""A declared assignment as the value that all rooms take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.declared.cases import AND, KIND, draw, plan
from parity_tests.declared.declaration import BuiltOf, Declaration, Question, not_compared, read
from parity_tests.declared.dialects import asked_of, built_of, editions_of, texts_of, usual
from parity_tests.declared.exchange import beside_right_ones, suspects
from parity_tests.harness.kept_answers import is_told_by_the_state
from parity_tests.protocol.assignment import Assignment, Inside, Verdicts
from parity_tests.protocol.case import Case
from parity_tests.protocol.diagnosis import Diagnosis
from parity_tests.protocol.kind import Arrays, Context, Judged, Kind, Params
from parity_tests.protocol.layout import NUMPY_1, Editions, Layout
from parity_tests.protocol.null import Nulls
from parity_tests.protocol.observation import Observation
from parity_tests.protocol.part import Part
from parity_tests.protocol.proof import Patterns, Proof, excuse
from parity_tests.protocol.reproduction import Networks, Reproducer, Reproductions, ScriptSetting
from reports.model.records import Record

PROBE = Path(__file__).parent / "inside" / "probe.py"
UNASKED: Patterns = (
    (".*", r"^np\.random\.seed\(", "another seed draws of the same distribution, which is what is asked"),
    (".*", r"^if .*\bprint_cost\b", "what is printed is not asked"),
)
RUBRIC, NULL = "rubric.toml", "null.tsv"


def of_folder(folder: Path) -> Assignment:
    """The assignment that a folder declares: `assignment.toml`, and beside it the right `solution/`.

    A `rubric.toml` and a `null.tsv` beside it are taken. Of several in one folder each is given by its file, `a.toml`,
    which has its `a.rubric.toml` and `a.null.tsv`. Raises UsageError, a sentence, for what is wrong in it.
    """
    declared = read(folder)
    questions = {question.name: question for question in declared.questions}
    own = f"{folder.stem}." if folder.suffix == ".toml" else ""
    rubric, null = (declared.folder / f"{own}{name}" for name in (RUBRIC, NULL))
    solution = declared.solution_of()
    layout = Layout(
        declared.module,
        further=declared.further,
        lent=declared.lent,
        notebook=declared.notebook,
        defines=declared.defines,
    )
    layout = layout.in_folder(solution)
    assignment = Assignment(
        name=declared.name,
        title=declared.title,
        layout=layout,
        solution=solution,
        parts=tuple(
            Part(name, told.get("label", name), told.get("title", name), (name,), name not in declared.ungraded)
            for name, told in declared.parts.items()
        ),
        inside=Inside(PROBE),
        plan=partial(plan, replace(declared, questions=usual(declared))),
        kinds={KIND: Kind(partial(_draw, questions), partial(_judge, questions))},
        exam=declared.exam,
        editions=Editions(
            declared.editions,
            inert_modules=dict.fromkeys(declared.editions, declared.inert),
            numpy_1=NUMPY_1 if declared.notebook else {},
        ),
        suspects=partial(suspects, questions),
        diagnosis=partial(_diagnosis, declared),
        rubric=rubric if rubric.is_file() else None,
        null=null if null.is_file() else None,
        allow=declared.allow,
        proof=partial(_proof, declared),
        of_files=partial(_of_files, declared),
        not_compared=tuple(one for question in usual(declared) if _is_own(solution) for one in not_compared(question)),
    )
    assignment = _blaming(declared, assignment, layout, solution)
    return replace(assignment, reproductions=_scripts_of(declared, assignment))


def _blaming(declared: Declaration, assignment: Assignment, layout: Layout, folder: Path) -> Assignment:
    """The assignment with its blame, by what the files in a folder say that each part is built of."""
    inner = cache(partial(built_of, declared, folder, layout))
    questions = {one.name: one for one in declared.questions}
    return replace(
        assignment,
        blame=partial(_blamed, questions, inner),
        beside_right_ones=partial(beside_right_ones, declared, layout, inner),
    )


def _is_own(solution: Path) -> bool:
    """Whether an assignment is somebody's own, also in Parity's checkout: tests prove what comes with it."""
    return not is_told_by_the_state(solution)


def _of_files(declared: Declaration, assignment: Assignment, folder: Path) -> Assignment:
    """The assignment for a submission, whose files tell its layout, its editions and the dialect of each question.

    Raises AssignmentError for the own solution of somebody's assignment where torch's lines fail in sizes that a class
    may draw.
    """
    if folder.resolve() == assignment.solution and _is_own(assignment.solution):
        from parity_tests.declared.judging import refuse_other_sizes

        refuse_other_sizes(declared)
    layout = assignment.layout.in_folder(folder)
    texts = texts_of(declared, folder, layout)
    asked = replace(declared, questions=asked_of(declared, texts))
    first = AND.join(editions_of(asked, texts))
    names = dict.fromkeys((first, *assignment.editions.names))
    editions = replace(assignment.editions, names=tuple(names), inert_modules=dict.fromkeys(names, declared.inert))
    found = _blaming(asked, assignment, layout, folder)
    found = replace(found, layout=layout, plan=partial(plan, asked), editions=editions)
    return replace(found, reproductions=_scripts_of(declared, found))


def _scripts_of(declared: Declaration, assignment: Assignment) -> Reproductions:
    return Reproductions(partial(_reproducer, declared, assignment), _same_failure)


def _reproducer(
    declared: Declaration, assignment: Assignment, networks: Networks, setting: ScriptSetting, seed: int
) -> Reproducer:
    from parity_tests.declared.scripts import script_maker

    return script_maker(assignment, {one.name: one for one in declared.questions}, networks, setting, seed)


def _same_failure(record: Record) -> tuple[str, ...]:
    """What one script is enough for: a mistake of a part, or without a name the same result of it."""
    return record.part, record.diagnosis or record.quantity.partition(" of the ")[0]


def _draw(questions: dict[str, Question], params: Params, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    return draw(questions[params["question"]], params, rng)


def _judge(questions: dict[str, Question], case: Case, arrays: Arrays, seen: Observation, context: Context) -> Judged:
    from parity_tests.declared.judging import judge

    return judge(questions[case.params["question"]], case, arrays, seen, context)


def _blamed(
    questions: dict[str, Question], inner: Callable[[], BuiltOf], plan: Sequence[Case], verdicts: Verdicts
) -> Verdicts:
    from parity_tests.declared.judging import blamed

    return blamed(questions, inner, plan, verdicts)


def _proof(declared: Declaration) -> Proof:
    """Whoever knows nothing must earn nothing in any of the editions."""
    return Proof(
        nulls=Nulls(editions=declared.editions),
        unasked=excuse(UNASKED),
        solutions=tuple(map(declared.solution_of, declared.solutions)),
    )


def _diagnosis(declared: Declaration) -> Diagnosis:
    from parity_tests.declared.names import diagnosis

    return diagnosis(declared)
