"""How both sides of a trace train: sizes, rates, dtype, seed and device."""

from dataclasses import dataclass, replace

from parity_tests.assignments.mlp.inside.homework_names import FULL, PLAIN
from parity_tests.protocol.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """How both sides train; the defaults are the homework's.

    `steps` ends the training early. η (`eta`) is multiplied by 0.1 after every `drop_every` epochs. `rate` is that of
    dropout. The figures of every `every`-th step are written; each step is judged. `forced` starts each step from
    torch's weights; otherwise `replicas` perturbed copies of torch's run measure the radius.
    """

    activation: str = "relu"
    hidden: int = 1000
    batch: int = 5
    epochs: int = 10
    steps: int | None = None
    eta: float = 0.01
    drop_every: int = 10
    alpha: float = 0.0
    lam: float = 0.0
    rate: float = 0.5
    dtype: str = "float64"
    seed: int = 42
    device: str = "cpu"
    every: int = 1
    forced: bool = False
    replicas: int = 4

    @property
    def name(self) -> str:
        """The name of the one case that a trace consists of."""
        return f"{'forced-' if self.forced else ''}trace/{self.activation}-{self.hidden}/{self.dtype}"


def for_edition(settings: Settings, edition: str) -> Settings:
    """The settings without dropout where the edition has none.

    Raises UsageError where weight decay, momentum or an activation is asked for that the edition does not have.
    """
    if edition != FULL and settings.lam > 0:
        raise UsageError(f"edition {edition} has no weight decay (--lambda); leave it out.")
    if edition != PLAIN:
        return settings
    if settings.alpha > 0:
        raise UsageError(f"edition {edition} has no momentum (--alpha); leave it out.")
    if settings.activation != "relu":
        raise UsageError(f"edition {edition} has no {settings.activation}; leave --activation out.")
    return replace(settings, rate=0.0)
