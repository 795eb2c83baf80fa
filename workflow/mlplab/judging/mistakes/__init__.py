"""Known mistakes of those who write a network: a catalogue, and how each is recognised."""
