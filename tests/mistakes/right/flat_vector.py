"""All parameters in one flat vector, with views into it."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.shapes = {k: v.shape for k, v in parameters.items()}
        self.theta = torch.cat([v.flatten() for v in parameters.values()]).requires_grad_()
        self.f, self.lr = activation.function, learning_rate

    def view(self):
        sizes = [shape.numel() for shape in self.shapes.values()]
        pieces = self.theta.split(sizes)
        return {k: piece.view(shape) for (k, shape), piece in zip(self.shapes.items(), pieces)}

    def logits(self, images):
        p, x = self.view(), images.flatten(1)
        depth = len(p) // 2
        for i in range(1, depth):
            x = self.f(x @ p[f"W{i}"] + p[f"b{i}"])
        return x @ p[f"W{depth}"] + p[f"b{depth}"]

    def train_step(self, images, labels):
        s = self.logits(images)
        loss = torch.nn.functional.cross_entropy(s, labels)
        (gradient,) = torch.autograd.grad(loss, self.theta)
        self.theta = (self.theta - self.lr * gradient).detach().requires_grad_()
        return loss.detach() * len(labels), (s.argmax(1) == labels).sum()

    def parameters(self):
        return {k: v.detach().clone() for k, v in self.view().items()}
