"""How `parity trace` trains the homework's network."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from parity_tests.assignments.mlp.digits import DataError, Digits, load_data, load_digits
from parity_tests.assignments.mlp.inside.homework_names import PLAIN
from parity_tests.assignments.mlp.trace.plan import MlpPlan, quantities
from parity_tests.assignments.mlp.trace.settings import Settings, for_edition
from parity_tests.assignments.mlp.trace.wording import PANELS, advice, setting_text
from parity_tests.protocol.errors import UsageError
from parity_tests.protocol.observation import Hello
from parity_tests.trace.judge import Sink
from parity_tests.trace.training import Lockstep, Tracing, Training

WIDE = 500
"""Hidden units from which on it pays to share the work out among the cores."""
OPTIONS = {
    "--activation": "activation", "--hidden": "hidden", "--batch": "batch", "--epochs": "epochs", "--lr": "eta",
    "--lr-drop-every": "drop_every", "--alpha": "alpha", "--lambda": "lam", "--dropout": "rate", "--forced": "forced",
}  # fmt: skip
"""The settings by the options that they come from."""


class MlpTraining(Training):
    """Training with these settings, on the homework's digits if no others are given."""

    def __init__(self, settings: Settings, digits: Digits | None = None) -> None:
        self.settings: Settings = settings
        self._digits = digits or load_digits()
        self.wide = settings.hidden >= WIDE
        self.has_replicas = not settings.forced

    def begin(self, hello: Hello, sink: Sink, replica_cores: AbstractSet[int] | None) -> Lockstep:
        from parity_tests.assignments.mlp.trace.evaluations import MlpEvaluations
        from parity_tests.assignments.mlp.trace.forced import Forced
        from parity_tests.assignments.mlp.trace.twin import MlpTwin
        from parity_tests.trace.free import FreeRunning

        plan, dropout = MlpPlan(for_edition(self.settings, hello.edition), self._digits), hello.edition != PLAIN
        s = plan.settings
        judge: Forced | FreeRunning
        if s.forced:
            judge = Forced(plan, dropout)
            logits = judge.logits
        else:
            twin, names = MlpTwin(plan, dropout), quantities(s.activation, dropout)
            judge = FreeRunning(plan, names, twin, replica_cores, shares_kinks=s.activation == "relu")
            logits = twin.logits
        params = {
            "activation": s.activation, "r": s.rate, "dropout": dropout, "alpha": s.alpha, "lam": s.lam,
            "seed": s.seed % (1 << 32),
        }  # fmt: skip
        evaluations = MlpEvaluations(plan, sink, logits, judge.submission_weights, dropout=dropout)
        return Lockstep(
            plan, judge, params, plan.weights, setting_text(s, hello.edition), advice(s), PANELS, evaluations
        )


def training(settings: Mapping[str, Any], data: Path | None) -> MlpTraining:
    """Training with these settings, on the digits of a file or folder, or the homework's. Raises UsageError."""
    hidden = settings.get("hidden", ())
    if len(hidden) > 1:
        raise UsageError("--hidden is one number of units here: the homework's network has one hidden layer.")
    own = {**settings, "hidden": hidden[0]} if hidden else settings
    try:
        return MlpTraining(Settings(**own), None if data is None else load_data(data))
    except DataError as error:
        raise UsageError(str(error)) from error


FIRST = 100
"""So many steps of the default network take some ten seconds."""
TRACING = Tracing(training, OPTIONS, FIRST)
