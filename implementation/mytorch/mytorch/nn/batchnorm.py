"""Batch normalisation of N×C; parameters and statistics are 1×C."""

import numpy as np


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.BW = np.ones((1, num_features))
        self.Bb = np.zeros((1, num_features))
        self.running_M = np.zeros((1, num_features))
        self.running_V = np.ones((1, num_features))

    def forward(self, Z, eval=False):
        if eval:
            return self.BW * (Z - self.running_M) / np.sqrt(self.running_V + self.eps) + self.Bb
        M, V = Z.mean(axis=0, keepdims=True), Z.var(axis=0, keepdims=True)
        self.deviation = np.sqrt(V + self.eps)
        self.NZ = (Z - M) / self.deviation
        self.BZ = self.BW * self.NZ + self.Bb
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * M
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * V
        return self.BZ

    def backward(self, dLdBZ):
        self.dLdBW = np.sum(dLdBZ * self.NZ, axis=0, keepdims=True)
        self.dLdBb = np.sum(dLdBZ, axis=0, keepdims=True)
        dLdNZ = dLdBZ * self.BW
        through_mean = dLdNZ.mean(axis=0)
        through_variance = self.NZ * (dLdNZ * self.NZ).mean(axis=0)
        return (dLdNZ - through_mean - through_variance) / self.deviation


class BatchNorm2d:
    """Over N, H and W; parameters and statistics are 1×C×1×1."""

    def __init__(self, num_features, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        shape = (1, num_features, 1, 1)
        self.BW, self.Bb = np.ones(shape), np.zeros(shape)
        self.running_M, self.running_V = np.zeros(shape), np.ones(shape)

    def forward(self, Z, eval=False):
        if eval:
            return self.BW * (Z - self.running_M) / np.sqrt(self.running_V + self.eps) + self.Bb
        M, V = Z.mean(axis=(0, 2, 3), keepdims=True), Z.var(axis=(0, 2, 3), keepdims=True)
        self.difference = Z - M
        self.deviation = np.sqrt(V + self.eps)
        self.NZ = self.difference / self.deviation
        self.BZ = self.BW * self.NZ + self.Bb
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * M
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * V
        return self.BZ

    def backward(self, dLdBZ):
        over = {"axis": (0, 2, 3), "keepdims": True}
        N, _, H, W = dLdBZ.shape
        count = N * H * W
        self.dLdBW = np.sum(dLdBZ * self.NZ, **over)
        self.dLdBb = np.sum(dLdBZ, **over)
        dLdNZ = dLdBZ * self.BW
        dLdM = -np.sum(dLdNZ, **over) / self.deviation
        dLdV = -0.5 * np.sum(dLdNZ * self.difference, **over) / self.deviation**3
        return dLdNZ / self.deviation + dLdM / count + 2 * dLdV * self.difference / count
