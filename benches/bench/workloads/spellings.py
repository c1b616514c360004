"""The same question about a nested path in four spellings: direct, through a sub-select, a view and a CTE.

They should cost the same. DuckDB answers over a column of JSON texts, where they do not.
"""

from collections.abc import Iterator
from pathlib import Path

from bench import contestants, data, report
from bench.contest import Contest, Outcome, held
from bench.workloads import Options, jsonbench

ROWS = jsonbench.ROWS
TAIL = "GROUP BY collection ORDER BY n DESC"
OUTER = (
    f"SELECT x.commit.collection AS collection, COUNT(*) AS n FROM {{}} x WHERE x.commit.operation = 'create' {TAIL}"
)
OUTCROP = {
    "direct": OUTER.format("bluesky"),
    "sub-select": OUTER.format("(SELECT * FROM bluesky)"),
    "sub-select of the path": (
        "SELECT x.collection AS collection, COUNT(*) AS n FROM (SELECT b.commit.collection AS collection,"
        f" b.commit.operation AS operation FROM bluesky b) x WHERE x.operation = 'create' {TAIL}"
    ),
    "sub-select of the parent": OUTER.format("(SELECT b.commit FROM bluesky b)"),
    "view": OUTER.format("events_view"),
    "CTE": "WITH c AS (SELECT * FROM bluesky) " + OUTER.format("c"),
    "CTE of the parent": "WITH c AS (SELECT b.commit FROM bluesky b) " + OUTER.format("c"),
}
PATHS = {"x.commit.collection": "x.commit->>'$.collection'", "x.commit.operation": "x.commit->>'$.operation'"}


def duckdb(text: str) -> str:
    """The question over a column of JSON texts."""
    for path, extracted in (
        *PATHS.items(),
        *((p.replace("x.", "b."), e.replace("x.", "b.")) for p, e in PATHS.items()),
    ):
        text = text.replace(path, extracted)
    return text


def run(options: Options) -> Iterator[Outcome]:
    """The contest, and each spelling to the first."""
    rows = options.rows(ROWS)
    file = data.cached("jsonbench", rows, lambda folder: jsonbench.generate(folder, rows)) / "events.ndjson"
    outcome = held(contest(options, rows, file), options.rounds, options.loaded)
    outcome.more.append(spread(outcome))
    yield outcome


def contest(options: Options, rows: int, file: Path) -> Contest:
    """Outcrop, and DuckDB with JSON texts."""
    of = f"spellings-{rows}"
    texts = (
        f"CREATE TABLE bluesky AS SELECT * FROM read_json('{file}', columns = {{did: 'VARCHAR', time_us: 'BIGINT',"
        " kind: 'VARCHAR', commit: 'JSON'})"
    )
    return Contest(
        of,
        "One question in seven spellings",
        file.stat().st_size,
        rows,
        [
            contestants.outcrop(
                of,
                "Outcrop",
                options.server,
                {"bluesky": file},
                OUTCROP,
                views={"events_view": "SELECT * FROM bluesky"},
            ),
            contestants.duckdb(
                of,
                "DuckDB JSON text",
                [texts, "CREATE VIEW events_view AS SELECT * FROM bluesky"],
                {name: duckdb(text) for name, text in OUTCROP.items()},
            ),
        ],
    )


def spread(outcome: Outcome) -> str:
    """The medians as multiples of that of the direct spelling."""
    names = [contestant.name for contestant in outcome.contest.contestants]
    rows = []
    for spelling, asked in outcome.asked.items():
        direct = outcome.asked["direct"]
        rows.append(
            (
                spelling,
                *(
                    report.shown_ratio(asked[name].median / direct[name].median) if name in asked else ""
                    for name in names
                ),
            )
        )
    return "To the direct spelling:\n\n" + report.table(("spelling", *names), rows)
