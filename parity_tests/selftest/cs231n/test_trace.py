"""Traces of CS231n's FullyConnectedNet by its Solver: each rule agrees, and what is wrong is found where it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import parity_tests.assignments.cs231n.trace.twin
from parity_tests.assignments.cs231n.assignment import ASSIGNMENT
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS, STATES, right_forms
from parity_tests.assignments.cs231n.names import OPTIM_FILE
from parity_tests.assignments.cs231n.trace.copies import Copies
from parity_tests.assignments.cs231n.trace.network import Trained
from parity_tests.assignments.cs231n.trace.plan import BATCH, RATE, NetPlan, drawn_examples
from parity_tests.assignments.cs231n.trace.seen import SeenStep
from parity_tests.assignments.cs231n.trace.settings import RULES, Settings
from parity_tests.assignments.cs231n.trace.training import training
from parity_tests.cli import main
from parity_tests.parts.update_rules import RULES as TEXTS
from parity_tests.proof.judged_variants import failures
from parity_tests.proof.variants import changed
from parity_tests.protocol.mistake import Body
from parity_tests.selftest.cs231n.judging import records
from parity_tests.selftest.nightly import one_of_each
from parity_tests.selftest.small_traces import Rows
from parity_tests.trace.perturbed import Perturbed
from parity_tests.trace.radius import MeasuredRadius
from parity_tests.trace.results import Trace
from parity_tests.trace.run import trace

SMALL: dict[str, Any] = {"hidden": (12, 10), "batch": 100, "steps": 8}
"""Five steps an epoch: η falls after the fifth."""
OPTIM, LAYERS, SOLVER, FC_NET = "optim.py", "layers.py", "solver.py", "classifiers/fc_net.py"
Change = tuple[str, str, str]
"""A file, a text that stands in it once, and another in its place."""


def submission(tmp_path: Path, *changes: Change, without: Sequence[str] = ()) -> Path:
    """The shipped package with texts exchanged, and without some files."""
    folder = tmp_path / "submission"
    shutil.copytree(ASSIGNMENT.solution, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in changes:
        path = folder / "cs231n" / file
        source = path.read_text(encoding="utf-8")
        assert source.count(old) == 1, old
        path.write_text(source.replace(old, new), encoding="utf-8")
    for file in without:
        (folder / "cs231n" / file).unlink()
    return folder


def traced(folder: Path, *, rows: Rows | None = None, timeout: float = 10.0, **settings: Any) -> Trace:
    given = training({**SMALL, **settings}, None)
    return trace(ASSIGNMENT, folder, given, Rows() if rows is None else rows, timeout=timeout)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_agrees_with_torch_in_every_quantity_of_every_step(rule: str) -> None:
    rows = Rows()
    run = traced(ASSIGNMENT.solution, rows=rows, rule=rule)
    assert (run.steps, run.divergence, run.undecided) == (8, None, None)
    assert {record.verdict for record in run.records} == {"match"}
    parameters = ["W1", "b1", "W2", "b2", "W3", "b3"]
    names = [record.quantity for record in run.records[1:]]
    assert names[:3] == ["batch", "learning rate", "loss"]
    assert set(names[3:-1]) == {word + name for word in ("d", "updated ") for name in parameters}
    updated = [row for row in rows.rows["quantities"] if row["quantity"] == "updated W1"]
    assert [row["step"] for row in updated] == list(range(1, 9))
    assert {row["part"] for row in updated} == {rule}
    assert all(row["change"] > 1e6 * row["radius"] for row in updated)  # it could have told
    scored = [row["step"] for row in rows.rows["quantities"] if row["quantity"] == "validation scores"]
    assert scored == [1, 5]  # as a Solver asks: after its first step, and after an epoch
    etas = [row["eta"] for row in rows.rows["steps"]]
    assert etas == [etas[0]] * 5 + [etas[0] * 0.95] * 3


@pytest.mark.parametrize(
    "settings",
    [
        {"normalization": "batchnorm", "rate": 0.25, "rule": "adam"},
        {"normalization": "batchnorm", "dtype": "float32"},
        {"normalization": "layernorm", "rate": 0.5, "rule": "rmsprop"},
        {"hidden": (7,), "reg": 0.0, "rule": "sgd"},
        {"every": 4, "rule": "adam", "steps": 5},
    ],
)
def test_normalisation_dropout_depth_and_precision_are_followed(settings: dict[str, Any]) -> None:
    run = traced(ASSIGNMENT.solution, **{"steps": 3, **settings})
    assert {record.verdict for record in run.records} == {"match"}
    names = {record.quantity for record in run.records}
    batchnorm = settings.get("normalization") == "batchnorm"
    assert ("running var 2" in names) == batchnorm
    assert ("db1" in names) != batchnorm  # its gradient is rounding alone
    if "rate" in settings:
        assert run.totals["kept"] / run.totals["masked"] == pytest.approx(1 - settings["rate"], abs=0.05)


BATCHNORM = {"rule": "sgd", "normalization": "batchnorm"}
WRONG: dict[str, tuple[Change, dict[str, Any], int, str, str]] = {
    "torch's form of momentum, when η falls": (
        (OPTIM, '- config["learning_rate"] * dw\n    return w + v', '+ dw\n    return w - config["learning_rate"] * v'),
        {"rule": "sgd_momentum"}, 6, "updated W1", "sgd_momentum",
    ),
    "another momentum": (
        (OPTIM, '"momentum": 0.9,', '"momentum": 0.99,'), {"rule": "sgd_momentum"}, 2, "updated W1", "sgd_momentum",
    ),
    "no bias correction": (
        (OPTIM, "first, second = m / (1 - beta1**t), v / (1 - beta2**t)", "first, second = m, v"),
        {"rule": "adam"}, 1, "updated W1", "adam",
    ),
    "a bias correction that is never counted on": (
        (OPTIM, '"m": m, "v": v, "t": t}', '"m": m, "v": v}'), {"rule": "adam"}, 2, "updated W1", "adam",
    ),
    "a cache that is lost": (
        (OPTIM, '{**config, "cache": cache}', "dict(config)"), {"rule": "rmsprop"}, 2, "updated W1", "rmsprop",
    ),
    "a rate that falls twice": (
        (SOLVER, "*= self.lr_decay", "*= self.lr_decay**2"), {"rule": "sgd"}, 6, "learning rate", "Solver",
    ),
    "a rate that falls a step early": (
        (SOLVER, "ends_epoch = step % steps_an_epoch == 0", "ends_epoch = (step + 1) % steps_an_epoch == 0"),
        {"rule": "adam"}, 5, "learning rate", "Solver",
    ),
    "momentum of the running mean reversed": (
        (LAYERS, "mean = momentum * mean + (1 - momentum) * batch_mean",
         "mean = (1 - momentum) * mean + momentum * batch_mean"),
        BATCHNORM, 1, "running mean 1", "batchnorm_forward",
    ),
    "an unbiased running variance": (
        (LAYERS, "+ (1 - momentum) * batch_variance", "+ (1 - momentum) * x.var(axis=0, ddof=1)"),
        BATCHNORM, 1, "running var 1", "batchnorm_forward",
    ),
    "batch norm that never tests": (
        (FC_NET, 'mode = "test" if y is None else "train"', 'mode = "train"'),
        BATCHNORM, 1, "validation scores", "FullyConnectedNet",
    ),
    "a gradient off by 1e-9 in step 4": (
        (FC_NET, "        return loss + penalty(self.params, self.reg), grads\n\n    def _hidden",
         '        self.n = getattr(self, "n", 0) + 1\n        grads["W2"] *= 1 + 1e-9 * (self.n == 4)\n'
         "        return loss + penalty(self.params, self.reg), grads\n\n    def _hidden"),
        {"rule": "adam"}, 4, "dW2", "FullyConnectedNet",
    ),
    "dropout that is not scaled": (
        (LAYERS, "x * mask", "(x * (mask > 0))"), {"rule": "sgd", "rate": 0.25}, 1, "loss", "FullyConnectedNet",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_at_the_first_step_where_it_shows(name: str, tmp_path: Path) -> None:
    change, settings, step, quantity, part = WRONG[name]
    run = traced(submission(tmp_path, change), steps=step + 1, **settings)
    assert run.divergence is not None
    assert run.divergence[:2] == (step, quantity)
    record = next(record for record in run.records if record.quantity == quantity)
    assert (record.verdict, record.step, record.part) == ("mismatch", step, part)
    assert {r.step for r in run.records if r.verdict != "match" and not r.explained_by} == {step}
    assert all(r.explained_by for r in run.records if r.step == step + 1 and r.verdict != "match")


UPDATING = """config = {{**{settings!r}, **(config or {{}})}}
{named}
{lines}
config.update({{name.removeprefix("kept_"): one for name, one in locals().items() if name.startswith("kept_")}})
return w_next, config"""


def rule_mistakes() -> list[tuple[str, str, Body]]:
    """The mistakes of the update rules that no operator gives, with their words, as functions."""
    found = []
    for rule, (text, *_) in TEXTS.items():
        for words, values in text.rows:
            lines = text.whole([(text.targets.index(name), f"{name} = {value}") for name, value in values.items()])
            named = "\n".join(f"{name} = config[{name!r}]" for name in DEFAULTS[rule])
            named += "".join(f"\n{name} = config.get({name!r}, np.zeros_like(w))" for name in STATES[rule])
            named += "\none, rest = 1, 1 - config.get('decay_rate', 0)"
            settings = dict(DEFAULTS[rule])
            found.append((rule, words, Body(rule, UPDATING.format(settings=settings, named=named, lines=lines))))
    return found


def test_what_no_operator_gives_of_a_rule_has_its_name() -> None:
    told = [one for one in rule_mistakes() if one[1] == "nothing is kept"]
    for rule, words, body in told:
        variant = changed(ASSIGNMENT, words, [body], OPTIM_FILE)
        found = failures(records(variant, parts={rule}, dtypes=("float64",)))
        assert {record.diagnosis for record in found} == {words}
    assert told


RIGHT_IN_TRAINING = "the velocity has the other sign"
"""Of this one each step is right where velocities begin at 0: a trace shows none that was there before."""


@pytest.mark.nightly
@pytest.mark.parametrize(("rule", "words", "body"), rule_mistakes(), ids=lambda one: "" if one[2:] else one)
def test_every_named_mistake_of_a_rule_is_found_in_its_update(
    rule: str, words: str, body: Body, tmp_path: Path
) -> None:
    changed(ASSIGNMENT, words, [body], OPTIM_FILE).write(tmp_path)
    run = traced(tmp_path, rule=rule)
    if words.startswith(RIGHT_IN_TRAINING):
        assert run.divergence is None
        return
    assert run.divergence is not None
    assert run.divergence[1].startswith("updated ")


@pytest.mark.parametrize(
    ("rule", "change", "says"),
    [
        (
            "adam",
            (
                'step = config["learning_rate"] * first / (np.sqrt(second) + config["epsilon"])',
                'step = config["learning_rate"] * np.sqrt(1 - beta2**t) * first / (np.sqrt(v) + config["epsilon"])',
            ),
            "epsilon hat",
        ),
        (
            "rmsprop",
            ('(np.sqrt(cache) + config["epsilon"])', 'np.sqrt(cache + config["epsilon"])'),
            "has epsilon inside the root",
        ),
    ],
)
def test_the_other_right_forms_of_a_rule_agree_and_are_named(
    rule: str, change: tuple[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submission(tmp_path, (OPTIM, *change))
    run = traced(folder, rule=rule, steps=2)
    assert {record.verdict for record in run.records} == {"match"}
    assert says in run.records[1].note
    twin = parity_tests.assignments.cs231n.trace.twin
    monkeypatch.setattr(twin, "right_forms", lambda rule, edition: right_forms(rule, edition)[:1])
    assert traced(folder, rule=rule, steps=2).divergence is not None  # compared with torch's form it is off


FEW = 2
"""Steps: a norm shows what it is in the first."""
DEVIATION = "deviation = np.sqrt(variance + eps)\n"
BESIDE_ROOT = (LAYERS, DEVIATION, DEVIATION.replace("variance + eps)", "variance) + eps"))
TESTED = (LAYERS, "np.sqrt(variance + eps)\n        out, cache", "(np.sqrt(variance) + eps)\n        out, cache")


@pytest.mark.parametrize("normalization", ["batchnorm", "layernorm"])
def test_epsilon_beside_the_root_of_a_norm_agrees_and_is_named_and_a_larger_one_does_not(
    normalization: str, tmp_path: Path
) -> None:
    run = traced(submission(tmp_path, BESIDE_ROOT, TESTED), normalization=normalization, steps=FEW)
    assert (run.divergence, run.undecided) == (None, None)
    assert "has eps beside the root" in run.records[1].note
    usual = traced(ASSIGNMENT.solution, normalization=normalization, steps=FEW)
    assert "beside the root" not in usual.records[1].note
    larger = (LAYERS, DEVIATION, DEVIATION.replace("variance + eps)", "variance) + 2 * eps"))
    run = traced(submission(tmp_path / "larger", larger, TESTED), normalization=normalization, steps=FEW)
    assert run.divergence is not None


def test_averages_and_gradients_of_one_row_agree_and_others_do_not(tmp_path: Path) -> None:
    averages = "batch_mean, batch_variance = x.mean(axis=0), x.var(axis=0)"
    settings: dict[str, Any] = {**BATCHNORM, "steps": FEW}
    row = (LAYERS, averages, averages.replace("axis=0", "axis=0, keepdims=True"))
    run = traced(submission(tmp_path / "row", row), **settings)
    assert {record.verdict for record in run.records} == {"match"}
    twice = (LAYERS, averages, averages.replace("x.mean(axis=0)", "x.mean(axis=0) * np.ones((2, 1))"))
    assert traced(submission(tmp_path / "twice", twice), **settings).divergence is not None


def test_a_running_variance_with_eps_agrees_and_is_named_and_one_with_more_does_not(tmp_path: Path) -> None:
    old = "(1 - momentum) * batch_variance"
    settings: dict[str, Any] = {**BATCHNORM, "rule": "adam", "steps": FEW}
    right, wrong = (
        submission(tmp_path / more, (LAYERS, old, f"(1 - momentum) * (batch_variance + {more})"))
        for more in ("eps", "3 * eps")
    )
    run = traced(right, **settings)
    assert {record.verdict for record in run.records} == {"match"}
    assert "adds eps to the running variance" in run.records[1].note
    run = traced(wrong, **settings)
    assert run.divergence is not None
    assert run.divergence[:2] == (1, "running var 1")
    assert run.records[1].note == ""


@pytest.mark.parametrize(
    ("change", "steps", "says"),
    [
        ((SOLVER, "self.y_train[chosen])", "self.y_train[chosen[::-1]])"), 0, "batch has the label "),
        ((SOLVER, "loss(self.X_train[chosen]", "loss(2 * self.X_train[chosen]"), 0, "an image that the training set"),
        ((SOLVER, "steps_an_epoch\n        for", "steps_an_epoch - 4\n        for"), 6, "ends after 6 steps"),
        ((OPTIM, 'return w - step, {**config, "m": m, "v": v, "t": t}', "return None, config"), 0, "W1 is None"),
    ],
)  # fmt: skip
def test_what_ends_a_run_keeps_the_steps_before_it_and_is_the_submissions(
    change: Change, steps: int, says: str, tmp_path: Path
) -> None:
    run = traced(submission(tmp_path, change), rule="adam")
    assert run.steps == steps
    assert run.divergence is not None
    assert run.divergence[0] == steps + 1
    assert says in run.divergence[2]
    assert "harness_error" not in {record.verdict for record in run.records}
    assert any(record.verdict != "match" and not record.explained_by for record in run.records)


def test_dropout_that_cannot_be_seen_is_no_agreement(tmp_path: Path) -> None:
    inline = (FC_NET, "h, dropout = dropout_forward(h, self.dropout_param)", "dropout = (self.dropout_param, h >= 0)")
    run = traced(submission(tmp_path, inline), rule="sgd", rate=0.25)
    assert run.divergence is not None
    assert "dropout_forward is called 0 times in training, where 2 are expected" in run.divergence[2]


def test_a_submission_without_a_solver_is_lent_one(tmp_path: Path) -> None:
    run = traced(submission(tmp_path, without=(SOLVER,)), rule="sgd")
    assert (run.steps, run.divergence) == (8, None)


def test_what_is_first_seen_where_no_spread_is_asked_for_has_a_radius(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = submission(tmp_path, (SOLVER, "if step == 1 or step == steps or ends_epoch:", "if ends_epoch:"))
    monkeypatch.setattr(MeasuredRadius, "explains", lambda self, gaps: True)  # as it is where the gaps are 0
    rows = Rows()
    traced(late, rows=rows, rule="sgd", every=100)
    assert "validation scores" not in {row["quantity"] for row in rows.rows["quantities"] if row["step"] == 1}


def test_torch_takes_the_submissions_side_of_kinks_in_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {
        "hidden": (50, 50), "batch": 50, "steps": 50, "rule": "rmsprop", "normalization": "batchnorm",
        "dtype": "float32",
    }  # fmt: skip
    run = traced(ASSIGNMENT.solution, **settings)
    assert run.totals["shared_kinks"] > 0
    assert run.divergence is None
    twin = parity_tests.assignments.cs231n.trace.twin
    monkeypatch.setattr(twin, "side_of_kinks", lambda u, submitted, radius, judged: u > 0)
    assert traced(ASSIGNMENT.solution, **settings).divergence is not None


# ---- the reference's side ----

NORMS = ("", "batchnorm", "layernorm")


@pytest.mark.parametrize(
    "settings",  # at once each rule and each norm
    one_of_each(itemgetter(0), [(r, NORMS[(n + k) % 3]) for k in range(3) for n, r in enumerate(RULES)]),
    ids="-".join,
)
def test_torchs_network_and_the_copies_are_two_ways_to_the_same_numbers(settings: tuple[str, str]) -> None:
    rule, normalization = settings
    plan = NetPlan(Settings(rule, (12, 10), normalization, 0.25, batch=20, steps=3), drawn_examples(0))
    trained, copies = Trained(plan), Copies(plan, right_forms(rule, "2021-24")[0][0])
    rng = np.random.default_rng(0)
    for _ in range(3):
        e = plan.examples
        masks = tuple(torch.tensor((rng.random((20, size)) > 0.25) / 0.75) for size in (12, 10))
        rows = rng.integers(0, 500, 20)
        X, y, X_val = torch.tensor(e.X_train[rows]), torch.tensor(e.y_train[rows]), torch.tensor(e.X_val)
        seen = SeenStep(X, y, masks, (None, None), X_val, 100)
        wanted, slopes = trained.step(seen, lambda layer, u, before: u > 0, 0.01)
        wanted |= {BATCH: seen.X, RATE: torch.tensor(0.01)}
        spreads = copies.step(seen, slopes, 0.01, 1, wanted)
        assert {name for name, _ in plan.quantities()} <= set(spreads)
        moved = {name: spread for name, spread in spreads.items() if name != BATCH}
        # A bias that batch norm takes away has rounding alone for a gradient, which Adam enlarges: tests show it.
        assert all(0 <= spread < 1e-8 for spread in moved.values()), moved
        assert all(moved[name] > 0 for name in moved if name != "loss"), moved  # one number, which may move by nothing


def test_what_rounds_is_moved_by_one_unit_either_way_and_what_is_exact_is_not() -> None:
    ones, eps = torch.ones(100, 100, dtype=torch.float64), torch.finfo(torch.float64).eps
    with Perturbed(seed=0):
        moved, exact = ones * 1, -ones.clone().T
        a = torch.ones(4, 3, 5, dtype=torch.float64, requires_grad=True)
        (g,) = torch.autograd.grad((a / 3).sum(), a)
    assert set((moved - 1).flatten().tolist()) == {-eps, eps}
    assert abs(float((moved - 1).mean())) < 5 * eps / 100
    assert torch.equal(exact, -ones)
    assert len(set(g.flatten().tolist())) > 1  # the backward too


# ---- the command ----


def test_the_command_traces_a_network_of_cs231n_and_says_where_it_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = "--rule adam --hidden 8,6 --batch 100 --steps 6 --normalization batchnorm --dropout 0.25 --out traced"
    assert main(["trace", "--assignment", "cs231n", *options.split()]) == 0
    assert "Agreement: every quantity of 6 steps" in capsys.readouterr().out
    assert "gamma" in (tmp_path / "traced" / "records.csv").read_text(encoding="utf-8")
    wrong = submission(tmp_path, (SOLVER, "*= self.lr_decay", "*= 1"))
    assert main(["trace", str(wrong), *options.split()]) == 1  # told by the files
    assert "Divergence at step 6: learning rate is 0.001" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--alpha 0.9", "takes no --alpha"),
        ("--forced", "takes no --forced"),
        ("--hidden 5,x", "must be a number of units"),
        ("--hidden 0", "must be a number of units"),
        ("--batch 501", "must lie in 1..500"),
        ("--batch 1 --normalization batchnorm", "must lie in 2..500"),
        ("--edition 2016-17 --normalization batchnorm", "cannot be traced with batch norm"),
        ("--edition 2016-17 --normalization layernorm", "has no layer norm"),
        ("--data nowhere.npz", "nowhere.npz is no .npz"),
        ("--data wrong.npz", "must be rows of numbers"),
    ],
)
def test_what_cannot_be_traced_is_refused(
    options: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = np.ones((4, 3)), np.zeros(5, int)
    np.savez("wrong.npz", X_train=X, y_train=y, X_val=X, y_val=y)
    assert main(["trace", "--assignment", "cs231n", *options.split()]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_network_is_traced_on_given_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    arrays = {f"X_{split}": rng.standard_normal((40, 6)) for split in ("train", "val")}
    labels = {f"y_{split}": rng.integers(0, 3, 40) for split in ("train", "val")}
    np.savez("mine.npz", **arrays, **labels)  # type: ignore[arg-type]
    options = "--data mine.npz --batch 10 --hidden 5 --steps 6 --out traced"
    assert main(["trace", "--assignment", "cs231n", *options.split()]) == 0
    assert "FullyConnectedNet 6-5-3" in (tmp_path / "traced" / "environment.json").read_text(encoding="utf-8")
