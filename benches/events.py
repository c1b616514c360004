"""Figures of a server process beside DuckDB on the same machine, in the same run: `cargo xtask bench events`.

Prints one table of medians. A ratio above 1 means that Outcrop took longer (or more bytes) than DuckDB.
DuckDB answers over a native table that it loaded from the same file, which is its best case.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from bench.peers.outcrop import Client, Server
from bench.places import BINARY, folder_bytes

SLICE = 100_000


def server_options(options):
    """The options of `outcrop serve`."""
    return ["--memory", options.memory] if options.memory else []


def median_ms(action, runs):
    """The median time of an action, after one run that warms caches."""
    action()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        action()
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times)


class Report:
    def __init__(self):
        self.rows = []

    def add(self, what, ours, theirs=None, unit="", note=""):
        ratio = f"{ours / theirs:.2f}" if theirs else ""
        shown = f"{theirs:,.2f}" if theirs is not None else ""
        self.rows.append((what, f"{ours:,.2f}", shown, ratio, unit, note))
        print(f"{what}: {ours:,.2f} {unit}" + (f" (DuckDB {shown}, ratio {ratio})" if shown else ""), flush=True)

    def print(self):
        header = ("figure", "Outcrop", "DuckDB", "ratio", "unit", "note")
        rows = [header, *self.rows]
        widths = [max(len(row[index]) for row in rows) for index in range(len(header))]
        print()
        for row in rows:
            cells = [
                cell.rjust(width) if index in (1, 2, 3) else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(row, widths))
            ]
            print("  ".join(cells).rstrip())


def writes(report, folder, options):
    server = Server(Path(folder, "writes"), server_options(options))
    report.add("start to ready, empty folder", server.ready_ms, unit="ms")
    server.create("single")
    one = server.hammer("single", 1, 1, options.single, 11)
    report.add("add one document, p50", one["request_p50_ms"], unit="ms")
    report.add("add one document, p99", one["request_p99_ms"], unit="ms")
    for clients, batch in ((64, 10), (8, 1000)):
        name = f"many_{clients}"
        rates = []
        for run in range(options.runs):
            server.create(f"{name}_{run}")
            figures = server.hammer(f"{name}_{run}", clients, batch, options.writes, 12 + run)
            rates.append(figures["documents_per_second"])
        report.add(f"writes, {clients} clients of {batch}", statistics.median(rates), unit="docs/s")
    report.add("own memory while writing, peak", server.peak_bytes / 2**20, unit="MiB")
    server.close()


QUERIES = [
    ("COUNT(*)", "SELECT COUNT(*) AS n FROM events", "SELECT count(*) FROM events"),
    (
        "filter + GROUP BY",
        "SELECT e.company AS c, COUNT(*) AS n, AVG(e.balance) AS b FROM events e WHERE e.age > 40 GROUP BY e.company",
        "SELECT company, count(*), avg(balance) FROM events WHERE age > 40 GROUP BY company",
    ),
    (
        "nested filter + GROUP BY",
        "SELECT e.address.country AS c, MAX(e.address.coordinates.latitude) AS m FROM events e"
        " WHERE e.name.last = 'Hopper' GROUP BY e.address.country",
        "SELECT address.country, max(address.coordinates.latitude) FROM events"
        " WHERE name.last = 'Hopper' GROUP BY address.country",
    ),
    (
        "_id lookup",
        "SELECT e.company AS c, e.balance AS b FROM events e WHERE e._id = 'event-1-{middle}'",
        "SELECT company, balance FROM events WHERE _id = 'event-1-{middle}'",
    ),
    (
        "equality, one hit",
        'SELECT e.company AS c, e.balance AS b FROM events e WHERE e."index" = {middle}',
        'SELECT company, balance FROM events WHERE "index" = {middle}',
    ),
    (
        "two selective filters, whole rows",
        "SELECT * FROM events e WHERE e.address.postcode = '00{digits}' AND e.age = 30",
        "SELECT * FROM events WHERE address.postcode = '00{digits}' AND age = 30",
    ),
    (
        "COUNT under equality",
        "SELECT COUNT(*) AS n FROM events e WHERE e.company = 'Acme'",
        "SELECT count(*) FROM events WHERE company = 'Acme'",
    ),
    (
        "GROUP BY with COUNT",
        "SELECT e.address.city AS c, COUNT(*) AS n FROM events e GROUP BY e.address.city",
        "SELECT address.city, count(*) FROM events GROUP BY address.city",
    ),
    (
        "COUNT(DISTINCT)",
        "SELECT COUNT(DISTINCT e.company) AS n FROM events e",
        "SELECT count(DISTINCT company) FROM events",
    ),
    (
        "MIN and MAX",
        "SELECT MIN(e.age) AS a, MAX(e.name.last) AS b FROM events e",
        "SELECT min(age), max(name.last) FROM events",
    ),
    (
        "ORDER BY LIMIT 10",
        'SELECT e._id AS i FROM events e ORDER BY e."index" DESC LIMIT 10',
        'SELECT _id FROM events ORDER BY "index" DESC LIMIT 10',
    ),
]


def points(report, server, options):
    """Lookups of whole single documents at random places: as a client on loopback sees them, and as the server does."""
    draw = random.Random(5)
    for name, condition in (("_id", "e._id = 'event-1-{}'"), ("a field, one hit", 'e."index" = {}')):
        seen, spent = [], []
        for _ in range(options.points):
            where = condition.format(draw.randrange(options.documents))
            begin = time.perf_counter()
            found = server.sql(f"SELECT * FROM events e WHERE {where}")
            seen.append((time.perf_counter() - begin) * 1e3)
            spent.append(server.server_ms)
            if len(found) != 1:
                sys.exit(f"{where}: {len(found)} rows")
        for whose, times in (("client", seen), ("server", spent)):
            times.sort()
            for percent in (50, 99):
                place = min(len(times) * percent // 100, len(times) - 1)
                report.add(f"lookup by {name}, {whose} p{percent}", times[place], unit="ms")


def upserts(report, server, options, inserts):
    """Documents drawn at random once more, while another client counts them over and over."""
    stop = threading.Event()
    counts = []

    def scan():
        own = Client(server.port)
        query = "SELECT COUNT(*) AS n, COUNT(DISTINCT e.\"index\") AS d FROM events e WHERE e.age >= 0"
        while not stop.is_set():
            counts.append(own.sql(query)[0])

    scanner = threading.Thread(target=scan)
    scanner.start()
    rates = []
    for first in range(0, options.upserts, SLICE):
        count = min(SLICE, options.upserts - first)
        figures = server.hammer("events", 8, 1000, count, 1, first, options.documents)
        rates.append(figures["documents_per_second"])
    stop.set()
    scanner.join()
    if any(count != {"n": options.documents, "d": options.documents} for count in counts):
        sys.exit(f"a scan saw a document twice or not at all: {counts}")
    rate = statistics.median(rates)
    report.add(
        "upserts at random, while scanning", rate, unit="docs/s",
        note=f"{rate / inserts:.2f} of inserts, {len(counts)} scans saw each _id once",
    )


def reads(report, folder, options):
    data = Path(folder, "reads")
    server = Server(data, server_options(options))
    server.create("events")
    # The tool makes its documents in memory first; slices keep that within bounds.
    rates = []
    before = server.cpu_seconds()
    for first in range(0, options.documents, SLICE):
        count = min(SLICE, options.documents - first)
        rates.append(server.hammer("events", 8, 1000, count, 1, first)["documents_per_second"])
    inserts = statistics.median(rates)
    report.add("inserts, slices of 100,000", inserts, unit="docs/s")
    spent = server.cpu_seconds() - before
    report.add(
        "inserts, flushes and compactions, per core", options.documents / spent, unit="docs/s",
        note="documents per second of the server's processor time",
    )
    peak = server.peak_bytes
    server.close()
    stored = folder_bytes(data)
    server.start()
    report.add(f"start to ready, {options.documents:,} documents", server.ready_ms, unit="ms")

    count = options.documents
    path = os.path.join(folder, "events.ndjson")
    sampled = min(count, SLICE) if options.without_duckdb else count
    with open(path, "wb") as output:
        command = [BINARY, "dev", "events", "--count", str(sampled), "--seed", "1"]
        subprocess.run(command, stdout=output, check=True)
    plain = os.path.getsize(path) / sampled
    with open(path, "rb") as source, gzip.open(path + ".gz", "wb", compresslevel=6) as packed:
        packed.writelines(source)
    zipped = os.path.getsize(path + ".gz") / sampled
    each = stored / count
    report.add(
        "bytes on disk per document", each, unit="bytes",
        note=f"gzip of the JSON {zipped:.0f}, JSON {plain:.0f}, ratio to gzip {each / zipped:.2f}, to JSON {each / plain:.2f}",
    )
    if not options.without_duckdb:
        queries(report, server, folder, path, options)
    os.unlink(path)
    points(report, server, options)
    upserts(report, server, options, inserts)
    report.add("own memory while loading, peak", peak / 2**20, unit="MiB")
    report.add("own memory while querying and replacing, peak", server.peak_bytes / 2**20, unit="MiB")
    server.close()


def queries(report, server, folder, path, options):
    count = options.documents
    database = duckdb.connect(os.path.join(folder, "duck.db"))
    database.sql(f"CREATE TABLE events AS SELECT * FROM read_json('{path}', sample_size=100000)")
    for name, ours, theirs in QUERIES:
        values = {"{middle}": str(count // 2), "{digits}": "123"}
        for place, value in values.items():
            ours, theirs = ours.replace(place, value), theirs.replace(place, value)
        found = len(server.sql(ours)), len(database.sql(theirs).fetchall())
        if found[0] != found[1]:
            sys.exit(f"{name}: {found[0]} rows, but DuckDB has {found[1]}")
        report.add(
            f"{name}, {count:,} documents",
            median_ms(lambda: server.sql(ours), options.query_runs),
            median_ms(lambda: database.sql(theirs).fetchall(), options.query_runs),
            unit="ms",
        )


def main():
    parser = argparse.ArgumentParser(prog="cargo xtask bench events", description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000, help="documents that are queried")
    parser.add_argument("--writes", type=int, default=100_000, help="documents of each write figure")
    parser.add_argument("--single", type=int, default=2_000, help="single documents added one after another")
    parser.add_argument("--runs", type=int, default=3, help="runs of each write figure")
    parser.add_argument("--query-runs", type=int, default=11, help="runs of each query")
    parser.add_argument("--points", type=int, default=500, help="lookups of single documents")
    parser.add_argument("--upserts", type=int, default=500_000, help="documents that are replaced")
    parser.add_argument("--memory", metavar="SIZE", help="the server's limit, such as 1GiB")
    parser.add_argument("--without-duckdb", action="store_true", help="leave out the queries that DuckDB answers too")
    parser.add_argument("--without-writes", action="store_true", help="leave out the figures of small writes")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="outcrop-bench-") as folder:
        if not options.without_writes:
            writes(report, folder, options)
        reads(report, folder, options)
    report.print()
    if options.json:
        with open(options.json, "w") as output:
            json.dump(report.rows, output, indent=1)


if __name__ == "__main__":
    main()
