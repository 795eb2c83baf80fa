"""log-softmax written out, negative log-likelihood by indexing, updates in no_grad."""
import torch

MAX_HIDDEN_LAYERS = 1


def log_softmax(x):
    m = x.max(-1, keepdim=True).values
    return x - m - (x - m).exp().sum(-1, keepdim=True).log()


def nll(logp, target):
    return -logp[range(target.shape[0]), target].mean()


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.w1, self.b1, self.w2, self.b2 = (
            parameters[k].clone().requires_grad_(True) for k in ("W1", "b1", "W2", "b2")
        )
        self.act, self.lr = activation.function, learning_rate

    def logits(self, xb):
        return self.act(xb.view(xb.shape[0], -1) @ self.w1 + self.b1) @ self.w2 + self.b2

    def train_step(self, xb, yb):
        out = self.logits(xb)
        loss = nll(log_softmax(out), yb)
        loss.backward()
        with torch.no_grad():
            for p in (self.w1, self.b1, self.w2, self.b2):
                p -= p.grad * self.lr
                p.grad.zero_()
        return loss.detach() * len(yb), (out.argmax(1) == yb).sum()

    def parameters(self):
        return {
            "W1": self.w1.detach(),
            "b1": self.b1.detach(),
            "W2": self.w2.detach(),
            "b2": self.b2.detach(),
        }
