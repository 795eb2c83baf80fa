"""Where runs compute, as far as it can be told without a GPU: on a device that has no values.

On torch's `meta` device whatever waits for a value fails, and so does what mixes tensors of the
parameters' device with others: the ways in which code that is right on a CPU is wrong on CUDA.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.seeds import Network as Batched
from benchmarks.seeds import score as batched_score
from conftest import initial_parameters
from mlplab import activations, implementations
from mlplab.datasets.batches import Batches
from mlplab.datasets.order import epoch_order
from mlplab.datasets.store import Split
from mlplab.errors import UserError
from mlplab.plugins import PlugInError
from mlplab.training import devices
from mlplab.training.devices import CPU, Pass
from mlplab.training.diagnostics import Probe
from mlplab.training.epoch import Loop, prepared

META = torch.device("meta")
FOR_CUDA = [
    name
    for name in implementations.names()
    if "cuda" in implementations.devices(implementations.source(name))
]
every_cuda_implementation = pytest.mark.parametrize("implementation", FOR_CUDA)
every_activation = pytest.mark.parametrize("activation", activations.names())

SIZES = (12, 7, 5, 4)
COUNT, BATCH = 20, 8


def split(count: int = COUNT) -> Split:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, 4), generator=random).to(torch.uint8)
    return Split(pixels, torch.randint(4, (count,), generator=random), 255)


def loop_of(
    implementation: str | Path, activation: str = "relu", device: torch.device = CPU
) -> Loop:
    """A network on the device, with batches of which the last is smaller."""
    bend = activations.load(activation)
    drawn = initial_parameters(SIZES, 0, 0.5, activation_parameters=bend.parameters)
    parameters = {name: value.to(device) for name, value in drawn.items()}
    network = implementations.load(implementation)(parameters, bend, 0.1)
    placed = split().scaled(device, torch.float32)
    training, test = (Batches(placed, size, torch.float32) for size in (BATCH, 9))
    return Loop(network, training, {"test": test}, torch.arange(COUNT, device=device))


def seeds_loop(activation: str, device: torch.device = CPU, seeds: int = 3) -> Loop:
    """The same of several seeds at once."""
    bend = activations.load(activation)
    each = [
        initial_parameters(SIZES, seed, 0.5, activation_parameters=bend.parameters)
        for seed in range(seeds)
    ]
    stacked = {name: torch.stack([own[name] for own in each]).to(device) for name in each[0]}
    placed = split().scaled(device, torch.float32)
    training = Batches(placed, BATCH, torch.float32, seeds)
    test = Batches(placed, 9, torch.float32)
    order = torch.arange(COUNT, device=device).repeat(seeds, 1)
    return Loop(Batched(stacked, bend, 0.1), training, {"test": test}, order, batched_score)


def test_the_implementations_that_know_cuda() -> None:
    assert FOR_CUDA == ["concise", "manual", "scratch"]
    assert implementations.devices(implementations.source("numpy")) == ("cpu",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('DEVICES = ("cpu", "cuda")', ("cpu", "cuda")),
        ('DEVICES: list = ["cuda"]', ("cuda",)),
        ('DEVICES = "cuda"', ("cpu",)),
        ("", ("cpu",)),
    ],
)
def test_an_implementation_says_what_it_can_compute_on(
    text: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert implementations.devices(path) == expected


@pytest.fixture(params=[False, True], ids=["no GPU", "a GPU"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A machine without or with a GPU, as torch sees it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    return request.param


def test_auto_is_the_gpu_where_there_is_one_that_the_implementation_can_use(gpu: bool) -> None:
    assert devices.choose("auto") == (torch.device("cuda", 0) if gpu else CPU)
    assert devices.choose("auto", ("cpu",)) == CPU
    assert devices.choose("cpu") == CPU


def test_cuda_without_a_gpu_is_refused_with_the_way_to_mend_it(gpu: bool) -> None:
    # What cannot use one needs none: on a cluster it may be on a node without.
    assert devices.choose("cuda", ("cpu",)) == CPU
    if gpu:
        assert devices.choose("cuda") == torch.device("cuda", 0)
        return
    with pytest.raises(UserError, match=r"device: 'cuda'.*finds no CUDA device.*`device: auto`"):
        devices.choose("cuda")


def test_devices_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert devices.name(CPU) == "cpu"
    assert devices.name(torch.device("cuda", 0)) == "cuda: NVIDIA H200"


def test_values_are_sent_into_the_tensor_that_is_there() -> None:
    target = torch.zeros(5, dtype=torch.int64)
    place = target.data_ptr()
    devices.send(torch.arange(5), target)
    assert (target.tolist(), target.data_ptr()) == ([0, 1, 2, 3, 4], place)


def test_a_split_is_scaled_once_where_it_is_sent_and_left_alone_where_it_is() -> None:
    images = split()
    assert images.on(CPU, torch.float32) is images
    moved = images.on(META, torch.float32)
    assert (moved.images.device, moved.labels.device) == (META, META)
    assert moved.images.dtype == torch.float32
    assert moved.on(META, torch.float32) is moved
    scaled = images.scaled(CPU, torch.float32)
    order = epoch_order(COUNT, 0, 1)
    for one, other in zip(
        Batches(images, BATCH, torch.float32).shuffled(order),
        Batches(scaled, BATCH, torch.float32).shuffled(order),
        strict=True,
    ):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    (first, _), *_ = Batches(images, COUNT, torch.float32).in_order()
    (second, _), *_ = Batches(scaled, COUNT, torch.float32).in_order()
    assert torch.equal(first, second)


@every_cuda_implementation
@every_activation
def test_an_epoch_waits_for_nothing_and_makes_nothing_elsewhere(
    implementation: str, activation: str
) -> None:
    loop = loop_of(implementation, activation, META)
    loop.train()
    loop.evaluate()
    loop.rehearse()
    assert {value.device for value in loop.network.parameters().values()} == {META}
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        loop.means("training")


@every_activation
def test_nor_does_an_epoch_of_many_seeds(activation: str) -> None:
    loop = seeds_loop(activation, META)
    loop.train()
    loop.evaluate()
    assert {value.device for value in loop.network.parameters().values()} == {META}
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        loop.means("test")


class Waits(TorchDispatchMode):
    """Operations that need a value, or a number of values, before they can go on."""

    KINDS = ("_local_scalar_dense", "item", "nonzero", "masked_select", "equal", "_to_copy")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in self.KINDS and not (name == "_to_copy" and "device" not in (kwargs or {})):
            self.found.append(name)
        return func(*args, **kwargs or {})


@every_cuda_implementation
@every_activation
def test_no_operation_of_an_epoch_reads_a_value(implementation: str, activation: str) -> None:
    loop = loop_of(implementation, activation)
    with Waits() as waits:
        loop.train()
        loop.evaluate()
    assert waits.found == []
    with waits:
        loop.network.train_step(*next(iter(Batches(split(), 3, torch.float32).in_order())))[
            0
        ].item()
    assert waits.found == ["_local_scalar_dense"]


@every_activation
def test_diagnoses_are_read_all_at_once(activation: str) -> None:
    bend = activations.load(activation)
    parameters = initial_parameters(SIZES, 0, 0.5, activation_parameters=bend.parameters)
    probe = Probe(split(), BATCH, bend, torch.float32)
    with Waits() as waits:
        found = probe.diagnose(0, parameters)
    assert len(found) > 1
    # Their list is read from one tensor, which is no operation.
    assert waits.found == []
    on_meta = Probe(split().scaled(META, torch.float32), BATCH, bend, torch.float32)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        on_meta.diagnose(0, {name: value.to(META) for name, value in parameters.items()})


@every_cuda_implementation
def test_passes_are_the_same_whenever_they_are_repeated(implementation: str) -> None:
    """Two epochs of one loop are those of two loops: nothing but parameters is carried over."""
    loop = loop_of(implementation, "prelu")
    orders = [epoch_order(COUNT, 0, epoch) for epoch in (1, 2)]
    means = []
    for order in orders:
        devices.send(order, loop.order)
        loop.train()
        loop.evaluate()
        means.append((loop.means("training"), loop.means("test")))

    bend = activations.load("prelu")
    parameters = loop_of(implementation, "prelu").network.parameters()
    for order, expected in zip(orders, means, strict=True):
        network = implementations.load(implementation)(parameters, bend, 0.1)
        placed = split()
        fresh = Loop(
            network,
            Batches(placed, BATCH, torch.float32),
            {"test": Batches(placed, 9, torch.float32)},
            order,
        )
        fresh.train()
        fresh.evaluate()
        assert (fresh.means("training"), fresh.means("test")) == expected
        parameters = network.parameters()
    for name, value in loop.network.parameters().items():
        assert torch.equal(value, parameters[name])


def test_a_rehearsal_has_a_batch_of_each_size_and_leaves_the_other_network_alone() -> None:
    sizes: list[int] = []
    loop, rehearsal = loop_of("manual"), loop_of("manual")
    step = rehearsal.network.train_step
    rehearsal.network.train_step = (  # type: ignore[method-assign]
        lambda images, labels: (sizes.append(len(images)), step(images, labels))[1]
    )
    before = {name: value.clone() for name, value in loop.network.parameters().items()}
    rehearsal.rehearse()
    assert sizes == [8, 4]
    after = loop.network.parameters()
    assert all(torch.equal(after[name], value) for name, value in before.items())


class StandIn:
    """What `recorded` uses of torch.cuda, so that the order of its calls can be told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def current_stream(self) -> "StandIn":
        return self

    def wait_stream(self, other: "StandIn") -> None:
        self.events.append("wait")

    def replay(self) -> None:
        self.events.append("replay")

    Stream = CUDAGraph = current_stream

    @contextmanager
    def stream(self, stream: "StandIn") -> Iterator[None]:
        self.events.append("on its stream")
        yield
        self.events.append("off it")

    @contextmanager
    def graph(self, graph: "StandIn", stream: "StandIn") -> Iterator[None]:
        self.events.append("record")
        yield
        self.events.append("recorded")


def test_passes_are_recorded_on_the_stream_of_their_rehearsal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = StandIn()
    for name in ("Stream", "CUDAGraph", "current_stream", "stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    passes: list[Pass] = [lambda: cuda.events.append("train"), lambda: cuda.events.append("score")]
    first, second = devices.recorded(passes, lambda: cuda.events.append("rehearse"))
    assert cuda.events == [
        *("wait", "on its stream", "rehearse", "off it", "wait"),
        *("record", "train", "recorded", "record", "score", "recorded"),
    ]
    first()
    second()
    assert cuda.events[-2:] == ["replay", "replay"]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is recorded meanwhile, by a stand-in that rehearses and runs each pass."""
    seen: list[str] = []

    def recorded(passes: list[Pass], rehearse: Pass) -> list[Pass]:
        rehearse()
        seen.append("rehearsed")
        for each in passes:
            each()
            seen.append("recorded")
        return [lambda: seen.append("replayed")] * len(passes)

    monkeypatch.setattr(devices, "recorded", recorded)
    yield seen


@every_cuda_implementation
def test_elsewhere_than_on_a_cpu_both_passes_are_recorded_after_a_rehearsal(
    implementation: str, recording: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Loop] = []

    def make() -> Loop:
        made.append(loop_of(implementation, device=META))
        return made[-1]

    loop, train, evaluate = prepared(make)
    assert loop is made[0]
    assert len(made) == 2
    assert recording == ["rehearsed", "recorded", "recorded"]
    train()
    evaluate()
    assert recording[3:] == ["replayed"] * 2
    assert capsys.readouterr().out == ""


def test_on_a_cpu_nothing_is_recorded(recording: list[str]) -> None:
    loop, train, evaluate = prepared(lambda: loop_of("manual"))
    train()
    evaluate()
    assert recording == []
    assert loop.means("training")[0] > 0


def test_what_waits_is_run_step_by_step_on_a_new_network(
    tmp_path: Path, recording: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "waiting.py"
    text = implementations.source("scratch").read_text(encoding="utf-8")
    path.write_text(text.replace("loss.backward()", "loss.item()"))
    made: list[Loop] = []

    def make() -> Loop:
        made.append(loop_of(path, device=META))
        return made[-1]

    loop, train, _ = prepared(make)
    assert loop is made[-1]
    assert len(made) == 3
    assert recording == []
    out = capsys.readouterr().out
    assert out.startswith("epochs are not recorded as a CUDA graph: ")
    assert out.count("\n") == 1
    # What is wrong with it is found where it would be on a CPU.
    with pytest.raises(PlugInError, match="item"):
        train()


MOVING = """
import torch
from mlplab.implementations.scratch import Network as Scratch

DEVICES = ("cpu", "cuda")

class Network(Scratch):
    @torch.no_grad()
    def _update(self, batch_size):
        for name, value in self._parameters.items():
            new = (value - self._optimizer.learning_rate / batch_size * value.grad).requires_grad_()
            self._parameters[name] = new
        from mlplab.implementations._parameters import activation_parameters, layers
        self._layers = layers(self._parameters)
        self._alphas = activation_parameters(self._parameters)
"""


def test_parameters_that_are_not_changed_in_place_cannot_be_recorded(
    tmp_path: Path, recording: list[str]
) -> None:
    path = tmp_path / "moving.py"
    path.write_text(MOVING)
    with pytest.raises(ValueError, match="not changed in place"):
        loop_of(path).recorded(loop_of(path))
    assert recording == ["rehearsed", "recorded", "recorded"]
    loop_of("scratch").recorded(loop_of("scratch"))


def test_too_many_steps_are_not_recorded(
    recording: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "MOST_STEPS", 2)
    with pytest.raises(ValueError, match="3 steps are more than 2"):
        loop_of("manual").recorded(loop_of("manual"))
    assert recording == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return hidden @ weight + bias", "return torch.empty(len(images), 4)", "a float32"),
        ("value.detach() for", "torch.zeros(value.shape) for", "W1 as a float32"),
    ],
)
def test_answers_on_another_device_are_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.py"
    text = implementations.source("scratch").read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(PlugInError, match=f"must return {message} .* on meta.*; it returned a"):
        network = loop_of(path, device=META).network
        network.logits(torch.empty(2, 3, 4, device=META))
        network.parameters()
