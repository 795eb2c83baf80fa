"""What a network says of each image of the test set, compactly: enough for every later score."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def _column(values: NDArray[np.generic]) -> pa.Array:
    """The array itself as a column; `pa.array` would import pandas, which training needs not."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def prediction_table(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> pa.Table:
    """One row per image, from logits n × c and labels n.

    Columns: `label`, `prediction` (class indices), `probability` of the predicted class, and
    `label_log_probability`, the natural logarithm of the probability given to the right class.
    """
    scores = logits.astype(np.float64)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    prediction = scores.argmax(axis=1)
    return pa.table(
        {
            "label": _column(labels.astype(np.uint8)),
            "prediction": _column(prediction.astype(np.uint8)),
            "probability": _column(np.exp(log_probability[rows, prediction])),
            "label_log_probability": _column(log_probability[rows, labels]),
        }
    )
