"""Pooling over square windows."""

import numpy as np


class MaxPool2d:
    def __init__(self, kernel, stride):
        self.kernel, self.stride = kernel, stride

    def forward(self, A):
        self.A = A
        (N, C, H, W), K, S = A.shape, self.kernel, self.stride
        height, width = (H - K) // S + 1, (W - K) // S + 1
        Z = np.zeros((N, C, height, width), A.dtype)
        self.index = np.zeros(Z.shape, int)
        for i in range(height):
            for j in range(width):
                window = A[:, :, i * S : i * S + K, j * S : j * S + K].reshape(N, C, K * K)
                Z[:, :, i, j] = window.max(axis=2)
                self.index[:, :, i, j] = window.argmax(axis=2)
        return Z

    def backward(self, dLdZ):
        dLdA = np.zeros(self.A.shape, dLdZ.dtype)
        N, C, height, width = dLdZ.shape
        n, c = np.indices((N, C))
        for i in range(height):
            for j in range(width):
                row, column = self.index[:, :, i, j] // self.kernel, self.index[:, :, i, j] % self.kernel
                dLdA[n, c, i * self.stride + row, j * self.stride + column] += dLdZ[:, :, i, j]
        return dLdA


class MaxPool2d_stride1(MaxPool2d):
    def __init__(self, kernel):
        super().__init__(kernel, 1)


class MeanPool2d:
    def __init__(self, kernel, stride):
        self.kernel, self.stride = kernel, stride

    def forward(self, A):
        self.A = A
        (N, C, H, W), K, S = A.shape, self.kernel, self.stride
        height, width = (H - K) // S + 1, (W - K) // S + 1
        Z = np.zeros((N, C, height, width), A.dtype)
        for i in range(height):
            for j in range(width):
                Z[:, :, i, j] = A[:, :, i * S : i * S + K, j * S : j * S + K].mean(axis=(2, 3))
        return Z

    def backward(self, dLdZ):
        dLdA, K, S = np.zeros(self.A.shape, dLdZ.dtype), self.kernel, self.stride
        for i in range(dLdZ.shape[2]):
            for j in range(dLdZ.shape[3]):
                dLdA[:, :, i * S : i * S + K, j * S : j * S + K] += dLdZ[:, :, i : i + 1, j : j + 1] / K**2
        return dLdA


class MeanPool2d_stride1(MeanPool2d):
    def __init__(self, kernel):
        super().__init__(kernel, 1)
