"""Where a run computes: on the CPU, or on a CUDA device that is given work faster than it waits."""

from collections.abc import Callable, Sequence

import torch

from mlplab.errors import UserError

CPU = torch.device("cpu")
# A recorded graph takes about a kilobyte for each operation, some 30 for a step of training.
MOST_STEPS = 10_000

Pass = Callable[[], None]


def choose(setting: str, usable: Sequence[str] = ("cpu", "cuda")) -> torch.device:
    """The device that the setting `auto`, `cpu` or `cuda` stands for.

    `usable` are the kinds of device that the implementation can use: where CUDA is not among them,
    it is the CPU all the same. `auto` is CUDA where torch finds a device. Raises UserError for
    `cuda` where it finds none.
    """
    if setting == "cpu" or "cuda" not in usable:
        return CPU
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if setting == "cuda":
        raise UserError(
            f"device: 'cuda' is asked for, and torch {torch.__version__} finds no CUDA device; "
            f"expected a GPU that `nvidia-smi` lists; mend the driver, or set `device: auto`, "
            f"which takes the CPU where there is none"
        )
    return CPU


def name(device: torch.device) -> str:
    """A device in words, for the record of a run: "cpu", "cuda: NVIDIA H200"."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return device.type


def send(values: torch.Tensor, target: torch.Tensor) -> None:
    """Copy values from the CPU into a tensor of the same shape, without waiting for its device."""
    # From page-locked memory alone is a copy asynchronous; torch keeps it until the copy is made.
    target.copy_(values.pin_memory() if target.is_cuda else values, non_blocking=True)


def recorded(passes: Sequence[Pass], rehearse: Pass) -> list[Pass]:
    """Each pass as a CUDA graph: all that it asks of the device, to be asked again in one call.

    A pass computes on the same tensors every time, and nothing of it is computed by recording it.
    `rehearse` does on other tensors what the passes do, before them and on the same stream: what
    libraries set up when they are first used cannot be recorded.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        rehearse()
    torch.cuda.current_stream().wait_stream(stream)
    graphs = []
    for each in passes:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            each()
        graphs.append(graph.replay)
    return graphs
