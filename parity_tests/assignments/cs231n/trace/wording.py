"""How reports put a trace of FullyConnectedNet into words: its setting, what to try next, and what to draw."""

from __future__ import annotations

from parity_tests.assignments.cs231n.trace.plan import NetPlan, updated_name
from parity_tests.assignments.cs231n.trace.settings import Settings


def panels(settings: Settings) -> dict[str, list[str]]:
    """The pictures, and the quantities whose gap and radius each of them shows: of the first layer and the last."""
    ends = ("W1", f"W{len(settings.hidden) + 1}")
    found = {"weights": [updated_name(name) for name in ends], "gradients": [f"d{name}" for name in ends]}
    if settings.normalization == "batchnorm":
        found["running averages"] = ["running mean 1", "running var 1"]
    return found


def setting_text(settings: Settings, plan: NetPlan, edition: str) -> str:
    """What trained beside what, and how: a piece of a sentence."""
    s = settings
    layers = "-".join(map(str, (plan.weights["W1"].shape[0], *s.hidden, plan.examples.classes)))
    norm = f" with {s.normalization}" if s.normalization else ""
    return (
        f"edition {edition}, FullyConnectedNet {layers}{norm}, trained by its Solver beside torch on {s.device} in "
        f"{s.dtype}; {s.rule}, η {s.first_eta:g}, times {s.decay:g} after each epoch, reg {s.reg:g}, "
        f"dropout {s.rate:g}, batch {s.batch}, seed {s.seed}; error bound from {s.replicas} perturbed copies"
    )


def advice(settings: Settings) -> str:
    """What to try where rounding drives honest runs apart: a sentence."""
    tries = ["float64 (--dtype float64)"] if settings.dtype == "float32" else []
    tries += [f"a smaller η (--lr {settings.first_eta / 10:g})", "fewer layers (--hidden)"]
    return f"To see further, try {', '.join(tries[:-1])} or {tries[-1]}."
