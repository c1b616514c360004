"""Documents as RockBench has them, 1.5 KB each: lookups, selective filters, fresh aggregates and durable upserts.

The reads are asked before and after 22,000 upserts, which replace documents by others with the same `_event_time`, so
that the answers have as many rows as before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench import clients, contest, contestants, data, places, writes
from bench.contest import Contest, Contestant, Outcome
from bench.data import join, numbers, pick
from bench.peers import Engine, Statement, Value, postgres
from bench.peers.postgres import Postgres
from bench.peers.tantivy import Tantivy
from bench.workloads import Options

ROWS = 500_000
FIRST_MICROS = 1_700_000_000_000_000
STEP_MICROS = 1_000
NEWEST_SHARE = 0.02
LOOKUPS = 40
"""Different keys that are looked up in every round."""
SCANS = 5
"""Times that each of the other questions is asked in every round."""
COMPANIES = 1_000
COLORS = ["blue", "brown", "green", "gray", "hazel"]
FRUITS = ["apple", "banana", "cherry", "grape", "mango", "orange", "pear", "plum"]

LOOKUP, UNIQUE, FOUR, NEWEST, LATEST, ONE = (
    "_id lookup",
    "unique string",
    "four fields",
    "newest 2 % grouped",
    "max(_event_time)",
    "SELECT 1",
)
SHOWN = "SELECT d._id, d.email, d.balance FROM documents d"
OUTCROP = {
    LOOKUP: f"{SHOWN} WHERE d._id = :id",
    UNIQUE: f"{SHOWN} WHERE d.email = :email",
    FOUR: f"{SHOWN} WHERE d.company = :company AND d.age = :age AND d.eyeColor = :color AND d.favoriteFruit = :fruit",
    NEWEST: (
        "SELECT d.eyeColor AS color, COUNT(*) AS n, AVG(d.balance) AS mean FROM documents d"
        " WHERE d._event_time >= TIMESTAMP_MICROS(:since) GROUP BY d.eyeColor"
    ),
    LATEST: "SELECT UNIX_MICROS(MAX(d._event_time)) AS latest FROM documents d",
    ONE: "SELECT 1 AS one",
}
DUCKDB = {
    LOOKUP: f"{SHOWN} WHERE d._id = $id",
    UNIQUE: f"{SHOWN} WHERE d.email = $email",
    FOUR: f"{SHOWN} WHERE d.company = $company AND d.age = $age AND d.eyeColor = $color AND d.favoriteFruit = $fruit",
    NEWEST: (
        "SELECT d.eyeColor AS color, COUNT(*) AS n, AVG(d.balance) AS mean FROM documents d"
        " WHERE d._event_time >= $since GROUP BY d.eyeColor"
    ),
    LATEST: "SELECT MAX(d._event_time) AS latest FROM documents d",
    ONE: "SELECT 1 AS one",
}
CLICKHOUSE_SHOWN = (
    "SELECT data._id AS id, data.email.:String AS email, data.balance.:Float64 AS balance FROM documents FINAL"
)
CLICKHOUSE = {
    LOOKUP: f"{CLICKHOUSE_SHOWN} WHERE data._id = {{id}}",
    UNIQUE: f"{CLICKHOUSE_SHOWN} WHERE data.email.:String = {{email}}",
    FOUR: (
        f"{CLICKHOUSE_SHOWN} WHERE data.company.:String = {{company}} AND data.age.:Int64 = {{age}}"
        " AND data.eyeColor.:String = {color} AND data.favoriteFruit.:String = {fruit}"
    ),
    NEWEST: (
        "SELECT data.eyeColor.:String AS color, count() AS n, avg(data.balance.:Float64) AS mean FROM documents FINAL"
        " WHERE data._event_time >= {since} GROUP BY color"
    ),
    LATEST: "SELECT max(data._event_time) AS latest FROM documents FINAL",
    ONE: "SELECT 1 AS one",
}
POSTGRES_SHOWN = "SELECT id, doc->>'email' AS email, (doc->'balance')::float8 AS balance FROM documents"
POSTGRES = {
    LOOKUP: f"{POSTGRES_SHOWN} WHERE id = %(id)s",
    UNIQUE: f"{POSTGRES_SHOWN} WHERE doc @> jsonb_build_object('email', %(email)s::text)",
    FOUR: (
        f"{POSTGRES_SHOWN} WHERE doc @> jsonb_build_object('company', %(company)s::text, 'age', %(age)s::int,"
        " 'eyeColor', %(color)s::text, 'favoriteFruit', %(fruit)s::text)"
    ),
    NEWEST: (
        "SELECT doc->>'eyeColor' AS color, COUNT(*) AS n, AVG((doc->'balance')::float8) AS mean FROM documents"
        " WHERE event_time >= %(since)s GROUP BY 1"
    ),
    LATEST: "SELECT MAX(event_time) AS latest FROM documents",
    ONE: "SELECT 1 AS one",
}
TANTIVY = {LOOKUP: "", UNIQUE: "", FOUR: ""}
"""tantivy takes its terms from the parameters, whose fields are these."""
TANTIVY_FIELDS = {
    "id": "_id",
    "email": "email",
    "company": "company",
    "age": "age",
    "color": "eyeColor",
    "fruit": "favoriteFruit",
}
CLICKHOUSE_COLUMN = "JSON(_id String, _event_time Int64, batch Int64)"
CLICKHOUSE_TABLE = (
    f"CREATE TABLE documents (data {CLICKHOUSE_COLUMN}) ENGINE = ReplacingMergeTree ORDER BY data._id"
    " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
)
POSTGRES_TABLES = (
    "CREATE TABLE documents (id text PRIMARY KEY, event_time bigint NOT NULL, doc jsonb NOT NULL)",
    "CREATE INDEX ON documents (event_time)",
    "CREATE INDEX ON documents USING gin (doc jsonb_path_ops)",
    "CREATE UNLOGGED TABLE incoming (doc jsonb)",
)
POSTGRES_INSERT = "INSERT INTO documents SELECT doc->>'_id', (doc->>'_event_time')::bigint, doc FROM incoming"


@dataclass(frozen=True)
class Sample:
    """Documents drawn from the data: those that are looked up, and those that are replaced."""

    looked_up: Sequence[Mapping[str, Value]]
    replaced: Sequence[dict[str, object]]
    since: int

    def statements(self, texts: Mapping[str, str]) -> dict[str, Sequence[Statement]]:
        """The questions in an engine's words, with the values of the sample."""
        statements: dict[str, Sequence[Statement]] = {}
        for name, text in texts.items():
            if name == LOOKUP:
                statements[name] = [Statement(text, {"id": one["_id"]}) for one in self.looked_up]
            elif name == UNIQUE:
                statements[name] = [Statement(text, {"email": one["email"]}) for one in self.looked_up]
            elif name == FOUR:
                statements[name] = [Statement(text, four(one)) for one in self.looked_up]
            else:
                values: dict[str, Value] = {"since": self.since} if name == NEWEST else {}
                statements[name] = [Statement(text, values)] * SCANS
        return statements


def four(document: Mapping[str, Value]) -> dict[str, Value]:
    """The values of the four fields."""
    names = {"company": "company", "age": "age", "color": "eyeColor", "fruit": "favoriteFruit"}
    return {name: document[path] for name, path in names.items()}


def run(options: Options) -> Iterator[Outcome]:
    """Loads and reads, upserts, reads again, then has eight clients at once.

    The store has changed afterwards, so that `--loaded` would ask about other documents: it always loads.
    """
    rows = options.rows(ROWS)
    folder = data.cached("documents", rows, lambda folder: generate(folder, rows))
    sample = draw_sample(folder / "documents.ndjson", rows)
    before = contest_of(options, f"documents-{rows}", folder, rows, sample)
    outcome, engines = contest.run(before, options.rounds, loaded=False)
    yield outcome
    writing = Outcome(writes_contest(before))
    writers = {
        "Outcrop": writes.outcrop(engines["Outcrop"]),
        "DuckDB": writes.duckdb(engines["DuckDB"], folder),
        "ClickHouse": writes.clickhouse(engines["ClickHouse"], folder, CLICKHOUSE_COLUMN),
    }
    if "PostgreSQL" in engines:
        writers["PostgreSQL"] = writes.postgres(engines["PostgreSQL"])
    writing.more.append(writes.upserts(writers, sample.replaced, options.scale))
    writing.more.append(writes.write_then_see(writers, engines, sample.replaced))
    yield writing
    names = [one.name for one in before.contestants if one.name in writers]
    after = Contest(
        "documents after upserts",
        "The same reads after 22,000 upserts",
        before.json_bytes,
        rows,
        [one for one in before.contestants if one.name in names],
    )
    again = Outcome(after)
    contest.ask_in_turns(again, engines, options.rounds)
    again.more.append(writes.slowdown(outcome, again))
    again.more.append(clients.mixed(engines, rows))
    contest.close(engines)
    yield again


def writes_contest(before: Contest) -> Contest:
    """The part of the report about writes, which has no questions."""
    return Contest("documents, writes", "Durable upserts", before.json_bytes, before.documents, [])


def contest_of(options: Options, of: str, folder: Path, rows: int, sample: Sample) -> Contest:
    """Outcrop, DuckDB with a primary key, ClickHouse with a JSON column, tantivy, and PostgreSQL where it is."""
    file = folder / "documents.ndjson"
    ours = contestants.outcrop(of, "Outcrop", options.server, {"documents": file}, {})
    session = contestants.clickhouse_session(of)
    duck = contestants.duckdb(
        of,
        "DuckDB",
        [
            f"CREATE TABLE documents AS SELECT * FROM read_json('{file}', sample_size = 100000)",
            "ALTER TABLE documents ADD PRIMARY KEY (_id)",
        ],
        {},
    )
    click = contestants.clickhouse(
        session,
        "ClickHouse",
        ["documents"],
        [
            CLICKHOUSE_TABLE,
            f"INSERT INTO documents SELECT json FROM file('{file}', 'JSONAsObject', 'json {CLICKHOUSE_COLUMN}')",
        ],
        {},
    )
    both = [(ours, OUTCROP), (duck, DUCKDB), (click, CLICKHOUSE), (tantivy_contestant(of, file), TANTIVY)]
    if postgres.binaries():
        both.append((postgres_contestant(of, file), POSTGRES))
    return Contest(
        of,
        "RockBench-like documents, read through every kind of index",
        file.stat().st_size,
        rows,
        [with_questions(one, sample.statements(texts)) for one, texts in both],
    )


def with_questions(one: Contestant, questions: Mapping[str, Sequence[Statement]]) -> Contestant:
    """A contestant that is asked these questions; tantivy's are made of fields."""
    if one.name == "tantivy":
        questions = {
            name: [
                Statement("", {TANTIVY_FIELDS[key]: value for key, value in statement.parameters.items()})
                for statement in statements
            ]
            for name, statements in questions.items()
        }
    return replace(one, questions=questions)


def tantivy_contestant(of: str, file: Path) -> Contestant:
    """An index of the fields that are looked up."""
    store = contest.folder(of, "tantivy")

    def load(engine: Engine) -> None:
        assert isinstance(engine, Tantivy)
        engine.load(file)

    return Contestant(
        "tantivy",
        partial(Tantivy, store, list(TANTIVY_FIELDS.values()), ["_id", "email", "balance"]),
        load,
        lambda engine: places.folder_bytes(store),
        {},
    )


def postgres_contestant(of: str, file: Path) -> Contestant:
    """A table of `jsonb` with a GIN index."""
    store = contest.folder(of, "PostgreSQL")

    def load(engine: Engine) -> None:
        assert isinstance(engine, Postgres)
        for statement in POSTGRES_TABLES:
            engine.execute(statement)
        engine.copy("incoming", file)
        engine.execute(POSTGRES_INSERT)
        engine.execute("DROP TABLE incoming")
        engine.execute("VACUUM ANALYZE documents")

    def stored_bytes(engine: Engine) -> int:
        assert isinstance(engine, Postgres)
        return engine.stored_bytes()

    return Contestant("PostgreSQL", partial(Postgres, store), load, stored_bytes, {})


def draw_sample(file: Path, rows: int) -> Sample:
    """Documents at random places of the file."""
    draw = np.random.default_rng([data.SEED, rows])
    chosen = draw.choice(rows, min(rows, LOOKUPS + writes.UPSERTED), replace=False)
    wanted = set(chosen.tolist())
    with open(file, "rb") as lines:
        found = [json.loads(line) for number, line in enumerate(lines) if number in wanted]
    draw.shuffle(found)
    since = FIRST_MICROS + int(rows * (1 - NEWEST_SHARE)) * STEP_MICROS
    return Sample(found[:LOOKUPS], found[LOOKUPS:], since)


def key(row: object) -> str:
    """The `_id` of a row of the data, which the clients compute too."""
    return f"document-{row:09}"


def generate(folder: Path, rows: int) -> None:
    """Writes `documents.ndjson`."""
    draw = np.random.default_rng(data.SEED)
    words = pa.array(data.random_words(draw, 2_000))
    companies = join(pa.array(data.random_words(draw, COMPANIES)), " ", pick(draw, words, COMPANIES))
    texts = data.sentences(draw, 20_000, 49)
    for first, count, draw in data.chunks(rows):
        data.write_lines(folder / "documents.ndjson", chunk(draw, first, count, words, companies, texts))


def chunk(
    draw: np.random.Generator, first: int, count: int, words: pa.Array, companies: pa.Array, texts: pa.Array
) -> pa.Array:
    """The lines of some documents."""
    row = np.arange(first, first + count)

    def of(*pool: str) -> pa.Array:
        return pick(draw, pa.array(pool), count)

    def word() -> pa.Array:
        return pick(draw, words, count)

    def whole(low: int, high: int) -> pa.Array:
        return numbers(draw.integers(low, high, count))

    def decimal(low: int, high: int, digits: int) -> pa.Array:
        fraction = pa.compute.utf8_lpad(whole(0, 10**digits), digits, "0")
        return join(whole(low, high), ".", fraction)

    number = pa.compute.utf8_lpad(numbers(row), 9, "0")
    given, family = word(), word()
    friends = [
        join('{"id":', str(index), ',"name":"', word(), " ", word(), '","age":', whole(20, 61), "}")
        for index in range(3)
    ]
    return join(
        '{"_id":"document-',
        number,
        '","_event_time":',
        numbers(FIRST_MICROS + row * STEP_MICROS),
        ',"batch":0,"guid":"',
        data.random_text(draw, count, 32),
        '","email":"person',
        numbers(row),
        '@example.com"',
        ',"isActive":',
        of("true", "false"),
        ',"balance":',
        decimal(0, 10_000, 2),
        ',"age":',
        whole(20, 61),
        ',"eyeColor":"',
        of(*COLORS),
        '","gender":"',
        of("female", "male", "none"),
        '","company":"',
        pick(draw, companies, count),
        '","favoriteFruit":"',
        of(*FRUITS),
        '","name":{"first":"',
        given,
        '","last":"',
        family,
        '"},"phone":"+1 ',
        whole(200, 999),
        "-",
        whole(1000, 9999),
        '","address":{"street":"',
        whole(1, 999),
        " ",
        word(),
        " ",
        of("Street", "Lane", "Court"),
        '","city":"',
        word(),
        '","state":"',
        word(),
        '","zip":"',
        whole(10_000, 99_999),
        '","coordinates":{"latitude":',
        decimal(-90, 90, 6),
        ',"longitude":',
        decimal(-180, 180, 6),
        '}},"registered":"2021-',
        pa.compute.utf8_lpad(whole(1, 13), 2, "0"),
        "-",
        pa.compute.utf8_lpad(whole(1, 29), 2, "0"),
        'T12:00:00Z","tags":["',
        word(),
        '","',
        word(),
        '","',
        word(),
        '","',
        word(),
        '"],"friends":[',
        friends[0],
        ",",
        friends[1],
        ",",
        friends[2],
        '],"about":"',
        pick(draw, texts, count),
        " ",
        pick(draw, texts, count),
        '","greeting":"Hello, ',
        given,
        "! You have ",
        whole(1, 20),
        ' unread messages.","scores":[',
        whole(0, 100),
        ",",
        whole(0, 100),
        ",",
        whole(0, 100),
        "]}",
    )
