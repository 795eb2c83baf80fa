"""Where plug-ins are run: the library's own in this process, strangers' in a sandbox."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlplab import activations, implementations
from mlplab.activations import Activation
from mlplab.implementations import Build
from mlplab.isolation.process import Limits
from mlplab.isolation.sandbox import Sandbox


def is_own(path: Path) -> bool:
    """Whether a plug-in is the library's own, which is trusted."""
    return implementations.REGISTRY.owns(path) or activations.REGISTRY.owns(path)


class Isolated:
    """Loads plug-ins, each where it belongs; `sandbox` is None where none is a stranger's."""

    def __init__(self, sandbox: Sandbox | None) -> None:
        self.sandbox = sandbox

    def renew(self) -> None:
        """Count the limit on all answers from here on."""
        if self.sandbox:
            self.sandbox.renew()

    def implementation(self, path: Path, watch: bool = True) -> Build:
        """What builds networks of an implementation, of its file.

        With `watch` a network that changes what it is given does so here, wherever it is run.
        """
        if self.sandbox is None or is_own(path):
            return implementations.load(path)
        return self.sandbox.implementation(path, watch)

    def activation(self, path: Path) -> Activation:
        """An activation, of its file."""
        if self.sandbox is None or is_own(path):
            return activations.load(path)
        return self.sandbox.activation(path)


def strangers(paths: Iterable[Path], isolation: str) -> list[Path]:
    """Those of some plug-ins that are not run in this process."""
    if isolation == "off":
        return []
    return [path for path in dict.fromkeys(paths) if not is_own(path)]


@contextmanager
def isolated(
    *paths: Path, limits: Limits | None = None, isolation: str = "auto"
) -> Iterator[Isolated]:
    """Where these plug-ins are run, within; a sandbox is started if one is a stranger's.

    `isolation` is `auto`, `require` (bwrap must be there) or `off` (all are run in this process).
    """
    apart = strangers(paths, isolation)
    if not apart:
        yield Isolated(None)
        return
    with Sandbox(apart, limits, isolation) as sandbox:
        yield Isolated(sandbox)
