"""The benchmark of the GPU where there is none, and its page with the numbers of a CPU."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from mlplab.datasets.store import Dataset
from mlplab.study.settings import Settings
from mlplab.training.devices import CPU

pytestmark = pytest.mark.usefixtures("matmul_precision")


def test_without_a_gpu_only_the_agreement_is_measured(
    digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "data_file", lambda name: digits_folder / name)
    result = json.loads(json.dumps(gpu.main()))
    assert result["device"] == "cpu"
    assert result["not_measured"] == "no CUDA device: not measured"
    assert max(result["agreement"]["float64"].values()) < 1e-12
    assert 0 <= result["agreement"]["float32"]["loss"] < 1e-5
    assert "no CUDA device: not measured" in gpu.page(result)


def test_what_is_measured_on_a_gpu_can_be_measured_on_a_cpu(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "SEEDS", 2)
    monkeypatch.setattr(gpu, "PASSES", 1)
    result = {
        "device": "cuda: some GPU",
        "cuda": "13.2",
        "products": "highest",
        "error": 1e-7,
        "runs": {"manual": gpu.one_run("manual", digits, CPU)},
        "many": gpu.many_seeds(digits, CPU),
        "agreement": gpu.agreement(digits, Settings(epochs=1), [0, 1], CPU),
    }
    run, many = result["runs"]["manual"], result["many"]
    assert 0 < run["epochs"]["median"] < 2 * run["whole"]["median"]
    assert len(run["test_accuracy"]) == len(many["test_accuracy"]) == 10
    page = gpu.page(json.loads(json.dumps(result)))
    assert "cuda: some GPU" in page
    assert "2 seeds at once" in page
    assert "not measured" not in page
