"""What a configuration may say: checked, completed with defaults, refused in one clear line."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlplab import activations, datasets, implementations, initializers
from mlplab.config import mistakes
from mlplab.config.limits import impossible
from mlplab.config.mistakes import Mistake
from mlplab.config.schema import schema
from mlplab.config.sources import ConfigError, Source, located
from mlplab.config.values import converted, dotted, with_defaults
from mlplab.plugins import PlugInError

# Keys that name folders with further plug-ins.
PLUG_INS = {
    "datasets": datasets.names,
    "implementations": implementations.names,
    "activations": activations.names,
}


def resolve(config: Mapping[str, Any], sources: Sequence[Source] = ()) -> dict[str, Any]:
    """The configuration with all defaults filled in.

    Raises ConfigError, with one line for each mistake, where it does not follow the schema. With
    the files that it was read from, `sources`, a line names file and line of the mistake.
    """

    def refuse(found: Sequence[Mistake]) -> None:
        if found:
            raise ConfigError(
                f"{located(path, config, sources)}{mistakes.cut(dotted(path))}: {text}"
                for path, text in found
            )

    # One folder may be given as plain text, as on a command line.
    folders = {key: [config[key]] for key in PLUG_INS if isinstance(config.get(key), str)}
    plain = {**config, **folders}
    # First, and alone: the sentences that follow show what they found.
    refuse(list(mistakes.of_credentials(plain, schema())))
    node = schema(registries(config, sources))
    plain = converted(plain, node)
    refuse(mistakes.of_schema(plain, node))
    resolved: dict[str, Any] = with_defaults(plain, node)
    refuse(list(impossible(resolved)))
    return resolved


def registries(config: Mapping[str, Any], sources: Sequence[Source] = ()) -> dict[str, list[str]]:
    """The names of all plug-ins: the library's, and those in the folders that `config` names.

    Raises ConfigError where such a folder cannot be used.
    """
    found = {"initializers": initializers.names()}
    for kind, names in PLUG_INS.items():
        given = config.get(kind)
        folders = [given] if isinstance(given, str) else given
        usable = isinstance(folders, list) and all(isinstance(item, str) for item in folders)
        try:
            found[kind] = names(folders if usable and folders else ())
        except PlugInError as error:
            raise ConfigError([f"{located((kind,), config, sources)}{error}"]) from error
    return found
