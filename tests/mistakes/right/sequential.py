"""nn.Sequential filled from outside, autograd, update by hand."""
import torch
from torch import nn


class Network:
    def __init__(self, parameters, activation, learning_rate):
        ws = {int(k[1:]): v for k, v in parameters.items() if k[0] == "W"}
        parts = [nn.Flatten()]
        for i, w in ws.items():
            linear = nn.Linear(w.shape[0], w.shape[1]).to(w)
            linear.load_state_dict({"weight": w.T.contiguous(), "bias": parameters[f"b{i}"]})
            parts += [linear, activation.module().to(w)]
        self.net = nn.Sequential(*parts[:-1])
        self.lr = learning_rate

    def logits(self, images):
        return self.net(images)

    def train_step(self, images, labels):
        self.net.zero_grad()
        output = self.net(images)
        loss = nn.functional.cross_entropy(output, labels)
        loss.backward()
        for p in self.net.parameters():
            p.data.add_(p.grad, alpha=-self.lr)
        predicted = torch.max(output, 1)[1]
        return loss.detach() * labels.size(0), (predicted == labels).sum()

    def parameters(self):
        found, number = {}, 0
        for m in self.net:
            if isinstance(m, nn.Linear):
                number += 1
                found[f"W{number}"], found[f"b{number}"] = m.weight.detach().T, m.bias.detach()
        return found
