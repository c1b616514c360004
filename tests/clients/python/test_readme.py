"""The examples of README.md, run as they stand there but for the server's address."""

import os
import re
import shutil
import subprocess
import sys
import unittest

from support import KEY, ServerTest

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")


def example(name):
    with open(os.path.join(ROOT, "README.md")) as page:
        text = page.read()
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, f"README.md has no example `{name}`"
    return found.group(1)


class Readme(ServerTest):
    def run_example(self, name, command, **environment):
        text = example(name)
        self.assertIn("http://127.0.0.1:8080", text)
        result = subprocess.run(
            command,
            input=text.replace("http://127.0.0.1:8080", self.server.url),
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "OUTCROP_API_KEY": KEY, **environment},
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_python(self):
        output = self.run_example("python", [sys.executable, "-"])
        self.assertEqual(
            output.splitlines(),
            ["{'title': 'M', 'name': 'Ellen Widmann'}", "{'title': 'M', 'name': 'Peter Lorre'}"],
        )

    @unittest.skipUnless(shutil.which("curl"), "curl not found")
    def test_curl(self):
        output = self.run_example("curl", ["bash", "-e"])
        self.assertIn('"status":"ADDED"', output.replace(" ", ""))
        self.assertIn('"results":[{"room":"cellar","celsius":12}]', output.replace(" ", ""))

    @unittest.skipUnless(shutil.which("node") and os.environ.get("OUTCROP_NODE_MODULES"), "node or npm not found")
    def test_javascript(self):
        output = self.run_example("javascript", ["node", "-"], NODE_PATH=os.environ.get("OUTCROP_NODE_MODULES", ""))
        self.assertIn("{ page: '/docs', visits: 2, ms: 39.75 }", output)
        self.assertIn("{ page: '/', visits: 1, ms: 12 }", output)


if __name__ == "__main__":
    unittest.main()
