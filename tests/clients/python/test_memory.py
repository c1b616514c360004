"""`--memory` bounds a server that is written to and asked more than it has memory for: it goes over the disk, makes
wait and refuses, and nothing is lost."""

import random
import re
import sys
import threading
import unittest

from support import Server

LIMIT = 256 << 20
WRITERS, BATCHES, DOCUMENTS = 8, 6, 500

# Each holds all texts of 8 KB, sorts them, compares them or looks back at them. The first two can go over the disk.
QUERIES = (
    "SELECT text, COUNT(*) AS n FROM a GROUP BY text ORDER BY n DESC, text LIMIT 1",
    "SELECT n FROM b ORDER BY text",
    "SELECT COUNT(*) AS n FROM a JOIN b ON a.text = b.text",
    "SELECT text FROM b ORDER BY text LIMIT 1 OFFSET 1000",
    "SELECT COUNT(*) AS n FROM (SELECT text, LAG(text) OVER (ORDER BY n) AS before FROM a) x WHERE text < before",
)


@unittest.skipUnless(sys.platform == "linux", "only Linux tells how much memory a process has of its own")
class Memory(unittest.TestCase):
    def setUp(self):
        self.server = Server(options=("--memory", "256MiB"))
        self.addCleanup(self.server.close)
        self.server.start()
        self.done = threading.Event()
        self.written = threading.Event()
        self.addCleanup(self.written.set)
        self.answered = dict.fromkeys(QUERIES, 0)
        self.peak = 0

    def own_bytes(self):
        with open(f"/proc/{self.server.process.pid}/status") as status:
            return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) * 1024

    def watch(self):
        while not self.done.wait(0.005):
            self.peak = max(self.peak, self.own_bytes())

    def insist(self, method, path, body):
        """Sends it until it is not refused for want of memory; the answer, and how often it was refused."""
        refused = 0
        while True:
            status, answer = self.server.request(method, path, body)
            if status == 200:
                return answer, refused
            self.assertEqual((status, answer["type"]), (429, "RESOURCEEXCEEDED"), answer)
            refused += 1

    def write(self, writer, failures):
        path = f"/v1/orgs/self/ws/commons/collections/{'ab'[writer % 2]}/docs"
        try:
            for batch in range(BATCHES):
                documents = [
                    {"_id": f"{writer}-{batch}-{number}", "n": number, "text": random.randbytes(4000).hex()}
                    for number in range(DOCUMENTS)
                ]
                answer, _ = self.insist("POST", path, {"data": documents})
                self.assertEqual({entry["status"] for entry in answer["data"]}, {"ADDED"})
        except Exception as error:  # a thread's own are lost otherwise
            failures.append(error)

    def query(self, sql, failures):
        """Runs it again and again while there are writes; it may be refused for want of memory."""
        try:
            while not self.written.is_set():
                status, answer = self.server.request("POST", "/v1/orgs/self/queries", {"sql": {"query": sql}})
                if status != 200:
                    self.assertEqual((status, answer["type"]), (429, "RESOURCEEXCEEDED"), answer)
                self.answered[sql] += status == 200
        except Exception as error:  # a thread's own are lost otherwise
            failures.append(error)

    def test_writes_and_queries_stay_within_the_limit(self):
        for name in "ab":
            self.server.create_collection(name)
        watcher = threading.Thread(target=self.watch)
        watcher.start()
        self.addCleanup(watcher.join)
        self.addCleanup(self.done.set)
        failures = []
        writers = [threading.Thread(target=self.write, args=(number, failures)) for number in range(WRITERS)]
        askers = [threading.Thread(target=self.query, args=(sql, failures)) for sql in QUERIES]
        for thread in writers + askers:
            thread.start()
        for writer in writers:
            writer.join()
        self.written.set()
        for asker in askers:
            asker.join()
        self.assertEqual(failures, [])
        for name in "ab":
            count = {"sql": {"query": f"SELECT COUNT(*) AS n FROM {name}"}}
            answer, _ = self.insist("POST", "/v1/orgs/self/queries", count)
            self.assertEqual(answer["results"], [{"n": WRITERS // 2 * BATCHES * DOCUMENTS}])
        for sql in QUERIES[:2]:
            answer, _ = self.insist("POST", "/v1/orgs/self/queries", {"sql": {"query": sql}})
            self.assertGreater(len(answer["results"]), 0)
        self.done.set()
        watcher.join()
        print(f"peak {self.peak >> 20} MiB, answered {list(self.answered.values())}")
        self.assertLess(self.peak, LIMIT)
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
