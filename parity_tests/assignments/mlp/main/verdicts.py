"""Says whether the runs of a submission's `main` did what the assignment asks, and if not, what they did instead.

Verdicts come from the replay alone: each step from the weights recorded before it, each loss from the weights that its
epoch leaves, both within derived radii. What explains a wrong step is looked for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from parity_tests.assignments.mlp.inside.homework_names import PLAIN
from parity_tests.assignments.mlp.main.accuracies import judge_accuracy
from parity_tests.assignments.mlp.main.as_script import judge_as_script
from parity_tests.assignments.mlp.main.batches import judge_batches, judge_number_of_steps, judge_shuffle
from parity_tests.assignments.mlp.main.best_model import judge_test_accuracy, stopped_early
from parity_tests.assignments.mlp.main.configs import AS_SCRIPT, Config, main_quantities
from parity_tests.assignments.mlp.main.dropout import judge_dropout
from parity_tests.assignments.mlp.main.evaluations import Evaluations
from parity_tests.assignments.mlp.main.layers import judge_layers
from parity_tests.assignments.mlp.main.learning_rate import judge_learning_rate
from parity_tests.assignments.mlp.main.losses import judge_losses
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.random_seed import judge_random_seed
from parity_tests.assignments.mlp.main.replay import replay
from parity_tests.assignments.mlp.main.steps import replayed
from parity_tests.assignments.mlp.main.weights import judge_weights
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.observation import Observation
from reports.model.notes import NoteKind
from reports.model.verdicts import PASSING, Verdict

BEFORE_TRAINING = "run"
"""The quantity of main that can be judged although it does not train."""
UNTRAINED = "no step changes any weight by what a backward gives, so that nothing of its training can be judged"
CHANGED = "main changes the main_params that it is passed"


def judge_main(
    observation: Observation,
    *,
    configs: Sequence[Config],
    digits: Mapping[str, Array],
    stand_ins: bool,
    as_script: int = 0,
    device: str = "cpu",
) -> dict[str, Comparison]:
    """A comparison for each of main_quantities(configs, …), in order, from what the probe of main handed over.

    `as_script` says of how many epochs the first run was made once more as a script.
    digits: train_X, train_y, valid_X, … as in the request, those of each Config with its prefix. `stand_ins` says
    whether correct parts were swapped in. Each quantity has the verdict of the first run that it fails in. Problems are
    whole sentences, which begin with the run of `main` that they are about.
    """
    runs = main_runs(observation, configs, digits, stand_ins=stand_ins, device=device)
    asked = main_quantities(configs, as_script=bool(as_script))
    judged = [_judged(main) for main in runs]
    of_all = {quantity: [one[quantity] for one in judged if quantity in one] for quantity in asked}
    if "random seed" in of_all:
        seeded = runs[-1].ended("random seed", judge_random_seed(runs))
        of_all["random seed"] = [_of_training(runs[-1], "random seed", seeded)]
    if AS_SCRIPT in of_all:
        of_script = runs[-1].ended(AS_SCRIPT, judge_as_script(runs, as_script))
        of_all[AS_SCRIPT] = [_of_training(runs[0], AS_SCRIPT, of_script)]
    return {quantity: _together(comparisons) for quantity, comparisons in of_all.items()}


def main_runs(
    observation: Observation,
    configs: Sequence[Config],
    digits: Mapping[str, Array],
    *,
    stand_ins: bool,
    device: str = "cpu",
) -> list[MainRun]:
    """The runs that were made one after another in one process, up to one that failed."""
    runs: list[MainRun] = []
    for number in range(len(configs)):
        runs.append(_main_run(observation, configs, number, digits, stand_ins, device))
        if runs[-1].failure is not None:
            break
    return runs


def _main_run(
    observation: Observation,
    configs: Sequence[Config],
    number: int,
    digits: Mapping[str, Array],
    stand_ins: bool,
    device: str,
) -> MainRun:
    config = configs[number]
    own = {name.removeprefix(config.digits): X for name, X in digits.items() if name.startswith(config.digits)}
    run = replay(observation, own, epochs=config.epochs, batch=config.batch, number=number)
    main = MainRun(observation, run, config, own, stand_ins, device, number, len(configs))
    return stopped_early(main) if config.patience else main


def _judged(main: MainRun) -> dict[str, Comparison]:
    """The comparisons of one run."""
    steps = replayed(main)
    evaluations = Evaluations(main, steps)
    judges: dict[str, Callable[[], Comparison]] = {
        "run": partial(_judge_run, main),
        "layers": partial(judge_layers, main),
        "batches": partial(judge_batches, main, steps),
        "shuffle": partial(judge_shuffle, main),
        "number of steps": partial(judge_number_of_steps, main),
        "dropout": partial(judge_dropout, main, steps),
        "learning rate": partial(judge_learning_rate, main, steps),
        "weights": partial(judge_weights, main, steps),
        "training losses": partial(judge_losses, evaluations, "train"),
        "validation losses": partial(judge_losses, evaluations, "valid"),
        "training accuracy": partial(judge_accuracy, evaluations, "train"),
        "validation accuracy": partial(judge_accuracy, evaluations, "valid"),
    }
    if main.config.edition == PLAIN:
        judges["test accuracy"] = partial(judge_test_accuracy, evaluations)
    judged = {quantity: main.ended(quantity, judge()) for quantity, judge in judges.items()}
    return {quantity: _of_training(main, quantity, comparison) for quantity, comparison in judged.items()}


def _of_training(main: MainRun, quantity: str, comparison: Comparison) -> Comparison:
    """What is right of a run that trains nothing, though it cannot be seen there."""
    if main.run.trains or quantity == BEFORE_TRAINING or comparison.verdict not in PASSING:
        return comparison
    return main.unjudged(UNTRAINED)


def _together(comparisons: Sequence[Comparison]) -> Comparison:
    """The comparison that stands for those of all runs: the first that fails, or that of the largest ratio."""
    failing = [one for one in comparisons if one.verdict not in PASSING]
    undecided = [one for one in comparisons if one.verdict == Verdict.UNDECIDED]
    chosen = (failing or undecided or [max(comparisons, key=lambda one: one.ratio or 0.0)])[0]
    return chosen.noting(*(note for one in comparisons for note in one.notes))


def _judge_run(main: MainRun) -> Comparison:
    """Whether main comes to an end; how it fails otherwise, `ended` says."""
    if main.run.endless:
        return main.bad("it goes on training long after the epochs that were asked for")
    return matched(*main.observation.warnings, kind=NoteKind.WARNS).noting(
        CHANGED if main.run.changes_params else "", kind=NoteKind.OVERWRITES
    )
