"""A study under way in at most six rows: how far it is, what trains, what came out so far."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from mlplab.study import live
from mlplab.study.live import Live
from mlplab.study.record import RunFiles
from mlplab.terminal.progress import Job, Progress
from mlplab.terminal.words import bar, curve, duration, number

# With the row of the bar, that of other jobs and that of the results there are six.
NETWORKS = 3
CURVE = 12
# A terminal that is narrower than this shows no curve, and one that is narrower still no bar.
NARROW, VERY_NARROW = 70, 50


def networks(progress: Progress) -> list[tuple[Job, Live]]:
    """The networks that train, each with its epochs so far; those of a cluster may still wait."""
    jobs = [job for job in progress.running.values() if job.network]
    found = [(job, live.read(Path(job.network or ""))) for job in jobs]
    return [(job, epochs) for job, epochs in found if epochs]


def block(
    progress: Progress,
    training: Sequence[tuple[Job, Live]],
    now: float,
    width: int,
    plain: bool = False,
) -> list[Text]:
    """The rows, none wider than `width`; `plain` for a terminal without the signs of a curve."""
    shown = training[:NETWORKS]
    rows = [_head(progress, now, width, plain)]
    rows += [_network(job, epochs, shown, width, plain) for job, epochs in shown]
    rows += [others] if (others := _others(progress, training, shown)) else []
    rows += [results] if (results := _results(progress)) else []
    for row in rows:
        row.no_wrap = True
        row.truncate(width, overflow="crop" if plain else "ellipsis")
    return rows


def _head(progress: Progress, now: float, width: int, plain: bool) -> Text:
    left = progress.seconds_left(now)
    about = f", about {duration(left, roughly=True)} left" if left and left >= 1 else ""
    spent = duration(now - progress.started, roughly=True)
    said = f"{progress.done}/{progress.total} jobs in {spent}{about}"
    name = Path(progress.study).name
    row = Text.assemble((f"{name} ", "bold"))
    if width >= VERY_NARROW:
        room = max(min(width - len(name) - len(said) - 2, 30), 0)
        done, rest = bar(progress.done / max(progress.total, 1), room, plain)
        row.append(done, style="green").append(rest, style="dim").append(" ")
    return row.append(said)


def _network(
    job: Job, epochs: Live, shown: Sequence[tuple[Job, Live]], width: int, plain: bool
) -> Text:
    names = [_network_name(other) for other, _ in shown]
    digits = len(str(max(each.epochs for _, each in shown)))
    row = Text(f"  {_network_name(job):<{max(map(len, names))}}  ")
    row.append(f"epoch {len(epochs.rows):>{digits}}/{epochs.epochs}")
    if epochs.rows:
        row.append(f"  loss {_last_loss(epochs):.4f}")
        if width >= NARROW and not plain:
            losses = [each["training_loss"] for each in epochs.rows]
            row.append("  " + curve(losses, CURVE), style="cyan")
    return row


def _network_name(job: Job) -> str:
    return job.name.removeprefix("train ")


def _last_loss(epochs: Live) -> Any:
    return epochs.rows[-1]["training_loss"]


def _others(
    progress: Progress, training: Sequence[tuple[Job, Live]], shown: Sequence[tuple[Job, Live]]
) -> Text | None:
    """What else is under way."""
    jobs = progress.running.values()
    more = len(training) - len(shown)
    parts = [number(more, "more network")] if more else []
    parts += _not_training(progress, training)
    parts += [job.name for job in jobs if not job.network]
    return Text(f"  {', '.join(parts)}", style="dim") if parts else None


def _not_training(progress: Progress, training: Sequence[tuple[Job, Live]]) -> list[str]:
    """What is to be said of networks whose job is not over, though they do not train.

    On a cluster they may still wait, or have trained: the jobs of a bundle are over when all are.
    """
    trains = {job.name for job, _ in training}
    jobs = [job for job in progress.running.values() if job.network and job.name not in trains]
    trained = sum(map(_has_trained, jobs))
    waiting = len(jobs) - trained
    said = [f"{number(trained, 'more network')} trained"] if trained else []
    return said + ([f"{number(waiting, 'network')} waiting"] if waiting else [])


def _has_trained(job: Job) -> bool:
    """Whether the record of a job's network was written since the job was started."""
    try:
        return RunFiles.at(Path(job.network or "")).run.stat().st_mtime >= job.started
    except OSError:
        return False


def _results(progress: Progress) -> Text | None:
    """What came out so far: in red what went wrong, then the best network."""
    counts = (
        (progress.crashed, "crashed"),
        (progress.diverged, "diverged"),
        (len(progress.failures), "failed"),
    )
    wrong = ", ".join(f"{amount} {what}" for amount, what in counts if amount)
    parts = [Text(wrong, style="red")] if wrong else []
    if progress.trained:
        parts.append(Text(f"{number(progress.trained, 'network')} trained"))
    if progress.best and progress.best.accuracy is not None:
        run = progress.best.run.replace("/", " ")
        split, accuracy = progress.best.split, progress.best.accuracy
        parts.append(Text(f"best {split} accuracy {accuracy:.4f} ({run})"))
    return Text("  ").append(Text(", ").join(parts)) if parts else None


def idle(progress: Progress, training: Sequence[tuple[Job, Live]], now: float) -> str:
    """What goes on, in a line, where no block can be drawn and nothing has ended for a while."""
    parts = []
    if training:
        epochs = [len(each.rows) for _, each in training]
        reached = " to ".join(dict.fromkeys(str(each) for each in (min(epochs), max(epochs))))
        verb = "trains" if len(training) == 1 else "train"
        of = max(each.epochs for _, each in training)
        parts.append(f"{number(len(training), 'network')} {verb}, epoch {reached} of {of}")
    parts += _not_training(progress, training)
    others = [job for job in progress.running.values() if not job.network]
    parts += [f"{job.name} for {duration(now - job.started)}" for job in others[:3]]
    parts += [number(len(others) - 3, "more job")] if len(others) > 3 else []
    return f"… {progress.done}/{progress.total} jobs; {'; '.join(parts) or 'nothing runs'}"
