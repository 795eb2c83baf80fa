"""Takes the whole optimiser, and lets the framework's counterpart step."""
import torch
from torch.nn.functional import cross_entropy


class Network:
    def __init__(self, parameters, activation, optimizer):
        self.values = {k: torch.nn.Parameter(v.clone()) for k, v in parameters.items()}
        self.f, self.depth = activation.function, len(parameters) // 2
        self.optimizer = optimizer.framework(self.values.values())

    def logits(self, images):
        x = images.flatten(1)
        for i in range(1, self.depth):
            x = self.f(x @ self.values[f"W{i}"] + self.values[f"b{i}"])
        return x @ self.values[f"W{self.depth}"] + self.values[f"b{self.depth}"]

    def train_step(self, images, labels):
        s = self.logits(images)
        loss = cross_entropy(s, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach() * len(labels), (s.argmax(1) == labels).sum()

    def parameters(self):
        return {k: v.detach() for k, v in self.values.items()}
