"""What a client was told is stored is there after `kill -9`, and after an orderly stop."""

import threading
import time
import unittest

from support import Server


class Kill(unittest.TestCase):
    WRITERS = 4
    SECONDS = 3

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def test_a_kill_while_clients_write_loses_no_acknowledged_document(self):
        self.server.create_collection("log")
        acknowledged = set()
        lock = threading.Lock()

        def write(writer):
            number = 0
            while True:
                ids = [f"{writer}-{number}-{index}" for index in range(10)]
                number += 1
                try:
                    statuses = self.server.add("log", [{"_id": id, "w": writer} for id in ids])
                except (OSError, ValueError):
                    return  # the server is gone
                with lock:
                    acknowledged.update(status["_id"] for status in statuses if status["status"] == "ADDED")

        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(self.SECONDS)
        self.server.kill()
        for writer in writers:
            writer.join()
        self.assertGreater(len(acknowledged), 100)

        self.server.start()
        stored = {row["_id"] for row in self.server.sql("SELECT _id FROM log")}
        self.assertEqual(acknowledged - stored, set())
        # A batch that was on its way is there as a whole or not at all.
        self.assertEqual(len(stored) % 10, 0)

    def test_updates_and_deletes_survive_a_kill(self):
        self.server.create_collection("things")
        self.server.add("things", [{"_id": str(index), "v": index} for index in range(100)])
        self.server.add("things", [{"_id": "7", "v": "seven"}])
        path = "/v1/orgs/self/ws/commons/collections/things/docs"
        self.server.request("DELETE", path, {"data": [{"_id": "8"}]})
        patch = [{"op": "INCREMENT", "path": "/v", "value": 1000}]
        self.server.request("PATCH", path, {"data": [{"_id": "9", "patch": patch}]})
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.sql("SELECT COUNT(*) AS n FROM things"), [{"n": 99}])
        rows = self.server.sql("SELECT _id, v FROM things WHERE _id IN ('7', '8', '9') ORDER BY _id")
        self.assertEqual(rows, [{"_id": "7", "v": "seven"}, {"_id": "9", "v": 1009}])

    def test_an_orderly_stop_keeps_everything_and_exits_with_0(self):
        self.server.create_collection("kept")
        self.server.add("kept", [{"_id": str(index)} for index in range(1000)])
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.server.sql("SELECT COUNT(*) AS n FROM kept"), [{"n": 1000}])
        self.assertEqual(self.server.stop(), 0)

    def test_a_second_server_on_the_folder_is_refused(self):
        second = Server(data=self.server.data)
        with self.assertRaisesRegex(RuntimeError, "in use by process"):
            second.start()
        self.assertEqual(second.process.returncode, 1)


if __name__ == "__main__":
    unittest.main()
