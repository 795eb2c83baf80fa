"""run.json, evaluation.json and manifest.json as typed values: read once, checked, and then frozen.

Fields have the names of the files' keys; other keys are left alone. Reading raises UserError where
a key is missing. The first two say their own digest: reading also raises UserError where a byte of
them has changed since `write_document` wrote them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.files import PathLike, as_json, read_json, value_digest, write_text

Document = TypeVar("Document")

# The key under which a document says the digest of all else in it.
DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class GitState:
    """Commit of the code and whether the work tree differed from it, by new files as well.

    None outside a repository that knows the code.
    """

    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run was trained; `limits` are variables that forbid some instructions."""

    processor: str
    cores: int
    system: str
    python: str
    limits: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bound:
    """One of the article's bounds (B11): above < value ≤ below, or value < below without `above`.

    `value` is None where it was not finite.
    """

    value: float | None
    above: float | None
    below: float
    met: bool


@dataclass(frozen=True, slots=True)
class RunInfo:
    """run.json: what a run is, what it was trained with, and how it ended.

    Times are Unix times in milliseconds, `peak_memory` is in bytes, `files` are the SHA-256 of what
    lies beside it: history, diagnostics, parameters, predictions. `cpu_seconds_per_epoch` is of the
    processor, of all threads together: other jobs of the machine change it little. Of a run that
    failed `error` says why, `sanity` is empty, and what was measured is None.
    """

    run: str
    implementation: str
    activation: str
    seed: int
    dataset: str
    settings: dict[str, Any]
    axes: list[str]
    scored_on: str
    status: str
    error: str | None
    sanity: dict[str, Bound]
    started: int
    ended: int
    resumed_after: list[int]
    device: str
    threads: int
    matmul_precision: str
    data_digest: str
    code_digest: str
    files: dict[str, str]
    versions: dict[str, str]
    git: GitState
    machine: Machine
    peak_memory: int
    parameter_count: int | None
    training_seconds: float | None
    seconds_per_epoch: float | None
    cpu_seconds_per_epoch: float | None
    evaluation_seconds: float | None
    diagnostics_seconds: float | None

    @property
    def point(self) -> dict[str, Any]:
        """Its values on the further axes of the grid."""
        return {axis: self.settings[axis] for axis in self.axes}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """evaluation.json: the scores of a run's predictions on a split, of so many images.

    `metrics` has None for what is not finite; `per_class` rows with class, precision, recall, f1
    and images; `confusion` counts, a row for each true class.
    """

    split: str
    images: int
    metrics: dict[str, float | None]
    per_class: list[dict[str, Any]]
    confusion: list[list[int]]


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How many images a split has, height and width of each, and how many are of each class."""

    images: int
    shape: list[int]
    per_class: list[int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json: what a decoded data set holds and where its files came from.

    `counts` has the splits training and test; `files` have at least name and md5.
    """

    name: str
    title: str
    description: str
    homepage: str
    license: str
    citation: str
    class_names: list[str]
    pixel_max: int
    counts: dict[str, SplitCounts]
    files: list[dict[str, Any]]
    sha256: str


def write_document(file: PathLike, values: Mapping[str, Any]) -> None:
    """Write run.json or evaluation.json, whole or not at all, with its own digest at the end."""
    write_text(file, as_json({**values, DIGEST: value_digest(values)}))


def _document(file: PathLike) -> Any:
    """The values of a file that `write_document` wrote."""
    try:
        text = Path(file).read_bytes().decode()
        values = json.loads(text)
    except ValueError as error:
        raise _changed(file, f"it is no JSON any more: {error}") from error
    if not isinstance(values, dict) or DIGEST not in values:
        raise _missing(file, DIGEST)
    others = {key: value for key, value in values.items() if key != DIGEST}
    if value_digest(others) != values[DIGEST] or as_json(values) != text:
        raise _changed(file, f"its {DIGEST} is of something else")
    return values


def _missing(file: PathLike, key: str) -> UserError:
    return UserError(
        f"{file}: the key {key} is missing: another version wrote the file, or it was edited; make "
        f"it anew: {again(file)}"
    )


def _changed(file: PathLike, how: str) -> UserError:
    return UserError(f"{file}: changed since it was written ({how}); make it anew: {again(file)}")


def read_run(file: PathLike) -> RunInfo:
    """What run.json says."""
    return _filled(
        RunInfo,
        _document(file),
        file,
        git=lambda values, key: _filled(GitState, values, file, key),
        machine=lambda values, key: _filled(Machine, values, file, key),
        sanity=lambda values, key: {
            name: _filled(Bound, bound, file, f"{key}{name}.") for name, bound in values.items()
        },
    )


def read_evaluation(file: PathLike) -> Evaluation:
    """What evaluation.json says."""
    return _filled(Evaluation, _document(file), file)


def read_config(file: PathLike) -> dict[str, Any]:
    """The resolved configuration as config.yaml keeps it. Raises UserError where it is none."""
    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it has no keys")
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{file}: no configuration ({reason}); make it anew: {again(file)}"
        ) from error
    return values


def read_manifest(file: PathLike) -> Manifest:
    """What manifest.json says."""
    return _filled(
        Manifest,
        read_json(file),
        file,
        counts=lambda values, key: {
            split: _filled(SplitCounts, values.get(split), file, f"{key}{split}.")
            for split in ("training", "test")
        },
    )


def _filled(
    kind: type[Document],
    values: Any,
    file: PathLike,
    within: str = "",
    **nested: Callable[[Any, str], Any],
) -> Document:
    """A document from the values of its keys; `nested` makes that of a key from what lies there."""
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]
    try:
        found = {name: values[name] for name in names}
    except (KeyError, TypeError):
        known = values if isinstance(values, dict) else {}
        missing = next(name for name in names if name not in known)
        raise _missing(file, within + missing) from None
    for name, parsed in nested.items():
        found[name] = parsed(found[name], f"{within}{name}.")
    return kind(**found)
