"""Outcrop: a server process, asked over HTTP on one connection that stays open."""

import atexit
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench import data, places
from bench.peers import Statement, Value
from bench.peers.connection import Connection

KEY = "bench-key"
HEADERS = {"Authorization": f"ApiKey {KEY}", "Content-Type": "application/json"}
LOADERS = 3
"""Connections that load: one is being parsed, one encoded, one waits for the log."""
UNUSED_SECONDS_MAX = 10.0
"""After so long without a request a new connection is opened, since the server closes unused ones."""
IDLE_SECONDS_MAX = 300
"""How long to wait for compactions after a load."""


class Failure(Exception):
    """The server refused a request, or did not start or stop in order."""


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connect()
        self.server_ms = 0.0

    def connect(self) -> None:
        """Opens the connection."""
        self.connection = Connection(self.port, HEADERS)
        self.used = time.monotonic()

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer; `server_ms` is then what the server says it took."""
        if time.monotonic() - self.used > UNUSED_SECONDS_MAX:
            self.connect()
        response = self.connection.exchange(self.connection.encode(method, f"/v1/orgs/self/{path}", body))
        self.used = time.monotonic()
        timing = re.search(rb"dur=([0-9.]+)", response.head)
        self.server_ms = float(timing.group(1)) if timing else 0.0
        if response.status != 200:
            raise Failure(f"{method} {path} answered {response.status}: {response.body[:500].decode()}")
        return response.body

    def post(self, path: str, content: object) -> dict:
        """Posts a JSON value and parses the answer."""
        return json.loads(self.request("POST", path, json.dumps(content).encode()))

    def ask(self, statement: Statement) -> bytes:
        """The JSON that answers a query."""
        return self.request("POST", "queries", query_body(statement))

    def sql(self, query: str) -> list[dict]:
        """The rows of a query."""
        return json.loads(self.ask(Statement(query)))["results"]

    def add(self, collection: str, body: bytes) -> None:
        """Adds the documents of a request body; each of them has to be taken."""
        answer = self.request("POST", f"ws/commons/collections/{collection}/docs", body)
        if b'"ERROR"' in answer:
            raise Failure(f"a document was refused: {answer[:500].decode()}")


class Server(Client):
    """A server process on a folder; `ready_ms` is the time from its start to its being ready."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.options = options
        self.start()

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [str(places.BINARY), "serve", "--data", str(self.folder), "--http", "127.0.0.1:0", *self.options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(self.folder.with_suffix(".log"), "a"),
            text=True,
            env={**os.environ, "OUTCROP_API_KEY": KEY},
        )
        atexit.register(self.process.kill)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            address = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if address and "port" not in line:
                self.port = int(address.group(1))
            if line.startswith("Ready"):
                break
        else:
            raise Failure("the server did not start")
        self.ready_ms = (time.monotonic() - begin) * 1e3
        self.peak_bytes = 0
        threading.Thread(target=self.watch, args=(self.process,), daemon=True).start()
        super().__init__(self.port)

    def close(self) -> None:
        """Stops the process in order, which writes everything to disk."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(600) != 0:
            raise Failure("the server did not stop in order")

    def watch(self, process: subprocess.Popen) -> None:
        """Notes the most memory that the process has of its own; pages of data files are not part of it."""
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                return
            own = re.search(r"RssAnon:\s+(\d+) kB", status)
            if own:
                self.peak_bytes = max(self.peak_bytes, int(own.group(1)) * 1024)
            time.sleep(0.05)

    def cpu_seconds(self) -> float:
        """Processor time of the process so far, all threads together.

        The number of the clock of another process is made as clock_getcpuclockid(3) makes it.
        """
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rows(self, answer: object) -> list[list[object]]:
        """The rows of an answer of `ask`, their columns in the order of the SELECT list."""
        assert isinstance(answer, bytes)
        return [list(row.values()) for row in json.loads(answer, object_hook=untyped)["results"]]

    def create(self, name: str, transformation: str | None = None) -> None:
        """Makes a collection in the workspace `commons`."""
        body: dict[str, object] = {"name": name}
        if transformation:
            body["field_mapping_query"] = {"sql": transformation}
        self.post("ws/commons/collections", body)

    def load(self, collection: str, bodies: Iterable[bytes]) -> None:
        """Adds documents over several connections at once."""
        waiting = iter(bodies)
        lock = threading.Lock()
        failures: list[Exception] = []

        def work() -> None:
            client = Client(self.port)
            while not failures:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return
                try:
                    client.add(collection, body)
                except Exception as error:
                    # Raised again below, in the thread that waits.
                    failures.append(error)

        workers = [threading.Thread(target=work) for _ in range(LOADERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise failures[0]

    def settle(self) -> None:
        """Restarts, so that all is in segments, and waits until compactions leave the processor alone."""
        self.close()
        self.start()
        deadline = time.monotonic() + IDLE_SECONDS_MAX
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(1.5)
            if self.cpu_seconds() - before < 0.03:
                return

    def hammer(
        self, name: str, clients: int, batch: int, count: int, seed: int, first: int = 0, among: int | None = None
    ) -> dict:
        """Writes generated events with several clients of the binary's own tool; the figures that it prints."""
        command = [str(places.BINARY), "dev", "hammer", "--collection", name, "--clients", str(clients)]
        command += ["--batch", str(batch), "--count", str(count), "--seed", str(seed), "--first", str(first)]
        if among:
            command += ["--among", str(among)]
        command += ["--server", f"http://127.0.0.1:{self.port}", "--api-key", KEY]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def untyped(value: dict) -> object:
    """The value inside of one that carries its type, such as a date."""
    return value["value"] if "__rockset_type" in value else value


def query_body(statement: Statement) -> bytes:
    """The request of a query."""
    sql: dict[str, object] = {"query": statement.text}
    if statement.parameters:
        sql["parameters"] = parameters(statement.parameters)
    return json.dumps({"sql": sql}).encode()


def parameters(values: Mapping[str, Value]) -> list[dict[str, str]]:
    """Parameters as the API has them: names, SQL types and texts."""
    types = {str: "string", int: "int", float: "float"}
    return [{"name": name, "type": types[type(value)], "value": str(value)} for name, value in values.items()]


def load_file(server: Server, collection: str, path: Path) -> None:
    """Adds the documents of a file of JSON lines."""
    server.load(collection, data.bodies(path))
