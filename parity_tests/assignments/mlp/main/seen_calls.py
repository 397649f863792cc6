"""What is seen of the calls of a wrong step: a backward that is not called, another order, an array on a wrong way."""

from __future__ import annotations

from collections.abc import Sequence

from parity_tests.assignments.mlp.main.main_run import MainRun, wrong_argument


def seen_in_calls(main: MainRun, index: int) -> str:
    """What is seen of the calls of a wrong step, "" where they look right. It need not explain the step."""
    passed = next((wrong_argument(call) for call in main.run.updates[index].calls if call.wrong), "")
    return _order(main, index) or passed


def _order(main: MainRun, index: int) -> str:
    """A backward that was not called before the update, or calls in another order."""
    update = main.run.updates[index]
    if update.pass_ is None:
        return ""
    names = [call.name for call in update.calls]
    drop = ["drop"] if main.config.rate != 0 else []
    missing = [
        part if part.endswith(".backward") else f"{part}1.backward"
        for part in ("loss.backward", "L2.backward", *drop, "nonlinear", "L1.backward")
        if not any(name.startswith(part) and name.endswith(".backward") for name in names)
    ]
    if not missing:
        return _forward_order([name for name in names if name.endswith(".forward")])
    later = {call.name for other in main.run.updates[index + 1 :] for call in other.calls}
    if all(name in later for name in missing):
        return f"the weights are updated before {missing[-1]} is called"
    layer = missing[0].partition(".")[0]
    if main.number and layer not in main.run.used and any(built.name == layer for built in main.run.built):
        return f"{layer} of this run is never used: main goes on with another one, as with that of an earlier run"
    return f"{missing[0]} is never called before the weights are updated"


def _forward_order(names: Sequence[str]) -> str:
    if "L2.forward" in names and _late(names, "nonlinear", "L2.forward"):
        return "L2.forward is called before the activation's forward"
    if _late(names, "nonlinear", "drop"):
        return "dropout.forward is called before the activation's forward: the activation belongs before dropout"
    if "L2.forward" in names and _late(names, "drop", "L2.forward"):
        return "L2.forward is called before dropout.forward"
    if sum(name.startswith("drop") for name in names) > 1:
        return "dropout.forward is called more than once for a step: each call draws another mask"
    return ""


def _late(names: Sequence[str], early: str, late: str) -> bool:
    """Whether the first call of `early` comes after the first one of `late`."""
    first = next((i for i, name in enumerate(names) if name.startswith(early)), None)
    second = next((i for i, name in enumerate(names) if name.startswith(late)), None)
    return first is not None and second is not None and first > second
