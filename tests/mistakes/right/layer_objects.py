"""Layers as objects with forward and backward, in NumPy."""
import numpy as np
import torch


class Dense:
    def __init__(self, w, b):
        self.w, self.b = w.copy(), b.copy()

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, d):
        self.dw, self.db = self.x.T @ d, d.sum(axis=0)
        return d @ self.w.T

    def step(self, lr):
        self.w -= lr * self.dw
        self.b -= lr * self.db


class Act:
    def __init__(self, activation):
        self.f, self.df = activation.numpy_function, activation.numpy_derivative

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, d):
        return d * self.df(self.x)

    def step(self, lr):
        pass


class SoftmaxLoss:
    def forward(self, scores, y):
        z = scores - scores.max(axis=1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.y = y
        return -self.logp[np.arange(len(y)), y].sum()

    def backward(self):
        d = np.exp(self.logp)
        d[np.arange(len(self.y)), self.y] -= 1
        return d / len(self.y)


class Network:
    def __init__(self, parameters, activation, learning_rate):
        depth = sum(k.startswith("W") for k in parameters)
        self.layers = []
        for i in range(1, depth + 1):
            self.layers.append(Dense(parameters[f"W{i}"].numpy(), parameters[f"b{i}"].numpy()))
            self.layers.append(Act(activation))
        self.layers.pop()
        self.loss, self.lr = SoftmaxLoss(), learning_rate

    def forward(self, images):
        x = images.numpy().reshape(len(images), -1)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def logits(self, images):
        return torch.from_numpy(self.forward(images))

    def train_step(self, images, labels):
        scores, y = self.forward(images), labels.numpy()
        loss = self.loss.forward(scores, y)
        d = self.loss.backward()
        for layer in reversed(self.layers):
            d = layer.backward(d)
        for layer in self.layers:
            layer.step(self.lr)
        return torch.as_tensor(loss), torch.as_tensor((scores.argmax(axis=1) == y).sum())

    def parameters(self):
        found = {}
        for i, layer in enumerate(self.layers[::2], 1):
            found |= {f"W{i}": torch.from_numpy(layer.w), f"b{i}": torch.from_numpy(layer.b)}
        return found
