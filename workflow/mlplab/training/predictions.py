"""What a network says of each image that it is scored on: enough for every later score."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mlplab.files import replacing


def _column(values: NDArray[np.generic]) -> pa.Array:
    """The array itself as a column; `pa.array` would import pandas, which training needs not."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def prediction_table(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> pa.Table:
    """One row per image, from logits n × c and labels n.

    Columns: `label` and `prediction` (class indices, uint8), `logits` (c times float32).
    """
    flat = _column(logits.astype(np.float32).reshape(-1))
    return pa.table(
        {
            "label": _column(labels.astype(np.uint8)),
            "prediction": _column(logits.argmax(axis=1).astype(np.uint8)),
            "logits": pa.FixedSizeListArray.from_arrays(flat, logits.shape[1]),
        }
    )


def write_predictions(
    path: str | os.PathLike[str], logits: NDArray[np.floating], labels: NDArray[np.integer]
) -> None:
    """Write a prediction_table as parquet."""
    with replacing(path) as temporary:
        # No two logits are alike: a dictionary of them takes half as much again, and five times the
        # time. With their bytes split by place, the exponents lie together and compress.
        pyarrow.parquet.write_table(
            prediction_table(logits, labels),
            temporary,
            compression="zstd",
            use_dictionary=["label", "prediction"],
            column_encoding={"logits.list.element": "BYTE_STREAM_SPLIT"},
        )
