"""Networks that run in the page, in a real browser: against torch, against the library, by hand."""

import base64
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from safetensors.torch import load_file, save_file

from mlplab import activations, datasets, implementations
from mlplab.datasets import store
from mlplab.datasets.decode import decode
from mlplab.judging import lesson
from mlplab.judging.mistakes.catalogue import CATALOGUE
from mlplab.judging.mistakes.network import Network
from mlplab.steps.pack_lesson import pack_lesson
from mlplab.steps.pack_networks import pack_networks
from mlplab.study.settings import Settings
from mlplab.training.loop import train
from mlplab.training.predictions import write_predictions

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from test_report import Study

from services.browsing import taken, taken_table

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# A plug-in, for which the page has no formula.
SWISH = "import torch\n\ndef function(x):\n    return x * torch.sigmoid(2 * x)\n"


@dataclass
class Made:
    """A page with trained networks, and what they were made from."""

    page: Path
    data: store.Dataset
    networks: dict[str, torch.Tensor]
    lesson: dict[str, torch.Tensor]
    table: pd.DataFrame


def made(folder: Path, data: Path, settings: Settings, files: dict[str, Path]) -> Made:
    """Train a network with each activation, pack it, and put it on a page."""
    loaded = store.load(data)
    rows, runs = [], {}
    for name, file in files.items():
        path = f"concise/{name}/seed=0"
        (folder / path).mkdir(parents=True)
        trained = train(
            implementations.load("concise"), activations.load(file), loaded, settings, 0
        )
        save_file(trained.checkpoint().parameters, folder / path / "parameters.safetensors")
        logits = trained.logits["test"].numpy()
        labels = loaded.test.labels.numpy()
        write_predictions(folder / path / "predictions.parquet", logits, labels)
        runs[path] = folder / path / "run.json"
        rows.append(
            {"run": path, "implementation": "concise", "activation": name, "status": "finished",
             "validation_size": 0, "test_accuracy": float((logits.argmax(1) == labels).mean())}
        )  # fmt: skip
    pd.DataFrame(rows).to_parquet(folder / "runs.parquet")
    agreed = pd.DataFrame([("concise", "agrees")], columns=["implementation", "verdict"])
    agreed.to_parquet(folder / "agreement.parquet")
    outputs = {f"int8_{form}": folder / f"int8.{form}" for form in ("csv", "parquet")}
    pack_networks(
        folder / "runs.parquet", folder / "agreement.parquet", data, runs, [], files,
        "test", "off", folder / "networks.safetensors", outputs,
    )  # fmt: skip
    pack_lesson(files, 0, 1, folder / "lesson.safetensors")
    study = Study(folder)
    table = pd.read_parquet(outputs["int8_parquet"])
    study.int8 = {"int8": table}
    study.live = [folder / f"{name}.safetensors" for name in ("networks", "lesson")]
    page = folder / "report.html"
    page.write_text(study.page(), encoding="utf-8")
    return Made(page, loaded, load_file(study.live[0]), load_file(study.live[1]), table)


@pytest.fixture(scope="module")
def digits_page(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("live")
    (folder / "swish.py").write_text(SWISH)
    decode(datasets.info("digits"), {}, {}, folder / "data.safetensors", folder / "manifest.json")
    names = ("tanh", "prelu")
    files = {name: activations.source(name) for name in names} | {"swish": folder / "swish.py"}
    settings = Settings(hidden_sizes=(32, 16), weight_std=0.2, epochs=8, batch_size=32)
    return made(folder, folder / "data.safetensors", settings, files)


@pytest.fixture(scope="module")
def fashion_page(tmp_path_factory: pytest.TempPathFactory, fashion_mnist: Path) -> Made:
    folder = tmp_path_factory.mktemp("fashion")
    files = {name: activations.source(name) for name in ("relu", "sigmoid", "tanh")}
    return made(folder, fashion_mnist, Settings(epochs=2), files)


@pytest.fixture(scope="module")
def page(browser: "sync_api.Browser", digits_page: Made) -> Iterator["sync_api.Page"]:
    """The digits' page with its live part started; nothing is requested, no error is logged."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    started(page, digits_page.page.as_uri())
    yield page
    assert heard == [digits_page.page.as_uri()]


def started(page: "sync_api.Page", address: str) -> None:
    """Open a page and wait until its networks run."""
    page.goto(address)
    page.locator("#live").scroll_into_view_if_needed()
    page.locator("#live-train .live-chart svg").nth(1).wait_for()
    page.locator("#live-try .live-answer:not(:empty)").wait_for()


PREDICT = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const { file } = await liveTry.load();
  const open = liveTry.opened(file);
  const found = {};
  for (const described of file.about.networks) {
    const network = open(described);
    const size = network[0].inputs;
    const [classes, scores] = [[], []];
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += size) {
      const some = bytes.subarray(at, at + size);
      const pixels = Float64Array.from(some, (value) => value / file.about.pixel_max);
      const look = liveNetwork.look(network, pixels);
      classes.push(look.predicted);
      if (at < 100 * size) scores.push(...look.scores);
    }
    const each = (performance.now() - start) / classes.length;
    found[described.activation] = { classes, scores, each };
  }
  return found;
}"""


def predictions(page: "sync_api.Page", data: store.Dataset) -> dict[str, Any]:
    """What the page's networks say of all test images, their first scores, ms for each."""
    pixels = base64.b64encode(data.test.images.numpy().tobytes()).decode()
    return page.evaluate(PREDICT, pixels)


def by_torch(made: Made, name: str, dtype: torch.dtype) -> torch.Tensor:
    """Scores of all test images from the same int8 weights."""
    own = {
        key.partition("/")[2]: value.to(dtype)
        for key, value in made.networks.items()
        if key.startswith(f"{name}/")
    }
    last = sum(re.fullmatch(r"W\d+", key) is not None for key in own)
    activation = activations.load(name)
    h = made.data.test.scaled(torch.device("cpu"), dtype).images.flatten(1)
    for layer in range(1, last + 1):
        h = h @ (own[f"W{layer}"] * own[f"W{layer}.scale"]) + own[f"b{layer}"]
        if layer < last:
            h = activation.function(h, *(own[f"{each}{layer}"] for each in activation.parameters))
    return h


def check_predictions(found: dict[str, Any], made: Made, names: list[str]) -> None:
    labels = made.data.test.labels
    rows = made.table.set_index("activation")
    for name in names:
        wide, narrow = (by_torch(made, name, kind) for kind in (torch.float64, torch.float32))
        classes = torch.tensor(found[name]["classes"])
        equal = [int((classes == scores.argmax(1)).sum()) for scores in (wide, narrow)]
        accuracy = float((classes == labels).double().mean())
        trained = float(rows["accuracy"].to_dict()[name])
        print(
            f"{name}: {equal[0]} of {len(labels)} as torch in float64, {equal[1]} in float32; "
            f"accuracy {accuracy:.4f}, trained {trained:.4f}; "
            f"{found[name]['each']:.2f} ms"
        )
        # Of a tie but for float32's rounding there may be one.
        assert equal[0] == len(labels) and equal[1] >= len(labels) - 1
        scores = np.array(found[name]["scores"]).reshape(-1, wide.shape[1])
        np.testing.assert_allclose(scores, wide[: len(scores)].numpy(), rtol=0, atol=1e-12)
        assert accuracy == rows.loc[name, "int8_accuracy"]
        assert found[name]["each"] <= 20


def test_predictions_are_those_of_torch(page: "sync_api.Page", digits_page: Made) -> None:
    found = predictions(page, digits_page.data)
    check_predictions(found, digits_page, ["tanh", "prelu"])
    # The plug-in's table: as the library reads it, and close to the function.
    classes = np.array(found["swish"]["classes"])
    assert digits_page.table.set_index("activation").loc["swish", "function"] == "table"
    right = float((classes == digits_page.data.test.labels.numpy()).mean())
    assert right == digits_page.table.set_index("activation").loc["swish", "int8_accuracy"]


@pytest.mark.fashion_mnist
def test_all_10_000_predictions_on_fashion_mnist_are_those_of_torch(
    browser: "sync_api.Browser", fashion_page: Made
) -> None:
    page = browser.new_page()
    started(page, fashion_page.page.as_uri())
    found = predictions(page, fashion_page.data)
    assert all(len(each["classes"]) == 10_000 for each in found.values())
    check_predictions(found, fashion_page, ["relu", "sigmoid", "tanh"])
    rows = fashion_page.table
    assert ((rows["int8_accuracy"] - rows["accuracy"]).abs() <= 0.001).all()
    carried = re.search(r'id="packed-networks">([^<]*)<', fashion_page.page.read_text("utf-8"))
    assert len(carried[1]) <= 850_000
    page.close()


# Some steps, from a batch on, with a mistake or none; numbers as text, for some are infinite.
TRAIN = """async ({ activation, name, from, steps }) => {
  const lesson = liveLesson.read(await page.bytes("lesson"));
  lesson.batches = lesson.batches.slice(from, from + steps);
  const mistake = lesson.about.mistakes.find((each) => each.name === name) ?? null;
  const run = liveLesson.begin(lesson, { activation, mistake, great: false });
  while (!liveLesson.finished(lesson, run)) liveLesson.step(lesson, run);
  const values = {};
  for (const [key, each] of Object.entries(run.network.values)) {
    values[key] = Array.from(each.values, String);
  }
  return { losses: run.losses.map(String), looks: run.looks, values };
}"""


class Overflowing(Network):
    """No maximum is taken off; the catalogue knows this one by its words alone."""

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return scores - scores.exp().sum(1, keepdim=True).log()


def trained_here(
    name: str, activation: str, batches: list[torch.Tensor]
) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Losses and parameters of the library's own network with a mistake, or of `concise`."""
    data, function = lesson.digits(), activations.load(activation)
    start = lesson.start(0, function, data)
    if not name:
        network: Any = implementations.load("concise")(start, function, lesson.LEARNING_RATE)
    else:
        variants = CATALOGUE[name].variants
        kind = variants[0].network if variants else Overflowing
        network = kind(start, function, lesson.LEARNING_RATE, **lesson.MISTAKES[name])
    images, labels = data["training_images"].double() / 16, data["training_labels"].long()
    losses = []
    for batch in batches:
        loss, _ = network.train_step(images[batch], labels[batch])
        losses.append(float(loss) / len(batch))
    return losses, network.parameters()


def compare(found: dict[str, Any], losses: list[float], parameters: Any, tolerance: float) -> None:
    np.testing.assert_allclose(np.array(found["losses"], float), losses, rtol=tolerance)
    for key, value in parameters.items():
        here = value.numpy()
        apart = np.abs(np.array(found["values"][key], float).reshape(here.shape) - here).max()
        assert apart <= tolerance * max(np.abs(here).max(), 1e-3), key


@pytest.mark.parametrize("activation", ["tanh", "prelu"])
def test_a_network_learns_in_the_page_as_the_library_s_do(
    page: "sync_api.Page", digits_page: Made, activation: str
) -> None:
    orders = lesson.order(0, lesson.digits())
    batches = [batch for order in orders for batch in order.split(lesson.BATCH_SIZE)]
    asked = {"activation": activation, "name": "", "from": 0, "steps": len(batches)}
    found = page.evaluate(TRAIN, asked)
    compare(found, *trained_here("", activation, batches), 1e-10)
    looks = digits_page.lesson[f"{activation}/correct"].tolist()
    assert [look["correct"] for look in found["looks"]] == looks
    # With the last batch of an epoch, which is smaller, among the steps.
    some = batches[36:48]
    assert len({len(batch) for batch in some}) == 2
    for name in lesson.MISTAKES:
        asked = {"activation": activation, "name": name, "from": 36, "steps": len(some)}
        compare(page.evaluate(TRAIN, asked), *trained_here(name, activation, some), 1e-11)


def answer(page: "sync_api.Page") -> str:
    return page.locator("#live-try .live-answer").inner_text()


def test_images_are_chosen_and_drawn_with_mouse_and_keyboard(
    page: "sync_api.Page", digits_page: Made
) -> None:
    places = digits_page.networks["places"].long()
    said = by_torch(digits_page, "prelu", torch.float64)[places].softmax(1)
    labels = digits_page.networks["labels"]
    for name in ("tanh", "prelu"):
        page.locator("#live-try").get_by_label(name, exact=True).check()
    images = page.locator("#live-try .live-images input")
    images.nth(0).focus()
    for index in range(1, 8):
        page.keyboard.press("ArrowRight")
        assert images.nth(index).is_checked()
        top, predicted = (float(value) for value in said[index].max(0))
        expected = f"prelu says: {predicted:.0f}, {100 * top:.1f} %."
        page.locator("#live-try .live-answer", has_text=expected).wait_for()
        assert answer(page).endswith(
            "right." if predicted == labels[index] else f"{labels[index]}."
        )
        shown = page.locator(".live-bars li .number:last-child").all_inner_texts()
        assert shown == [f"{100 * float(share):.1f} %" for share in said[index]]
    assert "prelu" in page.url and "image=7" in page.url
    # Hidden units are read one by one: the greatest at first, then by pointer and keyboard.
    boards = page.locator(".live-hidden [role=slider]")
    assert boards.count() == 2
    own = {k: v.double() for k, v in digits_page.networks.items() if k.startswith("prelu/")}
    weight = own["prelu/W1"] * own["prelu/W1.scale"]
    z = digits_page.data.test.images[places[7]].double().flatten() / 16 @ weight + own["prelu/b1"]
    h = activations.load("prelu").function(z, own["prelu/alpha1"])
    above = f"{int((h > 0).sum())} of 32 above 0; most: unit {int(h.argmax()) + 1}, "
    board = boards.nth(0)
    told = board.get_attribute("aria-valuetext")
    assert told is not None and f". {above}" in told
    assert told.startswith(f"Unit {int(h.argmax()) + 1}: {float(h.max()):.2f}".replace("-", "−"))
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 5.5 / 16, box["y"] + box["height"] * 0.75)
    units = page.locator(".live-hidden >> nth=0 >> small")
    for unit, key in ((21, "ArrowRight"), (22, "ArrowUp"), (6, "End"), (31, "Home"), (0, "")):
        said_of = f"Unit {unit + 1}: {float(h[unit]):.2f}".replace("-", "−")
        assert units.last.inner_text().startswith(f"{said_of}; what it looks for")
        looks_for = page.locator(".live-hidden canvas[aria-label]")
        assert looks_for.get_attribute("aria-label") == f"Weights of unit {unit + 1}"
        assert looks_for.evaluate("canvas => [canvas.width, canvas.height]") == [8, 8]
        if key:
            board.focus()
            page.keyboard.press(key)
    # A drawing: nothing at first, then a stroke with the pointer, then dots with the keyboard.
    page.get_by_role("button", name="Clear").click()
    page.locator("#live-try .live-answer", has_text="A drawing of yours").wait_for()
    bars = page.locator(".live-bars")
    seen = [bars.inner_text()]
    pad = page.locator(".live-pad")
    box = pad.bounding_box()
    assert box is not None and page.locator(".live-images input:checked").count() == 0
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10, steps=5)
    page.mouse.up()
    seen.append(bars.inner_text())
    pad.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    seen.append(bars.inner_text())
    assert len(set(seen)) == 3


def test_symbols_and_boxes_are_tied_both_ways(page: "sync_api.Page") -> None:
    marked = page.locator("#live-try .live-marked")
    symbol = page.locator(".live-formula button[data-part=W2] >> nth=0")
    symbol.focus()
    assert page.locator(".live-box.live-marked").get_attribute("data-part") == "W2 b2"
    assert "W2: 32 × 16 weights" in page.locator("#live-explained").inner_text()
    page.locator(".live-box[data-part=H1]").hover()
    assert set(marked.evaluate_all("each => each.map((one) => one.dataset.part)")) == {"H1"}
    assert marked.count() == 3  # Two times in the formula, and the box.


def test_a_mistake_is_switched_on_and_said_as_the_check_says_it(page: "sync_api.Page") -> None:
    part = page.locator("#live-train")
    status, says = part.locator(".live-status"), part.locator(".live-says")
    run, step = (part.get_by_role("button", name=name, exact=True) for name in ("Run", "Step"))
    step.click()
    assert status.inner_text().startswith("Step 1 (epoch 0.0): loss 2.")
    page.evaluate(
        "window.long = []; new PerformanceObserver((list) => window.long.push("
        "...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })"
    )
    run.click()
    part.locator("button:disabled", has_text="Run").wait_for()
    long = page.evaluate("window.long")
    print(f"long tasks while it trained: {[round(each) for each in long]} ms")
    assert max(long, default=0) < 400
    assert status.inner_text().startswith("Step 450 (epoch 10.0)")
    rounding = re.search(
        "All 450 losses are what the framework’s network has in float64, but for rounding: "
        r"\d\.\d × 10⁻(\S+) of the loss at most\.",
        status.inner_text(),
    )
    assert rounding is not None and len(rounding[1]) == 2 and rounding[1][0] == "¹"
    for told in lesson.told():
        part.get_by_label(told.sentence, exact=True).check()
        assert f"mlplab check would say: {told.sentence}. {told.mend}" in says.inner_text()
        assert says.locator("a").get_attribute("href") == told.known
        assert status.inner_text() == "No step yet."
    assert told.name == "softmax-overflows" and told.name in page.url
    part.get_by_label("as the check tries them").check()
    step.click()
    assert "Step 1 (epoch 0.0): loss infinite" in status.inner_text()
    assert re.search(r"The right network: loss \d", status.inner_text())
    assert part.locator(".live-chart").nth(0).get_attribute("aria-label").startswith("Loss of each")
    part.get_by_role("button", name="Reset").click()
    assert status.inner_text() == "No step yet."


def test_charts_are_taken_along(page: "sync_api.Page") -> None:
    part = page.locator("#live-train")
    part.get_by_label("nothing", exact=True).check()
    part.get_by_label("the seed’s own").check()
    part.get_by_role("button", name="Reset").click()
    for _ in range(3):
        part.get_by_role("button", name="Step", exact=True).click()
    table = taken_table(page, "the numbers of lesson-loss, lesson-loss.csv")
    assert list(table) == ["step", "loss_this_network"] and table["step"].tolist() == [1, 2, 3]
    status = part.locator(".live-status").inner_text()
    assert f"loss {table['loss_this_network'].iloc[-1]:.4g}" in status
    name, content = taken(page, "lesson-loss as SVG")
    assert name == "lesson-loss.svg" and b"loss of the batch" in content
    name, content = taken(page, "lesson-accuracy as PNG")
    assert name == "lesson-accuracy.png" and content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["predictions", "cite", "article", "answer"])
def test_a_link_leads_to_its_place_past_parts_that_start_on_the_way(
    browser: "sync_api.Browser", digits_page: Made, name: str
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(digits_page.page.as_uri())
    page.evaluate(f"location.hash = '{name}'")
    page.wait_for_timeout(2500)
    read = f"[document.getElementById('{name}').getBoundingClientRect().top, innerHeight + scrollY]"
    top, end = page.evaluate(read)
    at_the_end = end >= page.evaluate("document.documentElement.scrollHeight") - 1
    assert abs(top - 24) < 2 or (at_the_end and 24 < top < 900)
    page.close()


def test_a_view_is_a_link(browser: "sync_api.Browser", digits_page: Made) -> None:
    page = browser.new_page()
    view = "#live?network=swish&image=3&learns=prelu&mistake=squared-error"
    started(page, digits_page.page.as_uri() + view)
    assert "swish says" in answer(page)
    row = digits_page.table.set_index("activation").loc["swish"]
    numbers = (
        f"The network of concise, seed 0: accuracy {row['accuracy']:.4f} as it was trained, "
        f"{row['int8_accuracy']:.4f} as it is carried ({row['images']} images)"
    )
    assert page.get_by_text(numbers).count() == 1
    assert page.locator(".live-images input >> nth=3").is_checked()
    assert page.locator("#live-train input:checked").evaluate_all(
        "each => each.map((one) => one.value)"
    ) == ["squared-error", "prelu", ""]
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "dark")])
def test_it_fits_and_can_be_used_by_all(
    browser: "sync_api.Browser", digits_page: Made, width: int, scheme: Any
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    started(page, digits_page.page.as_uri())
    page.locator("#live details summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, context="#live")
    told = [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]]
    assert told == []
    sizes = page.locator(".live-chart text").evaluate_all(
        "each => each.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert sizes and min(sizes) >= 11
    context.close()


def test_without_a_script_it_says_what_it_needs_and_shows_the_table(
    browser: "sync_api.Browser", digits_page: Made
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(digits_page.page.as_uri())
    assert page.get_by_text("What runs in the page needs JavaScript").is_visible()
    rows = page.locator("#live tbody tr").all()
    shown = [row.locator("td").all_text_contents() for row in rows]
    for cells, row in zip(shown, digits_page.table.to_dict("records"), strict=True):
        assert [cell.strip() for cell in cells[:5]] == [
            row["activation"],
            row["run"],
            f"{row['accuracy']:.4f}",
            f"{row['int8_accuracy']:.4f}",
            f"{row['changed']:,} of {row['images']:,}",
        ]
    assert json.dumps(shown).count("a table of points") == 1
    context.close()
