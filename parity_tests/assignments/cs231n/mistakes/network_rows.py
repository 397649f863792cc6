"""Known mistakes of what the layers of a network share, by which calls fail: nothing comes back that a change gives."""

from __future__ import annotations

from collections.abc import Callable

from parity_tests.assignments.cs231n.mistakes.network_steps import NORMALISED
from parity_tests.assignments.cs231n.mistakes.wrong import FC_FILE, Wrong
from parity_tests.protocol.kind import Arrays, Params
from parity_tests.protocol.mistake import Swap

Shapes = Callable[[int, int, int], str]
"""The shapes that numpy names, by the number of examples and the sizes of the layer's own and the other one's."""
PARAMS = "[dict(mode) for _ in hidden_dims]"


def _exchanged(layer: int, training: Shapes, testing: Shapes) -> Callable[[Params, Arrays], str]:
    """What is raised where a layer's batch norm, the first one's or the second one's, has what is the other one's."""

    def raises(params: Params, arrays: Arrays) -> str:
        sizes = params["settings"].get("hidden_dims", ())
        if len(sizes) < 2 or params["settings"].get("normalization") != "batchnorm":
            return ""
        own, other = sizes[layer - 1], sizes[2 - layer]
        calls = zip(params["numbers"], params["labelled"], strict=True)
        said = [(training if trains else testing)(N, own, other) for N, trains in calls]
        return f"ValueError: {' or '.join(f'shapes {shapes}' for shapes in said)}"

    return raises


def _of_gamma(N: int, own: int, other: int) -> str:
    return f"({other},) ({N},{own})"


def _of_shift(N: int, own: int, other: int) -> str:
    return f"({N},{own}) ({other},)"


def _of_averages(N: int, own: int, other: int) -> str:
    return f"({other},) ({own},)"


def _row(name: str, plug: Swap, raises: Callable[[Params, Arrays], str]) -> Wrong:
    return Wrong("FullyConnectedNet", "network", name, NORMALISED, None, (plug,), FC_FILE, raises=raises)


NETWORK_ROWS = (
    _row(
        "the second hidden layer's batch norm is given the first one's bn_param",
        Swap(PARAMS, "[mode] * len(hidden_dims)"),
        _exchanged(2, _of_averages, _of_shift),
    ),
    *(
        _row(
            f"the {own} hidden layer's batch norm is given the {other} one's {kind}",
            Swap(f'p[f"{kind}{{layer}}"]', f'p[f"{kind}{number}"]'),
            _exchanged(layer, shapes, shapes),
        )
        for kind, shapes in (("gamma", _of_gamma), ("beta", _of_shift))
        for layer, own, other, number in (
            (1, "first", "second", "{self.num_layers - 1}"),
            (2, "second", "first", "1"),
        )
    ),
)
