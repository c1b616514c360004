"""Page views with the 105 columns of ClickBench, and 20 of its 43 questions.

Cardinalities, shares of empty values and lengths of texts follow the real table; the values are generated. Times and
dates are typed values in the JSON (`__rockset_type`), as the other engines have them typed in their Parquet file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import contestants, data
from bench.contest import Contest, Outcome, held
from bench.data import join, numbers, pick, skewed
from bench.workloads import Options

ROWS = 2_000_000
FIRST_SECOND = 1_372_636_800
"""2013-07-01."""
SECONDS = 31 * 86_400
COUNTER = 62
"""The site of the questions about one site."""
COUNTER_SHARE = 0.0075

QUESTIONS = {
    "q2 count": "SELECT COUNT(*) AS n FROM hits WHERE AdvEngineID <> 0",
    "q3 sums": "SELECT SUM(AdvEngineID) AS a, COUNT(*) AS n, AVG(ResolutionWidth) AS w FROM hits",
    "q5 distinct users": "SELECT COUNT(DISTINCT UserID) AS n FROM hits",
    "q7 first and last day": "SELECT MIN(EventDate) AS a, MAX(EventDate) AS b FROM hits",
    "q8 engines": (
        "SELECT AdvEngineID, COUNT(*) AS n FROM hits WHERE AdvEngineID <> 0 GROUP BY AdvEngineID ORDER BY n DESC"
    ),
    "q9 users per region": (
        "SELECT RegionID, COUNT(DISTINCT UserID) AS u FROM hits GROUP BY RegionID ORDER BY u DESC, RegionID LIMIT 10"
    ),
    "q10 regions": (
        "SELECT RegionID, SUM(AdvEngineID) AS a, COUNT(*) AS c, AVG(ResolutionWidth) AS w, COUNT(DISTINCT UserID) AS u"
        " FROM hits GROUP BY RegionID ORDER BY c DESC, RegionID LIMIT 10"
    ),
    "q11 phone models": (
        "SELECT MobilePhoneModel, COUNT(DISTINCT UserID) AS u FROM hits WHERE MobilePhoneModel <> ''"
        " GROUP BY MobilePhoneModel ORDER BY u DESC, MobilePhoneModel LIMIT 10"
    ),
    "q13 search phrases": (
        "SELECT SearchPhrase, COUNT(*) AS c FROM hits WHERE SearchPhrase <> ''"
        " GROUP BY SearchPhrase ORDER BY c DESC, SearchPhrase LIMIT 10"
    ),
    "q15 engine and phrase": (
        "SELECT SearchEngineID, SearchPhrase, COUNT(*) AS c FROM hits WHERE SearchPhrase <> ''"
        " GROUP BY SearchEngineID, SearchPhrase ORDER BY c DESC, SearchEngineID, SearchPhrase LIMIT 10"
    ),
    "q16 users": "SELECT UserID, COUNT(*) AS n FROM hits GROUP BY UserID ORDER BY n DESC, UserID LIMIT 10",
    "q19 users by minute": (
        "SELECT UserID, EXTRACT(MINUTE FROM EventTime) AS m, SearchPhrase, COUNT(*) AS n FROM hits"
        " GROUP BY UserID, m, SearchPhrase ORDER BY n DESC, UserID, m, SearchPhrase LIMIT 10"
    ),
    "q20 one user": "SELECT UserID FROM hits WHERE UserID = 435090932899640",
    "q21 URL contains": "SELECT COUNT(*) AS n FROM hits WHERE URL LIKE '%google%'",
    "q25 first phrases": (
        "SELECT SearchPhrase FROM hits WHERE SearchPhrase <> '' ORDER BY EventTime, SearchPhrase LIMIT 10"
    ),
    "q28 lengths of URLs": (
        "SELECT CounterID, AVG(LENGTH(URL)) AS l, COUNT(*) AS c FROM hits WHERE URL <> '' GROUP BY CounterID"
        " HAVING COUNT(*) > {many} ORDER BY l DESC, CounterID LIMIT 25"
    ),
    "q31 engine and client": (
        "SELECT SearchEngineID, ClientIP, COUNT(*) AS c, SUM(IsRefresh) AS r, AVG(ResolutionWidth) AS w FROM hits"
        " WHERE SearchPhrase <> '' GROUP BY SearchEngineID, ClientIP"
        " ORDER BY c DESC, SearchEngineID, ClientIP LIMIT 10"
    ),
    "q34 URLs": "SELECT URL, COUNT(*) AS c FROM hits GROUP BY URL ORDER BY c DESC, URL LIMIT 10",
    "q37 pages of a site": (
        f"SELECT URL, COUNT(*) AS v FROM hits WHERE CounterID = {COUNTER} AND EventDate >= DATE '2013-07-01'"
        " AND EventDate <= DATE '2013-07-31' AND DontCountHits = 0 AND IsRefresh = 0 AND URL <> ''"
        " GROUP BY URL ORDER BY v DESC, URL LIMIT 10"
    ),
    "q43 views by minute": (
        f"SELECT DATE_TRUNC('minute', EventTime) AS m, COUNT(*) AS v FROM hits WHERE CounterID = {COUNTER}"
        " AND EventDate >= DATE '2013-07-14' AND EventDate <= DATE '2013-07-15' AND IsRefresh = 0"
        " AND DontCountHits = 0 GROUP BY DATE_TRUNC('minute', EventTime) ORDER BY m LIMIT 10 OFFSET 100"
    ),
}

SMALL: Mapping[str, tuple[int, float]] = {
    "JavaEnable": (2, 1),
    "GoodEvent": (1, 1),
    "CounterClass": (3, 0.05),
    "OS": (95, 1),
    "UserAgent": (84, 1),
    "IsRefresh": (2, 0.15),
    "RefererCategoryID": (20, 0.3),
    "RefererRegionID": (3_000, 0.5),
    "URLCategoryID": (20, 0.5),
    "URLRegionID": (2_000, 0.6),
    "ResolutionWidth": (3_000, 0.97),
    "ResolutionHeight": (2_000, 0.97),
    "ResolutionDepth": (8, 0.97),
    "FlashMajor": (14, 0.7),
    "FlashMinor": (9, 0.5),
    "NetMajor": (5, 0.2),
    "NetMinor": (3, 0.1),
    "UserAgentMajor": (70, 1),
    "CookieEnable": (2, 0.97),
    "JavascriptEnable": (2, 0.97),
    "IsMobile": (2, 0.06),
    "MobilePhone": (60, 0.06),
    "IPNetworkID": (100_000, 1),
    "TraficSourceID": (12, 0.8),
    "SearchEngineID": (60, 0.15),
    "AdvEngineID": (18, 0.025),
    "IsArtifical": (2, 0.1),
    "WindowClientWidth": (2_500, 0.97),
    "WindowClientHeight": (2_000, 0.97),
    "ClientTimeZone": (90, 0.9),
    "SilverlightVersion1": (6, 0.5),
    "SilverlightVersion2": (3, 0.2),
    "SilverlightVersion3": (60_000, 0.5),
    "SilverlightVersion4": (3, 0.2),
    "CodeVersion": (800, 0.9),
    "IsLink": (2, 0.05),
    "IsDownload": (2, 0.005),
    "IsNotBounce": (2, 0.3),
    "FUniqID": (300_000, 0.8),
    "HID": (2_000_000_000, 1),
    "IsOldCounter": (2, 0.01),
    "IsEvent": (2, 0.05),
    "IsParameter": (2, 0.03),
    "DontCountHits": (2, 0.2),
    "WithHash": (2, 0.05),
    "Age": (60, 0.5),
    "Sex": (3, 0.5),
    "Income": (5, 0.5),
    "Interests": (20_000, 0.5),
    "Robotness": (3, 0.1),
    "RemoteIP": (400_000, 1),
    "WindowName": (10_000, 0.9),
    "OpenerName": (10_000, 0.9),
    "HistoryLength": (100, 0.9),
    "HTTPError": (5, 0.001),
    "SendTiming": (30_000, 0.4),
    "DNSTiming": (5_000, 0.3),
    "ConnectTiming": (5_000, 0.3),
    "ResponseStartTiming": (20_000, 0.4),
    "ResponseEndTiming": (20_000, 0.4),
    "FetchTiming": (30_000, 0.4),
    "SocialSourceNetworkID": (10, 0.02),
    "ParamPrice": (1_000, 0.001),
    "ParamCurrencyID": (4, 0.001),
    "RefererHash": (1_000_000_000, 0.8),
    "URLHash": (1_000_000_000, 0.98),
    "CLID": (2_000, 0.02),
}
"""Whole numbers: how many values, with frequencies that fall with their rank, and the share that is not 0."""

RARE: Mapping[str, tuple[int, int, float]] = {
    "FlashMinor2": (100, 5, 0.7),
    "UserAgentMinor": (300, 4, 0.95),
    "MobilePhoneModel": (160, 6, 0.055),
    "Params": (20_000, 20, 0.02),
    "PageCharset": (12, 7, 0.9),
    "OriginalURL": (50_000, 70, 0.08),
    "HitColor": (5, 1, 1),
    "BrowserLanguage": (80, 2, 0.97),
    "BrowserCountry": (100, 2, 0.97),
    "SocialNetwork": (10, 8, 0.01),
    "SocialAction": (5, 6, 0.01),
    "SocialSourcePage": (1_000, 40, 0.005),
    "ParamOrderID": (1_000, 10, 0.001),
    "ParamCurrency": (3, 3, 1),
    "OpenstatServiceName": (20, 8, 0.01),
    "OpenstatCampaignID": (2_000, 8, 0.01),
    "OpenstatAdID": (5_000, 10, 0.01),
    "OpenstatSourceID": (200, 10, 0.01),
    "UTMSource": (300, 8, 0.02),
    "UTMMedium": (30, 5, 0.02),
    "UTMCampaign": (2_000, 12, 0.02),
    "UTMContent": (5_000, 12, 0.01),
    "UTMTerm": (10_000, 14, 0.01),
    "FromTag": (1_000, 8, 0.03),
}
"""Texts: how many values, their length, and the share that is not empty."""


def run(options: Options) -> Iterator[Outcome]:
    """The one contest."""
    rows = options.rows(ROWS)
    folder = data.cached("hits", rows, lambda folder: generate(folder, rows))
    yield held(contest(options, rows, folder), options.rounds, options.loaded)


def contest(options: Options, rows: int, folder: Path) -> Contest:
    """Outcrop, DuckDB, ClickHouse and Polars."""
    of = f"hits-{rows}"
    lines, file = folder / "hits.ndjson", folder / "hits.parquet"
    questions = {name: text.format(many=rows // 1_000) for name, text in QUESTIONS.items()}
    key = "CounterID, EventDate, UserID, EventTime, WatchID"
    return Contest(
        of,
        "ClickBench's 105 columns, 20 of its questions",
        lines.stat().st_size,
        rows,
        [
            contestants.outcrop(of, "Outcrop", options.server, {"hits": lines}, questions),
            contestants.duckdb(of, "DuckDB", [f"CREATE TABLE hits AS FROM '{file}'"], questions),
            contestants.clickhouse(
                contestants.clickhouse_session(of),
                "ClickHouse",
                ["hits"],
                [contestants.clickhouse_table("hits", file, key, low_cardinality=False)],
                questions,
            ),
            contestants.polars("Polars", {"hits": file}, questions),
        ],
    )


def generate(folder: Path, rows: int) -> None:
    """Writes `hits.parquet`, and the same as `hits.ndjson`."""
    draw = np.random.default_rng(data.SEED)
    hosts = join(pa.array(data.random_words(draw, 3_000)), ".", pick(draw, pa.array(["ru", "com", "net"]), 3_000))
    pools = {name: data.random_text(draw, distinct, length) for name, (distinct, length, _) in RARE.items()}
    pools["Title"] = data.sentences(draw, max(1_000, rows // 10), 8)
    pools["URL"] = addresses(draw, hosts, max(1_000, rows // 5))
    pools["Referer"] = addresses(draw, hosts, max(1_000, rows // 6))
    pools["SearchPhrase"] = data.sentences(draw, max(1_000, rows // 20), 4)
    users = draw.integers(10**15, 10**18, max(1_000, rows // 6))
    users[rows // 12] = 435_090_932_899_640
    writer = None
    for first, count, draw in data.chunks(rows):
        table = pa.table(columns(draw, first, count, rows, pools, users))
        writer = writer or pq.ParquetWriter(folder / "hits.parquet", table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    duckdb.execute(
        "COPY (SELECT * REPLACE ("
        + ", ".join(f"{typed(name, kind)} AS {name}" for name, kind in TYPED.items())
        + f") FROM '{folder}/hits.parquet') TO '{folder}/hits.ndjson' (FORMAT json)"
    )


TYPED = {"EventTime": "timestamp", "ClientEventTime": "timestamp", "LocalEventTime": "timestamp", "EventDate": "date"}


def typed(name: str, kind: str) -> str:
    """A time or date as JSON of Rockset has it."""
    form = "%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M:%SZ"
    return f"{{'__rockset_type': '{kind}', 'value': strftime({name}, '{form}')}}"


def addresses(draw: np.random.Generator, hosts: pa.Array, count: int) -> pa.Array:
    """Addresses of about 75 characters, three in a thousand of them with `google`."""
    host = hosts.take(pa.array(skewed(draw, len(hosts), count)))
    host = pa.compute.if_else(pa.array(draw.random(count) < 0.003), "google.ru", host)
    return join(
        "http://",
        host,
        "/",
        data.random_text(draw, count, 12),
        "/",
        data.random_text(draw, count, 20),
        "?id=",
        numbers(draw.integers(0, 10**9, count)),
    )


def columns(
    draw: np.random.Generator, first: int, count: int, rows: int, pools: Mapping[str, pa.Array], users: np.ndarray
) -> dict[str, object]:
    """The 105 columns of some rows."""
    seconds = FIRST_SECOND + (np.arange(first, first + count) * SECONDS // rows)
    times = pa.array(seconds, pa.timestamp("s")).cast(pa.timestamp("us"))
    counter = np.where(draw.random(count) < COUNTER_SHARE, COUNTER, skewed(draw, 6_500, count) * 17 + 100)
    drawn: dict[str, object] = {
        "WatchID": draw.integers(2**62, 2**63 - 1, count),
        "Title": some(draw, pools["Title"], count, 0.98),
        "EventTime": times,
        "EventDate": times.cast(pa.date32()),
        "CounterID": counter,
        "ClientIP": skewed(draw, max(1_000, rows // 8), count) * 2_654_435_761 % 2**31,
        "RegionID": skewed(draw, 9_000, count),
        "UserID": users[skewed(draw, len(users), count)],
        "URL": some(draw, pools["URL"], count, 0.999),
        "Referer": some(draw, pools["Referer"], count, 0.82),
        "ClientEventTime": times,
        "LocalEventTime": times,
        "SearchPhrase": some(draw, pools["SearchPhrase"], count, 0.13),
    }
    for name, (distinct, share) in SMALL.items():
        value = skewed(draw, distinct, count) + (1 if share < 1 else 0)
        drawn[name] = value if share == 1 else np.where(draw.random(count) < share, value, 0)
    for name, (_, _, share) in RARE.items():
        drawn[name] = some(draw, pools[name], count, share)
    drawn["HasGCLID"] = np.where(draw.random(count) < 0.01, 1, 0)
    return drawn


def some(draw: np.random.Generator, pool: pa.Array, count: int, share: float) -> pa.Array:
    """Members of a pool, the first ones more often, in a share of the rows; the others have empty texts."""
    values = pool.take(pa.array(skewed(draw, len(pool), count)))
    return pa.compute.if_else(pa.array(draw.random(count) < share), values, "")
