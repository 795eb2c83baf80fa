"""The activation's derivative taken at its output where the activation offers that."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.p = {k: v.clone() for k, v in parameters.items()}
        self.act, self.lr, self.depth = activation, learning_rate, len(parameters) // 2

    def forward(self, images):
        xs, zs = [images.flatten(1)], []
        for i in range(1, self.depth + 1):
            zs.append(xs[-1] @ self.p[f"W{i}"] + self.p[f"b{i}"])
            xs.append(self.act.function(zs[-1]))
        return xs, zs

    def logits(self, images):
        return self.forward(images)[1][-1]

    def slope(self, z, h):
        from_output = self.act.derivative_from_output
        return self.act.derivative(z) if from_output is None else from_output(h)

    def train_step(self, images, labels):
        xs, zs = self.forward(images)
        s = zs[-1]
        error = s.softmax(1)
        error[torch.arange(len(labels)), labels] -= 1
        error /= len(labels)
        changes = {}
        for i in range(self.depth, 0, -1):
            changes[f"W{i}"], changes[f"b{i}"] = xs[i - 1].T @ error, error.sum(0)
            if i > 1:
                error = error @ self.p[f"W{i}"].T * self.slope(zs[i - 2], xs[i - 1])
        for k, change in changes.items():
            self.p[k] -= self.lr * change
        loss = torch.nn.functional.cross_entropy(s, labels, reduction="sum")
        return loss, (s.argmax(1) == labels).sum()

    def parameters(self):
        return self.p
