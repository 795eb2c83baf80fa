"""Computes in float64 whatever comes in."""
import torch
from torch.nn.functional import cross_entropy


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.dtype = parameters["W1"].dtype
        self.stored = {n: v.double().clone().requires_grad_() for n, v in parameters.items()}
        self.depth = sum(n[0] == "W" for n in parameters)
        self.f, self.rate = activation.function, learning_rate

    def scores(self, images):
        hidden = images.flatten(1).double()
        for i in range(1, self.depth):
            hidden = self.f(hidden @ self.stored[f"W{i}"] + self.stored[f"b{i}"])
        return hidden @ self.stored[f"W{self.depth}"] + self.stored[f"b{self.depth}"]

    def logits(self, images):
        return self.scores(images).to(self.dtype)

    def train_step(self, images, labels):
        scores = self.scores(images)
        loss = cross_entropy(scores, labels)
        values = list(self.stored.values())
        for value, gradient in zip(values, torch.autograd.grad(loss, values)):
            value.data.add_(gradient, alpha=-self.rate)
        return loss.detach() * len(labels), (scores.argmax(1) == labels).sum()

    def parameters(self):
        return {name: value.detach().to(self.dtype) for name, value in self.stored.items()}
