"""How float32 matrix products are computed: fast where that costs no accuracy.

`torch.set_float32_matmul_precision("medium")` lets the CPU use a faster library for float32
products. On some processors that library really computes with fewer bits, so it is measured first.
On Intel's own processors the usual library, Intel's MKL, is the faster one: 2 to 3 times for the
small products of an output layer (`python -m benchmarks limit`). On a CUDA device the same setting
allows TF32, which is measured there in the same way.
"""

from pathlib import Path

import torch

from mlplab.training.devices import CPU

# A product counts as float32-grade up to this error relative to its largest value: bfloat16 or
# TF32 products miss it by a factor of a hundred and more.
FLOAT32_GRADE = 5e-6


def product_error(
    shape: tuple[int, int, int] = (256, 784, 256), device: torch.device = CPU
) -> float:
    """Greatest error of a float32 product under the present setting, relative to its largest value.

    `shape` is (rows, inner, columns); the reference is the same product in float64.
    """
    rows, inner, columns = shape
    random = torch.Generator().manual_seed(0)
    left = torch.randn(rows, inner, generator=random).to(device)
    right = torch.randn(inner, columns, generator=random).to(device)
    exact = left.double() @ right.double()
    return ((left @ right - exact).abs().max() / exact.abs().max()).item()


def _usual_is_fastest() -> bool:
    """Whether the usual library is MKL on a processor of Intel's."""
    try:
        processor = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return torch.backends.mkl.is_available() and "GenuineIntel" in processor


def use_fast_products(device: torch.device = CPU) -> tuple[str, float]:
    """Choose the fastest float32-grade setting for this process; return it with its error.

    The choice is by the processor, not by a timing: repeats on one machine are bitwise equal.
    """
    if device.type != "cpu" or not _usual_is_fastest():
        torch.set_float32_matmul_precision("medium")
        error = product_error(device=device)
        if error <= FLOAT32_GRADE:
            return "medium", error
    torch.set_float32_matmul_precision("highest")
    return "highest", product_error(device=device)
