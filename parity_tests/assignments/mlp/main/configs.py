"""The runs of `main`: under which main_params it is main in each edition, and what is judged of each run."""

from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN, WITHOUT_DECAY


@dataclass(frozen=True)
class Config:
    """One set of main_params under which `main` is main."""

    name: str
    activation: str
    alpha: float
    rate: float
    lam: float
    epochs: int
    eta: float
    batch: int = 5
    seed: int = 42

    def main_params(self) -> dict[str, Any]:
        """What `main` is passed, but for input_file; rates are Python floats."""
        return {
            "random_seed": self.seed,
            "learning_rate": self.eta,
            "alpha": self.alpha,
            "lambda": self.lam,
            "dropout_rate": self.rate,
            "num_epoch": self.epochs,
            "minibatch_size": self.batch,
            "activation": self.activation,
        }

    def eta_of(self, epoch: int) -> float:
        """η in an epoch (the first is 0): a tenth at each non-zero multiple of 10."""
        return float(self.eta * 0.1 ** (epoch // 10))


_CONFIGS = {
    FULL: (
        Config("relu", "relu", alpha=0.9, rate=0.5, lam=0.01, epochs=3, eta=0.01),
        Config("tanh", "tanh", alpha=0.9, rate=0.25, lam=0.001, epochs=12, eta=0.01),
    ),
    WITHOUT_DECAY: (
        Config("relu", "relu", alpha=0.9, rate=0.5, lam=0.0, epochs=3, eta=0.01),
        Config("tanh", "tanh", alpha=0.9, rate=0.25, lam=0.0, epochs=12, eta=0.01),
    ),
    PLAIN: (Config("relu", "relu", alpha=0.0, rate=0.0, lam=0.0, epochs=12, eta=0.05),),
}


def configs(edition: str) -> tuple[Config, ...]:
    """The runs of `main` in an edition: the first shows λ ignored, the second η's drop and a wrong X of a backward."""
    return _CONFIGS[edition]


def main_quantities(config: Config) -> tuple[str, ...]:
    """What is judged of a run under `config`, in order; each gets exactly one Comparison."""
    dropout = ("dropout",) if config.rate > 0 else ()
    return (
        "run",
        "layers",
        "batches",
        "shuffle",
        "number of steps",
        *dropout,
        "learning rate",
        "weights",
        "training losses",
        "validation losses",
        "training accuracy",
        "validation accuracy",
    )
