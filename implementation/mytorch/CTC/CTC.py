"""Connectionist temporal classification, of probabilities."""

import numpy as np


class CTC:
    def __init__(self, BLANK=0):
        self.BLANK = BLANK

    def extend_target_with_blank(self, target):
        """The labels with blanks around them, and where a blank may be skipped."""
        extended = [self.BLANK]
        for label in target:
            extended += [label, self.BLANK]
        skip = np.zeros(len(extended), int)
        for i in range(len(extended)):
            if i >= 2 and extended[i] != self.BLANK and extended[i] != extended[i - 2]:
                skip[i] = 1
        return np.array(extended), skip

    def get_forward_probs(self, probs, extended, skip):
        alpha = np.zeros((len(probs), len(extended)))
        alpha[0, 0] = probs[0, extended[0]]
        alpha[0, 1] = probs[0, extended[1]]
        for t in range(1, len(probs)):
            for i in range(len(extended)):
                alpha[t, i] = alpha[t - 1, i]
                if i >= 1:
                    alpha[t, i] += alpha[t - 1, i - 1]
                if i >= 2 and skip[i]:
                    alpha[t, i] += alpha[t - 1, i - 2]
                alpha[t, i] *= probs[t, extended[i]]
        return alpha

    def get_backward_probs(self, probs, extended, skip):
        beta = np.zeros((len(probs), len(extended)))
        beta[-1, -1] = 1
        beta[-1, -2] = 1
        for t in reversed(range(len(probs) - 1)):
            for i in reversed(range(len(extended))):
                beta[t, i] = beta[t + 1, i] * probs[t + 1, extended[i]]
                if i + 1 < len(extended):
                    beta[t, i] += beta[t + 1, i + 1] * probs[t + 1, extended[i + 1]]
                if i + 2 < len(extended) and skip[i + 2]:
                    beta[t, i] += beta[t + 1, i + 2] * probs[t + 1, extended[i + 2]]
        return beta

    def get_posterior_probs(self, alpha, beta):
        gamma = alpha * beta
        return gamma / gamma.sum(axis=1, keepdims=True)


class CTCLoss:
    """The batch mean of −Σ γ ln y; its `backward`, −γ/y, is the gradient of the sum of −ln P."""

    def __init__(self, BLANK=0):
        self.ctc = CTC(BLANK)

    def forward(self, logits, target, input_lengths, target_lengths):
        """`logits` are probabilities, time × batch × symbols."""
        self.logits, self.lengths, self.gammas, loss = logits, input_lengths, [], 0.0
        for b, (length, labels) in enumerate(zip(input_lengths, target_lengths, strict=True)):
            probs = logits[:length, b]
            extended, skip = self.ctc.extend_target_with_blank(target[b, :labels])
            alpha = self.ctc.get_forward_probs(probs, extended, skip)
            gamma = self.ctc.get_posterior_probs(alpha, self.ctc.get_backward_probs(probs, extended, skip))
            self.gammas.append((extended, gamma))
            loss -= np.sum(gamma * np.log(probs[:, extended]))
        return loss / logits.shape[1]

    __call__ = forward

    def backward(self):
        dY = np.zeros_like(self.logits)
        for b, (length, (extended, gamma)) in enumerate(zip(self.lengths, self.gammas, strict=True)):
            for k, symbol in enumerate(extended):
                dY[:length, b, symbol] -= gamma[:length, k] / self.logits[:length, b, symbol]
        return dY
