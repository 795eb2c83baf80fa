"""A generator walks forward, then back."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.p = {k: v.clone() for k, v in parameters.items()}
        self.act, self.lr, self.depth = activation, learning_rate, len(parameters) // 2

    def layer(self, i, x):
        z = x @ self.p[f"W{i}"] + self.p[f"b{i}"]
        d = yield (self.act.function(z) if i < self.depth else z)
        if i < self.depth:
            d = d * self.act.derivative(z)
        back = d @ self.p[f"W{i}"].T
        self.p[f"W{i}"] = self.p[f"W{i}"] - self.lr * (x.T @ d)
        self.p[f"b{i}"] = self.p[f"b{i}"] - self.lr * d.sum(0)
        yield back

    def logits(self, images):
        x = images.flatten(1)
        for i in range(1, self.depth + 1):
            x = next(self.layer(i, x))
        return x

    def train_step(self, images, labels):
        x, walkers = images.flatten(1), []
        for i in range(1, self.depth + 1):
            walkers.append(self.layer(i, x))
            x = next(walkers[-1])
        logp = x.log_softmax(1)
        d = logp.exp() - torch.eye(x.shape[1], dtype=x.dtype)[labels]
        d = d / len(labels)
        for walker in reversed(walkers):
            d = walker.send(d)
        return -logp.gather(1, labels[:, None]).sum(), (x.argmax(1) == labels).sum()

    def parameters(self):
        return dict(self.p)
