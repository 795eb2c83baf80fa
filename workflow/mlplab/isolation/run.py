"""Where plug-ins are run: the library's own in this process, strangers' in a sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.isolation.sandbox import Limits, Sandbox


def is_own(path: Path) -> bool:
    """Whether a plug-in is the library's own, which is trusted."""
    folders = (implementations.REGISTRY.folder, activations.REGISTRY.folder)
    return path.resolve().parent in [folder.resolve() for folder in folders]


class Isolated:
    """Loads plug-ins, each where it belongs; `sandbox` is None where none is a stranger's."""

    def __init__(self, sandbox: Sandbox | None) -> None:
        self.sandbox = sandbox

    def implementation(self, path: Path) -> Build:
        """What builds networks of an implementation, of its file."""
        if self.sandbox is None or is_own(path):
            return implementations.load(path)
        return self.sandbox.implementation(path)

    def activation(self, path: Path) -> Activation:
        """An activation, of its file."""
        if self.sandbox is None or is_own(path):
            return activations.load(path)
        return self.sandbox.activation(path)


@contextmanager
def isolated(
    *paths: Path, limits: Limits | None = None, isolation: str = "auto"
) -> Iterator[Isolated]:
    """Where these plug-ins are run, within; a sandbox is started if one is a stranger's.

    `isolation` is `auto`, `require` (bwrap must be there) or `off` (all are run in this process).
    """
    strangers = [path for path in dict.fromkeys(paths) if not is_own(path)]
    if not strangers or isolation == "off":
        yield Isolated(None)
        return
    with Sandbox(strangers, limits, isolation) as sandbox:
        yield Isolated(sandbox)
