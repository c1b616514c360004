"""A field that is int, float, text and null by turns, beside a twin that is always an integer.

The question about the mixed field may take twice as long as that about its twin. DuckDB answers with the mixed field
as JSON, which is the type that its reader gives such a field.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from bench import contestants, data, report
from bench.contest import Contest, Outcome, held
from bench.data import join, numbers
from bench.workloads import Options

ROWS = 1_000_000
DISTINCT = 1_000

GROUPS = (
    "SELECT COUNT(*) AS groups, MAX(g.n) AS most FROM (SELECT m.{} AS v, COUNT(*) AS n FROM mixed m GROUP BY m.{}) g"
)
UNIFORM = {
    "count": "SELECT COUNT(m.{}) AS n FROM mixed m",
    "filter = 500": "SELECT COUNT(*) AS n FROM mixed m WHERE m.{} = 500",
    "filter range": "SELECT COUNT(*) AS n FROM mixed m WHERE m.{} >= 900 AND m.{} < 950",
    "group by": GROUPS,
    "distinct": "SELECT COUNT(DISTINCT m.{}) AS n FROM mixed m",
    "sum of integers": "SELECT SUM(m.{}) AS s FROM mixed m WHERE m.kind = 0",
}
"""The kind of the mixed value is beside it: 0 for the rows in which it is an integer."""
NUMBER = "json_type(m.varied) IN ('UBIGINT', 'DOUBLE') AND m.varied::DOUBLE"
DUCKDB_VARIED = {
    "count": "SELECT COUNT(m.varied) AS n FROM mixed m",
    "filter = 500": f"SELECT COUNT(*) AS n FROM mixed m WHERE {NUMBER} = 500",
    "filter range": f"SELECT COUNT(*) AS n FROM mixed m WHERE {NUMBER} >= 900 AND m.varied::DOUBLE < 950",
    "group by": GROUPS.replace("{}", "varied"),
    "distinct": "SELECT COUNT(DISTINCT m.varied) AS n FROM mixed m",
    "sum of integers": "SELECT SUM(m.varied::BIGINT) AS s FROM mixed m WHERE m.kind = 0",
}


def both(uniform: dict[str, str], varied: dict[str, str]) -> dict[str, str]:
    """Each question about the twin, then about the mixed field."""
    texts = {}
    for name in uniform:
        texts[f"{name}, uniform"] = uniform[name].replace("{}", "uniform")
        texts[f"{name}, mixed"] = varied[name].replace("{}", "varied")
    return texts


def run(options: Options) -> Iterator[Outcome]:
    """The contest, and what the mixed field costs in each engine."""
    rows = options.rows(ROWS)
    file = data.cached("mixed", rows, lambda folder: generate(folder, rows)) / "mixed.ndjson"
    outcome = held(contest(options, rows, file), options.rounds, options.loaded)
    outcome.more.append(twins(outcome))
    yield outcome


def contest(options: Options, rows: int, file: Path) -> Contest:
    """Outcrop, and DuckDB with a column of JSON."""
    of = f"mixed-{rows}"
    columns = "{kind: 'BIGINT', uniform: 'BIGINT', varied: 'JSON'}"
    return Contest(
        of,
        "A field of four types beside its uniform twin",
        file.stat().st_size,
        rows,
        [
            contestants.outcrop(of, "Outcrop", options.server, {"mixed": file}, both(UNIFORM, UNIFORM)),
            contestants.duckdb(
                of,
                "DuckDB",
                [f"CREATE TABLE mixed AS SELECT * FROM read_json('{file}', columns = {columns})"],
                both(UNIFORM, DUCKDB_VARIED),
            ),
        ],
    )


def twins(outcome: Outcome) -> str:
    """The medians of the mixed field as multiples of those of its twin."""
    names = [contestant.name for contestant in outcome.contest.contestants]
    rows = []
    for question in UNIFORM:
        uniform, varied = outcome.asked[f"{question}, uniform"], outcome.asked[f"{question}, mixed"]
        shares = [
            report.shown_ratio(varied[name].median / uniform[name].median) if name in uniform and name in varied else ""
            for name in names
        ]
        rows.append((question, *shares))
    return "The mixed field to its twin:\n\n" + report.table(("mixed / uniform", *names), rows)


def generate(folder: Path, rows: int) -> None:
    """Writes `mixed.ndjson`."""
    for _, count, draw in data.chunks(rows):
        value, kind = draw.integers(0, DISTINCT, count), draw.integers(0, 4, count)
        forms = [numbers(value), join(numbers(value), ".5"), join('"', numbers(value), '"'), pa.array(["null"] * count)]
        varied = pa.compute.choose(pa.array(kind), *forms)
        uniform = numbers(draw.integers(0, DISTINCT, count))
        line = join('{"kind":', numbers(kind), ',"uniform":', uniform, ',"varied":', varied, "}")
        data.write_lines(folder / "mixed.ndjson", line)
