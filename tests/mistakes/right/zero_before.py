"""Gradients are set to zero before the backward pass, not after the step."""
import torch
from torch.nn import functional as F


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.params = {k: torch.nn.Parameter(v.clone()) for k, v in parameters.items()}
        self.n_layers = len([k for k in parameters if k.startswith("W")])
        self.act, self.lr = activation.function, learning_rate

    def logits(self, images):
        out = images.reshape(images.shape[0], -1)
        for i in range(1, self.n_layers + 1):
            out = out @ self.params[f"W{i}"] + self.params[f"b{i}"]
            if i != self.n_layers:
                out = self.act(out)
        return out

    def train_step(self, images, labels):
        for p in self.params.values():
            if p.grad is not None:
                p.grad.zero_()
        out = self.logits(images)
        loss = F.nll_loss(F.log_softmax(out, dim=-1), labels)
        loss.backward()
        with torch.no_grad():
            for p in self.params.values():
                p.copy_(p - self.lr * p.grad)
        return loss.detach() * images.shape[0], out.argmax(dim=-1).eq(labels).sum()

    def parameters(self):
        return {k: v.detach() for k, v in self.params.items()}
