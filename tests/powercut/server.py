"""An `outcrop serve` process, and requests to it."""

import http.client
import json
import os
import subprocess
from pathlib import Path

KEY = "power-cut-key"
COLLECTIONS = "/v1/orgs/self/ws/commons/collections"


class Refused(Exception):
    """The server answered with an error."""


class Server:
    def __init__(self, binary: str, data: Path):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTCROP_")}
        environment["OUTCROP_API_KEY"] = KEY
        self.process = subprocess.Popen(
            [binary, "serve", "--data", str(data), "--http", "127.0.0.1:0", "--log", "error"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.port = None
        for line in self.process.stdout:
            words = line.split()
            if len(words) == 2 and words[0] == "http":
                self.port = int(words[1].rsplit(":", 1)[1])
            if line.startswith("Ready"):
                break
        if self.port is None:
            raise SystemExit(f"the server does not start: {self.process.communicate()[1]}")

    def terminate(self):
        self.process.terminate()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def connect(self):
        return Connection(self.port)


class Connection:
    """One client. `OSError` and `HTTPException` mean that the server is gone."""

    def __init__(self, port: int):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, method: str, path: str, body: dict):
        headers = {"Authorization": f"ApiKey {KEY}", "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Refused(f"{answer.status}: {text[:500]!r}")
        return json.loads(text)

    def write(self, collection: str, documents: list[dict]):
        return self.call("POST", f"{COLLECTIONS}/{collection}/docs", {"data": documents})

    def delete(self, collection: str, ids: list[str]):
        body = {"data": [{"_id": name} for name in ids]}
        return self.call("DELETE", f"{COLLECTIONS}/{collection}/docs", body)

    def make_collection(self, name: str):
        return self.call("POST", COLLECTIONS, {"name": name})

    def query(self, sql: str) -> list[dict]:
        return self.call("POST", "/v1/orgs/self/queries", {"sql": {"query": sql}})["results"]
