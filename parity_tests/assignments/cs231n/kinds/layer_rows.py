"""The rows of the layers' cases: what each is called, and the sizes and settings that are drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from parity_tests.protocol.exam import distinct

Shapes = dict[str, list[int]]
BEYOND = "outside what the notebooks ask"


@dataclass(frozen=True)
class Drawn:
    """The shapes of each input's arrays, what the layer's dict holds, and further arguments before it."""

    inputs: Sequence[Shapes]
    setting: dict[str, Any] | None = None
    extra: Sequence[Any] = ()
    memory: Sequence[str] = ("",)


ORDERS = ("", "fortran", "view")
"""How the arrays of three inputs in turn lie in memory. The third has the shapes of the first."""
TURNS = "on three inputs in turn, in various orders in memory"


@dataclass(frozen=True)
class Layer:
    """A layer: its check, its functions, its arrays, and its rows (slug, title, and how it is drawn).

    The rows in `beyond` are outside what the course's notebooks ask.
    """

    check: str
    title: str
    forward: str
    backward: tuple[str, ...]
    arrays: tuple[str, ...]
    rows: dict[str, tuple[str, Callable[[Random], Drawn]]]
    beyond: frozenset[str] = field(default_factory=frozenset)


def _affine(N: int, M: int, *image: int) -> Shapes:
    size = 1
    for n in image:
        size *= n
    return {"x": [N, *image], "w": [size, M], "b": [M]}


def _affine_rows() -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    def matrix(s: Random) -> Drawn:
        N, D, M = distinct(s, 2, 9, 3)
        return Drawn([_affine(N, M, D)])

    def image(s: Random) -> Drawn:
        N, M, *sizes = distinct(s, 2, 8, 5)
        return Drawn([_affine(N, M, *sizes)])

    def one_row(s: Random) -> Drawn:
        M, *sizes = distinct(s, 2, 6, 3)
        return Drawn([_affine(1, M, *sizes)])

    def square(s: Random) -> Drawn:
        n = s.randint(3, 6)
        return Drawn([_affine(n, n, n)])

    def turns(s: Random) -> Drawn:
        N, other, D, M = distinct(s, 2, 9, 4)
        return Drawn([_affine(n, M, D) for n in (N, other, N)], memory=ORDERS)

    def large(s: Random) -> Drawn:
        N, D, M = distinct(s, 40, 80, 3)
        return Drawn([_affine(N, M, D)])

    return {
        "matrix": ("on a matrix", matrix),
        "image": ("on images", image),
        "one-row": ("on one example of two dimensions", one_row),
        "square": ("with a square w", square),
        "turns": (TURNS, turns),
        "large": ("on many rows", large),
    }


def _relu_rows() -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    def matrix(s: Random) -> Drawn:
        return Drawn([{"x": distinct(s, 3, 9, 2)}])

    def image(s: Random) -> Drawn:
        return Drawn([{"x": distinct(s, 2, 6, 4)}])

    def turns(s: Random) -> Drawn:
        N, other, D = distinct(s, 3, 9, 3)
        return Drawn([{"x": [n, D]} for n in (N, other, N)], memory=ORDERS)

    return {
        "matrix": ("on a matrix", matrix),
        "image": ("on images", image),
        "zeros": ("on whole numbers, zeros among them", matrix),
        "magnitudes": ("on very large and very small numbers", matrix),
        "turns": (TURNS, turns),
    }


def _norm_rows(mode: bool, spatial: bool) -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    """The rows of a normalisation whose gamma and beta have the length of the second dimension."""

    def setting(**further: Any) -> dict[str, Any]:
        return {**({"mode": "train"} if mode else {}), **further}

    def shapes(N: int, D: int, places: Sequence[int]) -> Shapes:
        return {"x": [N, D, *places], "gamma": [D], "beta": [D]}

    def places(s: Random) -> list[int]:
        return distinct(s, 2, 5, 2) if spatial else []

    def usual(s: Random) -> Drawn:
        N, D = distinct(s, 4, 12, 2)
        return Drawn([shapes(N, D, places(s))], setting())

    def eps(s: Random) -> Drawn:
        N, D = distinct(s, 4, 12, 2)
        return Drawn([shapes(N, D, places(s))], setting(eps=round(s.uniform(0.05, 0.5), 3)))

    def turns(s: Random) -> Drawn:
        N, D = distinct(s, 4, 12, 2)
        size = places(s)
        return Drawn([shapes(n, D, size) for n in (N, 1, N)], setting(), memory=ORDERS)

    return {
        "usual": ("on images" if spatial else "on a matrix", usual),
        "eps": ("with a large eps", eps),
        "turns": (TURNS, turns),
    }


def _group_rows() -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    def drawn(s: Random, per: int, G: int, *, turns: bool = False, **setting: float) -> Drawn:
        sizes = distinct(s, 2, 5, 2)
        C, N = per * G, s.randint(2, 5)
        numbers = (N, 1, N) if turns else (N,)
        shapes: list[Shapes] = [{"x": [n, C, *sizes], "gamma": [1, C, 1, 1], "beta": [1, C, 1, 1]} for n in numbers]
        return Drawn(shapes, dict(setting), (G,), ORDERS)

    return {
        "groups": ("with several groups", lambda s: drawn(s, *distinct(s, 2, 4, 2))),
        "one-group": ("with one group", lambda s: drawn(s, s.randint(2, 5), 1)),
        "eps": (
            "with a group for each channel and a large eps",
            lambda s: drawn(s, 1, s.randint(3, 5), eps=round(s.uniform(0.05, 0.5), 3)),
        ),
        "turns": (TURNS, lambda s: drawn(s, 2, 3, turns=True)),
    }


def _conv_rows() -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    def drawn(
        s: Random, image: Sequence[int], window: Sequence[int], stride: int, pad: int, turns: bool = False
    ) -> Drawn:
        F, C, N = distinct(s, 2, 6, 3)
        numbers = (N, 1, N) if turns else (N,)
        shapes: list[Shapes] = [{"x": [n, C, *image], "w": [F, C, *window], "b": [F]} for n in numbers]
        return Drawn(shapes, {"stride": stride, "pad": pad}, memory=ORDERS)

    def both_ways(s: Random, image: Sequence[int], window: Sequence[int]) -> Drawn:
        """Tall and wide ones: of one kind alone, a height looks like a longer or a shorter side."""
        tall, wide = drawn(s, image, window, 1, 1), drawn(s, image[::-1], window[::-1], 1, 1)
        return Drawn([*tall.inputs, *wide.inputs], tall.setting)

    def strided(s: Random) -> Drawn:
        n = 2 * s.randint(2, 4)
        return drawn(s, (n, n), (4, 4), 2, 1)

    def wide_pad(s: Random) -> Drawn:
        n = s.randint(4, 5)
        return drawn(s, (n, n), (5, 5), 1, 2)

    def turns(s: Random) -> Drawn:
        n = s.randint(4, 5)
        return drawn(s, (n, n), (3, 3), 1, 1, True)

    def no_pad(s: Random) -> Drawn:
        n = s.randint(4, 6)
        return drawn(s, (n, n), (3, 3), 1, 0)

    def image(s: Random) -> Drawn:
        return both_ways(s, distinct(s, 4, 8, 2), (3, 3))

    def window(s: Random) -> Drawn:
        return both_ways(s, (6, 6), distinct(s, 2, 4, 2))

    def stride(s: Random) -> Drawn:
        n = s.choice((3, 6))
        return drawn(s, (n, n), (3, 3), 3, 3)

    def floor(s: Random) -> Drawn:
        """More is left over than the padding, so that the windows reach not even all of x itself; then just as much."""
        all_of_it, one_side = drawn(s, (7, 7), (4, 4), 3, 1), drawn(s, (6, 6), (4, 4), 3, 1)
        return Drawn([*all_of_it.inputs, *one_side.inputs], all_of_it.setting)

    def single(s: Random) -> Drawn:
        """Filters of one place that step over others, on one channel and one example, and on several of each."""
        n = 2 * s.randint(1, 2) + 1
        sizes = [(1, 1, 1), distinct(s, 2, 4, 3)]
        shapes: list[Shapes] = [{"x": [N, C, n, n], "w": [F, C, 1, 1], "b": [F]} for N, C, F in sizes]
        return Drawn(shapes, {"stride": 2, "pad": 1})

    return {
        "strided": ("with a stride of 2", strided),
        "single": ("with filters of one place and a stride of 2", single),
        "wide-pad": ("with a padding of 2", wide_pad),
        "turns": (TURNS, turns),
        "no-pad": (f"without padding ({BEYOND})", no_pad),
        "not-square": (f"on images that are not square ({BEYOND})", image),
        "window": (f"with filters that are not square ({BEYOND})", window),
        "stride": (f"with a stride and a padding of 3 ({BEYOND})", stride),
        "floor": (f"with a stride that does not divide ({BEYOND})", floor),
    }


def _pool_rows() -> dict[str, tuple[str, Callable[[Random], Drawn]]]:
    def drawn(s: Random, image: Sequence[int], window: Sequence[int], stride: int, turns: bool = False) -> Drawn:
        C, N = distinct(s, 2, 5, 2)
        numbers = (N, 1, N) if turns else (N,)
        setting = {"pool_height": window[0], "pool_width": window[1], "stride": stride}
        return Drawn([{"x": [n, C, *image]} for n in numbers], setting, memory=ORDERS)

    def usual(s: Random) -> Drawn:
        n = 2 * s.randint(2, 4)
        return drawn(s, (n, n), (2, 2), 2)

    def turns(s: Random) -> Drawn:
        return drawn(s, (4, 4), (2, 2), 2, True)

    def image(s: Random) -> Drawn:
        H, W = distinct(s, 2, 4, 2)
        one, other = drawn(s, (2 * H, 2 * W), (2, 2), 2), drawn(s, (2 * W, 2 * H), (2, 2), 2)
        return Drawn([*one.inputs, *other.inputs], one.setting)

    def overlapping(s: Random) -> Drawn:
        n = s.randint(4, 6)
        return drawn(s, (n, n), (3, 3), 1)

    def tall(s: Random) -> Drawn:
        return drawn(s, (8, 8), (s.choice((4, 6)), 2), 2)

    def wide(s: Random) -> Drawn:
        return drawn(s, (8, 8), (2, s.choice((4, 6))), 2)

    def gaps(s: Random) -> Drawn:
        n = s.choice((5, 8))
        return drawn(s, (n, n), (2, 2), 3)

    def floor(s: Random) -> Drawn:
        return drawn(s, (5, 5), (2, 2), 2)

    return {
        "usual": ("of 2×2 windows", usual),
        "turns": (TURNS, turns),
        "not-square": (f"on images that are not square ({BEYOND})", image),
        "overlapping": (f"of windows that overlap ({BEYOND})", overlapping),
        "window": (f"of windows that are taller than wide ({BEYOND})", tall),
        "wide-window": (f"of windows that are wider than tall ({BEYOND})", wide),
        "gaps": (f"of windows with gaps between ({BEYOND})", gaps),
        "floor": (f"with a stride that does not divide ({BEYOND})", floor),
    }


NORM = ("x", "gamma", "beta")
LAYERS = (
    Layer("affine", "affine layer", "affine_forward", ("affine_backward",), ("x", "w", "b"), _affine_rows()),
    Layer("relu", "ReLU", "relu_forward", ("relu_backward",), ("x",), _relu_rows()),
    Layer(
        "batchnorm",
        "batch norm",
        "batchnorm_forward",
        ("batchnorm_backward", "batchnorm_backward_alt"),
        NORM,
        _norm_rows(True, False),
    ),
    Layer("layernorm", "layer norm", "layernorm_forward", ("layernorm_backward",), NORM, _norm_rows(False, False)),
    Layer(
        "conv",
        "convolution",
        "conv_forward_naive",
        ("conv_backward_naive",),
        ("x", "w", "b"),
        _conv_rows(),
        frozenset({"no-pad", "not-square", "window", "stride", "floor"}),
    ),
    Layer(
        "pool",
        "max pool",
        "max_pool_forward_naive",
        ("max_pool_backward_naive",),
        ("x",),
        _pool_rows(),
        frozenset({"not-square", "overlapping", "window", "wide-window", "gaps", "floor"}),
    ),
    Layer(
        "spatial_batchnorm",
        "spatial batch norm",
        "spatial_batchnorm_forward",
        ("spatial_batchnorm_backward",),
        NORM,
        _norm_rows(True, True),
    ),
    Layer(
        "groupnorm",
        "group norm",
        "spatial_groupnorm_forward",
        ("spatial_groupnorm_backward",),
        NORM,
        _group_rows(),
    ),
)
