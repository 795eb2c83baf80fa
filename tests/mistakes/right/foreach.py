"""Updates by torch._foreach_add_, in one call for all parameters."""
import torch
from torch.nn.functional import cross_entropy


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.names = list(parameters)
        self.flat = [parameters[k].clone().requires_grad_() for k in self.names]
        self.f, self.lr = activation.function, learning_rate

    def logits(self, images):
        x = images.flatten(1)
        for i in range(0, len(self.flat) - 2, 2):
            x = self.f(torch.addmm(self.flat[i + 1], x, self.flat[i]))
        return torch.addmm(self.flat[-1], x, self.flat[-2])

    def train_step(self, images, labels):
        s = self.logits(images)
        loss = cross_entropy(s, labels)
        gradients = torch.autograd.grad(loss, self.flat)
        with torch.no_grad():
            torch._foreach_add_(self.flat, gradients, alpha=-self.lr)
        return loss.detach() * len(labels), (s.argmax(1) == labels).sum()

    def parameters(self):
        return {k: v.detach() for k, v in zip(self.names, self.flat)}
