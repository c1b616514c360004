"""Connections that do nothing, and those whose requests come byte by byte, cost little memory and hold nobody up."""

import re
import resource
import socket
import sys
import unittest

from support import KEY, Server

IDLE, SLOW = 1000, 200
BYTES_MAX = 100 << 20

HEAD = f"host: outcrop\r\nauthorization: ApiKey {KEY}\r\n"
ASKED = f"GET /v1/orgs/self HTTP/1.1\r\n{HEAD}\r\n".encode()
PROMISED = 200_000
BEGUN = (
    "POST /v1/orgs/self/ws/commons/collections/c/docs HTTP/1.1\r\n"
    f"{HEAD}content-type: application/json\r\ncontent-length: {PROMISED}\r\n\r\n"
).encode()


@unittest.skipUnless(sys.platform == "linux", "only Linux tells how much memory a process has of its own")
class Connections(unittest.TestCase):
    def setUp(self):
        # Each connection is a file here and one in the server, which begins with this program's limit and raises it.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.server.create_collection("c")

    def own_bytes(self):
        with open(f"/proc/{self.server.process.pid}/status") as status:
            return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) * 1024

    def connect(self, request):
        place = self.server.url.removeprefix("http://").split(":")
        connection = socket.create_connection((place[0], int(place[1])), timeout=60)
        self.addCleanup(connection.close)
        connection.sendall(request)
        return connection

    def test_idle_and_slow_connections_cost_little(self):
        before = self.own_bytes()
        for _ in range(IDLE):
            self.assertTrue(self.connect(ASKED).recv(4096).startswith(b"HTTP/1.1 200"))
        slow = [self.connect(BEGUN) for _ in range(SLOW)]
        for _ in range(20):
            for connection in slow:
                connection.sendall(b" " * 1000)
            status, _ = self.server.request("GET", "/v1/orgs/self")
            self.assertEqual(status, 200)
        cost = self.own_bytes() - before
        self.assertLess(cost, BYTES_MAX, f"{cost >> 20} MiB")


if __name__ == "__main__":
    unittest.main()
