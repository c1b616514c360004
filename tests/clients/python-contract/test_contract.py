"""Requests made out of a description of the API, and the answers held against it.

There are two: the server's own one, and the published one, which is not part of the repository: OUTCROP_OPENAPI names a copy.
OUTCROP_EXAMPLES sets how many requests are made up for each operation, beside those of the edges.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import yaml
from support import KEY, ServerTest

DESCRIPTION = os.environ.get("OUTCROP_OPENAPI")
EXAMPLES = os.environ.get("OUTCROP_EXAMPLES", "10")

# Operations that take requests which are bad by the published description.
LENIENT = (
    # A parameter without a value is null, which clients that leave out nulls send.
    "POST /v1/orgs/self/queries",
    "POST /v1/orgs/self/queries/validations",
    "POST /v1/orgs/self/virtualinstances/{virtualInstanceId}/queries",
    # Without a body nothing is changed.
    "PUT /v1/orgs/self/deploymentsettings",
    "POST /v1/orgs/self/roles/{roleName}",
)

ANSWERS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]

SETTINGS = """
[checks]
enabled = false
# 501 is what is not built, 503 a virtual instance that is suspended.
not_a_server_error.expected-statuses = ["2xx", "4xx", "501", "503"]
"""


def nullable(schema):
    """The schema with null, which the service had for every member that did not apply, as its clients know."""
    if "$ref" in schema:
        return {"nullable": True, "allOf": [schema]}
    if "enum" in schema:
        schema = {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "nullable": True}


class Described(ServerTest):
    """A server and a file that describes it, `description`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory(prefix="outcrop-contract-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.description = cls.write("openapi.json", json.dumps(cls.describe(), default=str))

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder.name, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def check(self, checks, *options, without=()):
        """Makes requests and checks all answers, but not by the last check those of the operations `without`."""
        lines = [f"{check}.enabled = true\n" for check in checks]
        lines += [f'[[operations]]\ninclude-name = "{name}"\nchecks.{checks[-1]}.enabled = false\n' for name in without]
        config = self.write("schemathesis.toml", SETTINGS + "".join(lines))
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "--no-color", "run"]
        command += [self.description, f"--url={self.server.url}", f"--header=Authorization: ApiKey {KEY}"]
        # One worker: several of them break Python's compiler now and then, which Hypothesis runs at the same time.
        command += ["--phases=examples,coverage,fuzzing", f"--max-examples={EXAMPLES}", "--seed=1", "--workers=1"]
        command += ["--continue-on-failure", "--suppress-health-check=all", "--warnings=off", *options]
        process = subprocess.run(command, cwd=self.folder.name, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)


@unittest.skipUnless(DESCRIPTION, "OUTCROP_OPENAPI names no copy of the API description")
class Published(Described):
    @staticmethod
    def describe():
        with open(DESCRIPTION) as file:
            description = yaml.safe_load(file)
        for schema in description["components"]["schemas"].values():
            members = schema.get("properties", {})
            members.update({name: nullable(member) for name, member in members.items()})
        return description

    def test_answers_are_as_they_are_described(self):
        self.check(ANSWERS)

    def test_bad_requests_are_refused(self):
        self.check(["not_a_server_error", "negative_data_rejection"], "--mode=negative", without=LENIENT)


class Own(Described):
    @classmethod
    def describe(cls):
        status, description = cls.server.request("GET", "/openapi.json", key=None)
        assert status == 200, description
        return description

    def test_answers_are_as_they_are_described(self):
        self.check(ANSWERS)

    def test_bad_requests_are_refused(self):
        self.check(["not_a_server_error", "negative_data_rejection"], "--mode=negative")


if __name__ == "__main__":
    unittest.main()
