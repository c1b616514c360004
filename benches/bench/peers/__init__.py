"""One module for each engine. All of them answer `Engine`; beyond that each has what its loading needs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

THREADS = 2
"""The threads of each peer that has such a setting."""

Value = str | int | float


@dataclass(frozen=True)
class Statement:
    """A question in the words of one engine, with values for its placeholders."""

    text: str
    parameters: Mapping[str, Value] = field(default_factory=dict)


class Engine(Protocol):
    """What a contest asks. `ask` is timed and returns the whole answer; `rows` then makes sense of it, untimed."""

    def ask(self, statement: Statement) -> object:
        """The answer in the form in which the engine hands it over."""

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The rows of an answer of `ask`."""

    def cpu_seconds(self) -> float:
        """Processor time spent so far."""

    def close(self) -> None:
        """Ends the engine; what it stored remains."""


class InProcess:
    """An engine in this process: its processor time is that of the process, since only one engine works at a time."""

    def cpu_seconds(self) -> float:
        """Processor time of this process so far, all threads together."""
        return time.process_time()
