"""nn.Module, CrossEntropyLoss and torch.optim.SGD; weights transposed at the door."""
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, sizes, act, dtype):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear(a, b, dtype=dtype) for a, b in zip(sizes, sizes[1:])]
        )
        self.act = act

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = self.act(layer(x))
        return self.layers[-1](x)


class Network:
    def __init__(self, parameters, activation, learning_rate):
        ws = [v for k, v in parameters.items() if k.startswith("W")]
        bs = [v for k, v in parameters.items() if k.startswith("b")]
        sizes = [len(ws[0])] + [w.shape[1] for w in ws]
        self.model = Model(sizes, activation.function, ws[0].dtype)
        with torch.no_grad():
            for layer, w, b in zip(self.model.layers, ws, bs):
                layer.weight.copy_(w.T)
                layer.bias.copy_(b)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=learning_rate)

    def logits(self, images):
        return self.model(images)

    def train_step(self, images, labels):
        self.optimizer.zero_grad()
        scores = self.model(images)
        loss = self.loss(scores, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach() * len(labels), (scores.argmax(1) == labels).sum()

    def parameters(self):
        found = {}
        for i, layer in enumerate(self.model.layers, 1):
            found[f"W{i}"] = layer.weight.detach().T
            found[f"b{i}"] = layer.bias.detach()
        return found
