"""What a person sees of a study in a terminal: how far it is, and how it ended."""
