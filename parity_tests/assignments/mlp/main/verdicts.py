"""Says whether one run of a submission's `main` did what the assignment asks, and if not, what it did instead.

Verdicts come from the replay alone: each step from the weights recorded before it, each loss from the weights it was
measured with, both within derived radii. What explains a wrong step is looked for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from parity_tests.assignments.mlp.main.accuracies import judge_accuracy
from parity_tests.assignments.mlp.main.batches import judge_batches, judge_number_of_steps, judge_shuffle
from parity_tests.assignments.mlp.main.configs import Config, main_quantities
from parity_tests.assignments.mlp.main.dropout import judge_dropout
from parity_tests.assignments.mlp.main.evaluations import Evaluations
from parity_tests.assignments.mlp.main.layers import judge_layers
from parity_tests.assignments.mlp.main.learning_rate import judge_learning_rate
from parity_tests.assignments.mlp.main.losses import judge_losses
from parity_tests.assignments.mlp.main.main_run import Array, MainRun
from parity_tests.assignments.mlp.main.replay import replay
from parity_tests.assignments.mlp.main.steps import replayed
from parity_tests.assignments.mlp.main.weights import judge_weights
from parity_tests.protocol.comparison import Comparison, matched
from parity_tests.protocol.observation import Observation


def judge_main(
    observation: Observation, *, config: Config, digits: Mapping[str, Array], stand_ins: bool, device: str = "cpu"
) -> dict[str, Comparison]:
    """A comparison for each of main_quantities(config), in order, from what the probe of main handed over.

    digits: train_X, train_y, valid_X, … as in the request. `stand_ins` says whether correct parts were swapped in.
    Problems are whole sentences, which begin with the run of `main` that they are about.
    """
    run = replay(observation, digits, epochs=config.epochs, batch=config.batch)
    main = MainRun(observation, run, config, digits, stand_ins, device)
    steps, evaluations = replayed(main), Evaluations(main)
    judges: dict[str, Callable[[], Comparison]] = {
        "run": partial(_judge_run, main),
        "layers": partial(judge_layers, main),
        "batches": partial(judge_batches, main),
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
    return {quantity: main.ended(quantity, judges[quantity]()) for quantity in main_quantities(config)}


def _judge_run(main: MainRun) -> Comparison:
    """Whether main comes to an end; how it fails otherwise, `ended` says."""
    if main.run.endless:
        return main.bad("it goes on training long after the epochs that were asked for")
    return matched(*main.observation.warnings)
