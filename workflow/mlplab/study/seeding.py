"""The random streams of a seed."""

import hashlib

import torch


def generator(seed: int, purpose: str) -> torch.Generator:
    """A generator for one purpose of one seed; streams of different purposes are unrelated."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
