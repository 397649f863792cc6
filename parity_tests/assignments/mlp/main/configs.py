"""The runs of `main`: under which main_params it is main, and what is judged of each case of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN

DEFAULT_FILE = "mnist_subset.json"
FEW_UNITS = 16
"""Hidden units that are built where `main` asks for more: cheap even for nested loops."""
AS_SCRIPT = "as a script"
"""What a main is judged of that is run once more, as Python runs a script."""
SCRIPT = "run as a script (python neural_networks.py --input_file …)"
"""What sentences say of that run."""
HIDDEN, HIDDEN_OF_PLAIN = 1000, 128
"""Hidden units that `main` asks for, and that it asks for in the last edition."""


@dataclass(frozen=True)
class Config:
    """One set of main_params under which `main` is main, and how many hidden `units` are built at most.

    `digits` is the prefix of its digits among the arrays of a case. With a `patience`, which the last edition has,
    training stops when the best validation accuracy has not been reached again for so many epochs.
    """

    activation: str
    alpha: float
    rate: float
    lam: float
    epochs: int
    eta: float
    batch: int = 5
    seed: int = 42
    file: str = DEFAULT_FILE
    units: int = FEW_UNITS
    digits: str = ""
    edition: str = FULL
    patience: int = 0

    def main_params(self) -> dict[str, Any]:
        """What `main` is passed; rates are Python floats."""
        return {
            "random_seed": self.seed,
            "learning_rate": self.eta,
            "alpha": self.alpha,
            "lambda": self.lam,
            "dropout_rate": self.rate,
            "num_epoch": self.epochs,
            "minibatch_size": self.batch,
            "activation": self.activation,
            "input_file": self.file,
            **(self._of_plain() if self.edition == PLAIN else {}),
        }

    def _of_plain(self) -> dict[str, Any]:
        """What the last edition has beyond the others; where its data lie, the probe says."""
        patience = self.patience or 2 * self.epochs
        return {"early_stopping_patience": patience, "check_gradient": False, "check_magnitude": False}

    @property
    def hidden(self) -> int:
        """Hidden units that `main` asks for."""
        return HIDDEN_OF_PLAIN if self.edition == PLAIN else HIDDEN

    def run(self) -> dict[str, Any]:
        """The run as the probe is asked for it, of JSON values."""
        return {"main_params": self.main_params(), **asdict(self)}

    def eta_of(self, epoch: int) -> float:
        """η in an epoch (the first is 0): a tenth at each non-zero multiple of 10, but for the last edition."""
        if self.edition == PLAIN:
            return self.eta
        return float(self.eta * 0.1 ** (epoch // 10))


def configs_of(params: Mapping[str, Any]) -> tuple[Config, ...]:
    """The Configs of the runs of a case, by its parameters."""
    names = [field.name for field in fields(Config)]
    return tuple(Config(**{name: run[name] for name in names}) for run in params["runs"])


def follows_seed(configs: Sequence[Config]) -> bool:
    """Whether a case makes one run twice, so that it shows whether its steps follow from random_seed."""
    return len(set(configs)) < len(configs)


def main_quantities(configs: Sequence[Config], *, as_script: bool = False) -> tuple[str, ...]:
    """What is judged of the runs of a case together, in order; each gets exactly one Comparison."""
    return (
        "run",
        "layers",
        "batches",
        "shuffle",
        *(("random seed",) if follows_seed(configs) else ()),
        "number of steps",
        *(("dropout",) if any(config.rate > 0 for config in configs) else ()),
        "learning rate",
        "weights",
        "training losses",
        "validation losses",
        "training accuracy",
        "validation accuracy",
        *(("test accuracy",) if configs[0].edition == PLAIN else ()),
        *((AS_SCRIPT,) if as_script else ()),
    )
