"""DuckDB, in process, over native tables in a file."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.peers import THREADS, InProcess, Statement


class DuckDB(InProcess):
    """One database file."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self.connection = duckdb.connect(str(file), config={"threads": THREADS})

    def execute(self, sql: str) -> None:
        """Runs a statement that has no answer."""
        self.connection.execute(sql)

    def ask(self, statement: Statement) -> object:
        """All rows, as Python values."""
        if statement.parameters:
            return self.connection.execute(statement.text, dict(statement.parameters)).fetchall()
        return self.connection.execute(statement.text).fetchall()

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The rows as they are."""
        assert isinstance(answer, list)
        return answer

    def stored_bytes(self) -> int:
        """The size of the file once everything is in it."""
        self.connection.execute("CHECKPOINT")
        return self.file.stat().st_size

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()
