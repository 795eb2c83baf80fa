"""Python imports a module of this name when it starts: a job's process hands its script over.

`mlplab_runtime.warm.start` puts this folder on the search path. A process that is no job goes on,
with the `sitecustomize` that it would have had otherwise.
"""

import os
import sys
from importlib.machinery import PathFinder

# A Python of another version may have been started with this search path.
if os.environ.get("MLPLAB_WARM", "off").startswith(sys.prefix + ":"):
    from mlplab_runtime.client import hand_over, is_job

    if is_job():
        hand_over()

_folder = os.path.dirname(os.path.abspath(__file__))
_elsewhere = [path for path in sys.path if os.path.abspath(path) != _folder]
_shadowed = PathFinder.find_spec("sitecustomize", _elsewhere)
if _shadowed and _shadowed.loader:
    _shadowed.loader.exec_module(sys.modules[__name__])
