"""A predictor of characters: a gated cell and a linear layer, step by step."""

import numpy as np
from mytorch.nn.gru_cell import GRUCell
from mytorch.nn.linear import Linear


class CharacterPredictor:
    def __init__(self, input_dim, hidden_dim, num_classes):
        self.hidden_dim, self.num_classes = hidden_dim, num_classes
        self.rnn = GRUCell(input_dim, hidden_dim)
        self.projection = Linear(hidden_dim, num_classes)

    def forward(self, x, h):
        after = self.rnn.forward(x, h)
        logits = self.projection.forward(after[np.newaxis])[0]
        return logits, after

    __call__ = forward


def inference(net, inputs):
    """The scores of each step, from a hidden state of zeros."""
    h, scores = np.zeros(net.hidden_dim), np.zeros((len(inputs), net.num_classes))
    for t, x in enumerate(inputs):
        scores[t], h = net.forward(x, h)
    return scores
