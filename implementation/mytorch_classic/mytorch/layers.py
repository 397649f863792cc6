"""Layers: each keeps what its backward needs; those of weights keep means over the batch as their gradients."""

import numpy as np


class Linear:
    """x W + b, with W of in × out and b of 1 × out."""

    def __init__(self, in_feature, out_feature, weight_init_fn, bias_init_fn):
        self.W, self.b = weight_init_fn(in_feature, out_feature), bias_init_fn(out_feature)
        self.momentum_W, self.momentum_b = np.zeros(self.W.shape), np.zeros(self.b.shape)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta / len(delta)
        self.db = delta.mean(axis=0, keepdims=True)
        return delta @ self.W.T


class BatchNorm:
    """Over the examples; parameters and statistics are of 1 × in."""

    def __init__(self, in_feature, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.gamma, self.beta = np.ones((1, in_feature)), np.zeros((1, in_feature))
        self.running_mean, self.running_var = np.zeros((1, in_feature)), np.ones((1, in_feature))

    def forward(self, x, eval=False):
        if eval:
            return self.gamma * (x - self.running_mean) / np.sqrt(self.running_var + self.eps) + self.beta
        mean, var = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)
        self.deviation = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.deviation
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        return self.gamma * self.norm + self.beta

    def backward(self, delta):
        self.dgamma = np.sum(delta * self.norm, axis=0, keepdims=True)
        self.dbeta = np.sum(delta, axis=0, keepdims=True)
        dnorm = delta * self.gamma
        return (dnorm - dnorm.mean(axis=0) - self.norm * (dnorm * self.norm).mean(axis=0)) / self.deviation


class Conv1D:
    def __init__(self, in_channel, out_channel, kernel_size, stride):
        self.K, self.stride = kernel_size, stride
        self.W = np.random.normal(0, 0.1, (out_channel, in_channel, kernel_size))
        self.b = np.zeros(out_channel)

    def _places(self, count):
        for k in range(self.K):
            yield k, slice(k, k + self.stride * (count - 1) + 1, self.stride)

    def forward(self, x):
        self.x = x
        places = self._places((x.shape[2] - self.K) // self.stride + 1)
        return sum(np.einsum("nil,oi->nol", x[:, :, at], self.W[:, :, k]) for k, at in places) + self.b[:, np.newaxis]

    def backward(self, delta):
        self.db = delta.sum(axis=(0, 2))
        self.dW, dx = np.zeros_like(self.W), np.zeros_like(self.x)
        for k, at in self._places(delta.shape[2]):
            self.dW[:, :, k] = np.einsum("nol,nil->oi", delta, self.x[:, :, at])
            dx[:, :, at] += np.einsum("nol,oi->nil", delta, self.W[:, :, k])
        return dx


class Conv2D:
    def __init__(self, in_channel, out_channel, kernel_size, stride):
        self.K, self.stride = kernel_size, stride
        self.W = np.random.normal(0, 0.1, (out_channel, in_channel, kernel_size, kernel_size))
        self.b = np.zeros(out_channel)

    def _places(self, height, width):
        for k in range(self.K):
            for m in range(self.K):
                rows = slice(k, k + self.stride * (height - 1) + 1, self.stride)
                yield k, m, (..., rows, slice(m, m + self.stride * (width - 1) + 1, self.stride))

    def forward(self, x):
        self.x = x
        places = self._places(*((size - self.K) // self.stride + 1 for size in x.shape[2:]))
        out = sum(np.einsum("nihw,oi->nohw", x[at], self.W[:, :, k, m]) for k, m, at in places)
        return out + self.b[:, np.newaxis, np.newaxis]

    def backward(self, delta):
        self.db = delta.sum(axis=(0, 2, 3))
        self.dW, dx = np.zeros_like(self.W), np.zeros_like(self.x)
        for k, m, at in self._places(*delta.shape[2:]):
            self.dW[:, :, k, m] = np.einsum("nohw,nihw->oi", delta, self.x[at])
            dx[at] += np.einsum("nohw,oi->nihw", delta, self.W[:, :, k, m])
        return dx


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, delta):
        return delta.reshape(self.shape)
