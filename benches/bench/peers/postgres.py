"""PostgreSQL, if it is installed: a cluster of its own below `target/bench`, documents as `jsonb` with a GIN index.

It refuses to run as root; then the user `postgres` of its package runs it.
"""

import atexit
import glob
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from bench.peers import Statement

USER = "postgres"
SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "'2GB'",
    "work_mem": "'256MB'",
    "maintenance_work_mem": "'512MB'",
    "max_wal_size": "'8GB'",
    "max_parallel_workers_per_gather": "1",
}


def binaries() -> Path | None:
    """The folder of its programs, of the newest version, if it is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(Path(path).parent.name))
    if found:
        return Path(found[-1])
    server = shutil.which("postgres")
    return Path(server).parent if server else None


class Postgres:
    """A server on a folder, asked over a Unix socket by one connection with prepared statements."""

    def __init__(self, folder: Path) -> None:
        programs = binaries()
        assert programs is not None
        self.folder = folder
        # The path of a Unix socket has a hundred bytes at most, which the folder of the data may exceed.
        self.sockets = Path("/tmp") / f"outcrop-bench-{os.getpid()}"
        self.sockets.mkdir(mode=0o777)
        self.programs = programs
        if not (folder / "PG_VERSION").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self.give_away(folder)
            self.run("initdb", "--pgdata", str(folder), "--auth", "trust", "--username", USER, "--encoding", "UTF8")
            with open(folder / "postgresql.conf", "a") as settings:
                settings.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        self.give_away(self.sockets)
        options = f"-k {self.sockets}"
        self.run("pg_ctl", "--pgdata", str(folder), "--wait", "--log", str(folder / "log"), "-o", options, "start")
        atexit.register(self.stop)
        self.connection = psycopg.connect(
            host=str(self.sockets), user=USER, dbname=USER, autocommit=True, prepare_threshold=0
        )
        self.postmaster = int((folder / "postmaster.pid").read_text().split()[0])

    def give_away(self, path: Path) -> None:
        """Makes a folder that of the user who runs the server."""
        if os.geteuid() == 0:
            shutil.chown(path, USER)

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of its programs."""
        subprocess.run(
            [str(self.programs / program), *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            user=USER if os.geteuid() == 0 else None,
        )

    def execute(self, sql: str) -> None:
        """Runs a statement that has no answer."""
        self.connection.execute(sql)

    def copy(self, table: str, file: Path) -> None:
        """Copies a file of JSON lines into a table of one column, for which escapes are doubled."""
        with open(file, "rb") as source, self.connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            while block := source.read(1 << 20):
                copy.write(block.replace(b"\\", b"\\\\"))

    def ask(self, statement: Statement) -> object:
        """All rows, as Python values."""
        return self.connection.execute(statement.text, dict(statement.parameters)).fetchall()

    def rows(self, answer: object) -> Sequence[Sequence[object]]:
        """The rows as they are."""
        assert isinstance(answer, list)
        return answer

    def cpu_seconds(self) -> float:
        """Processor time of all its processes that live."""
        seconds = 0.0
        for process in (self.postmaster, *children(self.postmaster)):
            try:
                seconds += time.clock_gettime((~process << 3) | 2)
            except OSError:
                continue
        return seconds

    def stored_bytes(self) -> int:
        """Tables and indexes."""
        return int(self.ask_one("SELECT pg_database_size(current_database())"))

    def ask_one(self, sql: str) -> int:
        """The one number that answers a query."""
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Stops the server."""
        self.connection.close()
        atexit.unregister(self.stop)
        self.stop()

    def stop(self) -> None:
        """Stops the processes, also where the program ends early."""
        self.run("pg_ctl", "--pgdata", str(self.folder), "--wait", "--mode", "fast", "stop")
        shutil.rmtree(self.sockets, ignore_errors=True)


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
