"""The benchmark's arithmetic, its order of cases, its textbook and its page; never a timing."""

import importlib
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import TensorDataset

from benchmarks import __main__ as command
from benchmarks import cluster, epoch, limit, measure, memory, page, study, textbook, tracking, warm
from benchmarks.measure import Seconds, alternate, ratio, spread
from conftest import REPOSITORY
from mlplab.datasets import store
from mlplab.files import read_json, write_json
from mlplab.study.metrics import of_run
from mlplab.training.loop import evaluate


def test_an_epoch_has_the_products_counted_by_hand() -> None:
    # Forward, back to the hidden layer and the gradients of both weights: the images need no error.
    per_image = 2 * (784 * 256 + 256 * 10 + 256 * 10 + 256 * 10 + 784 * 256)
    assert sum(limit.FLOPS.values()) == per_image == 818_176
    assert 60_000 * per_image / 1e9 == pytest.approx(49.09, abs=0.005)
    # With every product at 100 GFLOP/s.
    floor = limit.floor(dict.fromkeys(limit.FLOPS, 100.0))
    assert floor.training == pytest.approx(0.4909056)
    assert floor.test == pytest.approx(10_000 * 2 * (784 * 256 + 256 * 10) / 100e9)
    assert floor.epoch == floor.training + floor.test


def test_the_floor_takes_each_product_at_its_own_rate() -> None:
    rates = dict.fromkeys(limit.FLOPS, 100.0) | {"H W2": 1.0}
    usual = limit.floor(dict.fromkeys(limit.FLOPS, 100.0))
    slower = limit.floor(rates)
    assert slower.training - usual.training == pytest.approx(60_000 * 5120 * 0.99 / 1e9)
    assert slower.test - usual.test == pytest.approx(10_000 * 5120 * 0.99 / 1e9)
    assert limit.best({"a": rates, "b": dict.fromkeys(limit.FLOPS, 50.0)})["H W2"] == 50


def test_the_timed_products_are_those_that_are_counted() -> None:
    shapes = {name: tuple(product().shape) for name, product in limit.products().items()}
    assert list(shapes) == list(limit.FLOPS)
    inner = {"X W1": 784, "H W2": 256, "D2 W2ᵀ": 10, "Hᵀ D2": 256, "W1 − η Xᵀ D1": 256}
    for name, (rows, columns) in shapes.items():
        assert 2 * rows * inner[name] * columns == 256 * limit.FLOPS[name]


def test_the_floor_counts_only_settings_of_float32_grade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        limit,
        "product_error",
        lambda: 1e-2 if torch.get_float32_matmul_precision() == "medium" else 1e-7,
    )
    assert limit.exact_settings() == {"highest": 1e-7}


def test_every_pass_runs_the_cases_in_order_and_the_first_is_not_counted() -> None:
    ran: list[str] = []

    def case(name: str) -> int:
        ran.append(name)
        return len(ran)

    cases = {name: partial(case, name) for name in "abc"}
    measured = alternate(cases, {"a": 3, "b": 1, "c": 3})
    assert "".join(ran) == "abc" + "abc" + "ac" + "ac"
    assert measured == {"a": [4, 7, 9], "b": [5], "c": [6, 8, 10]}


def test_a_ratio_is_taken_pass_by_pass() -> None:
    # The machine is ten times slower in the second pass, for both.
    assert ratio([2, 20, 2], [1, 10, 1]) == 2
    assert ratio([2, 20], [1, 10, 3]) == 2
    assert spread([3.0, 1.0, 2.0]) == {
        "n": 3,
        "median": 2,
        "min": 1,
        "max": 3,
        "values": [3, 1, 2],
    }


@pytest.mark.usefixtures("matmul_precision")
def test_a_setting_of_torch_is_put_back() -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with measure.torch_setting(2, "medium"):
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (2, "medium")
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def bright_or_dark(count: int) -> TensorDataset:
    """Images of two classes, in turn: dark ones and bright ones."""
    labels = torch.arange(count) % 2
    return TensorDataset(labels.float().reshape(-1, 1, 1, 1).expand(-1, 1, 28, 28), labels)


def test_the_textbook_learns_within_one_epoch() -> None:
    torch.manual_seed(0)
    loop = textbook.Textbook(bright_or_dark(2000), bright_or_dark(300), threads=1)
    shapes = [tuple(parameter.shape) for parameter in loop.network.parameters()]
    assert shapes == [(256, 784), (256,), (10, 256), (10,)]
    loss, accuracy = loop.train_epoch()
    assert 0 < loss < 2.5
    assert 0 <= accuracy <= 1
    loop.train_epoch()
    assert loop.evaluate() == 1
    assert all(seconds > 0 for seconds in loop.epoch())


def test_the_textbook_is_held_against_the_bounds_of_the_article() -> None:
    reached = textbook.check(bright_or_dark(2000), bright_or_dark(300), epochs=10)
    assert reached["test_accuracy"] == 1
    unlearnable = TensorDataset(torch.zeros(300, 1, 28, 28), torch.arange(300) % 10)
    with pytest.raises(AssertionError):
        textbook.check(unlearnable, unlearnable, epochs=1)


def test_data_that_are_not_there_end_the_benchmark_with_what_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"snakemake --cores all results/data/fashion_mnist/data"):
        textbook.fashion_mnist()


def epoch_result() -> dict[str, Any]:
    """Floor 0.5 s; textbook 4 s as written; ReLU 1 s and tanh 2 s."""

    def passes(*epochs: float) -> list[Seconds]:
        return [Seconds(0.75 * seconds, 0.25 * seconds) for seconds in epochs]

    measured: dict[epoch.Key, list[Seconds]] = {epoch.FLOOR: passes(0.5, 0.5, 5)}
    measured |= dict.fromkeys(textbook.CASES, passes(4, 4, 40))
    measured |= {("manual", "relu"): passes(1, 1, 10), ("manual", "tanh"): passes(2, 2)}
    return {"threads": 1, "products": "highest", "error": 7e-7, **epoch.summary(measured)}


def test_a_case_is_compared_with_textbook_floor_and_relu_of_its_own_passes() -> None:
    result = epoch_result()
    assert result["floor"]["faster_than_textbook"] == dict.fromkeys(textbook.CASES, 8)
    relu, tanh = result["cases"]
    assert (relu["implementation"], relu["activation"]) == ("manual", "relu")
    assert relu["faster_than_textbook"] == dict.fromkeys(textbook.CASES, 4)
    assert (relu["share_of_floor"], relu["to_relu"]) == (0.5, 1)
    assert tanh["faster_than_textbook"] == dict.fromkeys(textbook.CASES, 2)
    assert (tanh["share_of_floor"], tanh["to_relu"]) == (0.25, 2)
    assert tanh["epoch"]["n"] == 2
    assert tanh["training"]["median"] == 1.5


@pytest.mark.slow
@pytest.mark.usefixtures("matmul_precision")
@pytest.mark.parametrize("implementation", ["manual", "numpy"])
def test_a_case_trains_on_from_epoch_to_epoch(digits: store.Dataset, implementation: str) -> None:
    case = epoch.Training(digits, (implementation, "relu"), "highest")
    assert all(seconds > 0 for seconds in case.epoch())
    first_loss, _ = evaluate(case.network, case.test, len(digits.test))
    for _ in range(4):
        case.epoch()
    loss, _ = evaluate(case.network, case.test, len(digits.test))
    assert loss < first_loss


@pytest.mark.usefixtures("matmul_precision")
def test_the_records_that_are_sent_are_real_ones_and_differ(
    digits_folder: Path, tmp_path: Path
) -> None:
    data, manifest = digits_folder / "data.safetensors", digits_folder / "manifest.json"
    run, files = tracking.record(data, manifest, tmp_path / "trained")
    copies = tracking.copies(run, files, tmp_path / "runs", 3)
    assert list(copies) == [f"manual/relu/seed={seed}" for seed in range(3)]
    assert len({copy.digest() for copy in copies.values()}) == 3
    for seed, (path, copy) in enumerate(copies.items()):
        record = copy.load()
        assert (record.run.run, record.run.seed) == (path, seed)
        assert len(record.history) == 10
        assert record.diagnostics
        assert "macro_f1" in of_run(record)


def test_calls_are_timed_by_name_and_arguments() -> None:
    class Client:
        def send(self, text: str, times: int = 1) -> str:
            return text * times

    with tracking.timed_calls(Client) as calls:
        assert Client().send("a") + Client().send("b", times=2) == "abb"
    assert {name: len(seconds) for name, seconds in calls.items()} == {"send": 1, "send (times)": 1}
    Client().send("c")
    assert len(calls["send"]) == 1


def document(part: str, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "part": part,
        "measured": "2026-01-02T03:04+00:00",
        "machine": {
            "processor": "Some Processor",
            "cores": 2,
            "system": "Linux x86_64",
            "python": "3.11.7",
        },
        "load": 0.1,
        "versions": {"torch": "2.0", "mlflow": "3.0"},
        "git": {"commit": "f" * 40, "dirty": True},
        "result": result,
    }


def limit_result() -> dict[str, Any]:
    rates = {name: spread([100.0]) for name in limit.FLOPS}
    return {
        "threads": 1,
        "batch": 256,
        "errors": {"highest": 7e-7},
        "gflop": {"training": 49.09, "test": 4.07},
        "rates": {"highest": rates},
        "floor": measure.spreads([Seconds(0.49, 0.04)]),
    }


def textbook_result() -> dict[str, Any]:
    case = {**measure.spreads([Seconds(3.0, 0.5)]), "to_as_written": 1.0}
    check = {
        "epochs": 10,
        "training_loss": 0.3821,
        "training_accuracy": 0.8643,
        "test_accuracy": 0.8499,
    }
    return {"default_threads": 2, "check": check, "cases": dict.fromkeys(textbook.CASES, case)}


def tracking_result() -> dict[str, Any]:
    return {
        "runs": 60,
        "epochs": 10,
        **dict.fromkeys(
            ("import", "first_open", "open", "first_run", "run_without_model", "run", "read"),
            spread([0.1]),
        ),
        "calls": {"log_batch (metrics)": {"times": 1.0, "seconds": 0.0321}},
        "bytes_per_run": 30_000,
    }


def test_the_page_shows_the_parts_that_are_there_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = {
        "tracking": tracking_result(),
        "epoch": epoch_result(),
        "textbook": textbook_result(),
        "limit": limit_result(),
    }
    for part, result in results.items():
        write_json(measure.FOLDER / f"{part}.json", document(part, result))
    assert read_json(measure.FOLDER / "epoch.json")["result"] == epoch_result()
    page.write()
    text = Path(page.PAGE).read_text()
    words = " ".join(text.split())
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Benchmarks",
        "## The machine's limit",
        "## The textbook's loop",
        "## Seconds per epoch",
        "## Tracking in MLflow",
    ]
    for expected in (
        "an epoch is **0.530 s**",
        "test accuracy 0.8499",
        "| log_batch (metrics) |             1 |       32.1 |",
        "Measured 2026-01-02T03:04+00:00 on Some Processor, 2 cores",
        "torch 2.0, mlflow 3.0; commit ffffffffff, with changes",
    ):
        assert " ".join(expected.split()) in words, expected
    (row,) = (line for line in text.splitlines() if line.startswith("| manual tanh"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        *("manual tanh", "1.500", "2.000", "2.000 to 2.000", "2"),
        *("2.0", "2.0", "2.0", "25 %", "2.00"),
    ]
    (row,) = (line for line in text.splitlines() if line.startswith("| *the floor*"))
    assert [cell.strip() for cell in row.strip("|").split("|")][5:8] == ["8.0", "8.0", "8.0"]
    # Markdown's tables: every line of one has the same number of columns.
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1


def test_a_table_is_as_wide_as_its_entries() -> None:
    assert measure.table(["what", "s"], [["a", "1.25"]]) == (
        "| what |    s |\n| ---- | ---: |\n| a    | 1.25 |\n"
    )


def test_all_core_seconds_of_a_study_are_accounted_for() -> None:
    ran = [
        study.Job("start_study", 2.0, 4.0),
        study.Job("train", 2.0, 12.0),
        study.Job("train", 4.0, 13.0),
        study.Job("evaluate", 13.0, 13.5),
        study.Job("plot_cell", 13.0, 14.0),
    ]
    seconds = {"training_seconds": 7.0, "evaluation_seconds": 1.0, "diagnostics_seconds": 0.25}
    records = [{**seconds, "peak_memory": peak} for peak in (550e6, 540e6)]
    found = study.summarise(ran, records, wall=15.0, nothing_to_do=3.0, cores=2)
    spent = found["core_seconds"]
    assert sum(spent.values()) == pytest.approx(30)
    assert found["overhead_per_run"] == (30 - 14) / 2
    assert spent["training"] == 14
    assert spent["training jobs: process, data, record"] == 19 - 14 - 2 - 0.5
    assert (spent["tracking"], spent["evaluation jobs"], spent["figures"]) == (2, 0.5, 1)
    assert (spent["before the first job"], spent["after the last job"]) == (4, 2)
    others = [{**found, "overhead_per_run": seconds} for seconds in (7.0, 9.5)]
    page = study.page({"studies": [study.median([*others, found])]})
    assert page.startswith("## A study\n")
    of_one, of_each = (line for line in page.splitlines() if "overhead per run" in line)
    assert "8.0" in of_one
    assert "7.00, 8.00, 9.50" in of_each
    assert "550" in next(line for line in page.splitlines() if "memory of a training" in line)


def test_rules_have_the_kind_of_what_they_make() -> None:
    rules = re.findall(
        r"^rule (\w+):",
        "".join(file.read_text() for file in (REPOSITORY / "workflow/rules").glob("*.smk")),
        re.MULTILINE,
    )
    # A rule of no kind is among the other jobs.
    assert set(study.KINDS) <= set(rules)
    assert {rule: study.KINDS[rule] for rule in ("plot_cell", "summarize", "render_report")} == {
        "plot_cell": "figures",
        "summarize": "tables",
        "render_report": "report",
    }


@pytest.mark.parametrize(
    ("cuda", "said"), [("13.2", "for CUDA 13.2"), (None, "the CPU alone here")]
)
def test_the_page_tells_the_memory_of_every_case_and_the_build_of_torch(
    cuda: str | None, said: str
) -> None:
    cases = {memory.ONLY_TORCH: 218.0, "scratch": 612.4}
    text = memory.page(
        {"cases": {n: {"peak": peak, "anonymous": 1.0, "cuda": cuda} for n, peak in cases.items()}}
    )
    assert "612" in next(line for line in text.splitlines() if line.startswith("| scratch"))
    assert said in " ".join(text.split())


def test_a_part_that_was_not_measured_here_keeps_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for part, result in (("limit", limit_result()), ("textbook", textbook_result())):
        write_json(measure.FOLDER / f"{part}.json", document(part, result))
    page.write()
    before = Path(page.PAGE).read_text()
    (measure.FOLDER / "textbook.json").unlink()
    page.write()
    assert Path(page.PAGE).read_text() == before
    # One that is measured takes the place of what stood there.
    write_json(measure.FOLDER / "limit.json", {**document("limit", limit_result()), "load": 7.0})
    page.write()
    assert Path(page.PAGE).read_text() == before.replace("load before 0.1", "load before 7.0", 1)


def test_each_part_has_the_heading_of_its_section() -> None:
    for part, heading in page.PARTS.items():
        source = Path(importlib.import_module(f"benchmarks.{part}").__file__ or "").read_text()
        assert re.findall(r"## (.+?)(?:\\n|\n)", source) == [heading]


@pytest.mark.parametrize(
    ("arguments", "measured"), [([], tuple(page.PARTS)), (["limit", "study"], ("limit", "study"))]
)
def test_the_parts_that_are_named_are_measured_or_all(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], measured: tuple[str, ...]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(command, "measure_each", lambda parts: asked.extend(parts) or [])
    monkeypatch.setattr(page, "write", lambda: asked.append("page"))
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    command.main()
    assert asked == [*measured, "page"]


def test_a_part_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "limits"])
    with pytest.raises(SystemExit):
        command.main()
    assert "there is no part 'limits'; there are limit, textbook" in capsys.readouterr().err


def test_a_study_on_a_cluster_is_a_row_beside_the_local_one() -> None:
    text = cluster.page(
        [
            {
                "study": "the demo",
                "runs": 4,
                "local": 20.0,
                "slurm": 60.0,
                "jobs": [9.0, 11.0, 30.0],
                "local_training": 1.0,
                "slurm_training": 8.0,
            }
        ]
    )
    (row,) = (line for line in text.splitlines() if line.startswith("| the demo"))
    assert row.replace(" ", "") == "|thedemo|4|20|60|3|11|2.0|10.0|"


def test_warm_processes_are_told_by_the_ratio_of_each_pass() -> None:
    text = warm.page(
        {
            "with warm processes": measure.spread([10.0, 20.0]),
            "every job by itself": measure.spread([40.0, 60.0]),
        }
    )
    # 4 times in the first pass, 3 times in the second.
    assert "takes 3.5 times as long" in " ".join(text.split())
    assert "| every job by itself |" in text
