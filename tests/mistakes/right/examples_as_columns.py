"""Examples are columns, as in many lectures: Z = W A + b."""
import numpy as np
import torch

MAX_HIDDEN_LAYERS = 1


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.W1, self.W2 = (parameters[k].numpy().T.copy() for k in ("W1", "W2"))
        self.b1, self.b2 = (parameters[k].numpy().reshape(-1, 1).copy() for k in ("b1", "b2"))
        self.g, self.dg = activation.numpy_function, activation.numpy_derivative
        self.alpha = learning_rate

    def forward(self, X):
        Z1 = self.W1 @ X + self.b1
        A1 = self.g(Z1)
        return Z1, A1, self.W2 @ A1 + self.b2

    def logits(self, images):
        X = images.numpy().reshape(len(images), -1).T
        return torch.from_numpy(self.forward(X)[2].T.copy())

    def train_step(self, images, labels):
        m = len(labels)
        X = images.numpy().reshape(m, -1).T
        Y = np.zeros((len(self.b2), m))
        Y[labels.numpy(), np.arange(m)] = 1
        Y = Y.astype(X.dtype)
        Z1, A1, Z2 = self.forward(X)
        E = np.exp(Z2 - Z2.max(axis=0))
        A2 = E / E.sum(axis=0)
        cost = (np.log(E.sum(axis=0)) - ((Z2 - Z2.max(axis=0)) * Y).sum(axis=0)).sum()
        right = int((Z2.argmax(axis=0) == labels.numpy()).sum())
        dZ2 = A2 - Y
        dW2 = dZ2 @ A1.T / m
        db2 = dZ2.sum(axis=1, keepdims=True) / m
        dZ1 = self.W2.T @ dZ2 * self.dg(Z1)
        dW1 = dZ1 @ X.T / m
        db1 = dZ1.sum(axis=1, keepdims=True) / m
        self.W1 -= self.alpha * dW1
        self.b1 -= self.alpha * db1
        self.W2 -= self.alpha * dW2
        self.b2 -= self.alpha * db2
        return torch.tensor(cost), torch.tensor(right)

    def parameters(self):
        return {
            "W1": torch.from_numpy(self.W1.T.copy()),
            "b1": torch.from_numpy(self.b1[:, 0].copy()),
            "W2": torch.from_numpy(self.W2.T.copy()),
            "b2": torch.from_numpy(self.b2[:, 0].copy()),
        }
