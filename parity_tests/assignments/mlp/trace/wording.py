"""How reports put a trace into words: its setting, what to try where it tells nothing more, and what to draw."""

from __future__ import annotations

from parity_tests.assignments.mlp.trace.settings import Settings

PANELS = {
    "weights": ["updated L1 W", "updated L2 W"],
    "gradients": ["L1 gradient of W", "L2 gradient of W"],
    "activations": ["L1 output", "L2 output"],
}
"""The pictures, and the quantities whose gap and radius each of them shows."""


def setting_text(settings: Settings, edition: str) -> str:
    """What trained beside what, and how: a piece of a sentence."""
    s = settings
    form = "each step from torch's weights" if s.forced else f"error bound from {s.replicas} perturbed copies"
    return (
        f"edition {edition}, traced beside torch on {s.device} in {s.dtype}; {s.activation}, {s.hidden} hidden units, "
        f"batch {s.batch}, η {s.eta:g}, times 0.1 every {s.drop_every} epochs, α {s.alpha:g}, λ {s.lam:g}, "
        f"dropout {s.rate:g}, seed {s.seed}; {form}"
    )


def advice(settings: Settings) -> str:
    """What to try where rounding drives honest runs apart: a sentence."""
    tries = []
    if settings.dtype == "float32":
        tries.append("float64 (--dtype float64)")
    tries.append(f"a smaller η (--lr {settings.eta / 10:g})")
    if settings.alpha > 0:
        tries.append("no momentum (--alpha 0)")
    tries.append("each step from torch's weights (--forced)")
    return f"To see further, try {', '.join(tries[:-1])} or {tries[-1]}."
