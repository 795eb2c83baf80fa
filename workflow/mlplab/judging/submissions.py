"""What is handed in: a file, a notebook or a folder of them, and what is printed of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlplab import notebooks
from mlplab.isolation.sandbox import Sandbox
from mlplab.plugins import PlugInError, defines, source

# How the end of a verdict begins, before which there are notes.
ADVICE = "What to look at"
ENDINGS = (".py", notebooks.ENDING)


def files_of(paths: Sequence[Path]) -> tuple[list[Path], bool]:
    """The files to check, and whether a table of them is wanted: of a folder, or of several.

    In a folder these are all but the helpers, which others import and which define nothing that
    could be checked. Raises PlugInError where there is none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.glob("[!_.]*") if each.suffix in ENDINGS)
            found += [each for each in inside if not _is_helper(each, inside)]
        elif path.is_file():
            found.append(path)
        else:
            raise PlugInError(f"{path}: there is no such file; name a Python file")
    if not found:
        raise PlugInError(f"{paths[0]}: there is neither a Python file nor a notebook in it")
    return found, len(paths) > 1 or paths[0].is_dir()


def _is_helper(path: Path, others: Sequence[Path]) -> bool:
    if defines(path, "Network") or defines(path, "function"):
        return False
    imported = re.compile(rb"^\s*(import|from)\s+" + re.escape(path.stem.encode()) + rb"\b", re.M)
    return any(_mentions(imported, other) for other in others if other != path)


def _mentions(pattern: re.Pattern[bytes], path: Path) -> bool:
    try:
        return pattern.search(source(path)) is not None
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Judged:
    """One file that was checked. `sandbox` is where it was run, None for this process."""

    path: Path
    right: bool
    verdict: list[str]
    sandbox: Sandbox | None

    def lines(self, with_output: bool = False) -> list[str]:
        """The verdict with what else is to be said, and what the file has printed."""
        lines = list(self.verdict)
        advice = [index for index, line in enumerate(lines) if line.startswith(ADVICE)]
        notes = [f"  note   {note}" for note in self._notes(with_output)]
        place = min(advice, default=len(lines))
        lines[place:place] = notes
        if with_output and self.sandbox and self.sandbox.output:
            lines.append("What the file has printed:")
            lines += [f"  | {line}" for line in self.sandbox.output.splitlines()]
        return lines

    def row(self, all_files: Sequence[Path]) -> str:
        """One line of a table."""
        width = max(len(path.name) for path in all_files)
        first, *_ = self.verdict
        word = "RIGHT" if self.right else ("FAILS" if first.startswith("FAILS") else "WRONG")
        told = re.sub(rf"^(RIGHT|WRONG|FAILS)\s+{re.escape(self.path.stem)}[,:]?\s*", "", first)
        notes = "".join(f" [{note}]" for note in self._notes(with_output=True))
        return f"{word}  {self.path.name:{width}}  {told}{notes}"

    def _notes(self, with_output: bool) -> list[str]:
        if self.sandbox is None:
            return []
        notes = list(self.sandbox.notes)
        if self.sandbox.printed and not with_output:
            notes.append(f"it prints {self.sandbox.printed:,} bytes: --output shows the first")
        if opened := self.sandbox.not_isolated():
            notes.append(f"bwrap is not in use, so that {'; '.join(opened)}")
        return notes
