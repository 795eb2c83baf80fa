"""The jobs that made a study's files, as Snakemake has noted them in `.snakemake/metadata`."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlplab.errors import UserError
from mlplab.files import read_json

METADATA = Path(".snakemake/metadata")
# A longer name is cut into folders that begin with "@" (the limit of usual file systems).
NAME_LENGTH = 254


@dataclass(frozen=True)
class Job:
    """A job of the workflow: what it read and made, and when, in Unix seconds."""

    rule: str
    log: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    started: float
    ended: float

    @property
    def name(self) -> str:
        """The job's name: its rule, and what it was of, as its log has it."""
        return self.log.partition("/logs/")[2].removesuffix(".log") or self.rule


def timestamp(seconds: float) -> str:
    """A Unix time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def jobs_of(root: Path, files: Iterable[str]) -> list[Job]:
    """The jobs that made these files of the project in `root`, by their start.

    Raises UserError where Snakemake has noted nothing of a file.
    """
    made: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for file in files:
        noted = _noted(root, file)
        made.setdefault(noted["log"][0], []).append((file, noted))
    jobs = [_job(log, outputs) for log, outputs in made.items()]
    return sorted(jobs, key=lambda job: (job.started, job.log))


def _job(log: str, outputs: list[tuple[str, dict[str, Any]]]) -> Job:
    (_, noted), *_ = outputs
    return Job(
        rule=noted["rule"],
        log=log,
        inputs=tuple(noted["input"]),
        outputs=tuple(file for file, _ in outputs),
        started=min(of["starttime"] for _, of in outputs),
        ended=max(of["endtime"] for _, of in outputs),
    )


def _noted(root: Path, file: str) -> dict[str, Any]:
    """What Snakemake has noted of a file that it made."""
    path = root / METADATA
    name = urlsafe_b64encode(file.encode()).decode()
    while len(name) > NAME_LENGTH:
        path /= f"@{name[:NAME_LENGTH]}"
        name = name[NAME_LENGTH:]
    try:
        noted: dict[str, Any] = read_json(path / name)
        return {key: noted[key] for key in ("rule", "log", "input", "starttime", "endtime")}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{file}: Snakemake's note of who made it, and when, is not in {METADATA}/; make the "
            f"file anew where the study ran: snakemake --cores all --forcerun {file}"
        ) from error
