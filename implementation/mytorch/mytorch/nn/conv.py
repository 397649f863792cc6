"""Convolutions in one and two dimensions: stride 1, then any stride by resampling."""

import numpy as np
from mytorch.nn.resampling import Downsample1d, Downsample2d, Upsample1d, Upsample2d


def made(init, *shape):
    """The values of an initialisation function, or small random ones."""
    return np.random.normal(0, 0.1, shape) if init is None else init(*shape)


class Conv1d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None):
        self.K = kernel_size
        self.W = made(weight_init_fn, out_channels, in_channels, kernel_size)
        self.b = np.zeros(out_channels) if bias_init_fn is None else bias_init_fn(out_channels)

    def forward(self, A):
        self.A = A
        size = A.shape[2] - self.K + 1
        Z = sum(np.einsum("nil,oi->nol", A[:, :, k : k + size], self.W[:, :, k]) for k in range(self.K))
        return Z + self.b[:, np.newaxis]

    def backward(self, dLdZ):
        size = dLdZ.shape[2]
        self.dLdb = dLdZ.sum(axis=(0, 2))
        self.dLdW = np.zeros_like(self.W)
        dLdA = np.zeros_like(self.A)
        for k in range(self.K):
            self.dLdW[:, :, k] = np.einsum("nol,nil->oi", dLdZ, self.A[:, :, k : k + size])
            dLdA[:, :, k : k + size] += np.einsum("nol,oi->nil", dLdZ, self.W[:, :, k])
        return dLdA


class Conv2d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None):
        self.K = kernel_size
        self.W = made(weight_init_fn, out_channels, in_channels, kernel_size, kernel_size)
        self.b = np.zeros(out_channels) if bias_init_fn is None else bias_init_fn(out_channels)

    def _windows(self, height, width):
        for k in range(self.K):
            for m in range(self.K):
                yield k, m, (..., slice(k, k + height), slice(m, m + width))

    def forward(self, A):
        self.A = A
        places = self._windows(A.shape[2] - self.K + 1, A.shape[3] - self.K + 1)
        Z = sum(np.einsum("nihw,oi->nohw", A[place], self.W[:, :, k, m]) for k, m, place in places)
        return Z + self.b[:, np.newaxis, np.newaxis]

    def backward(self, dLdZ):
        self.dLdb = dLdZ.sum(axis=(0, 2, 3))
        self.dLdW = np.zeros_like(self.W)
        dLdA = np.zeros_like(self.A)
        for k, m, place in self._windows(*dLdZ.shape[2:]):
            self.dLdW[:, :, k, m] = np.einsum("nohw,nihw->oi", dLdZ, self.A[place])
            dLdA[place] += np.einsum("nohw,oi->nihw", dLdZ, self.W[:, :, k, m])
        return dLdA


class Conv1d:
    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding=0, weight_init_fn=None, bias_init_fn=None
    ):
        self.pad = padding
        self.conv1d_stride1 = Conv1d_stride1(in_channels, out_channels, kernel_size, weight_init_fn, bias_init_fn)
        self.downsample1d = Downsample1d(stride)

    def forward(self, A):
        padded = np.pad(A, ((0, 0), (0, 0), (self.pad, self.pad)))
        return self.downsample1d.forward(self.conv1d_stride1.forward(padded))

    def backward(self, dLdZ):
        padded = self.conv1d_stride1.backward(self.downsample1d.backward(dLdZ))
        return padded[:, :, self.pad : padded.shape[2] - self.pad]


class Conv2d:
    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding=0, weight_init_fn=None, bias_init_fn=None
    ):
        self.pad = padding
        self.conv2d_stride1 = Conv2d_stride1(in_channels, out_channels, kernel_size, weight_init_fn, bias_init_fn)
        self.downsample2d = Downsample2d(stride)

    def forward(self, A):
        padded = np.pad(A, ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad)))
        return self.downsample2d.forward(self.conv2d_stride1.forward(padded))

    def backward(self, dLdZ):
        padded = self.conv2d_stride1.backward(self.downsample2d.backward(dLdZ))
        height, width = padded.shape[2:]
        return padded[:, :, self.pad : height - self.pad, self.pad : width - self.pad]


class ConvTranspose1d:
    def __init__(
        self, in_channels, out_channels, kernel_size, upsampling_factor, weight_init_fn=None, bias_init_fn=None
    ):
        self.upsample1d = Upsample1d(upsampling_factor)
        self.conv1d_stride1 = Conv1d_stride1(in_channels, out_channels, kernel_size, weight_init_fn, bias_init_fn)

    def forward(self, A):
        return self.conv1d_stride1.forward(self.upsample1d.forward(A))

    def backward(self, dLdZ):
        return self.upsample1d.backward(self.conv1d_stride1.backward(dLdZ))


class ConvTranspose2d:
    def __init__(
        self, in_channels, out_channels, kernel_size, upsampling_factor, weight_init_fn=None, bias_init_fn=None
    ):
        self.upsample2d = Upsample2d(upsampling_factor)
        self.conv2d_stride1 = Conv2d_stride1(in_channels, out_channels, kernel_size, weight_init_fn, bias_init_fn)

    def forward(self, A):
        return self.conv2d_stride1.forward(self.upsample2d.forward(A))

    def backward(self, dLdZ):
        return self.upsample2d.backward(self.conv2d_stride1.backward(dLdZ))


class Flatten:
    def forward(self, A):
        self.shape = A.shape
        return A.reshape(len(A), -1)

    def backward(self, dLdZ):
        return dLdZ.reshape(self.shape)
