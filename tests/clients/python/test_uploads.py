"""Parquet files of two other writers, uploaded: what comes out of them is what was put in."""

import datetime
import decimal
import io
import json
import os
import tempfile
import unittest
import urllib.request

import duckdb
import pyarrow
import pyarrow.parquet
from support import KEY, ServerTest

NOON = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456)

TABLE = pyarrow.table(
    {
        "_id": ["a", "b"],
        "int": pyarrow.array([2**53 + 1, None], pyarrow.int64()),
        "small": pyarrow.array([255, 0], pyarrow.uint8()),
        "half": pyarrow.array([0.5, -0.0], pyarrow.float16()),
        "money": pyarrow.array([decimal.Decimal("12.34"), None], pyarrow.decimal128(20, 2)),
        "flag": [True, None],
        "word": pyarrow.array(["x", "x"]).dictionary_encode(),
        "bytes": [b"\x00\xff", b""],
        "day": [datetime.date(2024, 2, 29), None],
        "time": [datetime.time(23, 59, 59, 999999), None],
        "civil": [NOON, None],
        "instant": pyarrow.array([NOON, None], pyarrow.timestamp("ms", "Europe/Berlin")),
        "list": [[1, None], []],
        "nested": [{"a": [{"b": "c"}]}, None],
        "map": pyarrow.array([[("k", 1)], []], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
    }
)

TYPES = {
    "int": "int",
    "small": "int",
    "half": "float",
    "money": "float",
    "flag": "bool",
    "word": "string",
    "bytes": "bytes",
    "day": "date",
    "time": "time",
    "civil": "datetime",
    "instant": "timestamp",
    "list": "array",
    "nested": "object",
    "map": "object",
}


class Uploads(ServerTest):
    def upload(self, collection, name, content, params):
        self.server.create_collection(collection)
        form = b"".join(
            [
                b'--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n',
                json.dumps(params).encode(),
                f'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode(),
                content,
                b"\r\n--b--\r\n",
            ]
        )
        headers = {"Authorization": f"ApiKey {KEY}", "Content-Type": "multipart/form-data; boundary=b"}
        url = f"{self.server.url}/v1/orgs/self/ws/commons/collections/{collection}/uploads"
        with urllib.request.urlopen(urllib.request.Request(url, form, headers), timeout=120) as answer:
            data = json.loads(answer.read())["data"]
        self.assertEqual((data["error_count"], data["last_error"]), (0, None))
        return data["doc_count"]

    def test_values_of_pyarrow_keep_their_types(self):
        columns = ", ".join(f"TYPEOF({name}) AS {name}" for name in TYPES)
        for compression in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
            with self.subTest(compression), io.BytesIO() as file:
                pyarrow.parquet.write_table(TABLE, file, compression=compression, row_group_size=1)
                name = f"arrow_{compression}"
                self.assertEqual(self.upload(name, "t.parquet", file.getvalue(), {}), 2)
                (types,) = self.server.sql(f"SELECT {columns} FROM {name} WHERE _id = 'a'")
                self.assertEqual(types, TYPES)
                rows = self.server.sql(
                    "SELECT int, money, CAST(instant AS string) AS instant, CAST(civil AS string) AS civil, list,"
                    f" nested, map FROM {name} ORDER BY _id"
                )
                first = {
                    "int": 2**53 + 1,
                    "money": 12.34,
                    "instant": "2024-02-29T12:00:00.123000Z",
                    "civil": "2024-02-29T12:00:00.123456",
                    "list": [1, None],
                    "nested": {"a": [{"b": "c"}]},
                    "map": {"k": 1},
                }
                second = {**dict.fromkeys(first), "list": [], "map": {}}
                self.assertEqual(rows, [first, second])

    def test_rows_of_duckdb_are_all_there(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = os.path.join(folder, "rows.parquet")
        rows = "SELECT i AS n, i % 7 AS k, [i, i + 1] AS l, {'s': 'row ' || i} AS o FROM range(50000) t(i)"
        duckdb.sql(f"COPY ({rows}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 4096)")
        with open(path, "rb") as file:
            self.assertEqual(self.upload("duck", "rows", file.read(), {"parquet": True}), 50_000)
        question = "SELECT k, COUNT(*) AS n, SUM(n) AS s, MAX(l[2]) AS l, MAX(o.s) AS o FROM {} GROUP BY k ORDER BY k"
        found = [tuple(row.values()) for row in self.server.sql(question.format("duck"))]
        self.assertEqual(found, duckdb.sql(question.format(f"'{path}'")).fetchall())


if __name__ == "__main__":
    unittest.main()
