"""Layers as a list of (weight, bias), recursion forward and back."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        depth = sum(k.startswith("W") for k in parameters)
        self.layers = [
            (parameters[f"W{i}"].clone(), parameters[f"b{i}"].clone()) for i in range(1, depth + 1)
        ]
        self.f, self.df, self.lr = activation.function, activation.derivative, learning_rate

    def logits(self, images):
        x = images.flatten(1)
        for w, b in self.layers[:-1]:
            x = self.f(x @ w + b)
        w, b = self.layers[-1]
        return x @ w + b

    def _descend(self, x, level, y):
        """Go forward from this layer; on the way back return the error of its input."""
        w, b = self.layers[level]
        z = x @ w + b
        if level == len(self.layers) - 1:
            logp = z.log_softmax(1)
            self.loss = -logp[torch.arange(len(y)), y].sum()
            self.hits = (z.argmax(1) == y).sum()
            dz = logp.exp()
            dz[torch.arange(len(y)), y] -= 1
            dz = dz / len(y)
        else:
            dz = self._descend(self.f(z), level + 1, y) * self.df(z)
        dx = dz @ w.T
        self.layers[level] = (w - self.lr * x.T @ dz, b - self.lr * dz.sum(0))
        return dx

    def train_step(self, images, labels):
        self._descend(images.flatten(1), 0, labels)
        return self.loss, self.hits

    def parameters(self):
        found = {}
        for i, (w, b) in enumerate(self.layers, 1):
            found |= {f"W{i}": w, f"b{i}": b}
        return found
