"""The gated recurrent cell, of single vectors: gates r and z, candidate n."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRUCell:
    def __init__(self, input_size, hidden_size):
        self.d, self.h = input_size, hidden_size

    def init_weights(self, Wrx, Wzx, Wnx, Wrh, Wzh, Wnh, brx, bzx, bnx, brh, bzh, bnh):
        self.Wrx, self.Wzx, self.Wnx, self.Wrh, self.Wzh, self.Wnh = Wrx, Wzx, Wnx, Wrh, Wzh, Wnh
        self.brx, self.bzx, self.bnx, self.brh, self.bzh, self.bnh = brx, bzx, bnx, brh, bzh, bnh

    def forward(self, x, h_prev_t):
        self.x, self.hidden = x, h_prev_t
        self.r = sigmoid(self.Wrx @ x + self.brx + self.Wrh @ h_prev_t + self.brh)
        self.z = sigmoid(self.Wzx @ x + self.bzx + self.Wzh @ h_prev_t + self.bzh)
        self.n = np.tanh(self.Wnx @ x + self.bnx + self.r * (self.Wnh @ h_prev_t + self.bnh))
        return (1 - self.z) * self.n + self.z * h_prev_t

    __call__ = forward

    def backward(self, delta):
        dn = delta * (1 - self.z) * (1 - self.n**2)
        dr = dn * (self.Wnh @ self.hidden + self.bnh) * self.r * (1 - self.r)
        dz = delta * (self.hidden - self.n) * self.z * (1 - self.z)
        self.dbrx, self.dbzx, self.dbnx = dr, dz, dn
        self.dbrh, self.dbzh, self.dbnh = dr, dz, dn * self.r
        self.dWrx, self.dWzx, self.dWnx = np.outer(dr, self.x), np.outer(dz, self.x), np.outer(dn, self.x)
        self.dWrh, self.dWzh = np.outer(dr, self.hidden), np.outer(dz, self.hidden)
        self.dWnh = np.outer(self.dbnh, self.hidden)
        dx = self.Wrx.T @ dr + self.Wzx.T @ dz + self.Wnx.T @ dn
        dh = self.Wrh.T @ dr + self.Wzh.T @ dz + self.Wnh.T @ self.dbnh + delta * self.z
        return dx, dh
