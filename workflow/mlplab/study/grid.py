"""From a configuration to the runs of a study: the grid is data."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The axes that every study has, in the order of a run's path.
IDENTITY = ("implementation", "activation", "seed")


def slug(value: Any) -> str:
    """A value as part of a path: 0.1, zeros, 256x128."""
    if isinstance(value, list | tuple):
        return "x".join(map(str, value))
    return str(value)


@dataclass(frozen=True)
class Run:
    """One training of the grid: who trains, from which seed, with which settings."""

    implementation: str
    activation: str
    seed: int
    settings: dict[str, Any]
    axes: tuple[str, ...] = ()

    @property
    def point(self) -> str:
        """The values of the further axes as a path, "" where there are none."""
        return "/".join(f"{axis}={slug(self.settings[axis])}" for axis in self.axes)

    @property
    def cell(self) -> str:
        """What the runs of several seeds share: implementation/activation[/axis=value …]."""
        return _join(self.implementation, self.activation, self.point)

    @property
    def group(self) -> str:
        """What several implementations share: activation[/axis=value …]."""
        return _join(self.activation, self.point)

    @property
    def path(self) -> str:
        """The run's name and folder: implementation/activation/seed=n[/axis=value …]."""
        return _join(self.implementation, self.activation, f"seed={self.seed}", self.point)


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def runs(config: Mapping[str, Any]) -> dict[str, Run]:
    """All runs of a resolved configuration by their path, in the order of its grid."""
    grid = config["grid"]
    axes = tuple(sorted(axis for axis in grid if axis not in IDENTITY))
    points = [
        {**config["network"], **config["training"], **dict(zip(axes, values, strict=True))}
        for values in itertools.product(*(grid[axis] for axis in axes))
    ]
    expanded = {}
    # The runs of one point share its settings.
    chosen = (grid[axis] for axis in IDENTITY)
    for implementation, activation, seed, settings in itertools.product(*chosen, points):
        run = Run(implementation, activation, seed, settings, axes)
        expanded[run.path] = run
    return expanded


def scored_split(config: Mapping[str, Any]) -> str:
    """The split that runs are scored on: "test", or "validation" where the best is selected."""
    return "validation" if config["selection"] else "test"


def by_cell(all_runs: Mapping[str, Run]) -> dict[str, list[Run]]:
    """The runs of each cell, in order."""
    return _grouped(all_runs, "cell")


def by_group(all_runs: Mapping[str, Run]) -> dict[str, list[Run]]:
    """The runs of each group, in order."""
    return _grouped(all_runs, "group")


def interleaved(all_runs: Mapping[str, Run]) -> list[Run]:
    """The runs in the order of training: group by group and seed by seed, implementations in turn.

    Who comes first changes with every seed: what else a machine does falls on all of them alike.
    """
    found = []
    for members in by_group(all_runs).values():
        of_seed: dict[int, list[Run]] = {}
        for run in members:
            of_seed.setdefault(run.seed, []).append(run)
        for index, rivals in enumerate(of_seed.values()):
            found += rivals[:: -1 if index % 2 else 1]
    return found


def cell_of(path: str) -> str:
    """The cell of the run that has this path."""
    implementation, activation, _, *point = path.split("/")
    return _join(implementation, activation, *point)


def group_of(path: str) -> str:
    """The group of the run that has this path."""
    _, activation, _, *point = path.split("/")
    return _join(activation, *point)


def _grouped(all_runs: Mapping[str, Run], key: str) -> dict[str, list[Run]]:
    grouped: dict[str, list[Run]] = {}
    for run in all_runs.values():
        grouped.setdefault(getattr(run, key), []).append(run)
    return grouped
