"""Example by example, gradients added up before the step."""
import torch


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.stored = {n: v.clone() for n, v in parameters.items()}
        self.depth = sum(n[0] == "W" for n in parameters)
        self.activation, self.rate = activation, learning_rate

    def one(self, image):
        inputs, before = [image.flatten()], []
        for i in range(1, self.depth + 1):
            before.append(self.stored[f"W{i}"].T @ inputs[-1] + self.stored[f"b{i}"])
            if i < self.depth:
                inputs.append(self.activation.function(before[-1]))
        return inputs, before

    def logits(self, images):
        return torch.stack([self.one(image)[1][-1] for image in images])

    def train_step(self, images, labels):
        gradient = {n: torch.zeros_like(v) for n, v in self.stored.items()}
        loss = correct = 0
        for image, label in zip(images, labels):
            inputs, before = self.one(image)
            loss = loss - before[-1].log_softmax(0)[label]
            correct = correct + (before[-1].argmax() == label)
            error = before[-1].softmax(0)
            error[label] -= 1
            for layer in range(self.depth, 0, -1):
                gradient[f"W{layer}"] += torch.outer(inputs[layer - 1], error)
                gradient[f"b{layer}"] += error
                if layer > 1:
                    back = self.stored[f"W{layer}"] @ error
                    error = back * self.activation.derivative(before[layer - 2])
        for name in self.stored:
            self.stored[name] = self.stored[name] - self.rate * gradient[name] / len(labels)
        return loss, correct + 0

    def parameters(self):
        return self.stored
