"""matplotlib: the figures of a study. Each function draws one and returns it."""
