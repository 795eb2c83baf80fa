"""Whether an implementation or activation is right: compared with the reference step by step."""
