"""Real power cuts: `outcrop serve` on a loop-mounted file system, under load, again and again.

Each cycle starts the server on what the last power cut has left, checks it, lets several clients write, cuts
the power with FS_IOC_SHUTDOWN at a random moment (in every third cycle while the server stops and flushes),
kills the process and mounts again.

The check: of each client's batches, all that were acknowledged before the power cut began are there, at most the one
that was under way besides, and every batch whole. An answer that comes while or after the power is cut says nothing:
an fdatasync that is under way then may succeed without having written, as a loop of write and fdatasync alone shows. A
file that was written and not synced tells whether the power cut was one.
"""

import argparse
import random
import signal
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

from file_system import FileSystem, missing
from server import Refused, Server

COLLECTIONS = ["left", "right"]
CLIENTS = 4
DOCUMENTS = 6
CANARY_BYTES = 1 << 20


class Client:
    """Writes batch after batch. Batch `n` puts `n` into this client's documents and deletes one of batch
    `n - 1` before, in a request of its own."""

    def __init__(self, number: int):
        self.number = number
        self.collection = COLLECTIONS[number % len(COLLECTIONS)]
        self.acknowledged = 0
        self.deleted = 0
        self.tried = 0

    def ids(self) -> list[str]:
        return [f"{self.number}-{place}" for place in range(DOCUMENTS)]

    def documents(self, batch: int) -> list[dict]:
        filling = f"batch {batch} " * (batch % 40)
        documents = [{"_id": name, "client": self.number, "batch": batch, "filling": filling} for name in self.ids()]
        return [*documents, {"_id": f"{self.number}-odd-{batch}", "client": self.number, "batch": batch}]

    def run(self, server: Server, is_cut: threading.Event):
        try:
            connection = server.connect()
            while True:
                if self.acknowledged > self.deleted:
                    connection.delete(self.collection, [f"{self.number}-odd-{self.acknowledged}"])
                    if is_cut.is_set():
                        return
                    self.deleted = self.acknowledged
                self.tried = self.acknowledged + 1
                connection.write(self.collection, self.documents(self.tried))
                if is_cut.is_set():
                    return
                self.acknowledged = self.tried
        except (OSError, HTTPException, Refused):
            return

    def check(self, rows: list[dict]):
        """Compares with the rows of this client, and goes on from what is there."""
        batches = {row["_id"]: row["batch"] for row in rows}
        last = batches.get(f"{self.number}-0", 0)
        allowed = (self.acknowledged, self.tried)
        if last not in allowed:
            raise SystemExit(f"LOST: client {self.number} has batch {last}, acknowledged was {allowed[0]}")
        if any(batches.get(name, 0) != last for name in self.ids()):
            raise SystemExit(f"TORN: client {self.number} has {batches} after batch {last}")
        odd = {batch for name, batch in batches.items() if "odd" in name}
        # The deletion of the last one may have been under way too.
        if odd - {last} or (not odd and self.deleted < last - 1) or (odd and self.deleted >= last > 0):
            raise SystemExit(f"LOST: client {self.number} deleted up to {self.deleted}, and has {odd} at {last}")
        for row in rows:
            if "filling" in row and row["filling"] != f"batch {last} " * (last % 40):
                raise SystemExit(f"TORN: client {self.number} has {row}")
        self.acknowledged = self.tried = last
        self.deleted = last - 1 if odd else last


def check(server: Server, clients: list[Client]) -> int:
    connection = server.connect()
    rows = []
    for name in COLLECTIONS:
        rows += connection.query(f"SELECT * FROM {name}")
    for client in clients:
        client.check([row for row in rows if row["client"] == client.number])
    return len(rows)


class Cuts:
    """The cycles, and what they came to."""

    def __init__(self, binary: str, disk: FileSystem, seed: int):
        self.binary = binary
        self.disk = disk
        self.random = random.Random(seed)
        self.clients = [Client(number) for number in range(CLIENTS)]
        self.canaries_lost = 0
        self.acknowledged = 0
        self.while_stopping = 0
        self.is_new = True

    def data(self) -> Path:
        return self.disk.root / "data"

    def start(self) -> Server:
        server = Server(self.binary, self.data())
        try:
            if self.is_new:
                for name in COLLECTIONS:
                    server.connect().make_collection(name)
                self.is_new = False
            check(server, self.clients)
        except BaseException:
            server.kill()
            raise
        return server

    def cycle(self, number: int):
        server = self.start()
        is_cut = threading.Event()
        threads = [threading.Thread(target=client.run, args=(server, is_cut)) for client in self.clients]
        try:
            for thread in threads:
                thread.start()
            time.sleep(self.random.uniform(0.03, 0.25))
            canary = self.disk.root / "canary"
            canary.write_bytes(b"x" * CANARY_BYTES)
            if number % 3 == 2:
                self.while_stopping += 1
                server.terminate()
                time.sleep(self.random.uniform(0, 0.12))
            is_cut.set()
            self.disk.cut_power()
        finally:
            is_cut.set()
            server.kill()
            for thread in threads:
                thread.join()
        self.acknowledged = sum(client.acknowledged for client in self.clients)
        self.disk.unmount()
        self.disk.mount()
        self.canaries_lost += not canary.exists() or canary.stat().st_size < CANARY_BYTES
        canary.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--fs", choices=["ext4", "xfs"], default="ext4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="for the image and its mount")
    arguments = parser.parse_args()
    reason = missing(arguments.fs)
    if reason is not None:
        print(f"skipped: power cuts on {arguments.fs}: {reason}")
        return
    # Whoever ends this test leaves no mount behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    start = time.monotonic()
    with FileSystem(arguments.fs, arguments.folder) as disk:
        cuts = Cuts(arguments.binary, disk, arguments.seed)
        for number in range(arguments.cycles):
            cuts.cycle(number)
            if number % 20 == 19:
                print(f"{number + 1} power cuts, {cuts.acknowledged} batches", file=sys.stderr, flush=True)
        last = cuts.start()
        rows = check(last, cuts.clients)
        last.kill()
    if cuts.canaries_lost == 0:
        raise SystemExit("every file that was not synced is there: these were no power cuts")
    acknowledged = sum(client.acknowledged for client in cuts.clients)
    print(
        f"{arguments.fs}: {arguments.cycles} power cuts in {time.monotonic() - start:.1f} s, "
        f"{cuts.while_stopping} of them while the server was stopping; {acknowledged} batches acknowledged, "
        f"0 lost, 0 torn, {rows} documents at the end; "
        f"{cuts.canaries_lost} of {arguments.cycles} files that were not synced were lost"
    )


if __name__ == "__main__":
    sys.exit(main())
