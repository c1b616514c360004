"""Data in a bucket of a real S3 server: nothing is on local disk, and it survives kills, takeovers and outages."""

import tempfile
import time
import unittest

from bucket import Bucket
from support import Server

DOCUMENTS = "/v1/orgs/self/ws/commons/collections/things/docs"


class InBucket(unittest.TestCase):
    def setUp(self):
        self.bucket = Bucket()
        self.addCleanup(self.bucket.close)
        self.bucket.start()

    def serve(self, *options):
        """A server on the bucket, which takes it over from any other."""
        server = Server(data=self.bucket.url, environment=self.bucket.environment, options=options)
        self.addCleanup(server.close)
        return server.start()

    def put(self, server, id, value):
        status, body = server.request("POST", DOCUMENTS, {"data": [{"_id": id, "v": value}]})
        return status, body

    def values(self, server):
        return {row["_id"]: row["v"] for row in server.sql("SELECT _id, v FROM things")}

    def test_a_killed_server_leaves_everything_in_the_bucket(self):
        server = self.serve()
        server.create_collection("things")
        server.add("things", [{"_id": str(index), "v": index} for index in range(1000)])
        server.add("things", [{"_id": "7", "v": "seven"}])
        server.request("DELETE", DOCUMENTS, {"data": [{"_id": "8"}]})
        expected = self.values(server)
        self.assertEqual((len(expected), expected["7"]), (999, "seven"))
        server.kill()

        # From the log, then, after an orderly stop, from a segment; each time with nothing but the bucket.
        server = self.serve()
        self.assertEqual(self.values(server), expected)
        self.assertEqual(server.stop(), 0)
        server = self.serve()
        self.assertEqual(self.values(server), expected)
        self.assertEqual(server.sql("SELECT v FROM things WHERE _id = '7'"), [{"v": "seven"}])

    def test_a_second_server_takes_over_and_the_first_only_reads(self):
        first = self.serve()
        first.create_collection("things")
        first.add("things", [{"_id": "a", "v": 1}])
        second = self.serve()
        self.assertEqual(self.values(second), {"a": 1})
        for _ in range(2):
            status, body = self.put(first, "a", 9)
            self.assertEqual(status, 503, body)
            self.assertIn("another server", body["message"])
        status, body = first.request("POST", "/v1/orgs/self/ws/commons/collections", {"name": "late"})
        self.assertEqual(status, 503, body)
        self.assertEqual(self.values(first), {"a": 1})
        second.add("things", [{"_id": "b", "v": 2}])
        self.assertEqual(first.stop(), 0)
        self.assertEqual(self.values(second), {"a": 1, "b": 2})
        second.kill()
        self.assertEqual(self.values(self.serve()), {"a": 1, "b": 2})

    def test_without_the_bucket_writes_wait_reads_go_on_and_it_recovers(self):
        with tempfile.TemporaryDirectory() as folder:
            server = self.serve("--cache-dir", folder)
            server.create_collection("things")
            server.add("things", [{"_id": str(index), "v": index} for index in range(500)])
            self.assertEqual(server.stop(), 0)
            server = self.serve("--cache-dir", folder)
            expected = self.values(server)
            self.assertEqual(len(expected), 500)

            self.bucket.stop()
            status, body = self.put(server, "late", 1)
            self.assertEqual((status, body["type"]), (503, "SERVICEUNAVAILABLE"))
            self.assertTrue(server.headers.get("Retry-After"))
            self.assertEqual(self.values(server), expected)

            self.bucket.start()
            deadline = time.monotonic() + 60
            status = 503
            while status == 503 and time.monotonic() < deadline:
                status, body = self.put(server, "late", 2)
                time.sleep(0.2)
            self.assertEqual(status, 200, body)
            self.assertEqual(self.values(server), {**expected, "late": 2})
            server.kill()
            self.assertEqual(self.values(self.serve()), {**expected, "late": 2})
