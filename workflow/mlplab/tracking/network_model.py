"""The network of a run as a model of MLflow: this file and what lies beside it, without MLP Lab.

It is copied into every model as model.py, and imported from there alone. The network is that of all
implementations: products with an activation between them, in float32, on the CPU.
"""

import importlib.util
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext

OUTPUTS = ("logits", "probabilities", "classes")


class Network(PythonModel):
    """Says of each image, n × height × width with pixels from 0, what a run's network says."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the parameters, W1, b1, W2, b2 …, and the activation's file."""
        from safetensors.torch import load_file

        place = context.artifacts["activation"]
        spec = importlib.util.spec_from_file_location("activation_of_the_network", place)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._activation = module.function
        # The activation's own, such as the slope of a pReLU, in their order.
        self._own = list(getattr(module, "PARAMETERS", ()))
        self._parameters = load_file(context.artifacts["parameters"])
        self._settings: dict[str, Any] = context.model_config

    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,
    ) -> np.ndarray:
        """Logits, n × c; as `output` says probabilities, n × c, or names of classes, n."""
        import torch

        output = (params or {}).get("output", OUTPUTS[0])
        if output not in OUTPUTS:
            raise ValueError(f"output: {output!r} is not one of {', '.join(OUTPUTS)}")
        with torch.no_grad():
            images = torch.tensor(np.asarray(model_input), dtype=torch.float32)
            logits = self._logits(images.flatten(1) / self._settings["pixel_max"])
            if output == "classes":
                names = self._settings["class_names"]
                return np.array([names[index] for index in logits.argmax(dim=1).tolist()])
            return (logits.softmax(dim=1) if output == "probabilities" else logits).numpy()

    def _logits(self, hidden: Any) -> Any:
        names = self._parameters
        last = sum(name.startswith("W") for name in names)
        for layer in range(1, last):
            hidden = hidden @ names[f"W{layer}"] + names[f"b{layer}"]
            own = [names[f"{name}{layer}"] for name in self._own]
            hidden = self._activation(hidden, *own)
        return hidden @ names[f"W{last}"] + names[f"b{last}"]


mlflow.models.set_model(Network())
