"""A stateless module: torch.func.functional_call and grad_and_value."""
import torch
from torch import nn
from torch.func import functional_call, grad_and_value


class Network:
    def __init__(self, parameters, activation, learning_rate):
        ws = [v for k, v in parameters.items() if k[0] == "W"]
        parts = [nn.Flatten()]
        for w in ws:
            parts += [nn.Linear(*w.shape, dtype=w.dtype), activation.module().to(w.dtype)]
        self.net = nn.Sequential(*parts[:-1])
        self.names = {}
        for i in range(len(ws)):
            self.names[f"W{i + 1}"] = f"{2 * i + 1}.weight"
            self.names[f"b{i + 1}"] = f"{2 * i + 1}.bias"
        self.values = {self.names[k]: v.t().clone() for k, v in parameters.items()}
        self.lr = learning_rate

    def logits(self, images):
        return functional_call(self.net, self.values, (images,))

    def train_step(self, images, labels):
        def loss_of(values):
            scores = functional_call(self.net, values, (images,))
            return nn.functional.cross_entropy(scores, labels), scores

        gradients, (loss, scores) = grad_and_value(loss_of, has_aux=True)(self.values)
        self.values = {k: v - self.lr * gradients[k] for k, v in self.values.items()}
        return loss.detach() * len(labels), (scores.argmax(1) == labels).sum()

    def parameters(self):
        return {k: self.values[n].t() for k, n in self.names.items()}
