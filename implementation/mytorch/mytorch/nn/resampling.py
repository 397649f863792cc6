"""Resampling along the last axes: zeros put between, or every k-th taken."""

import numpy as np


class Upsample1d:
    def __init__(self, upsampling_factor):
        self.k = upsampling_factor

    def forward(self, A):
        Z = np.zeros((*A.shape[:2], self.k * (A.shape[2] - 1) + 1), A.dtype)
        Z[:, :, :: self.k] = A
        return Z

    def backward(self, dLdZ):
        return dLdZ[:, :, :: self.k]


class Downsample1d:
    def __init__(self, downsampling_factor):
        self.k = downsampling_factor

    def forward(self, A):
        self.shape = A.shape
        return A[:, :, :: self.k]

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dLdZ.dtype)
        dLdA[:, :, :: self.k] = dLdZ
        return dLdA


class Upsample2d:
    def __init__(self, upsampling_factor):
        self.k = upsampling_factor

    def forward(self, A):
        N, C, H, W = A.shape
        Z = np.zeros((N, C, self.k * (H - 1) + 1, self.k * (W - 1) + 1), A.dtype)
        Z[:, :, :: self.k, :: self.k] = A
        return Z

    def backward(self, dLdZ):
        return dLdZ[:, :, :: self.k, :: self.k]


class Downsample2d:
    def __init__(self, downsampling_factor):
        self.k = downsampling_factor

    def forward(self, A):
        self.shape = A.shape
        return A[:, :, :: self.k, :: self.k]

    def backward(self, dLdZ):
        dLdA = np.zeros(self.shape, dLdZ.dtype)
        dLdA[:, :, :: self.k, :: self.k] = dLdZ
        return dLdA
