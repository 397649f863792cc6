"""The recurrent cell with tanh; the gradients of its weights add up, and are divided by the batch."""

import numpy as np


class RNNCell:
    def __init__(self, input_size, hidden_size):
        zeros = np.zeros((hidden_size, input_size)), np.zeros((hidden_size, hidden_size))
        self.init_weights(*zeros, np.zeros(hidden_size), np.zeros(hidden_size))

    def init_weights(self, W_ih, W_hh, b_ih, b_hh):
        self.W_ih, self.W_hh, self.b_ih, self.b_hh = W_ih, W_hh, b_ih, b_hh
        self.zero_grad()

    def zero_grad(self):
        self.dW_ih, self.dW_hh = np.zeros_like(self.W_ih), np.zeros_like(self.W_hh)
        self.db_ih, self.db_hh = np.zeros_like(self.b_ih), np.zeros_like(self.b_hh)

    def forward(self, x, h_prev_t):
        return np.tanh(x @ self.W_ih.T + self.b_ih + h_prev_t @ self.W_hh.T + self.b_hh)

    __call__ = forward

    def backward(self, delta, h_t, h_prev_l, h_prev_t):
        dz = delta * (1 - h_t**2)
        self.dW_ih += dz.T @ h_prev_l / len(dz)
        self.dW_hh += dz.T @ h_prev_t / len(dz)
        self.db_ih += dz.mean(axis=0)
        self.db_hh += dz.mean(axis=0)
        return dz @ self.W_ih, dz @ self.W_hh
