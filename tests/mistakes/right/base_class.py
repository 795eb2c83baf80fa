"""Shared code in a base class, the network inherits from it."""
import torch


class Trainable:
    def adopt(self, parameters):
        for name, value in parameters.items():
            setattr(self, name, value.clone().requires_grad_())
        self._names = tuple(parameters)

    def each(self):
        return [(name, getattr(self, name)) for name in self._names]

    def descend(self, rate):
        with torch.no_grad():
            for _, value in self.each():
                value.sub_(rate * value.grad)
                value.grad = None

    def parameters(self):
        return {name: value.detach() for name, value in self.each()}


class Network(Trainable):
    def __init__(self, parameters, activation, learning_rate):
        self.adopt(parameters)
        self.phi, self.eta = activation.function, learning_rate

    def logits(self, images):
        values = [value for _, value in self.each()]
        x = images.flatten(1)
        for w, b in zip(values[:-2:2], values[1:-2:2]):
            x = self.phi(x @ w + b)
        return x @ values[-2] + values[-1]

    def train_step(self, images, labels):
        s = self.logits(images)
        loss = torch.nn.CrossEntropyLoss()(s, labels)
        loss.backward()
        self.descend(self.eta)
        return len(labels) * loss.detach(), torch.eq(s.argmax(1), labels).sum()
