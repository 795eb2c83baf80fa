"""Right, with gradients by autograd."""

import torch
from torch.nn.functional import cross_entropy

from mlplab.implementations._parameters import activation_parameters, layers


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.values = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        self.activation = activation.function
        self.learning_rate = learning_rate

    def logits(self, images):
        hidden = images.flatten(1)
        *hidden_layers, (weight, bias) = layers(self.values)
        for (w, b), alphas in zip(hidden_layers, activation_parameters(self.values), strict=True):
            hidden = self.activation(hidden @ w + b, *alphas)
        return hidden @ weight + bias

    def train_step(self, images, labels):
        logits = self.logits(images)
        loss = cross_entropy(logits, labels)
        loss.backward()
        with torch.no_grad():
            for value in self.values.values():
                value -= self.learning_rate * value.grad
                value.grad = None
        return loss.detach() * len(labels), (logits.argmax(dim=1) == labels).sum()

    def parameters(self):
        return {name: value.detach() for name, value in self.values.items()}
