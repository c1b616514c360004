"""Contestants as most workloads want them: Outcrop from JSON lines, the others by statements of their own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from bench import contest, places
from bench.contest import Contestant
from bench.peers import Engine, Statement
from bench.peers.clickhouse import ClickHouse
from bench.peers.duckdb import DuckDB
from bench.peers.outcrop import Server, load_file
from bench.peers.polars import Polars

Questions = Mapping[str, str]


def once(questions: Questions) -> dict[str, Sequence[Statement]]:
    """Questions that are one statement without parameters each."""
    return {name: [Statement(text)] for name, text in questions.items()}


def outcrop(
    of: str,
    name: str,
    options: Sequence[str],
    files: Mapping[str, Path],
    questions: Questions,
    transformation: str | None = None,
    views: Questions | None = None,
) -> Contestant:
    """A server with a collection for each file, and the views that the questions use."""

    def load(engine: Engine) -> None:
        assert isinstance(engine, Server)
        for collection, path in files.items():
            engine.create(collection, transformation)
            load_file(engine, collection, path)
        for view, query in (views or {}).items():
            engine.post("ws/commons/views", {"name": view, "query": query})

    def settle(engine: Engine) -> None:
        assert isinstance(engine, Server)
        engine.settle()

    store = contest.folder(of, name)
    return Contestant(
        name,
        open=lambda: Server(store, options),
        load=load,
        stored_bytes=lambda engine: places.folder_bytes(store),
        questions=once(questions),
        settle=settle,
    )


def duckdb(of: str, name: str, statements: Sequence[str], questions: Questions) -> Contestant:
    """A database file that the statements fill."""

    def load(engine: Engine) -> None:
        assert isinstance(engine, DuckDB)
        for statement in statements:
            engine.execute(statement)
        engine.execute("CHECKPOINT")

    def stored_bytes(engine: Engine) -> int:
        assert isinstance(engine, DuckDB)
        return engine.stored_bytes()

    store = contest.folder(of, name).with_suffix(".db")
    return Contestant(name, lambda: DuckDB(store), load, stored_bytes, once(questions))


def clickhouse_session(of: str) -> Callable[[], Engine]:
    """How to open the one session of a contest."""
    store = contest.folder(of, "ClickHouse session")
    return lambda: ClickHouse(store)


def clickhouse(
    session: Callable[[], Engine],
    name: str,
    tables: Sequence[str],
    statements: Sequence[str],
    questions: Questions,
    empty_is_null: bool = False,
) -> Contestant:
    """Tables that the statements make and fill; each is one part when it is asked."""

    def load(engine: Engine) -> None:
        assert isinstance(engine, ClickHouse)
        for statement in statements:
            engine.execute(statement)

    def settle(engine: Engine) -> None:
        assert isinstance(engine, ClickHouse)
        for table in tables:
            engine.execute(f"OPTIMIZE TABLE {table} FINAL")

    def stored_bytes(engine: Engine) -> int:
        assert isinstance(engine, ClickHouse)
        return sum(engine.stored_bytes(table) for table in tables)

    return Contestant(name, session, load, stored_bytes, once(questions), settle, empty_is_null)


def clickhouse_table(name: str, file: Path, key: str, low_cardinality: bool = True) -> str:
    """The statement that makes a table out of a Parquet file, whose columns have no nulls.

    The schema of the Star Schema Benchmark for ClickHouse has `LowCardinality` texts, that of ClickBench plain ones.
    """
    text = "LowCardinality(String)" if low_cardinality else "String"
    types = {"string": text, "int64": "Int64", "date32[day]": "Date", "timestamp[us]": "DateTime(''UTC'')"}
    columns = ", ".join(f"{field.name} {types[str(field.type)]}" for field in pq.read_schema(file))
    return (
        f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY ({key})"
        f" AS SELECT * FROM file('{file}', 'Parquet', '{columns}')"
    )


def polars(name: str, files: Mapping[str, Path], questions: Questions) -> Contestant:
    """Data frames of Parquet files, in memory."""

    def load(engine: Engine) -> None:
        assert isinstance(engine, Polars)
        engine.load(files)

    def stored_bytes(engine: Engine) -> int:
        assert isinstance(engine, Polars)
        return engine.frame_bytes()

    return Contestant(name, Polars, load, stored_bytes, once(questions), in_memory=True)
