"""What is known of each element (its radius), kept by storage: a view has it too, and sees what is written in place."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from reference.flow.nested import as_real
from reference.flow.shared import Shared

Kept = TypeVar("Kept")


def unknown(like: Tensor) -> Tensor:
    """The shadow of what nothing is known of: infinite everywhere, in the memory of one number."""
    return torch.full((), math.inf, dtype=torch.float64, device=like.device).expand(like.shape)


def is_unknown(shadow: Tensor | None) -> bool:
    """Whether it is such a one."""
    if shadow is None or not shadow.numel() or any(shadow.stride()):
        return False
    return float(shadow.as_strided((), ())) == math.inf


class ByStorage(Generic[Kept]):
    """What is kept of storages.

    A storage is held by a weak reference, so that its address names no other one as long as it is held here, and what
    belongs to freed storages is dropped from time to time.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[StorageWeakRef, Kept]] = {}
        self._sweep_at = 64

    def _hold(self, storage: torch.UntypedStorage, kept: Kept) -> None:
        self._held[storage._cdata] = StorageWeakRef(storage), kept  # type: ignore[no-untyped-call]
        if len(self._held) > self._sweep_at:
            self._held = {key: held for key, held in self._held.items() if not held[0].expired()}  # type: ignore[no-untyped-call]
            self._sweep_at = max(64, 2 * len(self._held))

    def forget(self, storage: torch.UntypedStorage) -> None:
        """What was known of a storage before something was written into it."""
        self._held.pop(storage._cdata, None)


class Size:
    """A tensor ≥ 0, and what products ask of it, each found once."""

    def __init__(self, whole: Tensor) -> None:
        self.whole = whole
        self._single: Tensor | None = None
        self._largest: float | None = None
        self._least: float | None = None

    @property
    def single(self) -> Tensor:
        """It in float32."""
        if self._single is None:
            self._single = self.whole.to(torch.float32)
        return self._single

    @property
    def largest(self) -> float:
        """The largest element."""
        if self._largest is None:
            found = float(self.single.amax()) if self.single.numel() else 0.0
            self._largest = found if math.isfinite(found) else float(self.whole.amax())
        return self._largest

    @property
    def least(self) -> float:
        """The smallest element that is not 0."""
        if self._least is None:
            self._least = float(self.single.amin()) if self.single.numel() else math.inf
            if self._least == 0:  # or less than float32 has
                zero = torch.eq(self.whole, 0, out=torch.empty_like(self.whole))
                self._least = float(torch.add(self.whole, zero, alpha=torch.finfo(self.whole.dtype).max).amin())
        return self._least

    def seen_by(self, x: Tensor) -> Size:
        """What it is of another tensor in the same storage; the extremes are those of all of it."""
        size = Size(_seen_by(x, self.whole))
        size._single, size._largest, size._least = _seen_by(x, self.single), self.largest, self.least
        return size


class _Sizes(ByStorage[Size]):
    """|x| of whole storages: a weight's is asked for in the forward, in the backward and at each step."""

    def of(self, x: Tensor) -> Size:
        storage = x.untyped_storage()
        held = self._held.get(storage._cdata)
        if held is not None and held[1].whole.dtype is x.dtype:
            return held[1].seen_by(x)
        size = Size(x.abs())
        if x.numel() * x.element_size() == storage.nbytes() and size.whole.stride() == x.stride():
            self._hold(storage, size)
        return size


class _Shared(ByStorage[Shared]):
    """What the elements of a whole storage share with others of their rows."""

    def of(self, x: object) -> Shared | None:
        if not self._held or not isinstance(x, Tensor):
            return None
        held = self._held.get(x.untyped_storage()._cdata)
        return None if held is None or not _fills_its_storage(x) else held[1]

    def put(self, x: Tensor, shared: Shared) -> None:
        if _fills_its_storage(x):
            self._hold(x.untyped_storage(), shared)


def _fills_its_storage(x: Tensor) -> bool:
    """Whether a tensor is all of its storage, in the order in which it lies there."""
    return x.is_contiguous() and x.numel() * x.element_size() == x.untyped_storage().nbytes()


class Shadows(ByStorage[Tensor]):
    """For each storage a float64 number ≥ 0 an element; a storage that is not held has zeros.

    What is put as float32 stays that until a rule asks for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sizes, self._shared = _Sizes(), _Shared()

    def size(self, x: Tensor) -> Size:
        """|x|; every storage that is written into is given a shadow anew."""
        return self._sizes.of(x)

    def shared(self, x: object) -> Shared | None:
        """What the elements of `x` share with others of their rows, where that is known and nothing wrote into it."""
        return self._shared.of(x)

    def share(self, x: Tensor, shared: Shared | None) -> None:
        """Keep that, until something is written into `x`."""
        if shared is not None:
            self._shared.put(x, shared)

    def get(self, x: Tensor) -> Tensor | None:
        """The shadow of `x`, of its shape, to be read only; None where all of it is 0.

        Complex numbers have one for each of their parts, along a last axis.
        """
        key = x.untyped_storage()._cdata
        held = self._held.get(key)
        if held is None:
            return None
        if held[1].dtype is not torch.float64:
            held = self._held[key] = held[0], held[1].to(torch.float64)
        return _seen_by(x, held[1])

    def get_as_put(self, x: Tensor) -> Tensor | None:
        """The same in the type that it was put in, for results that no rule has asked for."""
        held = self._held.get(x.untyped_storage()._cdata)
        return None if held is None else _seen_by(x, held[1])

    def put(self, x: Tensor, shadow: Tensor | None) -> None:
        """Give `x` this shadow, whatever it had before; other elements of its storage keep theirs."""
        storage = x.untyped_storage()
        self._sizes.forget(storage)
        self._shared.forget(storage)
        held = self._held.get(storage._cdata)
        if held is None and shadow is None:
            return
        x = as_real(x)
        count = storage.nbytes() // x.element_size()
        whole = x.numel() == count
        if whole and shadow is None:
            del self._held[storage._cdata]
            return
        if whole and shadow is not None and (is_unknown(shadow) or (x.is_contiguous() and shadow.is_contiguous())):
            self._hold(storage, shadow)
            return
        # A new tensor always: the one that is held may be another storage's shadow as well.
        flat = torch.zeros(count, dtype=torch.float64, device=x.device)
        if held is not None and not whole:
            if is_unknown(held[1]):
                flat.fill_(math.inf)
            else:
                flat.as_strided(held[1].size(), held[1].stride()).copy_(held[1])
        place = flat.as_strided(x.size(), x.stride(), x.storage_offset())
        if shadow is None:
            place.zero_()
        else:
            place.copy_(shadow)
        self._hold(storage, flat)


class Marks(ByStorage[tuple[Tensor, ...]]):
    """Further facts about results, by storage: whatever a rule of the forward leaves for that of the backward."""

    def get(self, x: Tensor) -> tuple[Tensor, ...] | None:
        """What was left for the storage of `x`, in the shape that it was left in."""
        held = self._held.get(x.untyped_storage()._cdata)
        return None if held is None else held[1]

    def put(self, x: Tensor, *facts: Tensor) -> None:
        """Leave facts for the storage of `x`."""
        self._hold(x.untyped_storage(), facts)


def _seen_by(x: Tensor, shadow: Tensor) -> Tensor:
    """What the shadow of a storage is of a tensor that lies in it."""
    x = as_real(x)
    if shadow.shape == x.shape and shadow.stride() == x.stride() and not x.storage_offset():
        return shadow
    if is_unknown(shadow):
        return unknown(x)
    return shadow.as_strided(x.size(), x.stride(), shadow.storage_offset() + x.storage_offset())
