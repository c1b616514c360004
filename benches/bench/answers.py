"""Whether engines gave the same answer.

Rows are compared without their order: an ORDER BY with ties leaves it open, and every LIMIT of the workloads
has an order without ties. Numbers are equal within a relative difference that summing up in another order makes.
"""

import datetime
import decimal
import math
import re
from collections.abc import Sequence

TOLERANCE = 1e-9
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.0+)?Z?")
Row = tuple[object, ...]


def plain(value: object, empty_is_null: bool) -> object:
    """A value as JSON would have it, so that engines with other types can be compared."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime.datetime | datetime.date):
        value = value.isoformat()
    if isinstance(value, str) and (time := TIME.fullmatch(value)):
        return "T".join(time.groups())
    if value == "" and empty_is_null:
        return None
    if isinstance(value, dict):
        return tuple(sorted((key, plain(inner, empty_is_null)) for key, inner in value.items()))
    if isinstance(value, list | tuple):
        return tuple(plain(inner, empty_is_null) for inner in value)
    return value


def normal(rows: Sequence[Sequence[object]], empty_is_null: bool) -> list[Row]:
    """Rows of plain values in an order of their own."""
    plain_rows = [tuple(plain(value, empty_is_null) for value in row) for row in rows]
    return sorted(plain_rows, key=lambda row: [sort_key(value) for value in row])


def sort_key(value: object) -> tuple[str, object]:
    """Orders values of several types; numbers by nine digits, so that the last ones do not change the order."""
    if isinstance(value, int | float):
        return ("number", float(f"{value:.9g}"))
    return (type(value).__name__, str(value))


def difference(ours: Sequence[Row], theirs: Sequence[Row]) -> str | None:
    """What first tells two answers of normal rows apart, in words, or `None`."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}; first {ours[:1]}, not {theirs[:1]}"
    for mine, other in zip(ours, theirs):
        if len(mine) != len(other) or not all(same(a, b) for a, b in zip(mine, other)):
            return f"{mine}, not {other}"
    return None


def same(one: object, other: object) -> bool:
    """Equal values, or numbers within the tolerance."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == other
