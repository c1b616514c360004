"""`cargo xtask bench [workload…]`: runs workloads, prints and writes their figures, and fails if answers differ."""

import argparse
import shlex
import signal
import sys

from bench import report
from bench.workloads import Options, documents, hits, jsonbench, mixed, spellings, ssb

WORKLOADS = {
    "jsonbench": jsonbench.run,
    "hits": hits.run,
    "ssb-flat": ssb.run_flat,
    "ssb-star": ssb.run_star,
    "documents": documents.run,
    "mixed": mixed.run,
    "spellings": spellings.run,
}


def main() -> int:
    """The exit code: 1 if an engine failed or answers differ."""
    parser = argparse.ArgumentParser(prog="cargo xtask bench", description=__doc__)
    parser.add_argument(
        "workloads", nargs="*", metavar="workload", help=", ".join(WORKLOADS) + "; all if none is named"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, such as 0.1 for a quick run")
    parser.add_argument("--rounds", type=int, default=7, help="rounds after the warm-up")
    parser.add_argument("--loaded", action="store_true", help="load only what no run before has loaded")
    parser.add_argument(
        "--server", default="", metavar="OPTIONS", help="options of `outcrop serve`, such as '--memory 2GiB'"
    )
    arguments = parser.parse_args()
    # Leaving in order ends the servers that were started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [name for word in arguments.workloads or WORKLOADS for name in named(word)]
    if unknown := [word for word in arguments.workloads if not named(word)]:
        parser.error(f"there is no workload `{unknown[0]}`")
    options = Options(arguments.scale, arguments.rounds, arguments.loaded, shlex.split(arguments.server))
    sections: list[str] = []
    errors: list[str] = []
    for name in chosen:
        for outcome in WORKLOADS[name](options):
            sections.append(report.section(outcome))
            errors += [f"{outcome.contest.name}: {error}" for error in outcome.errors]
            print(sections[-1], flush=True)
            report.write(sections, errors, shlex.join(sys.argv[1:]))
    for error in errors:
        print(f"error: {error}")
    return 1 if errors else 0


def named(word: str) -> list[str]:
    """The workloads that a word names: `ssb` is both of its kind."""
    return [name for name in WORKLOADS if name == word or name.startswith(f"{word}-")]


if __name__ == "__main__":
    sys.exit(main())
