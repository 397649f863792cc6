"""Known mistakes of the update rules."""

from __future__ import annotations

from typing import Any

from parity_tests.assignments.cs231n.kinds.steps import Update
from parity_tests.assignments.cs231n.mistakes.wrong import OPTIM_FILE, Wrong
from parity_tests.protocol.mistake import Body, Swap

SIGN = "A gradient points uphill; who subtracts it?"
VELOCITY = "v = μ v − η dw, and w moves by v: the rate is inside the velocity here."
KEPT = "What a rule must remember is in the config that it returns."
SQUARES = "The cache is a decaying mean of the squares of dw."
STEP = "t is counted up before it is used, and goes back into the config."
CORRECTED = "Both moments start at 0: they are divided by 1 − βᵗ."

BETAS = "beta1 belongs to the mean of the gradients, beta2 to that of their squares, of which the root is taken."


def _momentum(kind: str) -> Update:
    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        mu, eta = config["momentum"], config["learning_rate"]
        old = config.get("velocity", 0 * w)
        if kind == "not of biases" and w.dim() == 1:
            old = 0 * w
        if kind == "torch":
            config["velocity"] = mu * old + dw
            return w - eta * config["velocity"]
        v = mu * old - eta * dw
        config["velocity"] = v
        return w + mu * v - eta * dw if kind == "nesterov" else w + v

    return update


def _rootless(config: dict[str, Any], w: Any, dw: Any) -> Any:
    """RMSprop without the root."""
    rho = config["decay_rate"]
    config["cache"] = rho * config.get("cache", 0 * w) + (1 - rho) * dw * dw
    return w - config["learning_rate"] * dw / (config["cache"] + config["epsilon"])


AVERAGES = {"second": (1, 1), "first": (0, 0), "exchanged": (1, 0), "all exchanged": (1, 0)}
CORRECTIONS = {"second's": (1, 1), "first's": (0, 0), "all exchanged": (1, 0), "corrections exchanged": (1, 0)}
MIXED = {f"{of}, {by}": (AVERAGES[of], CORRECTIONS[by])
         for of in ("second", "first", "exchanged") for by in ("second's", "first's", "corrections exchanged")
         if (of, by) != ("exchanged", "corrections exchanged")}  # fmt: skip
AVERAGES |= {kind: of for kind, (of, _) in MIXED.items()}
CORRECTIONS |= {kind: by for kind, (_, by) in MIXED.items()}
"""Which beta each moment's average has, and its correction, in which mistake: the first, 0, or the second, 1."""


def _adam(kind: str) -> tuple[Update, ...]:
    """In the forms that are right: with epsilon outside the root, inside, and before the second moment is corrected."""
    return _adam_with(kind, "outside"), _adam_with(kind, "inside"), _adam_with(kind, "hat")


def _adam_with(kind: str, epsilon: str) -> Update:
    def update(config: dict[str, Any], w: Any, dw: Any) -> Any:
        import torch

        betas, eta = (config["beta1"], config["beta2"]), config["learning_rate"]
        t = max(config["t"] if kind == "late" else config["t"] + 1, 1)
        of_m, of_v = (betas[i] for i in AVERAGES.get(kind, (0, 1)))
        m = of_m * config.get("m", 0 * w) + (1 - of_m) * dw
        v = of_v * config.get("v", 0 * w) + (1 - of_v) * dw * dw
        config["m"], config["v"] = m, v
        if kind != "uncounted":
            config["t"] = config["t"] + 1
        of_first, of_second = (betas[i] for i in CORRECTIONS.get(kind, (0, 1)))
        first, second = m / (1 - of_first**t), v / (1 - of_second**t)
        if kind in ("uncorrected", "second alone"):
            first = m
        if kind in ("uncorrected", "first alone"):
            second = v
        eps, share = config["epsilon"], 1 - of_second**t if kind not in ("uncorrected", "first alone") else 1.0
        if kind == "root":
            below = second + (eps / share if epsilon == "hat" else eps)
        elif epsilon == "inside":
            below = torch.sqrt(second + eps)
        else:
            below = torch.sqrt(second) + (eps / share**0.5 if epsilon == "hat" else eps)
        return w - eta * first / below

    return update


def _wrong(rule: str, name: str, hint: str, change: Update | tuple[Update, ...], *plug: Body | Swap) -> Wrong:
    return Wrong(rule, "steps", name, hint, change if isinstance(change, tuple) else (change,), plug, OPTIM_FILE)


M, R, A = "sgd_momentum", "rmsprop", "adam"
V_LINE = 'v = config["momentum"] * config.get("velocity", np.zeros_like(w)) - config["learning_rate"] * dw'
CACHE = 'cache = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * dw**2'

M_LINE = 'm = beta1 * config.get("m", np.zeros_like(w)) + (1 - beta1) * dw'
SQUARE_LINE = 'v = beta2 * config.get("v", np.zeros_like(w)) + (1 - beta2) * dw**2'
BOTH = "first, second = m / (1 - beta1**t), v / (1 - beta2**t)"
MIXED_NAMES = {
    "second, second's": "beta2 stands for beta1, in averages and corrections",
    "first, first's": "beta1 stands for beta2, in averages and corrections",
    "second, first's": "beta2 is the share of both averages, both are corrected by beta1",
    "first, second's": "beta1 is the share of both averages, both are corrected by beta2",
    "second, corrections exchanged": "beta2 is the share of both averages, the corrections have the betas exchanged",
    "first, corrections exchanged": "beta1 is the share of both averages, the corrections have the betas exchanged",
    "exchanged, second's": "beta1 and beta2 are exchanged in the averages, both are corrected by beta2",
    "exchanged, first's": "beta1 and beta2 are exchanged in the averages, both are corrected by beta1",
}


def _with_betas(line: str, of: tuple[int, int]) -> str:
    """The line with these betas in the place of beta1 and beta2."""
    first, second = (f"beta{i + 1}" for i in of)
    return line.replace("beta1", "<").replace("beta2", second).replace("<", first)


OF_BETA2, OF_BETA1 = M_LINE.replace("beta1", "beta2"), SQUARE_LINE.replace("beta2", "beta1")

RULES = (
    _wrong(M, "the velocity is torch's, without the rate", VELOCITY, _momentum("torch"),
           Swap(V_LINE, 'v = config["momentum"] * config.get("velocity", np.zeros_like(w)) + dw'),
           Swap('return w + v, {**config, "velocity": v}',
                'return w - config["learning_rate"] * v, {**config, "velocity": v}')),
    _wrong(M, "it is Nesterov's momentum", VELOCITY, _momentum("nesterov"),
           Swap('return w + v, {**config, "velocity": v}',
                'return w + config["momentum"] * v - config["learning_rate"] * dw, {**config, "velocity": v}')),
    _wrong(M, "the velocity of a vector, as a bias, begins anew at each step", KEPT, _momentum("not of biases"),
           Swap(V_LINE, V_LINE.replace('config["momentum"] *', 'config["momentum"] * (w.ndim > 1) *'))),
    _wrong(R, "the root of the cache is left out", SQUARES, _rootless,
           Swap("(np.sqrt(cache) +", "(cache +")),
    _wrong(A, "the moments are not corrected", CORRECTED, _adam("uncorrected"),
           Swap("first, second = m / (1 - beta1**t), v / (1 - beta2**t)", "first, second = m, v")),
    _wrong(A, "the second moment is not corrected", CORRECTED, _adam("first alone"),
           Swap("first, second = m / (1 - beta1**t), v / (1 - beta2**t)", "first, second = m / (1 - beta1**t), v")),
    _wrong(A, "t is never counted", STEP, _adam("uncounted"),
           Swap('{**config, "m": m, "v": v, "t": t}', '{**config, "m": m, "v": v}')),
    _wrong(A, "t is counted after it is used", STEP, _adam("late"),
           Swap("first, second = m / (1 - beta1**t), v / (1 - beta2**t)",
                "before = max(t - 1, 1)\n    first, second = m / (1 - beta1**before), v / (1 - beta2**before)")),
    _wrong(A, "the first moment is not corrected", CORRECTED, _adam("second alone"),
           Swap(BOTH, BOTH.replace("m / (1 - beta1**t)", "m"))),
    _wrong(A, "beta2 is the share of both averages", BETAS, _adam("second"), Swap(M_LINE, OF_BETA2)),
    _wrong(A, "beta1 is the share of both averages", BETAS, _adam("first"), Swap(SQUARE_LINE, OF_BETA1)),
    _wrong(A, "beta1 and beta2 are exchanged in the averages", BETAS, _adam("exchanged"),
           Swap(M_LINE, OF_BETA2), Swap(SQUARE_LINE, OF_BETA1)),
    _wrong(A, "beta1 and beta2 are exchanged", BETAS, _adam("all exchanged"),
           Swap("beta1, beta2, t = config", "beta2, beta1, t = config")),
    _wrong(A, "both moments are corrected by beta2", BETAS, _adam("second's"),
           Swap(BOTH, BOTH.replace("beta1", "beta2"))),
    _wrong(A, "both moments are corrected by beta1", BETAS, _adam("first's"),
           Swap(BOTH, BOTH.replace("beta2", "beta1"))),
    _wrong(A, "beta1 and beta2 are exchanged in the corrections", BETAS, _adam("corrections exchanged"),
           Swap(BOTH, _with_betas(BOTH, (1, 0)))),
    *(_wrong(A, name, BETAS, _adam(kind), Swap(BOTH, _with_betas(BOTH, CORRECTIONS[kind])),
             *(Swap(line, _with_betas(line, AVERAGES[kind])) for line, usual in ((M_LINE, 0), (SQUARE_LINE, 1))
               if AVERAGES[kind][usual] != usual))
      for kind, name in MIXED_NAMES.items()),
    _wrong(A, "the root of the second moment is left out", BETAS, _adam("root"),
           Swap("(np.sqrt(second) +", "(second +")),
)  # fmt: skip
