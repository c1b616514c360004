"""Eight clients at once: half of the questions look up an `_id`, half a unique text.

Outcrop is asked by processes of this program over HTTP, PostgreSQL by its own pgbench with prepared statements, DuckDB
by threads with a cursor each. All clients share the cores with the engine.
"""

import multiprocessing
import random
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from bench.peers import Engine, Statement
from bench.peers.connection import Connection
from bench.peers.duckdb import DuckDB
from bench.peers.outcrop import HEADERS, Server, query_body
from bench.peers.postgres import USER, Postgres
from bench.report import table

CLIENTS = 8
SECONDS = 6
WAIT_SECONDS = 120
"""How long clients wait for each other, so that a failure of one ends the run."""
REQUESTS = 2_000
"""Different requests of a client, made before the clock starts."""
OUTCROP = (
    "SELECT d._id, d.email, d.balance FROM documents d WHERE d._id = :id",
    "SELECT d._id, d.email, d.balance FROM documents d WHERE d.email = :email",
)
PGBENCH = """\\set row random(0, {last})
SELECT id, doc->>'email', (doc->'balance')::float8 FROM documents WHERE id = 'document-' || lpad(:row::text, 9, '0');
\\set row random(0, {last})
SELECT id, doc->>'email', (doc->'balance')::float8 FROM documents
 WHERE doc @> jsonb_build_object('email', 'person' || :row || '@example.com');
"""


def mixed(engines: Mapping[str, Engine], rows: int) -> str:
    """Answers per second of those engines that several clients can ask."""
    print("  eight clients", flush=True)
    rates = []
    for name, engine in engines.items():
        if isinstance(engine, Server):
            rates.append((name, outcrop(engine, rows)))
        elif isinstance(engine, DuckDB):
            rates.append((name, duckdb(engine, rows)))
        elif isinstance(engine, Postgres):
            rates.append((name, postgres(engine, rows)))
    body = [(name, f"{rate:,.0f}", f"{rates[0][1] / rate:.2f}") for name, rate in rates]
    return f"{CLIENTS} clients, half `_id`, half unique text:\n\n" + table(
        ("engine", "answers/s", "Outcrop / it"), body
    )


def keys(draw: random.Random, rows: int) -> tuple[dict[str, str], dict[str, str]]:
    """Values for the two questions."""
    return {"id": f"document-{draw.randrange(rows):09}"}, {"email": f"person{draw.randrange(rows)}@example.com"}


def outcrop(server: Server, rows: int) -> float:
    """Answers per second over HTTP."""
    context = multiprocessing.get_context("spawn")
    ready, counts = context.Barrier(CLIENTS), context.Queue()
    processes = [
        context.Process(target=client, args=(server.port, rows, number, ready, counts)) for number in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    total = sum(counts.get(timeout=WAIT_SECONDS) for _ in processes)
    for process in processes:
        process.join()
    return total / SECONDS


def client(port: int, rows: int, seed: int, ready: Barrier, counts: Queue) -> None:
    """One client: prepared requests over and over, each answer checked to hold one row."""
    draw = random.Random(seed)
    connection = Connection(port, HEADERS)
    requests = []
    for _ in range(REQUESTS // 2):
        for text, values in zip(OUTCROP, keys(draw, rows)):
            requests.append(connection.encode("POST", "/v1/orgs/self/queries", query_body(Statement(text, values))))
    ready.wait(WAIT_SECONDS)
    count, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        response = connection.exchange(requests[count % len(requests)])
        if response.status != 200 or b'"balance"' not in response.body:
            raise AssertionError(f"a lookup answered {response.status}: {response.body[:300]!r}")
        count += 1
    counts.put(count)


def duckdb(engine: DuckDB, rows: int) -> float:
    """Answers per second of cursors in threads."""
    counts = [0] * CLIENTS
    end = time.monotonic() + SECONDS

    def work(number: int) -> None:
        cursor, draw = engine.connection.cursor(), random.Random(number)
        while time.monotonic() < end:
            by_id, by_email = keys(draw, rows)
            cursor.execute("SELECT _id, email, balance FROM documents WHERE _id = $id", by_id).fetchall()
            cursor.execute("SELECT _id, email, balance FROM documents WHERE email = $email", by_email).fetchall()
            counts[number] += 2

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def postgres(engine: Postgres, rows: int) -> float:
    """Answers per second as pgbench counts them; its transactions are two questions."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(PGBENCH.format(last=rows - 1))
        script.flush()
        command = [
            str(engine.programs / "pgbench"),
            "--no-vacuum",
            f"--client={CLIENTS}",
            "--jobs=2",
            "--protocol=prepared",
            f"--time={SECONDS}",
            f"--file={script.name}",
            f"--host={engine.sockets}",
            f"--username={USER}",
            USER,
        ]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", output)
    assert found is not None
    return float(found.group(1)) * 2
