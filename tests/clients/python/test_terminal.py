"""What only shows on a terminal: the SQL shell and the progress bar of `outcrop load`."""

import os
import pty
import select
import subprocess
import tempfile
import time
import unittest

from support import BINARY, KEY, ServerTest

SECONDS_MAX = 30


class Terminal:
    """A command whose three streams are one terminal."""

    def __init__(self, arguments, environment):
        self.master, child = pty.openpty()
        self.process = subprocess.Popen(
            [BINARY, *arguments],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**os.environ, "TERM": "xterm", **environment},
            start_new_session=True,
        )
        os.close(child)
        self.output = ""
        self.position = 0

    def read_until(self, text):
        """Reads on until `text` has been printed after what was read before; gives what came up to its end."""
        begin = self.position
        deadline = time.monotonic() + SECONDS_MAX
        while (found := self.output.find(text, begin)) < 0:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"{text!r} did not come:\n{self.output}")
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                raise AssertionError(f"{text!r} did not come before the end:\n{self.output}")
            self.output += piece.decode(errors="replace")
        self.position = found + len(text)
        return self.output[begin:self.position]

    def send(self, text):
        os.write(self.master, text.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


class OnATerminal(ServerTest):
    def setUp(self):
        self.home = self.enterContext(tempfile.TemporaryDirectory())

    def terminal(self, *arguments):
        environment = {"OUTCROP_SERVER": self.server.url, "OUTCROP_API_KEY": KEY, "HOME": self.home}
        terminal = Terminal(arguments, environment)
        self.addCleanup(terminal.close)
        return terminal

    def test_the_shell_waits_for_a_semicolon_and_keeps_its_history(self):
        shell = self.terminal("sql")
        shell.read_until("outcrop> ")
        shell.send("SELECT 40 + 2\rAS answer;\r")
        answer = shell.read_until("1 row in")
        self.assertIn("answer", answer)
        self.assertIn("42", answer)
        shell.read_until("outcrop> ")
        shell.send("SELECT nofunction(1);\r")
        self.assertIn("`nofunction`", shell.read_until("^\r\n"))
        shell.read_until("outcrop> ")
        shell.send("\\f json\r")
        shell.read_until("outcrop> ")
        shell.send("SELECT 'x' AS y;\r")
        shell.read_until('{"y":"x"}')
        shell.read_until("outcrop> ")
        shell.send("\\q\r")
        self.assertEqual(shell.process.wait(SECONDS_MAX), 0)
        with open(os.path.join(self.home, ".outcrop_history")) as history:
            self.assertIn("nofunction", history.read())

    def test_a_load_shows_its_progress(self):
        path = os.path.join(self.home, "many.ndjson")
        with open(path, "wb") as output:
            subprocess.run([BINARY, "dev", "events", "--count", "20000"], stdout=output, check=True)
        load = self.terminal("load", path, "--collection", "progress", "--create")
        progress = load.read_until("20000 documents loaded")
        self.assertRegex(progress, r"[\d.]+ MiB/[\d.]+ MiB")
        self.assertEqual(load.process.wait(SECONDS_MAX), 0)


if __name__ == "__main__":
    unittest.main()
