"""How both sides of a trace of FullyConnectedNet train: its layers, its update rule, the Solver's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.kinds.steps import DEFAULTS
from parity_tests.protocol.errors import UsageError

RULES = tuple(DEFAULTS)


@dataclass(frozen=True)
class Settings:
    """How both sides train.

    `hidden` are the sizes of the hidden layers. `rate` is the share of units that dropout drops. η is multiplied by
    `decay` after each epoch. `steps` ends the training early. `eta` is the usual rate of the rule where it is None.
    """

    rule: str = "sgd_momentum"
    hidden: tuple[int, ...] = (50, 50)
    normalization: str = ""
    rate: float = 0.0
    reg: float = 0.01
    batch: int = 50
    epochs: int = 5
    steps: int | None = None
    eta: float | None = None
    decay: float = 0.95
    dtype: str = "float64"
    seed: int = 42
    device: str = "cpu"
    every: int = 1
    replicas: int = 4

    @property
    def name(self) -> str:
        """The name of the one case that a trace consists of."""
        layers = "-".join(map(str, self.hidden))
        return "/".join(filter(None, ("trace", self.rule, layers, self.normalization, self.dtype)))

    @property
    def keep(self) -> float:
        """The share of units that dropout keeps."""
        return 1 - self.rate

    @property
    def first_eta(self) -> float:
        """The learning rate of the first epoch."""
        return float(DEFAULTS[self.rule]["learning_rate"]) if self.eta is None else self.eta

    @property
    def config(self) -> dict[str, float]:
        """The settings of the update rule, as the Solver is given them; the rest is the rule's own to know."""
        return {"learning_rate": self.first_eta}


def for_edition(settings: Settings, edition: str) -> None:
    """Raises UsageError where the settings ask for what the edition does not have."""
    if edition == OLDEST and settings.normalization == "layernorm":
        raise UsageError(f"edition {edition} has no layer norm; leave --normalization out.")
    if edition == OLDEST and settings.normalization == "batchnorm":
        raise UsageError(
            f"edition {edition} cannot be traced with batch norm: its handout never comes to the test mode, so that "
            "each evaluation moves the running averages; leave --normalization out."
        )


def settings_from(given: Mapping[str, Any]) -> Settings:
    """The settings that options ask for."""
    found = {name: value for name, value in given.items() if name != "hidden"}
    if "hidden" in given:
        found["hidden"] = tuple(given["hidden"])
    return Settings(**found)
