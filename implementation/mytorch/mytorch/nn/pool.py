"""Pooling over square windows: stride 1, then any stride by resampling."""

import numpy as np
from mytorch.nn.resampling import Downsample2d


class MaxPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.shape = A.shape
        K = self.kernel
        windows = np.lib.stride_tricks.sliding_window_view(A, (K, K), (2, 3))
        flat = windows.reshape(*windows.shape[:4], K * K)
        self.index = flat.argmax(axis=4)
        return flat.max(axis=4)

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dLdZ.dtype)
        n, c, h, w = np.indices(dLdZ.shape)
        np.add.at(dLdA, (n, c, h + self.index // self.kernel, w + self.index % self.kernel), dLdZ)
        return dLdA


class MeanPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.shape = A.shape
        windows = np.lib.stride_tricks.sliding_window_view(A, (self.kernel, self.kernel), (2, 3))
        return windows.mean(axis=(4, 5))

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dLdZ.dtype)
        height, width = dLdZ.shape[2:]
        for k in range(self.kernel):
            for m in range(self.kernel):
                dLdA[:, :, k : k + height, m : m + width] += dLdZ / self.kernel**2
        return dLdA


class MaxPool2d:
    def __init__(self, kernel, stride):
        self.maxpool2d_stride1 = MaxPool2d_stride1(kernel)
        self.downsample2d = Downsample2d(stride)

    def forward(self, A):
        return self.downsample2d.forward(self.maxpool2d_stride1.forward(A))

    def backward(self, dLdZ):
        return self.maxpool2d_stride1.backward(self.downsample2d.backward(dLdZ))


class MeanPool2d:
    def __init__(self, kernel, stride):
        self.meanpool2d_stride1 = MeanPool2d_stride1(kernel)
        self.downsample2d = Downsample2d(stride)

    def forward(self, A):
        return self.downsample2d.forward(self.meanpool2d_stride1.forward(A))

    def backward(self, dLdZ):
        return self.meanpool2d_stride1.backward(self.downsample2d.backward(dLdZ))
