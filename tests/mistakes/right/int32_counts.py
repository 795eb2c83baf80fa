"""Correct predictions counted in int32, loss as a 0-dim tensor made from a float."""
import torch

MAX_HIDDEN_LAYERS = 1


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.p = {k: v.clone().requires_grad_() for k, v in parameters.items()}
        self.f, self.lr = activation.function, learning_rate

    def logits(self, images):
        p = self.p
        return self.f(images.flatten(1) @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]

    def train_step(self, images, labels):
        s = self.logits(images)
        loss = torch.nn.functional.cross_entropy(s, labels, reduction="sum")
        loss.backward()
        with torch.no_grad():
            for v in self.p.values():
                v -= self.lr * (v.grad / labels.shape[0])
                v.grad = None
        hits = sum(int(a == b) for a, b in zip(s.argmax(1).tolist(), labels.tolist()))
        return torch.tensor(loss.item(), dtype=s.dtype), torch.tensor(hits, dtype=torch.int32)

    def parameters(self):
        return {k: v.detach() for k, v in self.p.items()}
