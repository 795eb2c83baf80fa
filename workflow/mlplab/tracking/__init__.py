"""Everything that knows of MLflow: records are sent to it and read back from it."""
