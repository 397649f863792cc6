"""A solution of edition 2022-23 in another style, without a utils.py: sums over mini-batches, weights kept, not models."""

import argparse
import json
import time

import numpy as np
import utils


class linear_layer:
    def __init__(self, input_D, output_D):
        self.params = {k: np.random.normal(scale=0.1, size=s) for k, s in
                       (("W", (input_D, output_D)), ("b", (1, output_D)))}
        self.gradient = {k: 0.0 * w for k, w in self.params.items()}

    def forward(self, X):
        return X.dot(self.params["W"]) + np.ones((len(X), 1)).dot(self.params["b"])

    def backward(self, X, grad):
        self.gradient = {"W": np.einsum("nd,nm->dm", X, grad), "b": np.ones((1, len(X))).dot(grad)}
        return np.einsum("nm,dm->nd", grad, self.params["W"])


class relu:
    def forward(self, X):
        return np.where(X > 0, X, 0.0)

    def backward(self, X, grad):
        return np.where(X > 0, grad, 0.0)


def miniBatchGradientDescent(model, eta):
    for layer in (model["L1"], model["L2"]):
        layer.params = {k: w - eta * layer.gradient[k] for k, w in layer.params.items()}
    return model


def forward_pass(model, x, y):
    u = model["L1"].forward(x)
    h = model["nonlinear1"].forward(u)
    a = model["L2"].forward(h)
    return u, h, a, model["loss"].forward(a, y)


def backward_pass(model, x, u, h, a, y):
    grad = model["L2"].backward(h, model["loss"].backward(a, y))
    return model["L1"].backward(x, model["nonlinear1"].backward(u, grad))


def compute_accuracy_loss(model, data, batch):
    loss = right = 0
    for at in range(0, data.N - data.N % batch, batch):
        x, y = data.get_example(list(range(at, at + batch)))
        *_, a, l = forward_pass(model, x, y)
        loss += l
        right += int((utils.predict_label(a) == y).sum())
    return right / (data.N - data.N % batch), loss


def main(main_params):
    begun = time.perf_counter()
    np.random.seed(main_params["random_seed"])
    loaded = utils.data_loader_mnist(main_params["data_dir"])
    train, valid, test = (utils.DataSplit(*loaded[at : at + 2]) for at in (0, 2, 4))
    eta, batch = float(main_params["learning_rate"]), main_params["minibatch_size"]
    model = {"L1": linear_layer(train.d, 128), "nonlinear1": relu(), "L2": linear_layer(128, 10),
             "loss": utils.softmax_cross_entropy()}
    accuracies, losses = ([], []), ([], [])
    best, kept, waited = 0.0, None, 0
    for _ in range(main_params["num_epoch"]):
        rows = np.random.permutation(train.N)
        while len(rows) >= batch:
            now, rows = rows[:batch], rows[batch:]
            x, y = train.get_example(now)
            u, h, a, _ = forward_pass(model, x, y)
            backward_pass(model, x, u, h, a, y)
            miniBatchGradientDescent(model, eta)
        for data, accuracy, loss in zip((train, valid), accuracies, losses):
            for record, number in zip((accuracy, loss), compute_accuracy_loss(model, data, batch)):
                record.append(number)
        if kept is None or accuracies[1][-1] > best:
            best, waited = accuracies[1][-1], 0
            kept = {n: {k: w.copy() for k, w in model[n].params.items()} for n in ("L1", "L2")}
            continue
        waited += 1
        if waited == main_params["early_stopping_patience"]:
            break
    for n, params in kept.items():
        model[n].params = params
    with open(f"MLP_lr{eta}_b{batch}.json", "w") as file:
        json.dump({"train": accuracies[0], "val": accuracies[1], "test": compute_accuracy_loss(model, test, batch)[0],
                   "time": time.perf_counter() - begun}, file)
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, value in (("random_seed", 42), ("data_dir", "fashion_mnist_data"), ("learning_rate", 0.01),
                        ("num_epoch", 200), ("minibatch_size", 1), ("early_stopping_patience", 3)):
        parser.add_argument(f"--{name}", type=type(value), default=value)
    main(vars(parser.parse_args()))
