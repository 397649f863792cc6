"""What torch's run takes over from the submission's beside its side of kinks: its dropout masks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.trace.judge import JudgedStep

Array = NDArray[Any]


def kept_units(submitted: Mapping[str, Array | None], judged: JudgedStep) -> NDArray[np.bool_] | None:
    """Which units the submission's dropout kept (N×M); None where its results do not tell.

    It is seen in dropout's output; where that was given 0, in dropout's gradient. There relu's slope is 0 and the mask
    has no effect; tanh is 0 there only by accident. Counts the masks in `judged`.
    """
    h, s = submitted["activation output"], submitted["dropout output"]
    if h is None or s is None:
        return None
    back = submitted["dropout gradient"]
    hidden = np.zeros(h.shape, np.bool_) if back is None else back != 0
    kept = np.where(h != 0, s != 0, hidden)
    judged.masks_seen, judged.masks_kept = int((h != 0).sum()), int(((h != 0) & kept).sum())
    return kept
