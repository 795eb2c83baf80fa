"""What is handed in: a file, a notebook or a folder of them, and what is printed of each."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlplab import notebooks
from mlplab.isolation.sandbox import Sandbox
from mlplab.judging.verdict import Verdict
from mlplab.plugins import PlugInError, defines, source

# How the end of a verdict begins, before which there are notes.
ADVICE = "What to look at"
ENDINGS = (".py", notebooks.ENDING)


def files_of(paths: Sequence[Path]) -> tuple[list[Path], bool]:
    """The files to check, and whether a table of them is wanted: of a folder, or of several.

    Raises PlugInError where there is none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += to_check(path)
        elif path.is_file():
            found.append(path)
        else:
            raise PlugInError(f"{path}: there is no such file; name a Python file")
    if not found:
        raise PlugInError(f"{paths[0]}: there is neither a Python file nor a notebook in it")
    return found, len(paths) > 1 or paths[0].is_dir()


def to_check(folder: Path) -> list[Path]:
    """The files in a folder and its sub-folders, but no helpers.

    A helper is a file, or a package, that a file beside it imports and that defines nothing that
    could be checked. Links to folders are not followed.
    """
    inside = sorted(folder.glob("[!_.]*"))
    files = [path for path in inside if path.suffix in ENDINGS and path.is_file()]
    folders = [path for path in inside if path.is_dir() and not path.is_symlink()]
    found = [path for path in files if not _is_helper(path, files)]
    for each in folders:
        if not _is_imported(each, files):
            found += to_check(each)
    return found


def _is_helper(path: Path, others: Sequence[Path]) -> bool:
    if defines(path, "Network") or defines(path, "function"):
        return False
    return _is_imported(path, others)


def _is_imported(path: Path, others: Sequence[Path]) -> bool:
    imported = re.compile(
        rb"^\s*(import|from)\s+" + re.escape(os.fsencode(path.stem)) + rb"\b", re.M
    )
    return any(_mentions(imported, other) for other in others if other != path)


def _mentions(pattern: re.Pattern[bytes], path: Path) -> bool:
    try:
        return pattern.search(source(path)) is not None
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Judged:
    """One file that was checked.

    `sandbox` is where it was run, None for this process; `examined` is the whole verdict, None
    where there is none, as for an activation.
    """

    path: Path
    right: bool
    verdict: list[str]
    sandbox: Sandbox | None
    examined: Verdict | None = None

    def lines(self, with_output: bool = False) -> list[str]:
        """The verdict with what else is to be said, and what the file has printed."""
        lines = list(self.verdict)
        advice = [index for index, line in enumerate(lines) if line.startswith(ADVICE)]
        notes = [f"  note   {note}" for note in self.notes(with_output)]
        place = min(advice, default=len(lines))
        lines[place:place] = notes
        if with_output and self.sandbox and self.sandbox.output:
            lines.append("What the file has printed:")
            lines += [f"  | {line}" for line in self.sandbox.output.splitlines()]
        return lines

    def row(self, all_files: Sequence[Path]) -> str:
        """One line of a table."""
        common = Path(os.path.commonpath([path.absolute().parent for path in all_files]))
        names = {path: str(path.absolute().relative_to(common)) for path in all_files}
        width = max(map(len, names.values()))
        first, *_ = self.verdict
        word = "RIGHT" if self.right else ("FAILS" if first.startswith("FAILS") else "WRONG")
        told = re.sub(rf"^(RIGHT|WRONG|FAILS)\s+{re.escape(self.path.stem)}[,:]?\s*", "", first)
        notes = "".join(f" [{note}]" for note in self.notes(with_output=True))
        return f"{word}  {names[self.path]:{width}}  {told}{notes}"

    def notes(self, with_output: bool = False) -> list[str]:
        """What is to be said beside the verdict: what the file did, what was not isolated."""
        if self.sandbox is None:
            return []
        notes = list(self.sandbox.notes)
        if self.sandbox.printed and not with_output:
            notes.append(f"it prints {self.sandbox.printed:,} bytes: --output shows the first")
        if opened := self.sandbox.not_isolated():
            notes.append(f"bwrap is not in use, so that {'; '.join(opened)}")
        return notes
