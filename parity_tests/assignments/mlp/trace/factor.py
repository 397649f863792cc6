"""Measures the factor on the replicas' spread: `python -m parity_tests.assignments.mlp.trace.factor`.

Honest networks, each part written in other ways, train beside torch over seeds, dtypes, activations and widths; what is
measured is the largest gap, in any quantity at any step before *undecided*, divided by the largest spread so far of the
perturbed replicas in the same tensor. The factor that a trace uses must lie above all of them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.assignments.mlp.trace.settings import Settings
from parity_tests.assignments.mlp.trace.training import MlpTraining
from parity_tests.trace.radius import LargestMultiples, factor_for
from parity_tests.trace.run import trace

FORMS = {
    "as shipped": "",
    "sums term by term": """
def _forward(self, X):
    u = np.zeros((len(X), self.params["W"].shape[1]), X.dtype)
    for k in range(X.shape[1]):
        u += X[:, k : k + 1] * self.params["W"][k]
    return u + self.params["b"]

def _backward(self, X, grad):
    self.gradient["W"] = np.zeros_like(self.params["W"])
    self.gradient["b"] = np.zeros_like(self.params["b"])
    for x, g in zip(X, grad):
        self.gradient["W"] += np.outer(x, g)
        self.gradient["b"] += g
    back = np.zeros_like(X)
    for k in range(grad.shape[1]):
        back += grad[:, k : k + 1] * self.params["W"][:, k]
    return back

linear_layer.forward, linear_layer.backward = _forward, _backward
""",
    "sums backwards": """
def _forward(self, X):
    return np.ascontiguousarray(X[:, ::-1]) @ np.ascontiguousarray(self.params["W"][::-1]) + self.params["b"]

def _backward(self, X, grad):
    self.gradient["W"] = np.einsum("nd,nm->dm", X[::-1], grad[::-1])
    self.gradient["b"] = np.ones((1, len(grad)), grad.dtype) @ grad
    return np.einsum("nm,dm->nd", grad[:, ::-1], self.params["W"][:, ::-1])

linear_layer.forward, linear_layer.backward = _forward, _backward
""",
    "the assignment's formulas": """
def _forward(self, X):
    return 2 / (1 + np.exp(-2 * X)) - 1

def _backward(self, X, grad):
    return grad * (1 - _forward(self, X) ** 2)

tanh.forward, tanh.backward = _forward, _backward

def _relu(self, X):
    self.mask = X > 0
    return (np.abs(X) + X) / 2

relu.forward = _relu

def _dropout(self, X, is_train):
    self.mask = np.random.uniform(0.0, 1.0, X.shape) >= self.r if is_train else np.ones(X.shape, bool)
    return X * self.mask / X.dtype.type(1 - self.r) if is_train else X

def _dropped(self, X, grad):
    return grad * self.mask / grad.dtype.type(1 - self.r)

dropout.forward, dropout.backward = _dropout, _dropped

def miniBatchStochasticGradientDescent(model, momentum, _lambda, _alpha, _learning_rate):
    for name, module in model.items():
        if hasattr(module, "params"):
            for key, w in module.params.items():
                g, new = module.gradient[key], w
                new = new - _learning_rate * g - _learning_rate * _lambda * w
                if _alpha > 0:
                    v = momentum[name + "_" + key]
                    new = new - _alpha * v
                    momentum[name + "_" + key] = _alpha * v + _learning_rate * g + _learning_rate * _lambda * w
                module.params[key] = new
    return model

def _loss(self, X, Y):
    z = np.exp(X - X.max(axis=1, keepdims=True))
    self.z = z / z.sum(axis=1, keepdims=True)
    return -np.mean(np.log(self.z[np.arange(len(X)), Y[:, 0].astype(int)]))

softmax_cross_entropy.forward = _loss
""",
    "float64 inside": """
def _forward(self, X):
    return (X.astype(np.float64) @ self.params["W"] + self.params["b"]).astype(X.dtype)

linear_layer.forward = _forward
""",
}


def runs(seeds: int, steps: int, widths: tuple[int, ...], replicas: int) -> Iterator[tuple[str, Settings]]:
    """Every honest form under every setting."""
    for form, width, activation, dtype, seed in product(
        FORMS, widths, ("relu", "tanh"), ("float64", "float32"), range(seeds)
    ):
        yield (
            form,
            Settings(
                activation=activation,
                hidden=width,
                batch=20,
                epochs=4,
                drop_every=2,
                steps=steps,
                alpha=0.9,
                lam=1e-4,
                rate=0.25,
                dtype=dtype,
                seed=42 + seed,
                replicas=replicas,
            ),
        )


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--widths", default="30,100", show_default=True, help="Hidden units; 1000 takes minutes a run.")
@click.option("--replicas", type=click.IntRange(min=2), default=Settings.replicas, show_default=True)
def main(seeds: int, steps: int, widths: str, replicas: int) -> None:
    """Print the largest gap of each honest run as a multiple of the replicas' spread."""
    click.echo("form                       units  activation  dtype    seed  gap/spread  in (step)")
    most = 0.0
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        for form, s in runs(seeds, steps, tuple(int(width) for width in widths.split(",")), replicas):
            folder = Path(scratch) / form.replace(" ", "-").replace("'", "")
            if not folder.exists():
                shutil.copytree(ASSIGNMENT.solution, folder, ignore=shutil.ignore_patterns("__*"))
                with (folder / "neural_networks.py").open("a", encoding="utf-8") as file:
                    file.write(FORMS[form])
            largest = LargestMultiples()
            done = trace(ASSIGNMENT, folder, MlpTraining(s), largest)
            name, (multiple, step) = max(largest.multiples.items(), key=lambda item: item[1])
            until = "" if done.undecided is None else f", undecided from {done.undecided[0]} on"
            click.echo(
                f"{form:<25}  {s.hidden:>5}  {s.activation:<10}  {s.dtype:<7}  {s.seed:>4}  {multiple:>10.2f}  "
                f"{name} ({step}{until})"
            )
            most = max(most, multiple)
    click.echo(f"The largest of all is {most:.2f}; the factor is {factor_for(replicas):g}.")


if __name__ == "__main__":
    main()
