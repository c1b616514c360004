"""The report of a run in Markdown: medians, minima, processor time, ratios and their geometric means."""

import math
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata

from bench import places
from bench.contest import Asked, Outcome

PACKAGES = ("duckdb", "chdb", "polars", "tantivy")
MB = 1e6
CPU_SECONDS_MIN = 1e-6
"""Processor time that cannot be told from none."""


def write(sections: Sequence[str], errors: Sequence[str], what: str) -> None:
    """Writes the report of a whole run."""
    parts = [f"# Report of `cargo xtask bench {what}`", environment()]
    if errors:
        parts.append("## Errors\n\n" + "\n".join(f"- {error}" for error in errors))
    parts += sections
    places.REPORT.parent.mkdir(parents=True, exist_ok=True)
    places.REPORT.write_text("\n\n".join(parts) + "\n")


def environment() -> str:
    """What was measured with what, on what."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    with open("/proc/cpuinfo") as lines:
        processors = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    load = open("/proc/loadavg").read().split()[0]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{now}, commit {commit()}, {len(processors)} cores of {processors[0] if processors else platform.machine()},"
        f" load average {load} at the end. {versions}. Times are milliseconds: median (minimum)."
    )


def commit() -> str:
    """The commit of the work tree, or a question mark outside of one."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=places.ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "?"


def section(outcome: Outcome) -> str:
    """One contest: loads, times, processor time."""
    contest = outcome.contest
    parts = [
        f"## {contest.name}",
        f"{contest.description}: {contest.documents:,} documents, {contest.json_bytes / MB:,.0f} MB of JSON.",
        *([loads(outcome)] if outcome.loads else []),
        *([times(outcome), processor_time(outcome)] if outcome.asked else []),
        *outcome.more,
    ]
    return "\n\n".join(parts)


def loads(outcome: Outcome) -> str:
    """Seconds, rates per second and per processor second, and bytes per byte of JSON."""
    size = outcome.contest.json_bytes
    header = ("load", "seconds", "MB/s", "MB per CPU second", "bytes stored / JSON")
    rows = [
        (
            name,
            f"{figures['seconds']:.1f}",
            f"{size / MB / figures['seconds']:.0f}",
            f"{size / MB / max(figures['cpu_seconds'], 1e-3):.0f}",
            f"{figures['bytes'] / size:.2f}",
        )
        for name, figures in outcome.loads.items()
    ]
    return table(header, rows)


def times(outcome: Outcome) -> str:
    """Medians and minima, and ours as a multiple of each peer's, with geometric means of what both answered."""
    names = [contestant.name for contestant in outcome.contest.contestants]
    ours = names[0]
    header = ("question", *names, *(f"/ {peer}" for peer in names[1:]))
    rows = []
    for question, asked in outcome.asked.items():
        ratios = [ratio(asked, ours, peer) for peer in names[1:]]
        rows.append((question, *(shown(asked.get(name)) for name in names), *map(shown_ratio, ratios)))
    means = [mean(asked[name].median for asked in outcome.asked.values() if name in asked) for name in names]
    ratios = [geometric_ratio(outcome, ours, peer) for peer in names[1:]]
    rows.append(("geometric mean", *(f"{value:.2f}" if value else "" for value in means), *map(shown_ratio, ratios)))
    totals = [sum(asked[name].median for asked in outcome.asked.values() if name in asked) for name in names]
    rows.append(("total", *(f"{value:.1f}" for value in totals), *("" for _ in names[1:])))
    return table(header, rows)


def processor_time(outcome: Outcome) -> str:
    """Milliseconds of processor time for each statement, all threads together.

    Other programs on the machine disturb them less than times, so their ratios say more where it is shared.
    """
    names = [contestant.name for contestant in outcome.contest.contestants]
    rows = [
        (question, *(f"{asked[name].cpu_seconds * 1e3:.2f}" if name in asked else "" for name in names))
        for question, asked in outcome.asked.items()
    ]
    means = {
        name: mean(max(asked[name].cpu_seconds, CPU_SECONDS_MIN) for asked in outcome.asked.values() if name in asked)
        for name in names
    }
    rows.append(("geometric mean", *(f"{value * 1e3:.2f}" if value else "" for value in means.values())))
    ours = means[names[0]]
    rows.append(
        (f"{names[0]} / it", *(shown_ratio(ours / value if ours and value else None) for value in means.values()))
    )
    return table(("CPU ms", *names), rows)


def ratio(asked: dict[str, Asked], ours: str, peer: str) -> float | None:
    """Our median as a multiple of a peer's, where both answered."""
    if ours not in asked or peer not in asked:
        return None
    return asked[ours].median / asked[peer].median


def geometric_ratio(outcome: Outcome, ours: str, peer: str) -> float | None:
    """The geometric mean of the ratios to a peer."""
    ratios = [ratio(asked, ours, peer) for asked in outcome.asked.values()]
    return mean(value for value in ratios if value is not None)


def mean(values: Iterable[float]) -> float | None:
    """The geometric mean of positive numbers, if there are any."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None


def shown(asked: Asked | None) -> str:
    """A median and a minimum, or nothing."""
    return f"{asked.median:.2f} ({asked.minimum:.2f})" if asked and asked.times else ""


def shown_ratio(value: float | None) -> str:
    """A ratio with two digits that count."""
    return "" if value is None else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and the others numbers."""
    rule = "|".join(["---"] + ["--:"] * (len(header) - 1))
    lines = ["| " + " | ".join(header) + " |", f"|{rule}|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
