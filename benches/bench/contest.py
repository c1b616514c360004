"""A contest: several engines load the same data and answer the same questions in turns.

Every round asks every question of every contestant, and begins with another contestant each time, so that what
disturbs the machine disturbs all of them. The first round is the warm-up; its answers are compared.
"""

import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import answers, places
from bench.peers import Engine, Statement

Figures = dict[str, float]


@dataclass(frozen=True)
class Contestant:
    """An engine with its way of storing the data and its wording of the questions.

    A question of which several statements are given (lookups of different keys) is all of them, each timed alone.
    """

    name: str
    open: Callable[[], Engine]
    load: Callable[[Engine], None]
    stored_bytes: Callable[[Engine], int]
    questions: Mapping[str, Sequence[Statement]]
    settle: Callable[[Engine], None] = lambda engine: None
    """What to wait for after the load, untimed, before questions."""
    empty_is_null: bool = False
    """Whether the engine has empty texts where others have no value."""
    in_memory: bool = False
    """Whether what is loaded is gone with the process."""


@dataclass(frozen=True)
class Contest:
    """What is compared, by whom, and what the answers are held against: the first contestant is Outcrop."""

    name: str
    """Names the folder of the stores as well, and therefore has the number of documents."""
    description: str
    json_bytes: int
    documents: int
    contestants: Sequence[Contestant]


@dataclass
class Asked:
    """Times of one question put to one contestant, in milliseconds, and its processor seconds per statement."""

    times: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def minimum(self) -> float:
        return min(self.times)


@dataclass
class Outcome:
    """All figures of a contest."""

    contest: Contest
    loads: dict[str, Figures] = field(default_factory=dict)
    asked: dict[str, dict[str, Asked]] = field(default_factory=dict)
    """Question, then contestant."""
    errors: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    """Further parts of the report, in Markdown."""


def folder(contest: str, contestant: str) -> Path:
    """Where a contestant stores its data."""
    return places.STORES / contest / contestant.replace(" ", "-")


def run(contest: Contest, rounds: int, loaded: bool) -> tuple[Outcome, dict[str, Engine]]:
    """Loads and asks; the engines are still open, for what a workload wants to do next."""
    print(f"\n{contest.name}: {contest.documents:,} documents, {contest.json_bytes / 1e6:,.0f} MB of JSON", flush=True)
    outcome = Outcome(contest)
    if not loaded:
        shutil.rmtree(places.STORES / contest.name, ignore_errors=True)
    opened: dict[Callable[[], Engine], Engine] = {}
    engines: dict[str, Engine] = {}
    for contestant in contest.contestants:
        if contestant.open not in opened:
            opened[contestant.open] = contestant.open()
        engines[contestant.name] = opened[contestant.open]
        outcome.loads[contestant.name] = load(contest, contestant, engines[contestant.name], loaded)
    ask_in_turns(outcome, engines, rounds)
    return outcome, engines


def held(contest: Contest, rounds: int, loaded: bool) -> Outcome:
    """A contest that has nothing to add."""
    outcome, engines = run(contest, rounds, loaded)
    close(engines)
    return outcome


def close(engines: Mapping[str, Engine]) -> None:
    """Closes each engine once."""
    for engine in {id(engine): engine for engine in engines.values()}.values():
        engine.close()


def load(contest: Contest, contestant: Contestant, engine: Engine, loaded: bool) -> Figures:
    """The figures of a load, or those that were noted when the store was loaded before."""
    noted = folder(contest.name, contestant.name).with_suffix(".json")
    if loaded and noted.exists() and not contestant.in_memory:
        return json.loads(noted.read_text())
    cpu, begin = engine.cpu_seconds(), time.monotonic()
    contestant.load(engine)
    figures: Figures = {"seconds": time.monotonic() - begin, "cpu_seconds": engine.cpu_seconds() - cpu}
    contestant.settle(engine)
    figures["bytes"] = contestant.stored_bytes(engine)
    print(
        f"  {contestant.name}: loaded in {figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} s of CPU,"
        f" {figures['bytes'] / 1e6:,.0f} MB",
        flush=True,
    )
    noted.write_text(json.dumps(figures))
    return figures


def ask_in_turns(outcome: Outcome, engines: Mapping[str, Engine], rounds: int) -> None:
    """Fills in `asked` and the errors."""
    contestants = outcome.contest.contestants
    questions = list(dict.fromkeys(name for contestant in contestants for name in contestant.questions))
    for question in questions:
        compare(outcome, engines, question)
    for number in range(rounds):
        for question in questions:
            able = [one for one in contestants if one.name in outcome.asked[question]]
            turn = number % max(1, len(able))
            for contestant in able[turn:] + able[:turn]:
                measure(outcome.asked[question][contestant.name], engines[contestant.name], contestant, question)
    for question in questions:
        for asked in outcome.asked[question].values():
            asked.cpu_seconds /= max(1, len(asked.times))


def measure(asked: Asked, engine: Engine, contestant: Contestant, question: str) -> None:
    """One round of one question put to one contestant."""
    cpu = engine.cpu_seconds()
    for statement in contestant.questions[question]:
        begin = time.perf_counter()
        engine.ask(statement)
        asked.times.append((time.perf_counter() - begin) * 1e3)
    asked.cpu_seconds += engine.cpu_seconds() - cpu


def compare(outcome: Outcome, engines: Mapping[str, Engine], question: str) -> None:
    """The warm-up of a question: every answer is held against ours, or against the first one if ours fails."""
    said: dict[str, list[list[answers.Row]]] = {}
    outcome.asked[question] = {}
    for contestant in outcome.contest.contestants:
        if question not in contestant.questions:
            continue
        engine = engines[contestant.name]
        try:
            said[contestant.name] = [
                answers.normal(engine.rows(engine.ask(statement)), contestant.empty_is_null)
                for statement in contestant.questions[question]
            ]
        except Exception as error:
            # What an engine cannot answer is part of the report.
            outcome.errors.append(f"{question}: {contestant.name} fails: {str(error)[:400]}")
            print(f"  ERROR {outcome.errors[-1]}", flush=True)
            continue
        outcome.asked[question][contestant.name] = Asked()
    names = list(said)
    for name in names[1:]:
        for ours, theirs in zip(said[names[0]], said[name]):
            told = answers.difference(ours, theirs)
            if told:
                outcome.errors.append(f"{question}: {names[0]} and {name} differ: {told[:400]}")
                print(f"  ERROR {outcome.errors[-1]}", flush=True)
                break
