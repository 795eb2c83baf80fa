"""Right, with gradients by hand."""

import torch

from mlplab.implementations._parameters import activation_parameters, layers


class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.values = {name: value.clone() for name, value in parameters.items()}
        self.layers = layers(self.values)
        self.alphas = activation_parameters(self.values)
        self.activation = activation
        self.learning_rate = learning_rate

    def forward(self, images):
        inputs, before = [images.flatten(1)], []
        for (weight, bias), alphas in zip(self.layers, [*self.alphas, None], strict=True):
            before.append(inputs[-1] @ weight + bias)
            if alphas is not None:
                inputs.append(self.activation.function(before[-1], *alphas))
        return inputs, before

    def logits(self, images):
        return self.forward(images)[1][-1]

    def train_step(self, images, labels):
        inputs, before = self.forward(images)
        logits = before[-1]
        one_hot = torch.eye(logits.shape[1], dtype=logits.dtype)[labels]
        loss = -(one_hot * logits.log_softmax(dim=1)).sum()
        error = (logits.softmax(dim=1) - one_hot) / len(labels)
        for layer in reversed(range(len(self.layers))):
            weight, bias = self.layers[layer]
            returned = error @ weight.T
            weight -= self.learning_rate * inputs[layer].T @ error
            bias -= self.learning_rate * error.sum(dim=0)
            if layer:
                z, alphas = before[layer - 1], self.alphas[layer - 1]
                error = returned * self.activation.derivative(z, *alphas)
                slopes = self.activation.parameter_derivatives(z, *alphas)
                for alpha, slope in zip(alphas, slopes, strict=True):
                    alpha -= self.learning_rate * (returned * slope).sum()
        return loss, (logits.argmax(dim=1) == labels).sum()

    def parameters(self):
        return dict(self.values)
