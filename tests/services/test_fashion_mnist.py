from pathlib import Path

import pytest
import torch

from mlplab import activations, implementations
from mlplab.datasets import store
from mlplab.study.settings import Settings
from mlplab.training.loop import Trained, train
from mlplab.training.sanity import sanity

pytestmark = [pytest.mark.slow, pytest.mark.fashion_mnist]


@pytest.fixture(scope="module")
def data(fashion_mnist: Path) -> store.Dataset:
    return store.load(fashion_mnist)


@pytest.fixture(scope="module")
def trained(data: store.Dataset) -> dict[str, Trained]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    runs = {
        name: train(implementations.load(name), activations.load("relu"), data, Settings(), seed=0)
        for name in ("scratch", "concise")
    }
    torch.set_num_threads(threads)
    return runs


def test_the_data_set_has_the_article_s_size(data: store.Dataset) -> None:
    assert data.training.images.shape == (60_000, 28, 28)
    assert data.test.images.shape == (10_000, 28, 28)
    assert data.training.labels.bincount().tolist() == [6000] * 10


@pytest.mark.parametrize("name", ["scratch", "concise"])
def test_ten_epochs_reach_the_article_s_accuracy(trained: dict[str, Trained], name: str) -> None:
    last = trained[name].history[-1]
    assert last.epoch == 10
    assert last.training_loss == pytest.approx(0.383, abs=0.01)
    assert 0.81 < last.test_accuracy < 0.87
    assert all(check["met"] for check in sanity(last).values())


def test_scratch_and_concise_agree(trained: dict[str, Trained]) -> None:
    scratch, concise = (trained[name].history[-1] for name in ("scratch", "concise"))
    assert scratch.training_loss == pytest.approx(concise.training_loss, abs=1e-3)
