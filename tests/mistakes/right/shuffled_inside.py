"""The batch's examples are put in another order first: sums do not mind."""
import torch
from torch.nn.functional import cross_entropy

MAX_HIDDEN_LAYERS = 1


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.p = {k: v.clone().requires_grad_() for k, v in parameters.items()}
        self.f, self.lr = activation.function, learning_rate

    def logits(self, images):
        h = self.f(images.flatten(1) @ self.p["W1"] + self.p["b1"])
        return h @ self.p["W2"] + self.p["b2"]

    def train_step(self, images, labels):
        order = torch.arange(len(labels) - 1, -1, -1)
        x, y = images[order], labels[order]
        s = self.logits(x)
        loss = cross_entropy(s, y)
        loss.backward()
        for v in self.p.values():
            v.data -= self.lr * v.grad
            v.grad.zero_()
        return loss.detach() * len(y), (s.argmax(1) == y).sum()

    def parameters(self):
        return {k: v.detach() for k, v in self.p.items()}
