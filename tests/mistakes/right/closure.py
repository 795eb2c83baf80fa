"""optimizer.step(closure), and the loss summed then divided."""
import torch
from torch import nn


class Network:
    def __init__(self, parameters, activation, learning_rate):
        weights = [k for k in parameters if k.startswith("W")]
        blocks = []
        for i, k in enumerate(weights, 1):
            linear = nn.Linear(*parameters[k].shape).to(parameters[k].dtype)
            linear.weight.data = parameters[k].T.clone()
            linear.bias.data = parameters[f"b{i}"].clone()
            blocks.append(linear)
        self.blocks, self.f = nn.ModuleList(blocks), activation.function
        self.opt = torch.optim.SGD(self.blocks.parameters(), lr=learning_rate)

    def logits(self, images):
        x = images.flatten(1)
        for block in self.blocks[:-1]:
            x = self.f(block(x))
        return self.blocks[-1](x)

    def train_step(self, images, labels):
        seen = {}

        def closure():
            self.opt.zero_grad()
            seen["scores"] = self.logits(images)
            seen["loss"] = nn.functional.cross_entropy(seen["scores"], labels, reduction="sum")
            mean = seen["loss"] / len(labels)
            mean.backward()
            return mean

        self.opt.step(closure)
        return seen["loss"].detach(), (seen["scores"].argmax(1) == labels).sum()

    def parameters(self):
        pairs = enumerate(self.blocks, 1)
        return {k: v for i, m in pairs for k, v in ((f"W{i}", m.weight.detach().T), (f"b{i}", m.bias.detach()))}
