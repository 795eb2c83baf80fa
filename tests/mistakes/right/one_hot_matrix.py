"""Targets as a one-hot matrix, loss as a product, gradients by autograd."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.v = {k: v.detach().clone() for k, v in parameters.items()}
        for value in self.v.values():
            value.requires_grad = True
        self.depth, self.f, self.lr = len(parameters) // 2, activation.function, learning_rate

    def logits(self, images):
        h = images.flatten(start_dim=1)
        for i in range(1, self.depth):
            h = self.f(torch.matmul(h, self.v["W%d" % i]) + self.v["b%d" % i])
        return torch.matmul(h, self.v["W%d" % self.depth]) + self.v["b%d" % self.depth]

    def train_step(self, images, labels):
        scores = self.logits(images)
        target = torch.eye(scores.size(1), dtype=scores.dtype)[labels]
        loss = -(target * torch.log_softmax(scores, 1)).sum()
        (loss / target.size(0)).backward()
        for value in self.v.values():
            value.data.sub_(self.lr * value.grad.data)
            value.grad = None
        return loss.data, (scores.argmax(1) == target.argmax(1)).sum()

    def parameters(self):
        return {k: v.data for k, v in self.v.items()}
