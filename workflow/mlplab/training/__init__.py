"""From a run of the grid to its record on disk: the loop that all implementations share."""
