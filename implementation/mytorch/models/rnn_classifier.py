"""A classifier of sequences: layers of recurrent cells, and a linear layer on the last step."""

import numpy as np
from mytorch.nn.linear import Linear
from mytorch.nn.rnn_cell import RNNCell


class RNNPhonemeClassifier:
    def __init__(self, input_size, hidden_size, output_size, num_layers=2):
        self.hidden_size = hidden_size
        self.rnn = [RNNCell(hidden_size if k else input_size, hidden_size) for k in range(num_layers)]
        self.output_layer = Linear(hidden_size, output_size)

    def init_weights(self, rnn_weights, linear_weights):
        for cell, weights in zip(self.rnn, rnn_weights, strict=True):
            cell.init_weights(*weights)
        self.output_layer.W, self.output_layer.b = linear_weights[0], linear_weights[1].reshape(-1, 1)

    def forward(self, x, h_0=None):
        """Scores of N×T×inputs; `h_0` is layers×N×hidden."""
        shape = len(self.rnn), len(x), self.hidden_size
        hidden = np.zeros(shape) if h_0 is None else np.array(h_0)
        self.x, self.hiddens = x, [hidden.copy()]
        for t in range(x.shape[1]):
            below, before = x[:, t], self.hiddens[t]
            for k, cell in enumerate(self.rnn):
                hidden[k] = cell.forward(below, before[k])
                below = hidden[k]
            self.hiddens.append(hidden.copy())
        return self.output_layer.forward(hidden[-1])

    __call__ = forward

    def backward(self, delta):
        """The gradient in `h_0`, divided by the batch as those of the weights are."""
        dh = np.zeros_like(self.hiddens[0])
        dh[-1] = self.output_layer.backward(delta)
        for t in reversed(range(self.x.shape[1])):
            after, before = self.hiddens[t + 1], self.hiddens[t]
            for k in reversed(range(len(self.rnn))):
                below = after[k - 1] if k else self.x[:, t]
                dx, dh[k] = self.rnn[k].backward(dh[k], after[k], below, before[k])
                if k:
                    dh[k - 1] += dx
        return dh / len(delta)
