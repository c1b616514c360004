"""Generated events in the shape of RockBench's, compared with DuckDB; and their segment, read by other tools."""

import glob
import os
import subprocess
import tempfile
import unittest

import duckdb
import pyarrow.parquet
from support import BINARY, Server
from test_real_input import rounded

COUNT = 20_000

# The same question in both dialects; `{file}` is DuckDB's name of the file.
QUESTIONS = [
    ("SELECT COUNT(*) FROM events", "SELECT count(*) FROM {file}"),
    (
        "SELECT e.company AS c, COUNT(*) AS n, AVG(e.balance) AS b, MIN(e.age) AS a FROM events e"
        " WHERE e.is_active GROUP BY e.company",
        "SELECT company, count(*), avg(balance), min(age) FROM {file} WHERE is_active GROUP BY 1",
    ),
    (
        "SELECT e.address.country AS c, COUNT(*) AS n FROM events e"
        " WHERE e.address.coordinates.latitude BETWEEN 10 AND 40 AND e.name.last LIKE 'B%'"
        " GROUP BY e.address.country",
        "SELECT address.country, count(*) FROM {file}"
        " WHERE address.coordinates.latitude BETWEEN 10 AND 40 AND name.last LIKE 'B%' GROUP BY 1",
    ),
    (
        "SELECT COUNT(*) FROM events e WHERE e.referrer IS NULL",
        "SELECT count(*) FROM {file} WHERE referrer IS NULL",
    ),
    (
        "SELECT t.tag AS tag, COUNT(*) AS n FROM events e, UNNEST(e.tags AS tag) AS t GROUP BY t.tag",
        "SELECT tag, count(*) FROM (SELECT unnest(tags) AS tag FROM {file}) GROUP BY 1",
    ),
    (
        "SELECT f.friend.name.first AS first, AVG(f.friend.age) AS age FROM events e,"
        " UNNEST(e.friends AS friend) AS f GROUP BY f.friend.name.first",
        "SELECT f.name.first, avg(f.age) FROM (SELECT unnest(friends) AS f FROM {file}) GROUP BY 1",
    ),
    (
        "SELECT e._id AS id, e.score AS score FROM events e WHERE e.score IS NOT NULL"
        " ORDER BY e.score DESC, e._id LIMIT 25",
        "SELECT _id, score FROM {file} WHERE score IS NOT NULL ORDER BY score DESC, _id LIMIT 25",
    ),
    (
        "SELECT e.company AS c, e.balance AS b FROM events e WHERE e._id = 'event-1-12345'",
        "SELECT company, balance FROM {file} WHERE _id = 'event-1-12345'",
    ),
]


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.path = os.path.join(cls.folder, "events.ndjson")
        with open(cls.path, "wb") as output:
            command = [BINARY, "dev", "events", "--count", str(COUNT), "--seed", "1"]
            subprocess.run(command, stdout=output, check=True)
        cls.file = f"read_json('{cls.path}', sample_size=-1)"
        cls.server = Server(data=os.path.join(cls.folder, "data"))
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        result = cls.server.load(cls.path, "--collection", "events", "--create")
        assert result.returncode == 0, result.stderr

    def check_all(self):
        for ours, theirs in QUESTIONS:
            with self.subTest(ours):
                expected = duckdb.sql(theirs.format(file=self.file)).fetchall()
                found = [tuple(row.values()) for row in self.server.sql(ours)]
                self.assertEqual(rounded(found), rounded(expected))

    def test_1_answers_from_recent_writes_are_those_of_duckdb(self):
        self.check_all()

    def test_2_answers_from_segments_are_those_of_duckdb(self):
        """An orderly stop turns everything in memory into segments."""
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.check_all()

    def test_3_a_segment_is_a_parquet_file_for_others(self):
        paths = glob.glob(os.path.join(self.folder, "data", "**", "*.parquet"), recursive=True)
        self.assertTrue(paths)
        files = {path: pyarrow.parquet.read_table(path) for path in paths}
        # Others are those of `_events`.
        files = {path: table for path, table in files.items() if "company#s" in table.column_names}
        self.assertEqual(sum(table.num_rows for table in files.values()), COUNT)
        paths = list(files)
        relation = f"read_parquet({paths!r}, union_by_name=true)"
        theirs = duckdb.sql(f'SELECT "company#s", count(*), avg("balance#f") FROM {relation} GROUP BY 1')
        source = duckdb.sql(f"SELECT company, count(*), avg(balance) FROM {self.file} GROUP BY 1")
        self.assertEqual(rounded(theirs.fetchall()), rounded(source.fetchall()))


if __name__ == "__main__":
    unittest.main()
