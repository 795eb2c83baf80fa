"""What a complete study says of its networks: which agree, which are wrong, crashed or diverged."""

import ast
import csv
from collections.abc import Container, Mapping
from pathlib import Path

import yaml

from mlplab import implementations
from mlplab.errors import UserError
from mlplab.files import read_json
from mlplab.study.record import NAMES
from mlplab.terminal.words import number

# The method of `Network` that makes a compared quantity, by its first word; else `train_step`.
MADE_BY = {"logits": "logits", "start": "__init__", "apart": "__init__"}
# How many messages of crashed networks are told.
MESSAGES = 3


def rows(study: Path, table: str) -> list[dict[str, str]]:
    """The rows of a table of a study; none where it has not been made."""
    try:
        with (study / f"tables/{table}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def agreement(study: Path, sentences: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """What is said of implementations that agree with the reference, and of those that do not.

    `sentences` are those of the finding on parity. Of one that is wrong it is its place, its
    sentence and what is known of the mistake, and that alone once more.
    """
    said = [sentence for sentence in sentences if sentence.startswith("Step by step")]
    first: dict[str, dict[str, str]] = {}
    for row in rows(study, "parity"):
        if row["verdict"] != "agrees":
            first.setdefault(row["implementation"], row)
    good = [sentence for sentence in said if not _on_mistake(sentence, first)]
    files = _files(study) if first else {}
    bad = []
    for name, row in first.items():
        sentence = next((each for each in said if _on_mistake(each, {name})), "")
        place = _place(files.get(name), row)
        said_of = filter(None, [place and f"{place}:", sentence, row["detail"]])
        bad.append((" ".join(said_of), row["detail"]))
    return good, bad


def _on_mistake(sentence: str, names: Container[str]) -> bool:
    """Whether a sentence says that one of these implementations is wrong."""
    words = sentence.removeprefix("Step by step, ").split(" ")
    return words[0] in names and words[1] in ("differs", "breaks")


def _files(study: Path) -> dict[str, Path]:
    """The file of every implementation that a study may use, by name."""
    try:
        config = yaml.safe_load((study / "config.yaml").read_text(encoding="utf-8"))
        return implementations.REGISTRY.sources(config["implementations"])
    except (OSError, yaml.YAMLError, KeyError, UserError):
        return {}


def _place(file: Path | None, row: Mapping[str, str]) -> str:
    """File and line of the method that makes the first quantity that differs."""
    # Where it breaks down, the message names the place.
    if file is None or row["verdict"] == "fails":
        return ""
    short = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    wanted = MADE_BY.get(row["quantity"].split(" ")[0], "train_step")
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError):
        return short
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == wanted:
            return f"{short}:{node.lineno}"
    return short


def broken(study: Path) -> str:
    """The networks that crashed or diverged, in a sentence; "" where none did."""
    by_status: dict[str, list[str]] = {}
    for row in rows(study, "runs"):
        by_status.setdefault(row["status"], []).append(row["run"])
    parts = []
    if crashed := by_status.get("failed", []):
        messages = list(dict.fromkeys(_error(study, run) for run in crashed))
        left = len(messages) - MESSAGES
        others = f" (and {number(left, 'other message')})" if left > 0 else ""
        told = "; ".join(messages[:MESSAGES])
        parts.append(f"{number(len(crashed), 'network')} crashed: {told}{others}")
    if diverged := by_status.get("diverged", []):
        more = f" and {len(diverged) - 1} more" if diverged[1:] else ""
        parts.append(f"{diverged[0]}{more} diverged: a loss was not finite")
    return "; ".join(parts)


def _error(study: Path, run: str) -> str:
    try:
        return str(read_json(study / "runs" / run / NAMES["run"])["error"])
    except (OSError, ValueError, KeyError):
        return "no message"
