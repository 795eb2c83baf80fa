"""Many seeds at once: networks of one shape that train side by side as one computation.

The formulas are those of `manual`, with the seeds as a further dimension in front: parameters W1,
b1, W2, b2 … are s × fan_in × fan_out and s × fan_out. Each seed has its own initial parameters, its
own order of examples and its own batches, so its run is the one that it has alone, apart from
rounding. A GPU that a single small network leaves idle is kept busy this way; a CPU gains nothing.
"""

import time
from collections.abc import Mapping, Sequence

import torch

from mlplab import implementations, optimizers
from mlplab.activations import Activation
from mlplab.activations._functions import Function
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Dataset
from mlplab.implementations._parameters import activation_parameters, layers
from mlplab.initializers import initial_parameters
from mlplab.optimizers import Optimizer, given
from mlplab.study.settings import Settings
from mlplab.training import devices
from mlplab.training.devices import CPU
from mlplab.training.diagnostics import Probe
from mlplab.training.epoch import EPOCH_SCORES, Loop, prepared
from mlplab.training.loop import EVALUATION_BATCH, Trained, measured, splits

Parameters = dict[str, torch.Tensor]


def score(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed loss, correct predictions of each seed: scores s × n × c, labels n or s × n."""
    target = labels.expand(logits.shape[:2])
    losses = -logits.log_softmax(dim=2).gather(2, target.unsqueeze(2))
    return losses.sum(dim=(1, 2)), (logits.argmax(dim=2) == target).sum(dim=1)


def all_scores(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The same with EPOCH_SCORES, each s."""
    of_seeds = list(zip(logits, labels.expand(logits.shape[:2]), strict=True))
    further = (
        torch.stack([summed(*of_seed) for of_seed in of_seeds]) for summed in EPOCH_SCORES.values()
    )
    return *score(logits, labels), *further


def _of_seeds(function: Function, parameters: Mapping[str, float]) -> Function:
    """An activation's function for all seeds: of x, s × n × h, and of its parameters, s × 1 each.

    Every seed's part of x meets its own parameters in the shape (1,) that the function knows.
    """

    def one_by_one(*stacked: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        answers = [function(*of_seed) for of_seed in zip(*stacked, strict=True)]
        if isinstance(answers[0], torch.Tensor):
            return torch.stack(answers)
        return tuple(torch.stack(each) for each in zip(*answers, strict=True))

    if not parameters:
        return function
    at_once = torch.func.vmap(function)
    try:
        at_once(torch.zeros(1, 1, 1), *(torch.tensor([[value]]) for value in parameters.values()))
    except Exception:
        # Derivatives that come from autograd cannot be taken for all at once.
        return one_by_one
    return at_once


class Network:
    """As many multilayer perceptrons as there are seeds, each computing its own gradients."""

    def __init__(
        self, parameters: Parameters, activation: Activation, optimizer: Optimizer | float
    ) -> None:
        self._parameters = {name: value.clone() for name, value in parameters.items()}
        # Biases as s × 1 × fan_out: one for all images of a batch.
        self._layers = [(w, b.unsqueeze(1)) for w, b in layers(self._parameters)]
        self._alphas = activation_parameters(self._parameters)
        self._optimizer = given(optimizer)
        self._function, self._slope, self._slopes_by_parameter = (
            _of_seeds(function, activation.parameters)
            for function in (
                activation.function,
                activation.derivative,
                activation.parameter_derivatives,
            )
        )
        self._slope_from_output = activation.derivative_from_output

    def _forward(
        self, images: torch.Tensor
    ) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        """Inputs of each layer, values before each activation, logits s × n × c."""
        inputs, before = [images.flatten(2)], []
        *hidden_layers, (weight, bias) = self._layers
        for (hidden_weight, hidden_bias), alphas in zip(hidden_layers, self._alphas, strict=True):
            before.append(torch.baddbmm(hidden_bias, inputs[-1], hidden_weight))
            inputs.append(self._function(before[-1], *alphas))
        return inputs, before, torch.baddbmm(bias, inputs[-1], weight)

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of every seed for the same images. n × h × w → s × n × c."""
        seeds = len(self._layers[0][0])
        return self._forward(images.expand(seeds, *images.shape))[2]

    @torch.no_grad()
    def train_step(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A step of every seed with its own batch: images s × n × h × w, labels s × n."""
        inputs, before, logits = self._forward(images)
        loss, correct = score(logits, labels)

        # The step on the mean loss: the gradients below are those of the summed one.
        step = self._optimizer.learning_rate / labels.shape[1]
        target = labels.unsqueeze(2)
        minus_one = logits.new_full((), -1).expand(target.shape)
        error = logits.softmax(dim=2).scatter_add_(2, target, minus_one)
        for layer in reversed(range(len(self._layers))):
            weight, bias = self._layers[layer]
            # Sent back before the weights are changed.
            returned = torch.bmm(error, weight.mT) if layer else error
            weight.baddbmm_(inputs[layer].mT, error, alpha=-step)
            bias.sub_(error.sum(dim=1, keepdim=True), alpha=step)
            if layer:
                error = self._through(layer - 1, before[layer - 1], inputs[layer], returned, step)
        return loss, correct

    def _through(
        self,
        layer: int,
        before: torch.Tensor,
        after: torch.Tensor,
        returned: torch.Tensor,
        step: float,
    ) -> torch.Tensor:
        """∂/∂Z of a hidden layer from its ∂/∂H; the activation's own parameters are updated."""
        alphas = self._alphas[layer]
        if self._slope_from_output is not None:
            slopes = self._slope_from_output(after)
        else:
            slopes = self._slope(before, *alphas)
        derivatives = self._slopes_by_parameter(before, *alphas)
        for alpha, derivative in zip(alphas, derivatives, strict=True):
            alpha.sub_((returned * derivative).sum(dim=(1, 2)).unsqueeze(1), alpha=step)
        return returned * slopes

    def parameters(self) -> Parameters:
        """The present parameters, those of all seeds stacked."""
        return dict(self._parameters)


def train_seeds(
    activation: Activation,
    data: Dataset,
    settings: Settings,
    seeds: Sequence[int],
    dtype: torch.dtype = torch.float32,
    read_test: bool = True,
    device: torch.device = CPU,
) -> list[Trained]:
    """The runs of these seeds, trained at once; each equals that of `manual` apart from rounding.

    Their networks are those of `manual`. A run that diverges ends with that epoch, while the others
    go on. The seconds of an epoch are a run's share of those that all took together.
    """
    training_split, scored = splits(data, settings, read_test, device, dtype)
    sizes = (data.pixels, *settings.hidden_sizes, data.classes)
    drawn = [
        initial_parameters(
            sizes, seed, settings.weight_std, settings.bias_init, dtype, activation.parameters
        )
        for seed in seeds
    ]
    stacked = {name: torch.stack([own[name] for own in drawn]).to(device) for name in drawn[0]}
    training = Batches(training_split, settings.batch_size, dtype, len(seeds))
    evaluated = {name: Batches(split, EVALUATION_BATCH, dtype) for name, split in scored.items()}
    count = len(training)

    def make() -> Loop:
        network = Network(stacked, activation, optimizers.of(settings))
        order = torch.arange(count, device=device).repeat(len(seeds), 1)
        return Loop(network, training, evaluated, order, all_scores)

    def orders(epoch: int) -> torch.Tensor:
        return torch.stack([epoch_order(count, seed, epoch) for seed in seeds])

    loop, train_pass, score_pass = prepared(make)
    probe = Probe(training_split, settings.batch_size, activation, dtype)
    build = implementations.load("manual")

    def parameters_of(index: int) -> Parameters:
        return {name: value[index] for name, value in loop.network.parameters().items()}

    def network_of(index: int) -> implementations.Network:
        return build(parameters_of(index), activation, optimizers.of(settings))

    runs = [Trained(network_of(index)) for index in range(len(seeds))]
    for index, run in enumerate(runs):
        run.diagnoses += probe.diagnose(0, parameters_of(index))
        run.diagnoses += probe.values(0, parameters_of(index))
    order = orders(1)
    for number in range(1, settings.epochs + 1):
        start = time.perf_counter()
        devices.send(order, loop.order)
        train_pass()
        if number < settings.epochs:
            # Drawn while the device works.
            order = orders(number + 1)
        means = {"training": loop.means("training")}
        end = time.perf_counter()
        seconds = (end - start) / len(seeds)
        score_pass()
        means |= {name: loop.means(name) for name in scored}
        evaluation_seconds = (time.perf_counter() - end) / len(seeds)
        for index, run in enumerate(runs):
            if run.status == "diverged":
                continue
            run.evaluation_seconds += evaluation_seconds
            start = time.perf_counter()
            run.diagnoses.extend(probe.diagnose(number, parameters_of(index)))
            own = {name: [of_all[index] for of_all in means[name]] for name in means}
            epoch = measured(number, count, seconds, own)
            if number == settings.epochs and epoch.is_finite:
                every = Batches(training_split, EVALUATION_BATCH, dtype)
                run.diagnoses += probe.dead_throughout(number, parameters_of(index), every)
                run.diagnoses += probe.values(number, parameters_of(index))
            run.diagnostics_seconds += time.perf_counter() - start
            run.history.append(epoch)
            if not epoch.is_finite:
                run.status = "diverged"
            if number == settings.epochs or run.status == "diverged":
                run.network = network_of(index)
        if all(run.status == "diverged" for run in runs):
            break
    return runs
