"""Data that nobody here made up: files of vega-datasets, loaded by `outcrop load` and compared with DuckDB."""

import gzip
import json
import os
import tempfile
import unittest

import duckdb
from support import ServerTest, vega


def rounded(rows):
    """Rows as sorted tuples, floats cut to what two orders of summation agree on."""
    def cell(value):
        return float(f"{value:.10g}") if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    return sorted((tuple(cell(value) for value in row) for row in rows), key=repr)


class RealInput(ServerTest):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def loaded(self, path, collection, count):
        result = self.server.load(path, "--collection", f"vega.{collection}", "--create")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, f"^{count} documents? loaded into vega.{collection} ")

    def assert_same(self, ours, theirs, **files):
        """Both queries give the same rows; `{name}` in DuckDB's stands for a file."""
        expected = duckdb.sql(theirs.format(**files)).fetchall()
        found = [tuple(row.values()) for row in self.server.sql(ours)]
        self.assertEqual(rounded(found), rounded(expected), ours)
        self.assertTrue(expected, theirs)

    def test_movies_have_fields_of_mixed_types(self):
        path = vega("movies.json")
        self.loaded(path, "movies", 3201)
        # DuckDB takes one type per column and reads the nine numeric titles as text; so does nobody here.
        file = f"read_json('{path}', columns={{'Title': 'JSON', 'US Gross': 'BIGINT', 'IMDB Rating': 'DOUBLE', " \
               "'Production Budget': 'BIGINT', 'Major Genre': 'VARCHAR', 'Director': 'VARCHAR'})"
        self.assert_same("SELECT COUNT(*) FROM vega.movies", "SELECT count(*) FROM {file}", file=file)
        self.assert_same(
            'SELECT TYPEOF("Title") AS t, COUNT(*) AS n FROM vega.movies WHERE "Title" IS NOT NULL GROUP BY t',
            """SELECT CASE json_type(Title) WHEN 'VARCHAR' THEN 'string' ELSE 'int' END AS t, count(*)
               FROM {file} WHERE json_type(Title) <> 'NULL' GROUP BY t""",
            file=file,
        )
        self.assert_same(
            'SELECT "Major Genre", COUNT(*), MAX("US Gross"), AVG("IMDB Rating") FROM vega.movies GROUP BY "Major Genre"',
            'SELECT "Major Genre", count(*), max("US Gross"), avg("IMDB Rating") FROM {file} GROUP BY 1',
            file=file,
        )
        self.assert_same(
            'SELECT m."Director" AS d, SUM(m."US Gross") AS s FROM vega.movies m WHERE m."IMDB Rating" >= 8'
            ' GROUP BY m."Director" HAVING COUNT(*) > 2',
            'SELECT Director, sum("US Gross") FROM {file} WHERE "IMDB Rating" >= 8 GROUP BY 1 HAVING count(*) > 2',
            file=file,
        )
        self.assert_same(
            'SELECT COUNT(*) FROM vega.movies WHERE "Title" = 300',
            "SELECT count(*) FROM {file} WHERE json_type(Title) = 'UBIGINT' AND Title::VARCHAR = '300'",
            file=file,
        )

    def test_earthquakes_are_deep(self):
        """The file is one GeoJSON document; its features are reached by UNNEST."""
        path = vega("earthquakes.json")
        self.loaded(path, "earthquakes", 1)
        file = f"(SELECT unnest(features) AS f FROM read_json('{path}', maximum_object_size=4000000))"
        features = "vega.earthquakes e, UNNEST(e.features AS f) AS u"
        self.assert_same(f"SELECT COUNT(*) FROM {features}", "SELECT count(*) FROM {file}", file=file)
        self.assert_same(
            f"SELECT u.f.properties.net AS net, COUNT(*) AS n, MAX(u.f.properties.mag) AS m FROM {features}"
            " GROUP BY u.f.properties.net",
            "SELECT f.properties.net, count(*), max(f.properties.mag) FROM {file} GROUP BY 1",
            file=file,
        )

    def test_features_of_earthquakes_are_documents(self):
        with open(vega("earthquakes.json")) as source:
            features = json.load(source)["features"]
        path = os.path.join(self.folder, "features.ndjson.gz")
        with gzip.open(path, "wt") as lines:
            for feature in features:
                lines.write(json.dumps(feature) + "\n")
        self.loaded(path, "features", len(features))
        file = f"read_json('{path}', sample_size=-1)"
        self.assert_same(
            "SELECT f.properties.type AS t, COUNT(*) AS n, AVG(f.properties.mag) AS m FROM vega.features f"
            " WHERE f.properties.mag > 1.5 AND f.properties.felt IS NOT NULL GROUP BY f.properties.type",
            "SELECT properties.type, count(*), avg(properties.mag) FROM {file}"
            " WHERE properties.mag > 1.5 AND properties.felt IS NOT NULL GROUP BY 1",
            file=file,
        )
        self.assert_same(
            "SELECT f.id AS id, f.geometry.coordinates[3] AS depth FROM vega.features f"
            " ORDER BY f.geometry.coordinates[3] DESC, f.id LIMIT 20",
            "SELECT id, geometry.coordinates[3] FROM {file} ORDER BY 2 DESC, 1 LIMIT 20",
            file=file,
        )

    def test_github_is_csv(self):
        path = vega("github.csv")
        file = f"read_csv('{path}', types={{'time': 'VARCHAR'}})"
        count = duckdb.sql(f"SELECT count(*) FROM {file}").fetchall()[0][0]
        self.loaded(path, "github", count)
        self.assert_same(
            "SELECT SUBSTR(g.time, 12, 2) AS hour, SUM(g.count) AS s, COUNT(*) AS n FROM vega.github g"
            " GROUP BY SUBSTR(g.time, 12, 2)",
            "SELECT substr(time, 12, 2), sum(count), count(*) FROM {file} GROUP BY 1",
            file=file,
        )

    def test_flights_join_airports(self):
        flights, airports = vega("flights-5k.json"), vega("airports.csv")
        self.loaded(flights, "flights", 5000)
        files = {"flights": f"read_json('{flights}', columns={{'date': 'VARCHAR', 'delay': 'BIGINT', "
                            "'distance': 'BIGINT', 'origin': 'VARCHAR', 'destination': 'VARCHAR'})",
                 "airports": f"read_csv('{airports}', quote='\"')"}
        count = duckdb.sql(f"SELECT count(*) FROM {files['airports']}").fetchall()[0][0]
        self.loaded(airports, "airports", count)
        self.assert_same(
            "SELECT a.state AS state, COUNT(*) AS n, AVG(f.delay) AS d, MAX(f.distance) AS m"
            " FROM vega.flights f JOIN vega.airports a ON f.origin = a.iata GROUP BY a.state",
            "SELECT a.state, count(*), avg(f.delay), max(f.distance)"
            " FROM {flights} f JOIN {airports} a ON f.origin = a.iata GROUP BY 1",
            **files,
        )
        self.assert_same(
            "SELECT f.origin AS o, COUNT(DISTINCT f.destination) AS n FROM vega.flights f WHERE f.delay > 60"
            " GROUP BY f.origin ORDER BY n DESC, o LIMIT 10",
            "SELECT origin, count(DISTINCT destination) AS n FROM {flights} WHERE delay > 60 GROUP BY 1"
            " ORDER BY n DESC, 1 LIMIT 10",
            **files,
        )


if __name__ == "__main__":
    unittest.main()
