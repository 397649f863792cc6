"""A solution of edition 2022-23, written from its contract: helpers, and a copy of the best model."""

import json
import sys
import time
from collections import OrderedDict
from copy import deepcopy

import numpy as np
from tqdm import tqdm
from utils import DataSplit, data_loader_mnist, predict_label, softmax_cross_entropy


class linear_layer:
    def __init__(self, input_D, output_D):
        self.params = dict()
        self.params["W"] = np.random.normal(0, 0.1, (input_D, output_D))
        self.params["b"] = np.random.normal(0, 0.1, (1, output_D))
        self.gradient = dict()
        self.gradient["W"] = np.zeros((input_D, output_D))
        self.gradient["b"] = np.zeros((1, output_D))

    def forward(self, X):
        return np.matmul(X, self.params["W"]) + self.params["b"]

    def backward(self, X, grad):
        self.gradient["W"] = np.matmul(X.T, grad)
        self.gradient["b"] = np.sum(grad, axis=0, keepdims=True)
        return np.matmul(grad, self.params["W"].T)


class relu:
    def __init__(self):
        self.mask = None

    def forward(self, X):
        self.mask = (X > 0).astype(float)
        return X * self.mask

    def backward(self, X, grad):
        return grad * self.mask


def miniBatchGradientDescent(model, _learning_rate):
    for module_name, module in model.items():
        if hasattr(module, "params"):
            for key, _ in module.params.items():
                module.params[key] -= _learning_rate * module.gradient[key]
    return model


def forward_pass(model, x, y):
    a1 = model["L1"].forward(x)
    h1 = model["nonlinear1"].forward(a1)
    a2 = model["L2"].forward(h1)
    loss = model["loss"].forward(a2, y)
    return loss, a1, h1, a2


def backward_pass(model, x, a1, h1, a2, y):
    grad_a2 = model["loss"].backward(a2, y)
    grad_h1 = model["L2"].backward(h1, grad_a2)
    grad_a1 = model["nonlinear1"].backward(a1, grad_h1)
    model["L1"].backward(x, grad_a1)


def compute_accuracy_loss(N_data, DataSet, model, minibatch_size=100):
    acc, loss, num = 0.0, 0.0, 0
    for i in range(int(np.ceil(N_data / minibatch_size))):
        idx = np.arange(i * minibatch_size, min((i + 1) * minibatch_size, N_data))
        x, y = DataSet.get_example(idx)
        tmp, _, _, a2 = forward_pass(model, x, y)
        loss += tmp * len(idx)
        acc += np.sum(predict_label(a2) == y)
        num += len(idx)
    return acc / num, loss / num


def main(main_params):
    np.random.seed(int(main_params["random_seed"]))
    Xtrain, Ytrain, Xvalid, Yvalid, Xtest, Ytest = data_loader_mnist(data_dir=main_params["data_dir"])
    N_train, d = Xtrain.shape
    trainSet, valSet, testSet = DataSplit(Xtrain, Ytrain), DataSplit(Xvalid, Yvalid), DataSplit(Xtest, Ytest)
    model = OrderedDict()
    model["L1"] = linear_layer(input_D=d, output_D=128)
    model["nonlinear1"] = relu()
    model["L2"] = linear_layer(input_D=128, output_D=10)
    model["loss"] = softmax_cross_entropy()
    rate, batch = main_params["learning_rate"], int(main_params["minibatch_size"])
    train_acc_record, val_acc_record, train_loss_record, val_loss_record = [], [], [], []
    best, best_epoch, best_model = -1, 0, None
    start = time.time()
    for t in range(main_params["num_epoch"]):
        print("At epoch " + str(t + 1))
        order = np.random.permutation(N_train)
        for i in tqdm(range(N_train // batch)):
            x, y = trainSet.get_example(order[i * batch:(i + 1) * batch])
            loss, a1, h1, a2 = forward_pass(model, x, y)
            if main_params["check_gradient"]:
                sys.exit()
            backward_pass(model, x, a1, h1, a2, y)
            model = miniBatchGradientDescent(model, rate)
        acc, loss = compute_accuracy_loss(N_train, trainSet, model)
        train_acc_record.append(acc)
        train_loss_record.append(loss)
        acc, loss = compute_accuracy_loss(valSet.N, valSet, model)
        val_acc_record.append(acc)
        val_loss_record.append(loss)
        if acc >= best:
            best, best_epoch, best_model = acc, t, deepcopy(model)
        elif t - best_epoch >= main_params["early_stopping_patience"]:
            break
    test_acc, _ = compute_accuracy_loss(testSet.N, testSet, best_model)
    name = "MLP_lr" + str(rate) + "_b" + str(batch) + ".json"
    json.dump({"train": train_acc_record, "val": val_acc_record, "test": test_acc, "time": time.time() - start},
              open(name, "w"))
    return train_loss_record, val_loss_record


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--random_seed", default=42)
    parser.add_argument("--data_dir", default="fashion_mnist_data")
    parser.add_argument("--learning_rate", default=0.01)
    parser.add_argument("--num_epoch", default=200)
    parser.add_argument("--minibatch_size", default=1)
    parser.add_argument("--early_stopping_patience", default=3)
    parser.add_argument("--check_gradient", action="store_true")
    parser.add_argument("--check_magnitude", action="store_true")
    main(vars(parser.parse_args()))
