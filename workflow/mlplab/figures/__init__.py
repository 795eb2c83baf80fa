"""matplotlib: the figures of a study. Each function of FIGURES draws one and returns it."""
