"""The registry of data sets, their decoding, and the decoded file (article items B1, B2)."""

import gzip
import hashlib
import os
import re
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.datasets import load_digits

from conftest import settle
from mlplab import datasets
from mlplab.datasets import PARTS, store
from mlplab.datasets.batches import Batches
from mlplab.datasets.decode import READERS, decode
from mlplab.errors import UserError
from mlplab.files import read_json, write_json

Files = dict[str, Path]
Arrays = dict[str, NDArray[np.uint8]]

every_dataset = pytest.mark.parametrize("name", datasets.names())
FASHION = datasets.info("fashion_mnist")


def idx(array: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file: magic number, sizes, then the values."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def small_arrays() -> Arrays:
    random = np.random.default_rng(0)
    return {
        "training_images": random.integers(0, 256, (20, 5, 3), dtype=np.uint8),
        "training_labels": np.repeat(np.arange(10, dtype=np.uint8), 2),
        "test_images": random.integers(0, 256, (4, 5, 3), dtype=np.uint8),
        "test_labels": np.array([3, 3, 9, 0], dtype=np.uint8),
    }


def write_files(folder: Path, contents: dict[str, bytes]) -> tuple[Files, Files]:
    """The downloaded files of Fashion-MNIST with these bytes, and their source records."""
    paths, sources = {}, {}
    for part, content in contents.items():
        name = FASHION.files[part].name
        paths[part], sources[part] = folder / name, folder / f"{name}.source.json"
        paths[part].write_bytes(content)
        write_json(sources[part], {"name": name, "url": f"http://example.org/{name}"})
    return paths, sources


def packed(arrays: Arrays) -> dict[str, bytes]:
    return {part: gzip.compress(idx(array)) for part, array in arrays.items()}


def as_published(contents: dict[str, bytes]) -> datasets.DatasetInfo:
    """Fashion-MNIST as if these were its publisher's files."""
    files = {
        part: replace(file, md5=hashlib.md5(contents[part]).hexdigest())
        for part, file in FASHION.files.items()
    }
    return replace(FASHION, files=files, size=None)


def decode_contents(folder: Path, contents: dict[str, bytes]) -> tuple[Path, Path]:
    data, manifest = folder / "data.safetensors", folder / "manifest.json"
    decode(as_published(contents), *write_files(folder, contents), data, manifest)
    return data, manifest


def assert_refused(folder: Path, contents: dict[str, bytes], reason: str = "") -> None:
    with pytest.raises(UserError) as refused:
        decode_contents(folder, contents)
    message = str(refused.value)
    assert reason in message
    assert "Fashion-MNIST" in message
    assert message.endswith("mend fashion_mnist.yaml, or the files")
    assert "\n" not in message
    assert not (folder / "data.safetensors").exists()
    assert not (folder / "manifest.json").exists()
    assert not list(folder.glob(".*.part"))


def test_registry_names_its_files() -> None:
    assert datasets.names() == sorted(datasets.names())
    assert {"digits", "fashion_mnist"} <= set(datasets.names())


@every_dataset
def test_entry_is_complete(name: str) -> None:
    info = datasets.info(name)
    assert info.name == name
    assert info.reader in READERS
    assert 0 < info.pixel_max <= 255
    assert len(set(info.class_names)) == len(info.class_names) > 1
    assert all(isinstance(class_name, str) for class_name in info.class_names)
    assert info.homepage.startswith("https://")
    assert info.title and info.description and info.license and info.citation
    for file in info.files.values():
        assert info.file(file.name) is file
        assert len(file.md5) == 32


def described(folder: Path, **changes: Any) -> Path:
    """A description with changes; None takes a key away."""
    entry = yaml.safe_load((datasets.FOLDER / "fashion_mnist.yaml").read_text())
    entry = {key: value for key, value in {**entry, **changes}.items() if value is not None}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(entry))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixel_max": None}, "pixel_max: missing"),
        ({"pixelmax": 255}, "pixelmax: not known, expected only citation, class_names, "),
        ({"pixel_max": 300}, "pixel_max: expected a whole number from 1 to 255, found 300"),
        ({"pixel_max": "255"}, "pixel_max: expected a whole number from 1 to 255, found '255'"),
        ({"class_names": ["a", "a"]}, "class_names: expected a list of two different names"),
        ({"class_names": "ab"}, "class_names: expected a list of two different names"),
        ({"mirrors": "http://127.0.0.1"}, "mirrors: expected a list of addresses, found 'http"),
        ({"size": {"training": 1}}, "size: expected training, test, height, width as whole numb"),
        (
            {"size": {"training": 0, "test": 1, "height": 1, "width": True}},
            "as whole numbers, found {'height': 1, 'test': 1, 'training': 0, 'width': True}",
        ),
        ({"title": ["a"]}, "title: expected text, found ['a']"),
        ({"files": {"training_images": {}}}, "files: expected test_images, test_labels, "),
        (
            {"files": {part: {"name": f"../{part}", "md5": "0" * 32} for part in PARTS}},
            "name: expected a plain file name, found '../t",
        ),
        (
            {"files": {part: {"name": part, "md5": "0"} for part in PARTS}},
            "md5: expected 32 hexadecimal digits, found '0'",
        ),
        ({"files": {part: {"name": part} for part in PARTS}}, "expected the keys name and md5"),
    ],
)
def test_a_description_that_is_none_is_told_with_its_file_and_key(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = described(tmp_path, **changes)
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        datasets.info(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["title: [", "- a list", ""])
def test_a_description_that_is_no_mapping_is_told_with_its_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(f"{path}: ")):
        datasets.info(path)


def test_classes_may_be_written_as_numbers(tmp_path: Path) -> None:
    path = described(tmp_path, class_names=[0, 1, 2])
    assert datasets.info(path).class_names == ("0", "1", "2")
    assert "mine" in datasets.names([tmp_path])
    assert datasets.source("mine", [tmp_path]) == path


def test_fashion_mnist_is_what_torchvision_fetches() -> None:
    from torchvision.datasets import FashionMNIST

    resources = [(file.name, file.md5) for file in FASHION.files.values()]
    assert resources == FashionMNIST.resources
    assert list(FASHION.mirrors) == FashionMNIST.mirrors
    assert list(FASHION.files) == list(small_arrays())


def test_class_names_are_the_articles_in_label_order() -> None:
    assert FASHION.class_names == (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )


def test_idx_files_are_decoded_to_what_they_hold(tmp_path: Path) -> None:
    arrays = small_arrays()
    data, _ = decode_contents(tmp_path, packed(arrays))
    decoded = store.load(data)
    assert decoded.name == "fashion_mnist"
    assert decoded.class_names == FASHION.class_names
    assert decoded.classes == 10
    assert decoded.pixels == 15
    for name, split in (("training", decoded.training), ("test", decoded.test)):
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert split.pixel_max == 255
        assert len(split) == len(arrays[f"{name}_labels"])
        assert np.array_equal(split.images.numpy(), arrays[f"{name}_images"])
        assert np.array_equal(split.labels.numpy(), arrays[f"{name}_labels"])


def test_manifest_says_what_the_data_is_and_where_it_comes_from(tmp_path: Path) -> None:
    data, manifest = decode_contents(tmp_path, packed(small_arrays()))
    said = read_json(manifest)
    for key in ("name", "title", "description", "homepage", "license", "citation", "pixel_max"):
        assert said[key] == getattr(FASHION, key)
    assert tuple(said["class_names"]) == FASHION.class_names
    assert said["counts"] == {
        "training": {"images": 20, "shape": [5, 3], "per_class": [2] * 10},
        "test": {"images": 4, "shape": [5, 3], "per_class": [1, 0, 0, 2, 0, 0, 0, 0, 0, 1]},
    }
    assert [file["name"] for file in said["files"]] == [f.name for f in FASHION.files.values()]
    assert all(file["url"].startswith("http://example.org/") for file in said["files"])
    assert said["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()


def test_decoding_again_gives_the_same_bytes(tmp_path: Path) -> None:
    # Runs and MLflow keep the file's digest: the same data must have the same one everywhere.
    contents = packed(small_arrays())
    results = {
        tuple(path.read_bytes() for path in decode_contents(tmp_path, contents)) for _ in range(5)
    }
    assert len(results) == 1


def test_digits_decode_to_scikit_learns(digits: store.Dataset, digits_folder: Path) -> None:
    bunch = load_digits()
    assert len(digits.training) + len(digits.test) == 1797
    assert len(digits.test) == 360
    assert digits.pixels == 64
    assert digits.training.pixel_max == digits.test.pixel_max == 16
    images = torch.cat([digits.training.images, digits.test.images])
    labels = torch.cat([digits.training.labels, digits.test.labels])
    assert np.array_equal(images.numpy(), bunch.images)
    assert np.array_equal(labels.numpy(), bunch.target)
    assert images.max() == 16
    counts = read_json(digits_folder / "manifest.json")["counts"]
    assert sum(counts["training"]["per_class"]) == counts["training"]["images"] == 1437
    assert min(counts["test"]["per_class"]) > 0


@pytest.mark.parametrize("split", ["training", "test"])
def test_scaled_images_span_zero_to_one(digits: store.Dataset, split: str) -> None:
    batches = Batches(getattr(digits, split), 100, torch.float32)
    images = torch.cat([images.clone() for images, _ in batches.in_order()])
    assert images.dtype == torch.float32
    assert images.min() == 0.0
    assert images.max() == 1.0


def with_part(part: str, content: bytes) -> dict[str, bytes]:
    return packed(small_arrays()) | {part: content}


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, with_part("training_images", b"<html>"), "gzip")


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    whole = packed(small_arrays())["training_images"]
    assert_refused(tmp_path, with_part("training_images", whole[: len(whole) // 2]))


def test_a_gzip_that_is_corrupt_inside_is_refused(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(idx(small_arrays()["training_images"])))
    # The type of the first deflate block becomes the reserved one: zlib's error is no OSError.
    whole[10] |= 0b110
    assert_refused(tmp_path, with_part("training_images", bytes(whole)))


def test_a_gzip_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    whole = bytearray(packed(small_arrays())["test_labels"])
    whole[-8] ^= 0xFF
    assert_refused(tmp_path, with_part("test_labels", bytes(whole)))


@pytest.mark.parametrize("part", ["training_images", "test_images"])
def test_an_idx_file_that_ends_too_early_is_refused(tmp_path: Path, part: str) -> None:
    content = gzip.compress(idx(small_arrays()[part])[:-7])
    assert_refused(tmp_path, with_part(part, content))


def test_an_empty_idx_file_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, with_part("training_labels", gzip.compress(b"")))


def test_a_file_with_another_magic_number_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, with_part("test_images", gzip.compress(b"\xff" * 100)))


def test_labels_in_the_place_of_images_are_refused(tmp_path: Path) -> None:
    contents = packed(small_arrays())
    assert_refused(tmp_path, contents | {"training_images": contents["training_labels"]})


def test_a_set_without_images_is_refused(tmp_path: Path) -> None:
    arrays = small_arrays()
    arrays |= {"test_images": arrays["test_images"][:0], "test_labels": arrays["test_labels"][:0]}
    assert_refused(tmp_path, packed(arrays))


def test_a_wrong_number_of_labels_is_refused(tmp_path: Path) -> None:
    arrays = small_arrays()
    arrays["test_labels"] = arrays["test_labels"][:-1]
    assert_refused(tmp_path, packed(arrays), "test: 4 images but 3 labels")


def test_a_label_without_a_class_name_is_refused(tmp_path: Path) -> None:
    arrays = small_arrays()
    arrays["training_labels"][7] = 10
    assert_refused(tmp_path, packed(arrays), "training: label 10 has no class name")


def test_another_number_of_images_than_described_is_refused(tmp_path: Path) -> None:
    contents = packed(small_arrays())
    info = replace(as_published(contents), size=datasets.Size(21, 4, 5, 3))
    with pytest.raises(UserError, match=r"expected 21 \+ 4 images .*, found 20 \+ 4 images of 5"):
        decode(
            info, *write_files(tmp_path, contents), tmp_path / "data", tmp_path / "manifest.json"
        )


def test_a_negative_label_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {name: torch.from_numpy(array) for name, array in small_arrays().items()}
    arrays["test_labels"] = arrays["test_labels"].long() - 1
    monkeypatch.setitem(READERS, "idx", lambda dataset, paths: arrays)
    assert_refused(tmp_path, packed(small_arrays()), "test: label -1 has no class name")


@pytest.mark.parametrize("pixel", [-1.0, 0.5, float("nan")])
def test_a_pixel_that_is_no_byte_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixel: float
) -> None:
    arrays = {name: torch.from_numpy(array) for name, array in small_arrays().items()}
    arrays["training_images"] = arrays["training_images"].double()
    arrays["training_images"][3, 2, 1] = pixel
    monkeypatch.setitem(READERS, "idx", lambda dataset, paths: arrays)
    assert_refused(tmp_path, packed(small_arrays()), "training: a pixel that is no whole number")


def test_test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    arrays = small_arrays()
    arrays["test_images"] = np.zeros((4, 7, 7), dtype=np.uint8)
    reason = "training images are 5 × 3 pixels, test images 7 × 7; expected one size"
    assert_refused(tmp_path, packed(arrays), reason)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_file_that_was_replaced_after_its_download_is_refused(tmp_path: Path, part: str) -> None:
    contents = packed(small_arrays())
    paths, sources = write_files(tmp_path, contents)
    # Another valid file, of the same size and as many images.
    paths[part].write_bytes(gzip.compress(idx(small_arrays()[part] // 2)))
    with pytest.raises(UserError, match="changed since it was downloaded") as refused:
        decode(
            as_published(contents),
            paths,
            sources,
            tmp_path / "data.safetensors",
            tmp_path / "manifest.json",
        )
    assert str(paths[part]) in str(refused.value)
    assert not (tmp_path / "data.safetensors").exists()


def test_a_flipped_bit_of_the_decoded_file_is_found(tmp_path: Path) -> None:
    data, _ = decode_contents(tmp_path, packed(small_arrays()))
    whole = data.read_bytes()
    for place in range(0, len(whole), 41):
        data.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match="changed since it was decoded") as refused:
            store.load(data)
        assert str(data) in str(refused.value)
    data.write_bytes(whole)
    assert store.load(data).digest == hashlib.sha256(whole).hexdigest()


def test_a_shared_data_set_is_read_once_while_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_SHARED", {})
    monkeypatch.setattr(store, "SETTLED_NS", 100_000_000)
    data, manifest = decode_contents(tmp_path, packed(small_arrays()))
    store.share(data)
    assert store.load(data) is not store.load(data)
    settle(data, manifest)
    store.share(data)
    shared = store.load(data)
    assert store.load(data) is shared
    # The same bytes in another file, other bytes of the same size and date, another manifest.
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=lambda *_: ["copy"])
    assert store.load(copy / data.name) is not shared
    whole, state = data.read_bytes(), data.stat()
    data.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(data, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(UserError, match="changed since it was decoded"):
        store.load(data)
    data.write_bytes(whole)
    assert store.load(data).digest == shared.digest
    settle(data, manifest)
    store.share(data)
    write_json(manifest, {"sha256": "0" * 64})
    with pytest.raises(UserError, match="changed since it was decoded"):
        store.load(data)


def test_what_is_not_there_is_not_shared(tmp_path: Path) -> None:
    store.share(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError, match="not a decoded data set"):
        store.load(tmp_path / "nothing.safetensors")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    contents = packed(small_arrays())
    info, (paths, sources) = as_published(contents), write_files(tmp_path, contents)
    paths["test_images"].unlink()
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\.gz: cannot be read"):
        decode(info, paths, sources, tmp_path / "data.safetensors", tmp_path / "manifest.json")


def test_a_pixel_above_the_greatest_is_refused(tmp_path: Path) -> None:
    dimmer = replace(datasets.info("digits"), pixel_max=15)
    with pytest.raises(UserError, match="a pixel of 16, above pixel_max 15"):
        decode(dimmer, {}, {}, tmp_path / "data.safetensors", tmp_path / "manifest.json")


def spoiled(whole: Path, target: Path, lacking: str = "", metadata: bool = True) -> Path:
    """A copy of a decoded file without one of its tensors or without its metadata."""
    with safe_open(whole, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != lacking}  # noqa: SIM118
        save_file(tensors, target, metadata=file.metadata() if metadata else None)
    return with_manifest(target)


def with_manifest(path: Path) -> Path:
    """A decoded file, or what is taken for one, with its digest beside it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    write_json(path.with_name("manifest.json"), {"sha256": digest})
    return path


def test_a_decoded_file_that_lacks_nothing_is_loaded(digits_folder: Path, tmp_path: Path) -> None:
    path = spoiled(digits_folder / "data.safetensors", tmp_path / "data.safetensors")
    assert store.load(path).name == "digits"


@pytest.mark.parametrize("changes", [{"lacking": "test_labels"}, {"metadata": False}])
def test_an_incomplete_decoded_file_is_refused(
    digits_folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    whole = digits_folder / "data.safetensors"
    path = spoiled(whole, tmp_path / "data.safetensors", **changes)
    with pytest.raises(UserError, match=r"not a decoded data set.*make it anew"):
        store.load(path)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff" * 1000])
def test_rubbish_is_no_decoded_data_set(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a decoded data set") as refused:
        store.load(with_manifest(path))
    assert str(path) in str(refused.value)


def test_a_missing_decoded_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a decoded data set"):
        store.load(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("content", ["", "{}", "[]", "{"])
def test_a_decoded_file_without_its_manifest_is_refused(
    digits_folder: Path, tmp_path: Path, content: str
) -> None:
    path = spoiled(digits_folder / "data.safetensors", tmp_path / "data.safetensors")
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json"):
        store.load(path)


def numbered(count: int) -> store.Split:
    """A split whose images and labels say their place."""
    places = torch.arange(count)
    return store.Split(places.to(torch.uint8).reshape(-1, 1, 1).expand(-1, 3, 2), places, 255)


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_the_last_images_are_held_out_in_their_order(count: int) -> None:
    split = numbered(10)
    kept, held = store.held_out(split, count)
    assert kept.labels.tolist() == list(range(10 - count))
    assert held.labels.tolist() == list(range(10 - count, 10))
    assert (len(kept), len(held)) == (10 - count, count)
    for part in (kept, held):
        assert part.images[:, 0, 0].tolist() == part.labels.tolist()
        assert part.images.shape[1:] == (3, 2)
        assert part.pixel_max == 255
    assert len(split) == 10


def test_nothing_is_copied_for_the_parts_of_a_split(digits: store.Dataset) -> None:
    kept, held = store.held_out(digits.training, 100)
    whole = digits.training.images
    assert kept.images.data_ptr() == whole.data_ptr()
    assert held.images.data_ptr() == whole[-100:].data_ptr()


def test_some_examples_keep_their_labels_and_their_scale() -> None:
    some = numbered(10)[torch.tensor([7, 2])]
    assert some.labels.tolist() == some.images[:, 0, 0].tolist() == [7, 2]
    assert some.pixel_max == 255


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_are_scaled_in_the_precision_that_they_get(dtype: torch.dtype) -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(-1, 1, 1)
    split = store.Split(pixels, torch.zeros(256, dtype=torch.int64), 255)
    scaled = split.scaled(torch.device("cpu"), dtype)
    expected = np.arange(256, dtype=str(dtype).removeprefix("torch.")) / 255
    assert np.array_equal(scaled.images.flatten().numpy(), expected)
    assert scaled.pixel_max == 1
    assert pixels.dtype == torch.uint8


@pytest.mark.parametrize("count", [10, 11, 10**12])
def test_a_split_of_which_nothing_would_be_left_is_refused(count: int) -> None:
    with pytest.raises(UserError) as refused:
        store.held_out(numbered(10), count)
    assert str(refused.value) == (
        f"training.validation_size: {count} of 10 training images leave none to train on; "
        "the largest allowed value is 9"
    )
