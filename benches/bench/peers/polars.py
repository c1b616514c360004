"""Polars, in process, over data frames in memory. It stores nothing: its bytes are those of the frames."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.peers import THREADS, InProcess, Statement

# Polars starts its threads when it is imported.
os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import polars  # noqa: E402


class Polars(InProcess):
    """A set of frames that SQL is asked about."""

    def __init__(self) -> None:
        self.frames: dict[str, polars.DataFrame] = {}
        self.context = polars.SQLContext(eager=True)

    def load(self, files: Mapping[str, Path]) -> None:
        """Reads Parquet files into frames."""
        for name, file in files.items():
            self.frames[name] = polars.read_parquet(file)
        self.context.register_many(self.frames)

    def ask(self, statement: Statement) -> object:
        """The frame that answers."""
        return self.context.execute(statement.text)

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The rows of a frame."""
        assert isinstance(answer, polars.DataFrame)
        return answer.rows()

    def frame_bytes(self) -> int:
        """The memory of the frames."""
        return sum(int(frame.estimated_size()) for frame in self.frames.values())

    def close(self) -> None:
        """Lets go of the frames."""
        self.frames.clear()
        self.context = polars.SQLContext(eager=True)
