"""Gradients of single examples by vmap, then their mean."""
import torch
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy

MAX_HIDDEN_LAYERS = 1


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.p = {k: v.clone() for k, v in parameters.items()}
        self.f, self.lr = activation.function, learning_rate

    def scores(self, p, x):
        return self.f(x.flatten() @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]

    def logits(self, images):
        return self.f(images.flatten(1) @ self.p["W1"] + self.p["b1"]) @ self.p["W2"] + self.p["b2"]

    def train_step(self, images, labels):
        s = self.logits(images)

        def one(p, x, y):
            return cross_entropy(self.scores(p, x)[None], y[None])

        each = vmap(grad(one), in_dims=(None, 0, 0))(self.p, images, labels)
        self.p = {k: v - self.lr * each[k].mean(0) for k, v in self.p.items()}
        return cross_entropy(s, labels, reduction="sum"), (s.argmax(1) == labels).sum()

    def parameters(self):
        return self.p
