"""One module for each workload: its data, its contestants, its questions."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    scale: float
    """The share of the full size."""
    rounds: int
    loaded: bool
    """Whether to ask the stores of the last run again, and load only those that it has not."""
    server: Sequence[str]
    """Further options of `outcrop serve`."""

    def rows(self, full: int) -> int:
        """The rows of a workload that has so many at full size."""
        return max(1_000, int(full * self.scale))
