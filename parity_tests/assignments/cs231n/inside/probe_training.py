"""Trains a submission's FullyConnectedNet by the loop of its own Solver, one round to a step.

The submission's process loads this file by its path: numpy, the standard library and the files beside it only.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from parity_tests.assignments.cs231n.inside.probe_networks import made_of, making

if TYPE_CHECKING:
    from parity_tests.harness.inside.asking import Arrays, Params
    from parity_tests.harness.inside.call_recorder import CallRecorder
    from parity_tests.harness.inside.submission import Submission


class _Over(BaseException):
    """Leaves the Solver's loop after the last step that is asked for; no `except Exception` holds it up."""


def train(submission: Submission, recorder: CallRecorder, params: Params, arrays: Arrays) -> None:
    """Training from given parameters, with everything that is drawn in the loop drawn by the submission itself.

    A round ends when the Solver asks for the next step's loss, or has ended. What is kept of each step: the batch "X"
    and "y" that loss was given, its learning rate, the inputs of relu, what dropout was given and returned, loss and
    gradients, the running averages, the parameters after the update, and the scores of the validation set where they
    were asked for.
    """
    cls = submission.get(params["class"], params["module"])
    solver_class = submission.get("Solver", params["solver"])
    model = made_of(cls, recorder, params)
    if model is recorder.FAILED:
        return
    for name in params["parameters"]:
        model.params[name] = arrays[name].copy()
    data = {name: arrays[name].copy() for name in ("X_train", "y_train", "X_val", "y_val")}
    solver = recorder.call(None, making(solver_class, {"model": model, "data": data, **params["solved by"]}))
    if solver is recorder.FAILED:
        return
    watch = _Watch(recorder, params, model, solver, arrays["X_val"])
    watch.look_at_layers(params["package"])
    np.random.seed(params["seed"])

    def training() -> bool:
        with contextlib.suppress(_Over):
            solver.train()
        return True

    if recorder.call(None, training) is recorder.FAILED:
        return
    watch.end()


class _Watch:
    """Stands between the Solver and the network's loss, and keeps what it sees."""

    def __init__(self, recorder: CallRecorder, params: Params, model: Any, solver: Any, X_val: np.ndarray) -> None:
        self._recorder, self._params, self._model, self._solver, self._X_val = recorder, params, model, solver, X_val
        self._loss = model.loss
        self._step = 0
        self._updated = True  # whether the parameters after the step were kept, or there was none so far
        self._over = self._training = False
        self._relus = self._dropouts = 0
        model.loss = self.loss

    def loss(self, X: Any, y: Any = None, *more: Any, **named: Any) -> Any:
        """What the Solver calls in place of the network's own."""
        if self._over:
            raise _Over
        self._keep_update()
        if y is None:
            scores = self._loss(X, y, *more, **named)
            self._keep_scores(X, scores)
            return scores
        self._begin()
        keep = self._recorder.keep
        keep("X", X)
        keep("y", y)
        self._keep_rate()
        self._training, self._relus, self._dropouts = True, 0, 0
        try:
            returned = self._loss(X, y, *more, **named)
        finally:
            self._training = False
        pair = isinstance(returned, (tuple, list)) and len(returned) == 2 and isinstance(returned[1], dict)
        loss, grads = returned if pair else (returned, {})
        keep("loss", loss)
        for name in self._params["parameters"]:
            keep(f"d{name}", _as_numbers(name, grads.get(name)))
        self._recorder.add_fact("relus", self._relus)
        self._recorder.add_fact("dropouts", self._dropouts)
        for layer, averages in enumerate(getattr(self._model, "bn_params", None) or (), 1):
            for name in ("mean", "var"):
                keep(f"running {name} {layer}", _as_numbers(name, dict(averages).get(f"running_{name}")))
        self._updated = False
        return returned

    def end(self) -> None:
        """The Solver has ended: hand over the last step, and say so where more were asked for."""
        if self._over:
            return
        self._keep_update()
        if self._recorder.next_round() is not None:
            said = f"Solver.train ends after {self._step} steps, where more are expected"
            self._recorder.fail(None, said, called="Solver.train")

    def look_at_layers(self, package: str) -> None:
        """Keep what relu is given, and what dropout is given and returns, in the calls of a step."""
        for name, module in list(sys.modules.items()):
            if name == package or name.startswith(f"{package}."):
                for function, wrap in (("relu_forward", self._seeing_relu), ("dropout_forward", self._seeing_dropout)):
                    if callable(own := vars(module).get(function)) and not hasattr(own, "_seen"):
                        wrapped = wrap(own)
                        wrapped._seen = True  # type: ignore[attr-defined]
                        setattr(module, function, wrapped)

    # ---- inside

    def _begin(self) -> None:
        if self._recorder.failures or self._recorder.next_round() is None:
            self._over = True
            raise _Over
        self._step += 1

    def _keep_update(self) -> None:
        """Keep the parameters after the step, as soon as anything is asked of the network again, or the loop ends."""
        if self._updated:
            return
        self._updated = True
        for name in self._params["parameters"]:
            self._recorder.keep(f"{name} after the step", _as_numbers(name, self._model.params.get(name)))

    def _keep_rate(self) -> None:
        """The learning rate of the first parameter, which is that of all in the loop as it is given."""
        config = getattr(self._solver, "optim_configs", {}).get(self._params["parameters"][0], {})
        self._recorder.keep("learning rate", config.get("learning_rate"))

    def _keep_scores(self, X: Any, scores: Any) -> None:
        """Keep the scores of the first rows of the validation set."""
        rows = len(X)
        if self._step and rows <= len(self._X_val) and np.array_equal(X, self._X_val[:rows]):
            self._recorder.add_fact("rows", rows)
            self._recorder.keep("scores", scores)

    def _seeing_relu(self, own: Callable[..., Any]) -> Callable[..., Any]:
        def relu_forward(x: Any, *more: Any, **named: Any) -> Any:
            if self._training:
                self._relus += 1
                self._recorder.keep(f"into relu {self._relus}", x)
            return own(x, *more, **named)

        return relu_forward

    def _seeing_dropout(self, own: Callable[..., Any]) -> Callable[..., Any]:
        def dropout_forward(x: Any, *more: Any, **named: Any) -> Any:
            before = np.array(x)
            returned = own(x, *more, **named)
            if self._training:
                self._dropouts += 1
                self._recorder.keep(f"into dropout {self._dropouts}", before)
                out = returned[0] if isinstance(returned, tuple) and returned else returned
                self._recorder.keep(f"out of dropout {self._dropouts}", out)
            return returned

        return dropout_forward


def _as_numbers(name: str, array: Any) -> Any:
    """One row of numbers as the numbers alone, where no weights are: either shape of a bias or an average is right."""
    is_row = isinstance(array, np.ndarray) and array.ndim == 2 and len(array) == 1 and name[0] != "W"
    return array.reshape(-1) if is_row else array
