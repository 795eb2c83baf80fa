"""Layers are frozen dataclasses; a step returns new ones."""
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Layer:
    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x):
        return x @ self.weight + self.bias

    def stepped(self, gradient, rate):
        return Layer(self.weight - rate * gradient[0], self.bias - rate * gradient[1])


class Network:
    def __init__(self, parameters, activation, learning_rate):
        count = len(parameters) // 2
        self.layers = tuple(
            Layer(parameters[f"W{i + 1}"].clone(), parameters[f"b{i + 1}"].clone())
            for i in range(count)
        )
        self.activation, self.rate = activation, learning_rate

    def logits(self, images):
        return self._forward(images)[0]

    def _forward(self, images):
        inputs, sums = [images.flatten(1)], []
        for layer in self.layers:
            sums.append(layer(inputs[-1]))
            inputs.append(self.activation.function(sums[-1]))
        return sums[-1], inputs, sums

    def train_step(self, images, labels):
        scores, inputs, sums = self._forward(images)
        target = torch.zeros_like(scores)
        target[torch.arange(len(labels)), labels] = 1
        delta = (scores.softmax(1) - target) / len(labels)
        new = []
        for i in reversed(range(len(self.layers))):
            new.insert(0, self.layers[i].stepped((inputs[i].T @ delta, delta.sum(0)), self.rate))
            if i:
                delta = delta @ self.layers[i].weight.T * self.activation.derivative(sums[i - 1])
        self.layers = tuple(new)
        loss = (scores.logsumexp(1) - (scores * target).sum(1)).sum()
        return loss, (scores.argmax(1) == labels).sum()

    def parameters(self):
        return {
            name: value
            for i, layer in enumerate(self.layers, 1)
            for name, value in ((f"W{i}", layer.weight), (f"b{i}", layer.bias))
        }
