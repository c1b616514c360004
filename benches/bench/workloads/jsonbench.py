"""Events as those of Bluesky, with the five questions of JSONBench.

Nested, about 475 bytes each, fields by kind and collection of the event; `commit.record.subject` is an object in
likes and reposts and a text in follows and blocks.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench import contestants, data
from bench.contest import Contest, Contestant, Outcome, held
from bench.contestants import Questions
from bench.data import join, numbers, pick, random_text
from bench.workloads import Options

ROWS = 1_000_000
FIRST_MICROS = 1_732_147_200_000_000
DAY_MICROS = 86_400_000_000
PEOPLE_SHARE = 0.2
"""People per event; their frequency falls with their rank."""
COLLECTIONS = {
    "app.bsky.feed.like": 0.52,
    "app.bsky.feed.post": 0.2,
    "app.bsky.graph.follow": 0.14,
    "app.bsky.feed.repost": 0.08,
    "app.bsky.graph.block": 0.03,
    "app.bsky.actor.profile": 0.015,
    "app.bsky.feed.threadgate": 0.008,
    "app.bsky.graph.listitem": 0.005,
    "chat.bsky.actor.declaration": 0.002,
}

OUTCROP = {
    "q1 collections": (
        "SELECT b.commit.collection AS event, COUNT(*) AS n FROM bluesky b GROUP BY b.commit.collection ORDER BY n DESC"
    ),
    "q2 people per collection": (
        "SELECT b.commit.collection AS event, COUNT(*) AS n, COUNT(DISTINCT b.did) AS people FROM bluesky b"
        " WHERE b.kind = 'commit' AND b.commit.operation = 'create' GROUP BY b.commit.collection ORDER BY n DESC"
    ),
    "q3 by hour": (
        "SELECT b.commit.collection AS event, EXTRACT(HOUR FROM TIMESTAMP_MICROS(b.time_us)) AS hour_of_day,"
        " COUNT(*) AS n FROM bluesky b WHERE b.kind = 'commit' AND b.commit.operation = 'create' AND"
        " b.commit.collection IN ('app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like')"
        " GROUP BY 1, 2 ORDER BY hour_of_day, event"
    ),
    "q4 first posts": (
        "SELECT b.did AS person, MIN(b.time_us) AS first_post FROM bluesky b WHERE b.kind = 'commit'"
        " AND b.commit.operation = 'create' AND b.commit.collection = 'app.bsky.feed.post'"
        " GROUP BY b.did ORDER BY first_post LIMIT 3"
    ),
    "q5 longest activity": (
        "SELECT b.did AS person, MAX(b.time_us) - MIN(b.time_us) AS span FROM bluesky b WHERE b.kind = 'commit'"
        " AND b.commit.operation = 'create' AND b.commit.collection = 'app.bsky.feed.post'"
        " GROUP BY b.did ORDER BY span DESC LIMIT 3"
    ),
}

STRUCT = {
    name: text.replace("EXTRACT(HOUR FROM TIMESTAMP_MICROS(b.time_us))", "hour(make_timestamp(b.time_us))")
    for name, text in OUTCROP.items()
}

VARIANT = {
    name: text.replace("b.commit.collection", "b.commit.collection::VARCHAR").replace(
        "b.commit.operation", "b.commit.operation::VARCHAR"
    )
    for name, text in STRUCT.items()
}

CLICKHOUSE = {
    "q1 collections": (
        "SELECT data.commit.collection AS event, count() AS n FROM {table} GROUP BY event ORDER BY n DESC"
    ),
    "q2 people per collection": (
        "SELECT data.commit.collection AS event, count() AS n, uniqExact(data.did) AS people FROM {table}"
        " WHERE data.kind = 'commit' AND data.commit.operation = 'create' GROUP BY event ORDER BY n DESC"
    ),
    "q3 by hour": (
        "SELECT data.commit.collection AS event, toHour(fromUnixTimestamp64Micro(data.time_us::Int64, 'UTC'))"
        " AS hour_of_day, count() AS n FROM {table} WHERE data.kind = 'commit' AND data.commit.operation = 'create'"
        " AND data.commit.collection IN ('app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like')"
        " GROUP BY event, hour_of_day ORDER BY hour_of_day, event"
    ),
    "q4 first posts": (
        "SELECT data.did::String AS person, min(data.time_us::Int64) AS first_post FROM {table}"
        " WHERE data.kind = 'commit' AND data.commit.operation = 'create'"
        " AND data.commit.collection = 'app.bsky.feed.post' GROUP BY person ORDER BY first_post LIMIT 3"
    ),
    "q5 longest activity": (
        "SELECT data.did::String AS person, max(data.time_us::Int64) - min(data.time_us::Int64) AS span FROM {table}"
        " WHERE data.kind = 'commit' AND data.commit.operation = 'create'"
        " AND data.commit.collection = 'app.bsky.feed.post' GROUP BY person ORDER BY span DESC LIMIT 3"
    ),
}

CLICKHOUSE_PLAIN = {
    name: text.replace("data.commit.collection", "data.commit.collection.:String")
    .replace("data.commit.operation", "data.commit.operation.:String")
    .replace("data.kind", "data.kind.:String")
    .replace("data.did", "data.did.:String")
    .replace("data.time_us", "data.time_us.:Int64")
    for name, text in CLICKHOUSE.items()
}
"""Without hints every path is of type `Dynamic`, whose texts and integers are columns of their own."""

HINTS = (
    "JSON(kind LowCardinality(String), commit.operation LowCardinality(String),"
    " commit.collection LowCardinality(String), did String, time_us Int64)"
)
SORT_KEY = "data.kind, data.commit.operation, data.commit.collection, data.did, data.time_us"


def contest(options: Options) -> Contest:
    """Outcrop, DuckDB with structs and with VARIANT, ClickHouse with typed hints and without."""
    rows = options.rows(ROWS)
    file = data.cached("jsonbench", rows, lambda folder: generate(folder, rows)) / "events.ndjson"
    of = f"jsonbench-{rows}"
    session = contestants.clickhouse_session(of)

    def clickhouse(name: str, table: str, column: str, key: str, questions: Questions) -> Contestant:
        return contestants.clickhouse(
            session,
            name,
            [table],
            [
                f"CREATE TABLE {table} (data {column}) ENGINE = MergeTree ORDER BY ({key})",
                f"INSERT INTO {table} SELECT json FROM file('{file}', 'JSONAsObject', 'json {column}')",
            ],
            {question: text.format(table=table) for question, text in questions.items()},
            empty_is_null=True,
        )

    return Contest(
        of,
        "Bluesky-like events, the five questions of JSONBench",
        file.stat().st_size,
        rows,
        [
            contestants.outcrop(of, "Outcrop", options.server, {"bluesky": file}, OUTCROP),
            contestants.duckdb(
                of,
                "DuckDB struct",
                [f"CREATE TABLE bluesky AS SELECT * FROM read_json('{file}', sample_size = 100000)"],
                STRUCT,
            ),
            contestants.duckdb(
                of,
                "DuckDB VARIANT",
                [
                    "CREATE TABLE bluesky AS SELECT did, time_us, kind, commit::VARIANT AS commit FROM read_json("
                    f"'{file}', columns = {{did: 'VARCHAR', time_us: 'BIGINT', kind: 'VARCHAR', commit: 'JSON'}})"
                ],
                VARIANT,
            ),
            clickhouse("ClickHouse hints", "hinted", HINTS, SORT_KEY, CLICKHOUSE),
            clickhouse("ClickHouse JSON", "plain", "JSON", "tuple()", CLICKHOUSE_PLAIN),
        ],
    )


def run(options: Options) -> Iterator[Outcome]:
    """The one contest."""
    yield held(contest(options), options.rounds, options.loaded)


def generate(folder: Path, rows: int) -> None:
    """Writes `events.ndjson`."""
    draw = np.random.default_rng(data.SEED)
    people = join("did:plc:", random_text(draw, max(1, int(rows * PEOPLE_SHARE)), 24))
    texts = data.sentences(draw, 20_000, 7)
    for first, count, draw in data.chunks(rows):
        data.write_lines(folder / "events.ndjson", chunk(draw, first, count, rows, people, texts))


def chunk(draw: np.random.Generator, first: int, count: int, rows: int, people: pa.Array, texts: pa.Array) -> pa.Array:
    """The lines of some events."""
    micros = FIRST_MICROS + (np.arange(first, first + count) * (DAY_MICROS // rows)) + draw.integers(0, 80, count)
    who = people.take(pa.array(data.skewed(draw, len(people), count)))
    head = join('{"did":"', who, '","time_us":', numbers(micros))
    kinds = draw.choice(3, count, p=[0.97, 0.016, 0.014])
    parts = []
    for kind, name in ((1, "identity"), (2, "account")):
        rows_of_kind = np.flatnonzero(kinds == kind)
        taken = pa.array(rows_of_kind)
        tail = (
            join(',"handle":"', random_text(draw, len(rows_of_kind), 9), '.bsky.social"')
            if name == "identity"
            else join(',"active":', pick(draw, pa.array(["true", "false"]), len(rows_of_kind)))
        )
        line = join(
            head.take(taken),
            f',"kind":"{name}","{name}":{{"did":"',
            who.take(taken),
            '","seq":',
            numbers(rows_of_kind + first),
            tail,
            "}}",
        )
        parts.append((rows_of_kind, line))
    names = np.array(list(COLLECTIONS))
    collection = draw.choice(len(names), count, p=np.array(list(COLLECTIONS.values())))
    operation = draw.choice(3, count, p=[0.93, 0.055, 0.015])
    for index, name in enumerate(names):
        for action, verb in enumerate(("create", "delete", "update")):
            chosen = np.flatnonzero((kinds == 0) & (collection == index) & (operation == action))
            taken = pa.array(chosen)
            size = len(chosen)
            line = join(
                head.take(taken),
                ',"kind":"commit","commit":{"rev":"',
                random_text(draw, size, 13),
                f'","operation":"{verb}","collection":"{name}","rkey":"',
                random_text(draw, size, 13),
                '"',
            )
            if verb != "delete":
                body = record(draw, name, size, micros[chosen], people, texts)
                line = join(line, ',"record":', body, ',"cid":"bafyrei', random_text(draw, size, 52), '"')
            parts.append((chosen, join(line, "}}")))
    return data.scatter(parts)


def record(
    draw: np.random.Generator, name: str, size: int, micros: np.ndarray, people: pa.Array, texts: pa.Array
) -> pa.Array:
    """The records of events of one collection."""
    created = pa.compute.strftime(pa.array(micros // 1000, pa.timestamp("ms")), "%Y-%m-%dT%H:%M:%S")
    start = join(f'{{"$type":"{name}","createdAt":"', created, 'Z"')

    def link() -> pa.Array:
        return join(
            '{"cid":"bafyrei',
            random_text(draw, size, 52),
            '","uri":"at://',
            pick(draw, people, size),
            "/app.bsky.feed.post/",
            random_text(draw, size, 13),
            '"}',
        )

    if name in ("app.bsky.feed.like", "app.bsky.feed.repost"):
        return join(start, ',"subject":', link(), "}")
    if name == "app.bsky.feed.post":
        languages = pick(draw, pa.array(['["en"]', '["en"]', '["ja"]', '["pt"]', '["de","en"]']), size)
        text = join(',"text":"', pick(draw, texts, size), " ", pick(draw, texts, size), '"')
        reply = join(',"reply":{"parent":', link(), ',"root":', link(), "}")
        replies = pa.array(draw.random(size) < 0.4)
        return join(start, ',"langs":', languages, text, pa.compute.if_else(replies, reply, ""), "}")
    if name == "app.bsky.actor.profile":
        return join(
            start, ',"displayName":"', pick(draw, texts, size), '","description":"', pick(draw, texts, size), '"}'
        )
    return join(start, ',"subject":"', pick(draw, people, size), '"}')
