"""Random queries over typed columns: the answers are DuckDB's.

`OUTCROP_QUERIES` says how many, `OUTCROP_QUERIES_SEED` which ones; `cargo xtask compare` sets both. A failure prints both
texts and both answers.
"""

import datetime
import math
import os
import random
import tempfile
import unittest

import duckdb
from expressions import COLUMNS, DUCKDB_TYPES, Queries, rows
from support import Server

COUNT = int(os.environ.get("OUTCROP_QUERIES", "300"))
SEED = int(os.environ.get("OUTCROP_QUERIES_SEED", "1"))
FAILURES_SHOWN = 20


def document(row, generator):
    """A row as a document: a null is stored, or its field is left out."""
    members = {"_id": f"{row['n']:04}"}
    for name, value in row.items():
        if isinstance(value, datetime.date):
            value = {"__rockset_type": "date", "value": value.isoformat()}
        if value is not None or generator.random() < 0.5:
            members[name] = value
    return members


def cell(value):
    """A value of either side, such that equal ones are equal and sort alike: floats have 9 digits."""
    if isinstance(value, dict):
        value = value["value"]
    if isinstance(value, datetime.date):
        value = value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        value = 0.0 if abs(value) < 1e-12 else float(f"{value:.9g}")
    return type(value).__name__, str(value)


def table(answers, ordered):
    """Rows that can be compared."""
    cells = [tuple(cell(value) for value in row) for row in answers]
    return cells if ordered else sorted(cells)


class Expressions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        generator = random.Random(SEED)
        cls.tables = {"t": rows(generator, 60), "u": rows(generator, 25)}
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.server = Server(data=os.path.join(folder, "data"))
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        # Half of the rows in a segment, some of them replaced since, and the others in memory.
        for name, content in cls.tables.items():
            cls.server.create_collection(name)
            older = [{**row, "s": "older", "i": 5} for row in content[::4]]
            half = content[: len(content) // 2]
            for part in (older, half):
                cls.server.add(name, [document(row, generator) for row in part])
        assert cls.server.stop() == 0
        cls.server.start()
        for name, content in cls.tables.items():
            rest = content[len(content) // 2 :] + content[::5]
            cls.server.add(name, [document(row, generator) for row in rest])
        cls.duckdb = duckdb.connect()
        for name, content in cls.tables.items():
            columns = ", ".join(f"{column} {DUCKDB_TYPES[kind]}" for column, kind in COLUMNS.items())
            cls.duckdb.execute(f"CREATE TABLE {name} (n BIGINT, {columns})")
            marks = ", ".join("?" for _ in range(len(COLUMNS) + 1))
            cls.duckdb.executemany(f"INSERT INTO {name} VALUES ({marks})", [list(row.values()) for row in content])

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def test_every_answer_is_duckdbs(self):
        queries = Queries(random.Random(SEED))
        failures, rows_seen = [], 0
        for _ in range(COUNT):
            ours, theirs = queries.query()
            ordered = " LIMIT " in ours
            expected = table(self.duckdb.execute(theirs).fetchall(), ordered)
            rows_seen += len(expected)
            try:
                found = table((row.values() for row in self.server.sql(ours)), ordered)
            except AssertionError as error:
                found = str(error)
            if found != expected:
                failures.append(f"ours:   {ours}\nDuckDB: {theirs}\n{found}\n{expected}")
        self.assertEqual(failures[:FAILURES_SHOWN], [], f"{len(failures)} of {COUNT} differ:\n" + "\n\n".join(failures[:3]))
        self.assertGreater(rows_seen, COUNT, "the queries give hardly any rows")
