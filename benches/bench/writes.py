"""Durable upserts in batches, and how soon they are seen.

Every write is on disk when it is acknowledged: Outcrop and PostgreSQL by default, DuckDB by its commit, ClickHouse by
the settings of the table. All engines get the same documents as JSON; the files that DuckDB and ClickHouse read them
from are written before the clock starts.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from bench import data
from bench.contest import Outcome
from bench.peers import Engine, Statement
from bench.peers.clickhouse import ClickHouse
from bench.peers.duckdb import DuckDB
from bench.peers.outcrop import Server
from bench.peers.postgres import Postgres
from bench.report import shown_ratio, table

Documents = Sequence[dict[str, object]]
Writer = Callable[[Documents], Callable[[], None]]
"""Prepares a batch, untimed; what it returns makes the batch durable, timed."""

UPSERTS = ((1, 500), (50, 130), (500, 30))
"""Documents of a batch, and number of batches at full scale."""
UPSERTED = sum(size * count for size, count in UPSERTS)
SEEN_BATCHES, SEEN_SIZE = 40, 50


def lines(documents: Documents) -> list[bytes]:
    """Documents as JSON."""
    return [orjson.dumps(document) for document in documents]


def outcrop(engine: Engine) -> Writer:
    """One request on the connection that asks as well."""
    assert isinstance(engine, Server)

    def prepare(documents: Documents) -> Callable[[], None]:
        body = data.body(lines(documents))
        return lambda: engine.add("documents", body)

    return prepare


def duckdb(engine: Engine, folder: Path) -> Writer:
    """`INSERT OR REPLACE` from a file, with the types that the table has."""
    assert isinstance(engine, DuckDB)
    described = engine.rows(engine.ask(Statement("DESCRIBE documents")))
    columns = ", ".join(f"'{column[0]}': '{column[1]}'" for column in described)
    file = folder / "batch-duckdb.ndjson"
    sql = f"INSERT OR REPLACE INTO documents SELECT * FROM read_json('{file}', columns = {{{columns}}})"

    def prepare(documents: Documents) -> Callable[[], None]:
        file.write_bytes(b"\n".join(lines(documents)) + b"\n")
        return lambda: engine.execute(sql)

    return prepare


def clickhouse(engine: Engine, folder: Path, column: str) -> Writer:
    """`INSERT` from a file into a table that replaces when it merges."""
    assert isinstance(engine, ClickHouse)
    file = folder / "batch-clickhouse.ndjson"
    sql = f"INSERT INTO documents SELECT json FROM file('{file}', 'JSONAsObject', 'json {column}')"

    def prepare(documents: Documents) -> Callable[[], None]:
        file.write_bytes(b"\n".join(lines(documents)) + b"\n")
        return lambda: engine.execute(sql)

    return prepare


def postgres(engine: Engine) -> Writer:
    """`INSERT … ON CONFLICT DO UPDATE` of an array."""
    assert isinstance(engine, Postgres)
    sql = (
        "INSERT INTO documents SELECT doc->>'_id', (doc->>'_event_time')::bigint, doc"
        " FROM unnest(%(docs)s::jsonb[]) doc"
        " ON CONFLICT (id) DO UPDATE SET event_time = excluded.event_time, doc = excluded.doc"
    )

    def prepare(documents: Documents) -> Callable[[], None]:
        texts = [line.decode() for line in lines(documents)]

        def commit() -> None:
            engine.connection.execute(sql, {"docs": texts})

        return commit

    return prepare


def upserts(writers: Mapping[str, Writer], documents: Documents, scale: float) -> str:
    """Replaces documents by such with another balance, in batches of each size; the figures as a table."""
    print("  upserts", flush=True)
    names = list(writers)
    rows = []
    waiting = iter(documents)
    for size, full in UPSERTS:
        times: dict[str, list[float]] = {name: [] for name in names}
        for number in range(max(3, int(full * min(1.0, scale)))):
            batch = [{**next(waiting), "balance": number + place / 8} for place in range(size)]
            for name in turned(names, number):
                commit = writers[name](batch)
                begin = time.perf_counter()
                commit()
                times[name].append((time.perf_counter() - begin) * 1e3)
        medians = {name: statistics.median(times[name]) for name in names}
        rows.append((f"batch of {size}, ms p50", *(f"{medians[name]:.2f}" for name in names)))
        rows.append(("p99", *(f"{percentile(times[name], 99):.2f}" for name in names)))
        rows.append(("documents/s", *(f"{size / medians[name] * 1e3:,.0f}" for name in names)))
        rows.append((f"{names[0]} / it", *(shown_ratio(medians[names[0]] / medians[name]) for name in names)))
    return "Upserts by one connection:\n\n" + table(("upserts", *names), rows)


def write_then_see(writers: Mapping[str, Writer], engines: Mapping[str, Engine], documents: Documents) -> str:
    """Writes batches and asks for an aggregate of each, which has to have all of it; the figures as a table."""
    print("  write, then see", flush=True)
    names = list(writers)
    questions = {
        "Outcrop": "SELECT COUNT(*) AS n, AVG(d.balance) AS mean FROM documents d WHERE d.batch = :batch",
        "DuckDB": "SELECT COUNT(*) AS n, AVG(d.balance) AS mean FROM documents d WHERE d.batch = $batch",
        "ClickHouse": (
            "SELECT count() AS n, avg(data.balance.:Float64) AS mean FROM documents FINAL WHERE data.batch = {batch}"
        ),
        "PostgreSQL": (
            "SELECT COUNT(*) AS n, AVG((doc->'balance')::float8) AS mean FROM documents"
            " WHERE doc @> jsonb_build_object('batch', %(batch)s::int)"
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(1, SEEN_BATCHES + 1):
        start = number * SEEN_SIZE % max(1, len(documents) - SEEN_SIZE)
        batch = [
            {**document, "_id": f"seen-{number}-{place}", "batch": number}
            for place, document in enumerate(documents[start : start + SEEN_SIZE])
        ]
        for name in turned(names, number):
            commit, engine = writers[name](batch), engines[name]
            begin = time.perf_counter()
            commit()
            answer = engine.ask(Statement(questions[name], {"batch": number}))
            times[name].append((time.perf_counter() - begin) * 1e3)
            seen = int(str(engine.rows(answer)[0][0]))
            if seen != len(batch):
                raise AssertionError(f"{name} sees {seen} of {len(batch)} documents that it acknowledged")
    ours = statistics.median(times[names[0]])
    rows = [
        ("p50 ms", *(f"{statistics.median(times[name]):.2f}" for name in names)),
        ("p99 ms", *(f"{percentile(times[name], 99):.2f}" for name in names)),
        (f"{names[0]} / it", *(shown_ratio(ours / statistics.median(times[name])) for name in names)),
    ]
    return f"Write {SEEN_SIZE} documents, then an aggregate that sees them:\n\n" + table(
        ("write, then see", *names), rows
    )


def slowdown(before: Outcome, after: Outcome) -> str:
    """Medians after the upserts as multiples of those before."""
    names = [contestant.name for contestant in after.contest.contestants]
    rows = [
        (question, *(shown_ratio(asked[name].median / before.asked[question][name].median) for name in asked))
        for question, asked in after.asked.items()
    ]
    return "Medians after the upserts as multiples of those before:\n\n" + table(("after / before", *names), rows)


def turned(names: Sequence[str], number: int) -> list[str]:
    """The names, beginning with another one each time."""
    start = number % len(names)
    return [*names[start:], *names[:start]]


def percentile(times: Sequence[float], percent: int) -> float:
    """The time that so many percent do not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
