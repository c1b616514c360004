"""Where things lie: everything that a run makes is below `target/bench`."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "bench"
DATA = TARGET / "data"
STORES = TARGET / "stores"
REPORT = TARGET / "report.md"
BINARY = Path(os.environ.get("OUTCROP_BINARY", ROOT / "target" / "release" / "outcrop"))


def folder_bytes(folder: Path) -> int:
    """The size of all files below a folder. Files that vanish meanwhile count as nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
