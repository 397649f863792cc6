"""How `parity trace` trains a FullyConnectedNet of CS231n."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from parity_tests.assignments.cs231n.inside.families import OLDEST
from parity_tests.assignments.cs231n.names import FC_NET, PACKAGE, SOLVER
from parity_tests.assignments.cs231n.trace.plan import (
    NETWORK,
    Examples,
    NetPlan,
    drawn_examples,
    load_examples,
)
from parity_tests.assignments.cs231n.trace.settings import Settings, for_edition, settings_from
from parity_tests.assignments.cs231n.trace.wording import advice, panels, setting_text
from parity_tests.protocol.observation import Hello
from parity_tests.trace.judge import Sink
from parity_tests.trace.training import Lockstep, Tracing, Training

OPTIONS = {
    "--rule": "rule", "--hidden": "hidden", "--normalization": "normalization", "--dropout": "rate", "--reg": "reg",
    "--batch": "batch", "--epochs": "epochs", "--lr": "eta", "--lr-decay": "decay",
}  # fmt: skip
"""The settings by the options that they come from."""


class NetTraining(Training):
    """Training with these settings, on small images drawn from the seed if no others are given."""

    def __init__(self, settings: Settings, solver: Path, examples: Examples | None = None) -> None:
        """`solver` is the file of the Solver that is lent to a submission without one."""
        self.settings: Settings = settings
        self._plan = NetPlan(settings, drawn_examples(settings.seed) if examples is None else examples)
        self.lent = {SOLVER: solver}

    def begin(self, hello: Hello, sink: Sink, replica_cores: AbstractSet[int] | None) -> Lockstep:
        from parity_tests.assignments.cs231n.trace.twin import NetTwin
        from parity_tests.trace.free import FreeRunning

        s, plan = self.settings, self._plan
        for_edition(s, hello.edition)
        # The oldest handout's p is the share that is dropped, though some keep with it: either scale may be seen.
        p, scales = (
            (s.rate, (1 / s.keep, 1 / s.rate)) if hello.edition == OLDEST and s.rate else (s.keep, (1 / s.keep,))
        )
        e = plan.examples
        arrays = {**plan.weights, "X_train": e.X_train, "y_train": e.y_train, "X_val": e.X_val, "y_val": e.y_val}
        params = {
            "class": NETWORK,
            "module": FC_NET,
            "solver": SOLVER,
            "package": PACKAGE,
            "dtype": s.dtype,
            "parameters": list(plan.weights),
            "seed": s.seed % (1 << 32),
            "settings": {
                "input_dim": math.prod(e.X_train.shape[1:]),
                "hidden_dims": list(s.hidden),
                "num_classes": e.classes,
                "reg": s.reg,
                "keep": p if s.rate else 1,
                **({"normalization": s.normalization} if s.normalization else {}),
            },
            "solved by": {
                "update_rule": s.rule,
                "optim_config": s.config,
                "lr_decay": s.decay,
                "batch_size": s.batch,
                "num_epochs": plan.epochs,
                "verbose": False,
            },
        }
        twin = NetTwin(plan, hello.edition, scales)
        judge = FreeRunning(plan, plan.quantities(), twin, replica_cores, shares_kinks=True)
        text = setting_text(s, plan, hello.edition)
        return Lockstep(plan, judge, params, arrays, text, advice(s), panels(s))


def training(settings: Mapping[str, Any], data: Path | None) -> NetTraining:
    """Training with these settings, on the examples of a file or drawn ones. Raises UsageError."""
    from parity_tests.assignments.cs231n.assignment import SOLUTION
    from parity_tests.protocol.layout import file_of

    examples = None if data is None else load_examples(data)
    return NetTraining(settings_from(settings), SOLUTION / file_of(SOLVER), examples)


TRACING = Tracing(training, OPTIONS)
