"""Summarise the runs over seeds and classes, and compare activations and implementations."""

from collections.abc import Mapping, Sequence

from mlplab.analysis import agreement, comparisons, tables
from mlplab.analysis.axes import axes_table
from mlplab.analysis.classes import class_accuracies_table, classes_table, confusions_table
from mlplab.analysis.curves import curves_table
from mlplab.analysis.groups import groups_table
from mlplab.analysis.images import Correct
from mlplab.analysis.pairs import pairs_of
from mlplab.analysis.sampling import mcnemar_table, sampling_table, wilson_table
from mlplab.analysis.speed import speed_table
from mlplab.analysis.summary import per_class_table, summary_table
from mlplab.analysis.twins import twins_table
from mlplab.files import PathLike
from mlplab.study.documents import read_manifest
from mlplab.study.record import beside, load_records


def summarize(
    table: PathLike,
    agreed: PathLike,
    manifest: PathLike,
    runs: Mapping[str, PathLike],
    axes: Sequence[str],
    scored_on: str,
    margin: float,
    outputs: Mapping[str, PathLike],
) -> None:
    """Write each summary as `<name>_csv` and `<name>_parquet` of `outputs`.

    `table` is that of all runs, `agreed` says which implementations are right; `runs` maps a run's
    path to its run.json. `margin` is that of equivalence, a share.
    """
    all_runs = tables.read(table)
    metric = f"{scored_on}_accuracy"
    described = read_manifest(manifest)
    images: int | list[int] = described.counts["test"].images
    if scored_on == "validation":
        images = all_runs["validation_size"].tolist()
    files = beside(runs.values(), "run", "history", "evaluation", "predictions")
    predictions = dict(zip(runs, files.predictions, strict=True))
    records = load_records(list(runs), files)
    per_class = per_class_table(all_runs, records)
    agreeing = tables.read(agreed)
    standing = agreement.standing(all_runs, agreeing)
    finished = all_runs.loc[all_runs["status"] == "finished", "run"]
    correct = Correct.read(finished, predictions)
    late = f"late_{metric}"
    pairs = list(pairs_of(all_runs, axes, late, standing))
    sampling = sampling_table(pairs, correct, axes)
    summaries = {
        "summary": summary_table(all_runs, axes, scored_on),
        "groups": groups_table(all_runs, correct, axes, late, standing),
        "per_class": per_class,
        "classes": classes_table(per_class, axes),
        "confusions": confusions_table(records.values(), described.class_names),
        "class_accuracies": class_accuracies_table(
            all_runs, correct, standing, described.class_names
        ),
        "curves": curves_table(records.values(), axes, scored_on),
        "axes": axes_table(all_runs, axes),
        "twins": twins_table(records.values(), agreeing, axes, scored_on, margin),
        "comparisons": comparisons.comparisons_table(pairs, correct, axes, margin, late),
        "sampling": sampling,
        "mcnemar": mcnemar_table(sampling, axes),
        "intervals": wilson_table(all_runs, images, axes, metric),
        "speed": speed_table(all_runs, axes),
    }
    tables.write_all(summaries, outputs)
    print(summaries["summary"].to_string())
    print(summaries["comparisons"].to_string())
