"""What a process may no longer do from here on, enforced by the kernel. Placeholder for Linux."""

from collections.abc import Mapping, Sequence


def confine(limits: Mapping[str, int], readable: Sequence[str], scratch: str) -> list[str]:
    """Confine this process."""
    return []
