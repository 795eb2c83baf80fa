"""What `snakemake` says to a mistaken configuration, and what `--config` can set."""

from pathlib import Path

import pytest

from .conftest import Project

pytestmark = pytest.mark.slow

SMALL = "study: small\ndataset: digits\n"


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("config/config.yaml", b"study: x\ngrid: {seed: [0\ndevice: cpu\n", ":3: no valid YAML"),
        ("config/config.yaml", "study: x # Größe\n".encode("latin-1"), ":1: found the byte 0xf6"),
        ("small.yaml", b"study: x\ngrid: {seed: [0\ndevice: cpu\n", ":3: no valid YAML"),
        ("small.yaml", "study: x # Größe\n".encode("latin-1"), ":1: found the byte 0xf6"),
        (
            "small.yaml",
            b"study: x\ngrid: {}\ngrid: {}\n",
            ":3: grid: given 2 times, in lines 2 and",
        ),
        ("small.yaml", b"study: x\ntraining:\n  epochs: 0\n", ":3: training.epochs: 0 is too"),
        (
            "small.yaml",
            b"study: x\nmirrors: ['http://me:secret@host/x', 'http://host/?token=secret']\n"
            b"tracking: {ui_url: 'http://me:secret@host'}\n",
            ":3: tracking.ui_url: found an address with a user name, password or token",
        ),
    ],
    ids=["syntax", "latin-1", "named syntax", "named latin-1", "twice", "bounds", "secrets"],
)
def test_a_mistake_in_a_file_is_told_with_its_line(
    project: Project, file: str, content: bytes, expected: str
) -> None:
    (project.folder / "small.yaml").write_text(SMALL)
    (project.folder / file).write_bytes(content)
    answer = project.run("--cores", "1")
    assert answer.returncode != 0
    assert f"config error: {file}{expected}" in answer.stdout
    assert "Traceback" not in answer.stdout
    assert "secret" not in answer.stdout
    kept = [path for path in project.folder.rglob(".snakemake/**/*") if path.is_file()]
    assert not any(b"secret" in Path(path).read_bytes() for path in kept)
    assert not (project.folder / "results").exists()


def test_nested_values_can_be_set_on_the_command_line(project: Project) -> None:
    (project.folder / "small.yaml").write_text(SMALL)
    answer = project.run(
        "--dry-run",
        "--config",
        'training={"epochs": 2, "validation_size": 100}',
        'grid={"seed": [0, 1], "activation": [relu], "learning_rate": [1e-5]}',
        "selection=true",
    )
    assert answer.returncode == 0, answer.stdout
    trained = {
        line.split("Training ")[1] for line in answer.stdout.splitlines() if "Training " in line
    }
    assert trained == {
        f"{implementation} relu seed={seed}/learning_rate=1e-05"
        for implementation in ("scratch", "concise")
        for seed in (0, 1)
    }
    assert "select_best" in answer.stdout
