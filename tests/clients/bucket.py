"""A real S3 server on loopback: SeaweedFS, which checks signatures and conditional writes.

It runs on free ports in a temporary folder, and is stopped by its own process id.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
BUCKET = "outcrop-tests"
KEYS = {"AWS_ACCESS_KEY_ID": "outcrop-tests", "AWS_SECRET_ACCESS_KEY": "outcrop-tests-secret"}


def _free_ports(count):
    """Ports that nobody listens on; all are held until the last is known, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for held in sockets:
        held.bind(("127.0.0.1", 0))
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


class Bucket:
    """A bucket that can be taken away and brought back. `environment` is what a client needs."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="outcrop-bucket-")
        self._ports = _free_ports(9)
        self.process = None
        self.url = f"s3://{BUCKET}/some/prefix"
        self.environment = {
            **KEYS,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._ports[0]}",
        }

    def start(self):
        """Starts the server, on the data that it had before, and waits until it answers."""
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc, admin_grpc = self._ports
        self._log = open(os.path.join(self._folder.name, "weed.log"), "ab")
        self._log_start = self._log.tell()
        command = [
            os.path.join(os.path.dirname(sys.executable), "weed"),
            "mini",
            f"-dir={self._folder.name}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-bucket={BUCKET}",
            f"-s3.port={s3}",
            f"-s3.port.grpc={s3_grpc}",
            "-s3.port.lance=0",
            "-s3.port.iceberg=0",
            f"-master.port={master}",
            f"-master.port.grpc={master_grpc}",
            f"-volume.port={volume}",
            f"-volume.port.grpc={volume_grpc}",
            f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}",
            f"-admin.port.grpc={admin_grpc}",
            "-admin.ui=false",
            "-webdav=false",
        ]
        environment = {**os.environ, **KEYS}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            cwd=self._folder.name,
            env=environment,
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with open(self._log.name, errors="replace") as log:
                    raise RuntimeError(f"the S3 server did not start:\n{log.read()[-4000:]}")
            time.sleep(0.1)
        return self

    def _is_ready(self):
        """Whether the server says so: it answers a little before it has made the bucket."""
        with open(self._log.name, errors="replace") as log:
            log.seek(self._log_start)
            return "running and ready to use" in log.read()

    def stop(self):
        """Ends the server. What was stored stays."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def close(self):
        if self.process:
            self.stop()
        self._folder.cleanup()
