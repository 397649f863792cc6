"""The solver: trains a network by mini-batches that are drawn with replacement."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import optim

Array = NDArray[Any]


class Solver:
    """Trains model.params on data's X_train and y_train, and keeps those that were best on X_val and y_val.

    update_rule names a function of optim.py, optim_config its settings; the learning rate is multiplied by lr_decay
    after each epoch. loss_history has a number for each step, train_acc_history and val_acc_history one for the start
    and each epoch, measured on at most num_train_samples and num_val_samples examples (all where that is None).
    """

    def __init__(self, model: Any, data: dict[str, Array], **settings: Any) -> None:
        self.model = model
        self.X_train, self.y_train = data["X_train"], data["y_train"]
        self.X_val, self.y_val = data["X_val"], data["y_val"]
        self.update_rule = getattr(optim, settings.pop("update_rule", "sgd"))
        self.optim_config = settings.pop("optim_config", {})
        self.lr_decay = settings.pop("lr_decay", 1.0)
        self.batch_size = settings.pop("batch_size", 100)
        self.num_epochs = settings.pop("num_epochs", 10)
        self.num_train_samples = settings.pop("num_train_samples", 1000)
        self.num_val_samples = settings.pop("num_val_samples", None)
        self.print_every = settings.pop("print_every", 10)
        self.verbose = settings.pop("verbose", True)
        if settings:
            raise ValueError(f"Solver has no settings {', '.join(sorted(settings))}.")
        self.epoch = 0
        self.best_val_acc = 0.0
        self.best_params: dict[str, Array] = {}
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.optim_configs = {name: dict(self.optim_config) for name in model.params}

    def train(self) -> None:
        """Trains for num_epochs epochs; the model ends with the parameters that were best in validation."""
        steps_an_epoch = max(len(self.X_train) // self.batch_size, 1)
        steps = self.num_epochs * steps_an_epoch
        for step in range(1, steps + 1):
            self._step()
            if self.verbose and (step - 1) % self.print_every == 0:
                print(f"step {step} of {steps}: loss {self.loss_history[-1]:.6f}")
            ends_epoch = step % steps_an_epoch == 0
            if ends_epoch:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay
            if step == 1 or step == steps or ends_epoch:
                self._evaluate()
        self.model.params = self.best_params or self.model.params

    def check_accuracy(self, X: Array, y: Array, num_samples: int | None = None, batch_size: int = 100) -> float:
        """The share of right predictions on X (N×…), or on num_samples examples of it, drawn at random."""
        if num_samples is not None and len(X) > num_samples:
            chosen = np.random.choice(len(X), num_samples)
            X, y = X[chosen], y[chosen]
        predicted = [
            self.model.loss(X[start : start + batch_size]).argmax(axis=1) for start in range(0, len(X), batch_size)
        ]
        return float(np.mean(np.concatenate(predicted) == y))

    def _step(self) -> None:
        chosen = np.random.choice(len(self.X_train), self.batch_size)
        loss, grads = self.model.loss(self.X_train[chosen], self.y_train[chosen])
        self.loss_history.append(loss)
        for name, w in self.model.params.items():
            self.model.params[name], self.optim_configs[name] = self.update_rule(
                w, grads[name], self.optim_configs[name]
            )

    def _evaluate(self) -> None:
        train = self.check_accuracy(self.X_train, self.y_train, self.num_train_samples)
        val = self.check_accuracy(self.X_val, self.y_val, self.num_val_samples)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        if self.verbose:
            print(f"epoch {self.epoch} of {self.num_epochs}: training accuracy {train:.3f}, validation {val:.3f}")
        if val > self.best_val_acc:
            self.best_val_acc = val
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}
