"""ClickHouse, in process as chDB. A process has one session, so that all contestants of a contest share it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from chdb import session

from bench.peers import THREADS, InProcess, Statement, Value


class ClickHouse(InProcess):
    """The session on one folder."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.session = session.Session(str(folder))
        self.execute(f"SET max_threads = {THREADS}")

    def execute(self, sql: str) -> None:
        """Runs a statement that has no answer."""
        self.session.query(sql)

    def ask(self, statement: Statement) -> object:
        """The rows as lines of JSON arrays, unparsed."""
        return self.session.query(bound(statement.text, statement.parameters), "JSONCompactEachRow").bytes()

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The rows of the JSON lines."""
        assert isinstance(answer, bytes)
        return [json.loads(line) for line in answer.splitlines()]

    def stored_bytes(self, table: str) -> int:
        """The bytes of the live parts of a table."""
        sizes = self.ask(
            Statement(f"SELECT toInt64(sum(bytes_on_disk)) FROM system.parts WHERE active AND table = '{table}'")
        )
        return int(str(self.rows(sizes)[0][0]))

    def close(self) -> None:
        """Ends the session; the next one may be on another folder."""
        self.session.close()


def bound(text: str, values: Mapping[str, Value]) -> str:
    """The text with literals for its `{name}`; the values of the workloads need no escapes."""
    literals = {name: f"'{value}'" if isinstance(value, str) else str(value) for name, value in values.items()}
    return text.format(**literals) if literals else text
