"""A real server process for the client tests: on free ports, in a temporary folder, stopped at the end.

The binary is named by OUTCROP_BINARY. Each test class stops the server that it started, also when a test fails.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock
import urllib.error
import urllib.request

BINARY = os.environ.get("OUTCROP_BINARY", "target/debug/outcrop")
KEY = "client-tests-key"
# A name that clients accept which insist on the vendor's domain. The server's certificate is good for it.
VENDOR_NAME = "api.local.rockset.com"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


class Server:
    """One server process. `url` and `https_url` are known once `start` has returned."""

    def __init__(self, data=None, https=False, environment=None, options=()):
        self._folder = None if data else tempfile.TemporaryDirectory(prefix="outcrop-clients-")
        self.data = data or os.path.join(self._folder.name, "data")
        self.https = https
        self.environment = environment or {}
        self.options = options
        self.headers = {}
        self.process = None
        self.url = None
        self.https_url = None
        self.ca_file = None
        self.ready_seconds = None

    def start(self):
        """Starts the process and returns when it says that it is ready."""
        command = [BINARY, "serve", "--data", self.data, "--http", "127.0.0.1:0", *self.options]
        if self.https:
            command += ["--https", "127.0.0.1:0"]
        begin = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment, "OUTCROP_API_KEY": KEY},
        )
        # A server that hangs at its start is killed, which ends the output and so the loop below.
        timer = threading.Timer(START_SECONDS_MAX, self.process.kill)
        timer.start()
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Ready"):
                break
        timer.cancel()
        self.ready_seconds = time.monotonic() - begin
        message = "".join(lines)
        address = re.search(r"(http://127\.0\.0\.1:\d+)", message)
        if not address or not lines[-1].startswith("Ready"):
            self.kill()
            raise RuntimeError(f"the server did not start:\n{message}")
        self.url = address.group(1)
        secure = re.search(r"https://127\.0\.0\.1:(\d+)", message)
        if secure:
            self.https_url = f"https://localhost:{secure.group(1)}"
            self.ca_file = re.search(r"SSL_CERT_FILE=(\S+)", message).group(1)
        # What the server prints later must not fill the pipe.
        threading.Thread(target=self._drain, args=(self.process.stdout,), daemon=True).start()
        return self

    @staticmethod
    def _drain(stream):
        with stream:
            for _ in stream:
                pass

    def stop(self):
        """Ends the process as an operator does; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def kill(self):
        """Ends the process as a power cut does."""
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        if self._folder:
            self._folder.cleanup()

    def request(self, method, path, body=None, key=KEY, headers=None):
        """A request without any client package: the status and the decoded body. `headers` has those of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if key:
            request.add_header("Authorization", f"ApiKey {key}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                self.headers = response.headers
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            self.headers = error.headers
            return error.code, json.loads(error.read())

    def create_collection(self, name, workspace="commons"):
        status, body = self.request("POST", f"/v1/orgs/self/ws/{workspace}/collections", {"name": name})
        assert status == 200, body

    def add(self, collection, documents, workspace="commons"):
        path = f"/v1/orgs/self/ws/{workspace}/collections/{collection}/docs"
        status, body = self.request("POST", path, {"data": documents})
        assert status == 200, body
        return body["data"]

    def sql(self, query):
        """The rows of a query."""
        status, body = self.request("POST", "/v1/orgs/self/queries", {"sql": {"query": query}})
        if status != 200:
            raise AssertionError(f"{query}\n{body}")
        return body["results"]

    def load(self, *arguments):
        """Runs `outcrop load` against this server."""
        return subprocess.run(
            [BINARY, "load", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "OUTCROP_SERVER": self.url, "OUTCROP_API_KEY": KEY},
        )


class ServerTest(unittest.TestCase):
    """Tests that share one server."""

    https = False

    @classmethod
    def setUpClass(cls):
        cls.server = Server(https=cls.https)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}"


def vendor_alias(https_url):
    """Has a name below the vendor's domain lead to the server, in this process's resolver, as /etc/hosts has it for a machine."""
    port = int(https_url.rsplit(":", 1)[1])
    lookup = socket.getaddrinfo

    def alias(host, asked, *arguments, **options):
        if host == VENDOR_NAME:
            return lookup("127.0.0.1", port, *arguments, **options)
        return lookup(host, asked, *arguments, **options)

    return unittest.mock.patch("socket.getaddrinfo", alias)


def vega(name):
    """The path of a file of vega-datasets; skips the test where the package is not installed."""
    modules = os.environ.get("OUTCROP_NODE_MODULES")
    if not modules:
        raise unittest.SkipTest("vega-datasets is not installed (npm not found)")
    return os.path.join(modules, "vega-datasets", "data", name)
