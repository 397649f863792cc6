"""AdamW: Adam on weights that decay by themselves before each step."""

from mytorch.optim.adam import Adam


class AdamW(Adam):
    def __init__(self, model, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        super().__init__(model, lr, beta1, beta2, eps)
        self.weight_decay = weight_decay

    def step(self):
        for layer in self.layers:
            layer.W = layer.W - self.lr * self.weight_decay * layer.W
            layer.b = layer.b - self.lr * self.weight_decay * layer.b
        super().step()
