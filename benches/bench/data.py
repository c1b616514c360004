"""Generated data: cached files, and the vectorised making of JSON lines.

Lines are put together from Arrow arrays of text, column by column, because a Python loop over millions of
documents takes longer than loading them. The same seed gives the same bytes.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench import places

SEED = 6
CHUNK_ROWS = 100_000
"""Rows that are made at a time, which bounds the memory of the generators."""
BODY_BYTES = 6 * 1024 * 1024
"""The size of a request to Outcrop while loading; a server takes 10 MiB by default."""
BODY_LINES = 10_000
"""The documents of a request; a server takes 20,000 by default."""

Column: TypeAlias = pa.Array | str


def cached(name: str, rows: int, make: Callable[[Path], None]) -> Path:
    """The folder of a generated data set, made on first use. A half-made one never gets the name."""
    folder = places.DATA / f"{name}-{rows}"
    if folder.is_dir():
        return folder
    print(f"generating {folder.name}", flush=True)
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    make(unfinished)
    unfinished.rename(folder)
    return folder


def chunks(rows: int) -> Iterator[tuple[int, int, np.random.Generator]]:
    """First row, count and a generator of its own for each chunk of the rows."""
    for first in range(0, rows, CHUNK_ROWS):
        yield first, min(CHUNK_ROWS, rows - first), np.random.default_rng([SEED, first])


def skewed(draw: np.random.Generator, distinct: int, count: int) -> np.ndarray:
    """Numbers in `0..distinct` whose frequency falls with their rank as in Zipf's law."""
    return np.exp(draw.random(count) * np.log(distinct)).astype(np.int64).clip(1, distinct) - 1


def random_text(draw: np.random.Generator, count: int, length: int) -> pa.Array:
    """Texts of one length out of small letters and digits, as good as unique from ten characters on."""
    alphabet = np.frombuffer(b"234567abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
    letters = alphabet[draw.integers(0, 32, count * length, dtype=np.uint8)]
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters))


def pick(draw: np.random.Generator, pool: pa.Array, count: int) -> pa.Array:
    """Members of a pool, each as likely as the other."""
    return pool.take(pa.array(draw.integers(0, len(pool), count)))


def sentences(draw: np.random.Generator, count: int, words: int) -> pa.Array:
    """Texts of about so many words out of a vocabulary of 5,000, the first of which are frequent."""
    vocabulary = np.array(random_words(draw, 5_000), dtype=object)
    lengths = draw.integers(max(1, words // 2), words * 3 // 2 + 1, count)
    drawn = vocabulary[skewed(draw, len(vocabulary), int(lengths.sum()))]
    ends = np.cumsum(lengths)
    return pa.array([" ".join(drawn[end - length : end]) for end, length in zip(ends, lengths)])


def random_words(draw: np.random.Generator, count: int) -> list[str]:
    """Words of two to four syllables."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    sizes = draw.integers(2, 5, count)
    return ["".join(draw.choice(syllables, size)) for size in sizes]


def numbers(values: np.ndarray) -> pa.Array:
    """Numbers as the text that JSON has for them."""
    return pc.cast(pa.array(values), pa.string())


def join(*pieces: Column) -> pa.Array:
    """Texts put together row by row; a plain string stands in every row."""
    return pc.binary_join_element_wise(*pieces, "")


def scatter(parts: Sequence[tuple[np.ndarray, pa.Array]]) -> pa.Array:
    """Texts that were made for some rows each, in the order of the rows."""
    places_of_rows = np.concatenate([rows for rows, _ in parts])
    texts = pa.concat_arrays([texts.cast(pa.string()) for _, texts in parts])
    return texts.take(pa.array(np.argsort(places_of_rows, kind="stable")))


def write_lines(path: Path, lines: pa.Array) -> None:
    """Appends texts to a file, one a line."""
    joined = pc.binary_join_element_wise(lines, "\n", "")
    start = joined.offset
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int32)
    text = memoryview(joined.buffers()[2])
    with open(path, "ab") as output:
        output.write(text[offsets[start] : offsets[start + len(joined)]])


def bodies(path: Path) -> Iterator[bytes]:
    """The requests that add the documents of a file of JSON lines."""
    with open(path, "rb") as source:
        batch: list[bytes] = []
        size = 0
        for line in source:
            batch.append(line)
            size += len(line)
            if size >= BODY_BYTES or len(batch) >= BODY_LINES:
                yield body(batch)
                batch, size = [], 0
        if batch:
            yield body(batch)


def body(lines: Sequence[bytes]) -> bytes:
    """One request that adds these documents."""
    return b'{"data":[' + b",".join(lines) + b"]}"
