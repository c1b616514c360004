"""The Star Schema Benchmark at scale factor 1: one flat table, also clustered, and the star, 13 questions each.

Data with the distributions of the benchmark's own generator, from our seed. The four dimensions have their full
size at every scale.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import contestants, data
from bench.contest import Contest, Outcome, held
from bench.workloads import Options

ROWS = 6_000_000
CUSTOMERS, SUPPLIERS, PARTS = 30_000, 2_000, 200_000
LINES_PER_ORDER = 4
CLUSTER_BY = "d_year, s_region, c_region, p_category"
REGIONS = {
    "AFRICA": ["ALGERIA", "ETHIOPIA", "KENYA", "MOROCCO", "MOZAMBIQUE"],
    "AMERICA": ["ARGENTINA", "BRAZIL", "CANADA", "PERU", "UNITED STATES"],
    "ASIA": ["CHINA", "INDIA", "INDONESIA", "JAPAN", "VIETNAM"],
    "EUROPE": ["FRANCE", "GERMANY", "ROMANIA", "RUSSIA", "UNITED KINGDOM"],
    "MIDDLE EAST": ["EGYPT", "IRAN", "IRAQ", "JORDAN", "SAUDI ARABIA"],
}
TABLES = ("lineorder", "customer", "supplier", "part", "dates")
FLAT_COLUMNS = (
    "l.*, c.c_city, c.c_nation, c.c_region, s.s_city, s.s_nation, s.s_region, p.p_mfgr, p.p_category, p.p_brand1,"
    " d.d_year, d.d_yearmonthnum, d.d_yearmonth, d.d_weeknuminyear"
)
JOINS = {
    "c": "JOIN customer ON lo_custkey = c_custkey",
    "s": "JOIN supplier ON lo_suppkey = s_suppkey",
    "p": "JOIN part ON lo_partkey = p_partkey",
    "d": "JOIN dates ON lo_orderdate = d_datekey",
}
TEMPLATES = {
    "q1.1": (
        "d",
        "SUM(lo_extendedprice * lo_discount) AS revenue",
        "d_year = 1993 AND lo_discount BETWEEN 1 AND 3 AND lo_quantity < 25",
        "",
    ),
    "q1.2": (
        "d",
        "SUM(lo_extendedprice * lo_discount) AS revenue",
        "d_yearmonthnum = 199401 AND lo_discount BETWEEN 4 AND 6 AND lo_quantity BETWEEN 26 AND 35",
        "",
    ),
    "q1.3": (
        "d",
        "SUM(lo_extendedprice * lo_discount) AS revenue",
        "d_weeknuminyear = 6 AND d_year = 1994 AND lo_discount BETWEEN 5 AND 7 AND lo_quantity BETWEEN 26 AND 35",
        "",
    ),
    "q2.1": (
        "dps",
        "SUM(lo_revenue) AS revenue, d_year, p_brand1",
        "p_category = 'MFGR#12' AND s_region = 'AMERICA'",
        "d_year, p_brand1",
    ),
    "q2.2": (
        "dps",
        "SUM(lo_revenue) AS revenue, d_year, p_brand1",
        "p_brand1 BETWEEN 'MFGR#2221' AND 'MFGR#2228' AND s_region = 'ASIA'",
        "d_year, p_brand1",
    ),
    "q2.3": (
        "dps",
        "SUM(lo_revenue) AS revenue, d_year, p_brand1",
        "p_brand1 = 'MFGR#2239' AND s_region = 'EUROPE'",
        "d_year, p_brand1",
    ),
    "q3.1": (
        "csd",
        "c_nation, s_nation, d_year, SUM(lo_revenue) AS revenue",
        "c_region = 'ASIA' AND s_region = 'ASIA' AND d_year >= 1992 AND d_year <= 1997",
        "c_nation, s_nation, d_year",
    ),
    "q3.2": (
        "csd",
        "c_city, s_city, d_year, SUM(lo_revenue) AS revenue",
        "c_nation = 'UNITED STATES' AND s_nation = 'UNITED STATES' AND d_year >= 1992 AND d_year <= 1997",
        "c_city, s_city, d_year",
    ),
    "q3.3": (
        "csd",
        "c_city, s_city, d_year, SUM(lo_revenue) AS revenue",
        "c_city IN ('UNITED KI1', 'UNITED KI5') AND s_city IN ('UNITED KI1', 'UNITED KI5')"
        " AND d_year >= 1992 AND d_year <= 1997",
        "c_city, s_city, d_year",
    ),
    "q3.4": (
        "csd",
        "c_city, s_city, d_year, SUM(lo_revenue) AS revenue",
        "c_city IN ('UNITED KI1', 'UNITED KI5') AND s_city IN ('UNITED KI1', 'UNITED KI5') AND d_yearmonth = 'Dec1997'",
        "c_city, s_city, d_year",
    ),
    "q4.1": (
        "dcsp",
        "d_year, c_nation, SUM(lo_revenue - lo_supplycost) AS profit",
        "c_region = 'AMERICA' AND s_region = 'AMERICA' AND p_mfgr IN ('MFGR#1', 'MFGR#2')",
        "d_year, c_nation",
    ),
    "q4.2": (
        "dcsp",
        "d_year, s_nation, p_category, SUM(lo_revenue - lo_supplycost) AS profit",
        "c_region = 'AMERICA' AND s_region = 'AMERICA' AND d_year IN (1997, 1998) AND p_mfgr IN ('MFGR#1', 'MFGR#2')",
        "d_year, s_nation, p_category",
    ),
    "q4.3": (
        "dcsp",
        "d_year, s_city, p_brand1, SUM(lo_revenue - lo_supplycost) AS profit",
        "c_region = 'AMERICA' AND s_nation = 'UNITED STATES' AND d_year IN (1997, 1998) AND p_category = 'MFGR#14'",
        "d_year, s_city, p_brand1",
    ),
}
"""Question: the dimensions it joins, what it selects, where, and what it groups and orders by."""


def questions(star: bool, name: str = "flat") -> dict[str, str]:
    """The 13 questions over the star, or over a flat table of that name."""
    texts = {}
    for question, (dimensions, select, where, groups) in TEMPLATES.items():
        source = " ".join(["lineorder", *(JOINS[one] for one in dimensions)]) if star else name
        tail = f" GROUP BY {groups} ORDER BY {groups}" if groups else ""
        texts[question] = f"SELECT {select} FROM {source} WHERE {where}{tail}"
    return texts


def run_flat(options: Options) -> Iterator[Outcome]:
    """The flat table."""
    rows = options.rows(ROWS)
    folder = data.cached("ssb", rows, lambda folder: generate(folder, rows))
    yield held(flat(options, rows, folder), options.rounds, options.loaded)


def run_star(options: Options) -> Iterator[Outcome]:
    """The star."""
    rows = options.rows(ROWS)
    folder = data.cached("ssb", rows, lambda folder: generate(folder, rows))
    yield held(star(options, rows, folder), options.rounds, options.loaded)


def flat(options: Options, rows: int, folder: Path) -> Contest:
    """Outcrop, DuckDB and ClickHouse; Outcrop and ClickHouse also with a clustering key."""
    of = f"ssb-flat-{rows}"
    lines, table = folder / "flat.ndjson", folder / "flat.parquet"
    session = contestants.clickhouse_session(of)
    clustered = f"SELECT * FROM _input CLUSTER BY {CLUSTER_BY}"

    def clickhouse(name: str, into: str, key: str) -> contestants.Contestant:
        return contestants.clickhouse(
            session, name, [into], [contestants.clickhouse_table(into, table, key)], questions(False, into)
        )

    return Contest(
        of,
        "Star Schema Benchmark, one flat table",
        lines.stat().st_size,
        rows,
        [
            contestants.outcrop(of, "Outcrop", options.server, {"flat": lines}, questions(False)),
            contestants.outcrop(
                of, "Outcrop clustered", options.server, {"flat": lines}, questions(False), transformation=clustered
            ),
            contestants.duckdb(of, "DuckDB", [f"CREATE TABLE flat AS FROM '{table}'"], questions(False)),
            clickhouse("ClickHouse", "flat", "tuple()"),
            clickhouse("ClickHouse clustered", "clustered", CLUSTER_BY),
        ],
    )


def star(options: Options, rows: int, folder: Path) -> Contest:
    """Outcrop, DuckDB, ClickHouse and Polars over five tables."""
    of = f"ssb-star-{rows}"
    lines = {name: folder / f"{name}.ndjson" for name in TABLES}
    tables = {name: folder / f"{name}.parquet" for name in TABLES}
    session = contestants.clickhouse_session(of)
    return Contest(
        of,
        "Star Schema Benchmark, the star",
        sum(file.stat().st_size for file in lines.values()),
        rows,
        [
            contestants.outcrop(of, "Outcrop", options.server, lines, questions(True)),
            contestants.duckdb(
                of,
                "DuckDB",
                [f"CREATE TABLE {name} AS FROM '{file}'" for name, file in tables.items()],
                questions(True),
            ),
            contestants.clickhouse(
                session,
                "ClickHouse",
                TABLES,
                [contestants.clickhouse_table(name, file, "tuple()") for name, file in tables.items()],
                questions(True),
            ),
            contestants.polars("Polars", tables, questions(True)),
        ],
    )


def generate(folder: Path, rows: int) -> None:
    """Writes the five tables and the flat one, each as Parquet and as JSON lines."""
    draw = np.random.default_rng(data.SEED)
    for name, columns in (
        ("customer", customers(draw)),
        ("supplier", suppliers(draw)),
        ("part", parts(draw)),
        ("dates", dates()),
    ):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    keys = pq.read_table(folder / "dates.parquet", columns=["d_datekey"])["d_datekey"].to_numpy()
    writer = None
    for first, count, draw in data.chunks(rows):
        table = pa.table(lineorders(draw, first, count, keys))
        writer = writer or pq.ParquetWriter(folder / "lineorder.parquet", table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    connection = duckdb.connect()
    for name in TABLES:
        connection.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
    connection.execute(
        f"COPY (SELECT {FLAT_COLUMNS} FROM lineorder l JOIN customer c ON l.lo_custkey = c.c_custkey"
        " JOIN supplier s ON l.lo_suppkey = s.s_suppkey JOIN part p ON l.lo_partkey = p.p_partkey"
        f" JOIN dates d ON l.lo_orderdate = d.d_datekey) TO '{folder}/flat.parquet'"
    )
    for name in (*TABLES, "flat"):
        connection.execute(f"COPY (FROM '{folder}/{name}.parquet') TO '{folder}/{name}.ndjson' (FORMAT json)")


def lineorders(draw: np.random.Generator, first: int, count: int, days: np.ndarray) -> dict[str, object]:
    """The columns of some lines of orders; the days are the keys of `dates`."""
    row = np.arange(first, first + count)
    order = row // LINES_PER_ORDER
    ordered = (order * 2_654_435_761 % 2**32 * (len(days) - 130) // 2**32).astype(np.int64)
    part = draw.integers(1, PARTS + 1, count)
    quantity, discount = draw.integers(1, 51, count), draw.integers(0, 11, count)
    price = 90_000 + (part // 10) % 20_001 + 100 * (part % 1_000)
    extended = quantity * price
    priorities = pa.array(["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW"])
    modes = pa.array(["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"])
    return {
        "lo_orderkey": order + 1,
        "lo_linenumber": row % LINES_PER_ORDER + 1,
        "lo_custkey": order * 40_503 % CUSTOMERS + 1,
        "lo_partkey": part,
        "lo_suppkey": draw.integers(1, SUPPLIERS + 1, count),
        "lo_orderdate": days[ordered],
        "lo_orderpriority": data.pick(draw, priorities, count),
        "lo_shippriority": np.zeros(count, np.int64),
        "lo_quantity": quantity,
        "lo_extendedprice": extended,
        "lo_ordtotalprice": extended * LINES_PER_ORDER,
        "lo_discount": discount,
        "lo_revenue": extended * (100 - discount) // 100,
        "lo_supplycost": price * 6 // 10,
        "lo_tax": draw.integers(0, 9, count),
        "lo_commitdate": days[ordered + draw.integers(30, 91, count)],
        "lo_shipmode": data.pick(draw, modes, count),
    }


def places(draw: np.random.Generator, prefix: str, count: int) -> dict[str, object]:
    """City, nation and region, each nation as likely as the others."""
    regions = [region for region, nations in REGIONS.items() for _ in nations]
    nations = [nation for members in REGIONS.values() for nation in members]
    drawn, city = draw.integers(0, len(nations), count), draw.integers(0, 10, count)
    return {
        f"{prefix}_city": [f"{nations[nation]:9.9}{number}" for nation, number in zip(drawn, city)],
        f"{prefix}_nation": [nations[nation] for nation in drawn],
        f"{prefix}_region": [regions[nation] for nation in drawn],
    }


def customers(draw: np.random.Generator) -> dict[str, object]:
    """The columns of `customer`."""
    segments = pa.array(["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"])
    return {
        "c_custkey": np.arange(1, CUSTOMERS + 1),
        "c_name": [f"Customer#{key:09}" for key in range(1, CUSTOMERS + 1)],
        "c_address": data.random_text(draw, CUSTOMERS, 15),
        **places(draw, "c", CUSTOMERS),
        "c_phone": data.random_text(draw, CUSTOMERS, 15),
        "c_mktsegment": data.pick(draw, segments, CUSTOMERS),
    }


def suppliers(draw: np.random.Generator) -> dict[str, object]:
    """The columns of `supplier`."""
    return {
        "s_suppkey": np.arange(1, SUPPLIERS + 1),
        "s_name": [f"Supplier#{key:09}" for key in range(1, SUPPLIERS + 1)],
        "s_address": data.random_text(draw, SUPPLIERS, 15),
        **places(draw, "s", SUPPLIERS),
        "s_phone": data.random_text(draw, SUPPLIERS, 15),
    }


def parts(draw: np.random.Generator) -> dict[str, object]:
    """The columns of `part`: 5 manufacturers of 5 categories of 40 brands."""
    maker, category, brand = (draw.integers(1, most + 1, PARTS) for most in (5, 5, 40))
    words = pa.array(data.random_words(draw, 90))
    return {
        "p_partkey": np.arange(1, PARTS + 1),
        "p_name": data.join(data.pick(draw, words, PARTS), " ", data.pick(draw, words, PARTS)),
        "p_mfgr": [f"MFGR#{one}" for one in maker],
        "p_category": [f"MFGR#{one}{two}" for one, two in zip(maker, category)],
        "p_brand1": [f"MFGR#{one}{two}{three}" for one, two, three in zip(maker, category, brand)],
        "p_color": data.pick(draw, words, PARTS),
        "p_type": data.pick(draw, words, PARTS),
        "p_size": draw.integers(1, 51, PARTS),
        "p_container": data.pick(draw, words, PARTS),
    }


def dates() -> dict[str, object]:
    """The columns of `dates`: every day from 1992 to 1998."""
    days = [day.astype(object) for day in np.arange("1992-01-01", "1999-01-01", dtype="datetime64[D]")]
    return {
        "d_datekey": [int(day.strftime("%Y%m%d")) for day in days],
        "d_date": [day.strftime("%B %d, %Y") for day in days],
        "d_dayofweek": [day.strftime("%A") for day in days],
        "d_month": [day.strftime("%B") for day in days],
        "d_year": [day.year for day in days],
        "d_yearmonthnum": [day.year * 100 + day.month for day in days],
        "d_yearmonth": [day.strftime("%b%Y") for day in days],
        "d_daynuminyear": [day.timetuple().tm_yday for day in days],
        "d_weeknuminyear": [(day.timetuple().tm_yday - 1) // 7 + 1 for day in days],
    }
