"""The best combination of a grid, where the study selected one on validation images."""

from collections.abc import Mapping
from typing import Any

from mlplab.report.findings._finding import Finding
from mlplab.report.wording import count, number, spread
from mlplab.study import words


def selected(selection: Mapping[str, Any] | None) -> Finding | None:
    """What won among how many, and what the test set says of it; None without a selection."""
    if selection is None:
        return None
    name = f"{selection['implementation']} with {point_of(selection)}"
    second = selection["runner_up_mean"]
    runner_up = f" (the runner-up has {number(second)}; not tested)" if second is not None else ""
    headline = (
        f"Of {count(selection['combinations'], 'combination')}, {name} has the highest mean "
        f"validation accuracy, {number(selection['validation_accuracy_mean'])}{runner_up}; "
        f"on the test set, {_readings(selection)}, its accuracy is {_tested(selection)}."
    )
    return Finding(
        "selection",
        "Which combination was selected",
        [
            headline,
            "All other accuracies on this page are of validation images. The winner’s own was "
            "chosen for being the highest, so it flatters"
            + ("; its test accuracy does not." if selection["winners_read"] == 1 else ".")
            + " Every reading of the test set is in test_readings.jsonl.",
        ],
        headline,
    )


def point_of(selection: Mapping[str, Any]) -> str:
    """The activation and settings that were selected, in words."""
    settings = {axis: words.tabulated(axis, value) for axis, value in selection["point"].items()}
    return words.point(selection["activation"], settings)


def _readings(selection: Mapping[str, Any]) -> str:
    """How often the test set was looked at, for winners of this study."""
    times, winners = selection["readings"], selection["winners_read"]
    if times == 1:
        return "read once, for it"
    if winners == 1:
        return f"read {times} times, each time for it"
    return (
        f"read {times} times, for {winners} different winners, so that this may be the best of "
        "several looks"
    )


def _tested(selection: Mapping[str, Any]) -> str:
    mean = selection["test_accuracy_mean"]
    low, high = selection["test_accuracy_low"], selection["test_accuracy_high"]
    accuracies = [run["test_accuracy"] for run in selection["runs"]]
    if len(accuracies) == 1:
        return f"{number(mean)}, from one seed"
    if low is None:
        return f"{number(mean)}, {spread(accuracies)} over {len(accuracies)} seeds"
    interval = f"{number(low)} to {number(high)}"
    return f"{number(mean)} (95 % interval {interval}, over {len(accuracies)} seeds)"
