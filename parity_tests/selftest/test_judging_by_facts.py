"""No verdict, blame, name or point hangs on the words of a sentence: with all of them turned round, nothing changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.cs231n.assignment import ASSIGNMENT as CS231N
from parity_tests.assignments.mlp.assignment import ASSIGNMENT as MLP
from parity_tests.cli.status import OWN_FAULT, status_of
from parity_tests.grading.flags import FlagKind, record_flags
from parity_tests.grading.rubric import Vocabulary, parse_rubric
from parity_tests.grading.scoring import score
from parity_tests.harness.exam import Exam
from parity_tests.harness.make_records import Setting
from parity_tests.harness.process.runner import Runner
from parity_tests.harness.stages import judge_observed
from parity_tests.proof.judged_variants import fork_servers
from parity_tests.proof.variants import changed
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.case import Case, json_params
from parity_tests.protocol.comparison import Comparison
from parity_tests.protocol.mistake import Body, Swap
from parity_tests.protocol.observation import Failure, Observation
from parity_tests.protocol.reproduction import Networks, Reproducer, Script, ScriptSetting
from reports.model.notes import Note, NoteKind
from reports.model.parts import Parts
from reports.model.records import Record
from reports.model.verdicts import FAILING

pytestmark = pytest.mark.usefixtures("one_thread")

SEED = 3
SENTENCES = ((Comparison, "problem"), (Failure, "text"), (Note, "text"))
"""The values that hold a sentence, with the field that it is in."""
TURNED = "ж"


def turned(text: str) -> str:
    """The same with each word turned round, once."""
    return re.sub(r"\w+", lambda word: word[0] if word[0].startswith(TURNED) else TURNED + word[0][::-1], text)


@contextmanager
def sentences_turned() -> Iterator[None]:
    """Every sentence that is made meanwhile is turned round as it is made."""

    def turning(made: Callable[..., None], field: str) -> Callable[..., None]:
        def make(self: Any, *given: Any, **named: Any) -> None:
            made(self, *given, **named)
            object.__setattr__(self, field, turned(getattr(self, field)))

        return make

    with pytest.MonkeyPatch.context() as patch:
        for kind, field in SENTENCES:
            patch.setattr(kind, "__init__", turning(kind.__init__, field))
        yield


def asked(assignment: Assignment, folder: Path, case: Case, drawn: Callable[[Case], Any]) -> Observation:
    inside = assignment.inside
    with Runner(
        folder,
        probe=inside.probes,
        companions=inside.processes[case.process],
        layout=assignment.layout,
        editions=assignment.editions,
        servers=fork_servers(),
    ) as runner:
        return runner.ask(case.name, case.probe, json_params(case.params), drawn(case), seed=SEED)


def exam_of(assignment: Assignment, wanted: Callable[[Case], bool], dtypes: Sequence[str]) -> Exam:
    edition = assignment.editions.default
    plan = [case for case in assignment.cases(edition, dtypes, seed=SEED) if wanted(case)]
    setting = Setting("it", assignment.name, edition, "cpu", "none")
    exam = Exam(assignment, setting, plan, plan, SEED, edition)
    return replace(exam, solution=lambda case: asked(assignment, assignment.solution, case, exam.inputs))


def facts(records: Iterable[Record], assignment: Assignment) -> list[tuple[object, ...]]:
    """All of the records but their sentences, and the points that they earn."""
    records = list(records)
    items = score(records, parse_rubric(assignment.rubric_text, "rubric", Vocabulary.of(assignment))).items
    found: list[tuple[object, ...]] = [
        (r.case, r.quantity, r.verdict, r.part, r.explained_by, r.diagnosis, r.blame, r.note_kinds, r.file, r.line)
        for r in records
    ]
    return found + [(item.name, item.points) for item in items]


BACKWARD = 'self.gradient["W"] = self.X.T @ grad'
MLP_CASES = ("linear", "relu", "network", "sgd", "init")
LARGE = ("full-size/float64", "many-rows/float64", "many-steps/float64", "many-steps/float32")
FORGED = """
        import sys
        frame = sys._getframe()
        while type(frame.f_locals.get("recorder")).__name__ != "CallRecorder":
            frame = frame.f_back
        said = dict.fromkeys(("error", "file", "function", "called", "said", "lacks"), "")
        frame.f_locals["recorder"]._send(
            {"kind": "failure", "name": "", "call": 0, "failure": "unjudged", "text": "it broke", "line": 0, **said}, {}
        )
        raise SystemExit"""
IN_A_BUFFER = """self.buffer = np.empty((len(X), self.params["W"].shape[1]))
        np.dot(X, self.params["W"], out=self.buffer)
        return self.buffer + self.params["b"]"""
SAME_ORDER = "several epochs have the same order"
WRONG: dict[str, tuple[Assignment, tuple[Body | Swap, ...]]] = {
    "a crash": (MLP, (Body("relu.forward", "return np.zeros(3)[3]"),)),
    SAME_ORDER: (MLP, (Swap("order = np.random.permutation(train.N)", "order = np.arange(train.N)"),)),
    "a part that others work on": (MLP, (Body("linear_layer.forward", "self.X = X\nreturn X @ self.params['W']"),)),
    "a function that is not there": (MLP, (Swap("class linear_layer:", "class Linear:"),)),
    "a fault that is made up": (MLP, (Swap("        self.mask = X > 0", FORGED),)),
    "float64 only": (MLP, (Swap('return X @ self.params["W"] + self.params["b"]', IN_A_BUFFER),)),
    "a forward, whose backward is right for it": (CS231N, (Swap("x.var(axis=0)", "x.var(axis=0, ddof=1)"),)),
    "a crash of a function that others call": (CS231N, (Body("affine_forward", "return np.zeros(3)[3]"),)),
}


def remade(observation: Observation) -> Observation:
    """The same, with failures that are made anew."""
    return replace(observation, failures={key: replace(failure) for key, failure in observation.failures.items()})


@pytest.mark.parametrize("name", WRONG)
def test_all_facts_of_a_wrong_submission_stay_when_every_sentence_is_turned_round(name: str, tmp_path: Path) -> None:
    assignment, changes = WRONG[name]
    changed(assignment, name, changes).write(tmp_path)
    dtypes = ("float64", "float32") if name == "float64 only" else ("float64",)
    exam = exam_of(assignment, partial(is_asked, assignment), dtypes)
    observations = [asked(assignment, tmp_path, case, exam.inputs) for case in exam.plan]
    told = judge_observed(exam, observations).records
    with sentences_turned():
        turned_round = judge_observed(exam, map(remade, observations)).records
    assert facts(turned_round, assignment) == facts(told, assignment)
    assert any(record.verdict != "match" or record.note for record in told)
    assert not any(record.of_harness for record in told)
    assert name != SAME_ORDER or name in {record.diagnosis for record in told}
    for before, after in zip(told, turned_round, strict=True):
        assert (before.message == after.message) == (not before.message)


def is_asked(assignment: Assignment, case: Case) -> bool:
    if assignment is MLP:
        return (case.check in MLP_CASES and not case.name.endswith(LARGE)) or case.name.startswith("main/defaults")
    return any(q.part.startswith(("affine", "batchnorm", "spatial_batchnorm")) for q in case.quantities)


def _init(W: str, b: str = "np.random.normal(0, 0.1, (1, output_D))") -> Body:
    lines = f"W = {W}\nself.params = {{'W': W, 'b': {b}}}\nself.gradient = {{k: 0 * v for k, v in self.params.items()}}"
    return Body("linear_layer.__init__", lines)


def _mask(kept: str) -> Body:
    lines = f"self.mask = ({kept}) / (1 - self.r) if is_train else np.ones_like(X)\nreturn X * self.mask"
    return Body("dropout.forward", lines)


NORMAL = "np.random.normal(0, 0.1, (input_D, output_D))"
ODD_DRAWS = {
    "another mean": _init("np.random.normal(0.01, 0.1, (input_D, output_D))"),
    "another spread": _init("np.random.normal(0, 0.11, (input_D, output_D))"),
    "not finite": _init(f"{NORMAL} / np.zeros(1)"),
    "another shape": _init("np.random.normal(0, 0.1, (output_D, input_D))"),
    "the same in every layer": _init(f"np.random.seed(1) or {NORMAL}"),
    "the same mask again": _mask("np.random.RandomState(1).rand(*X.shape) >= self.r"),
    "another rate": _mask("np.random.rand(*X.shape) >= self.r / 2"),
}


def scripts(records: Iterable[Record], maker: Reproducer) -> dict[tuple[str, str], Script | str]:
    """What shows each failure, all of the same name, so that the words of scripts are the same."""
    failing = [replace(r, diagnosis="odd", message=turned(r.message)) for r in records if r.verdict in FAILING]
    return {(one.case, one.quantity): maker.script(one) for one in failing}


@pytest.mark.parametrize("name", ODD_DRAWS)
def test_which_script_shows_odd_draws_hangs_on_no_sentence(name: str, tmp_path: Path) -> None:
    changed(MLP, name, [ODD_DRAWS[name]]).write(tmp_path)
    asks = ("linear/init-distribution/float64", "dropout/masks-high-rate/float64")
    exam = exam_of(MLP, lambda case: case.name in asks, ("float64",))
    records = judge_observed(exam, [asked(MLP, tmp_path, case, exam.inputs) for case in exam.plan]).records

    def maker() -> Reproducer:
        submission, solution = (partial(asked_with, folder) for folder in (tmp_path, MLP.solution))
        assert MLP.reproductions is not None
        setting = ScriptSetting("/nowhere", MLP.editions.default)
        return MLP.reproductions.reproducer(Networks(submission, solution), setting, SEED)

    told = scripts(records, maker())
    with sentences_turned():
        turned_round = scripts(records, maker())
    assert {key: text(script) for key, script in turned_round.items()} == {
        k: text(script) for k, script in told.items()
    }
    assert any(isinstance(script, Script) for script in told.values()), told


def test_a_mistake_whose_recognition_breaks_costs_its_own_name_and_is_told_as_parity_s_own_fault(
    tmp_path: Path,
) -> None:
    def broken(*_: object) -> list[str]:
        raise KeyError("secret")

    diagnosis = MLP.diagnosis
    assert diagnosis is not None
    known = replace(diagnosis(), shown=(broken, *diagnosis().shown))
    assignment = replace(MLP, diagnosis=lambda: known)
    changed(assignment, "it", [ODD_DRAWS["the same in every layer"]]).write(tmp_path)
    exam = exam_of(assignment, lambda case: case.name == "linear/init-distribution/float64", ("float64",))
    judged = judge_observed(exam, [asked(assignment, tmp_path, case, exam.inputs) for case in exam.plan])
    (record,) = (record for record in judged.records if record.verdict in FAILING)
    assert record.diagnosis == "the weights are the same in every layer"
    assert [(note.kind, note.text) for note in record.notes] == [
        (NoteKind.FAULT, "Parity's own fault: a known mistake could not be looked for (KeyError)")
    ]
    assert status_of([record], strict=False) == OWN_FAULT
    assert [flag.kind for flag in record_flags("ann", [record], Parts([]))] == [FlagKind.HARNESS_ERROR]


@pytest.mark.parametrize(("ending", "ended"), [("raise SystemExit", ""), ("raise GeneratorExit", "7")])
def test_a_forward_that_ends_the_program_ends_no_case_in_which_parity_s_own_is_in_its_place(
    ending: str, ended: str, tmp_path: Path
) -> None:
    changed(MLP, "it", [Body("relu.forward", ending)]).write(tmp_path)
    exam = exam_of(MLP, lambda case: case.name == "network/relu-without-dropout/float64", ("float64",))
    (case,) = exam.plan
    assert MLP.exchanged is not None
    failing = []
    for parts in ({"7", "8"}, {"8"}):
        again = MLP.exchanged(case, frozenset(parts), frozenset(ended))
        assert again is not None
        failing.append(bool(asked(MLP, tmp_path, again, lambda _: exam.inputs(case)).failures))
    assert failing == [False, True]


def text(script: Script | str) -> str:
    return script.text if isinstance(script, Script) else script


def asked_with(folder: Path, case: Case, arrays: Any, seed: int) -> Observation:
    return asked(MLP, folder, case, lambda _: arrays)
