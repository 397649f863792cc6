"""The evaluations of a trace: the losses and accuracies of both sides after each epoch, and the logits compared."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity_tests.assignments.mlp.trace.plan import MlpPlan
from parity_tests.harness.compare import compare
from parity_tests.protocol.comparison import Comparison, failed
from parity_tests.protocol.observation import Observation, Returned
from parity_tests.protocol.quantity import Key
from parity_tests.trace.judge import Sink
from parity_tests.trace.plan import Evaluation
from parity_tests.trace.training import Evaluations
from reference.answer import Answer
from reports.model.verdicts import Verdict

Array = NDArray[Any]


@dataclass
class _Sums:
    """Both sides' losses and right predictions over the rows of one split that were evaluated."""

    rows: int = 0
    loss: float = 0.0
    torch_loss: float = 0.0
    right: int = 0
    torch_right: int = 0


class MlpEvaluations(Evaluations):
    """The evaluations so far, of which the logits of the validation set are compared.

    `logits` gives torch's own after the last step, `weights` the submission's weights. A row of each epoch goes to the
    sink as well. Where there is `dropout` it is what they show most, else the layer that makes them.
    """

    quantity = "validation logits"

    def __init__(
        self,
        plan: MlpPlan,
        sink: Sink,
        logits: Callable[[Array], Array],
        weights: Callable[[], Mapping[str, Array]],
        *,
        dropout: bool,
    ) -> None:
        super().__init__()
        self.part = "9" if dropout else "3"
        self._plan, self._sink, self._logits, self._weights = plan, sink, logits, weights
        self._sums: dict[str, _Sums] = defaultdict(_Sums)

    def add(self, item: Evaluation, observation: Observation) -> None:
        if observation.failures:
            self._end(item, failed(next(iter(observation.failures.values()))))
            return
        losses, logits = (observation.values[Key(name)].array for name in ("losses", "logits"))
        X, y = self._plan.data(item)
        if losses is None or logits is None or logits.shape != (len(X), self._plan.weights["L2_b"].size):
            returned = "nothing" if logits is None else f"an array of shape {logits.shape}"
            self._end(item, Comparison(Verdict.MISMATCH, problem=f"gives {returned} as the logits of {len(X)} rows"))
            return
        if item.split == "valid":
            self._compare(item, X, observation.values[Key("logits")])
        torch_logits = self._logits(X)
        sums = self._sums[item.split]
        sums.rows += len(y)
        sums.loss += float(losses.sum())
        sums.torch_loss += float(_losses(torch_logits, y).sum() / self._plan.settings.batch)
        sums.right += int((logits.argmax(axis=1) == y).sum())
        sums.torch_right += int((torch_logits.argmax(axis=1) == y).sum())
        if item.split == "valid" and item.last:
            self._close_epoch(item)

    def _end(self, item: Evaluation, comparison: Comparison) -> None:
        self.comparison, self.ended_at = comparison, item.step

    def _close_epoch(self, item: Evaluation) -> None:
        row: dict[str, Any] = {"epoch": item.epoch, "step": item.step}
        for split, word in (("train", "training"), ("valid", "validation")):
            sums = self._sums[split]
            row[f"{word}_loss"], row[f"torch_{word}_loss"] = sums.loss, sums.torch_loss
            row[f"{word}_accuracy"] = sums.right / sums.rows
            row[f"torch_{word}_accuracy"] = sums.torch_right / sums.rows
        self._sums.clear()
        self.epochs.append(row)
        self._sink.add("epochs", row)

    def _compare(self, item: Evaluation, X: Array, logits: Returned) -> None:
        """Hold the submission's logits against torch's from the submission's own weights, dropout off."""
        comparison = replace(compare(logits, self._answer(X, self._weights())), step=item.step)
        before = self.comparison
        is_worse = (
            comparison.verdict != Verdict.MATCH or before is None or (comparison.ratio or 0.0) > (before.ratio or 0.0)
        )
        if before is None or (before.verdict == Verdict.MATCH and is_worse):
            where = f", in the evaluation after step {item.step}, where dropout is off" if comparison.problem else ""
            self.comparison = replace(comparison, problem=comparison.problem + where, notes=())

    def _answer(self, X: Array, weights: Mapping[str, Array]) -> Answer:
        """torch's logits (N×K) of X with these weights, dropout off."""
        from parity_tests.assignments.mlp.network.answers import logits  # imports torch

        s = self._plan.settings
        own = {name: np.asarray(w, s.dtype) for name, w in weights.items()}
        return logits(own, X, activation=s.activation, device=s.device)


def _losses(logits: Array, y: NDArray[np.int64]) -> Array:
    """−log softmax of each row at its label, from torch's logits."""
    import torch

    rows = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(y), reduction="none")
    return np.asarray(rows.numpy(), np.float64)
