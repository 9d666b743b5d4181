"""`python -m raftkeeper.testing.sim`: many seeds, or one of them looked at closely.

    --seeds 10000 --jobs 2        ten thousand simulations on two cores
    --seed 4711 --trace t.txt     one, with its options printed and all of its trace written down
    --mutation NAME               with a deliberate bug, to see that it is caught
    --level core|node|both        the core over storage only, or whole nodes with clients (slower)

Exit code: 0 all well, 10 something crashed, 11 a promise was broken, 12 no progress, 2 wrong usage. Of
several kinds the gravest counts: 11 before 10 before 12.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

from raftkeeper.testing.sim_failure import Kind
from raftkeeper.testing.sim_mutations import MUTATIONS
from raftkeeper.testing.sim_run import LEVELS, Outcome, run_seed

FAILURES_MAX = 20
"""After so many the rest would tell nothing new."""
PROGRESS_S = 20.0
_GRAVITY = (Kind.SAFETY, Kind.CRASH, Kind.LIVENESS)

Job = tuple[int, str, str]


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    options = _parse(arguments)
    if options.mutations:
        for mutation in MUTATIONS.values():
            print(f"{mutation.name:<32} {mutation.level:<5} {mutation.story}")
        return 0
    if options.seed is not None:
        return _look_closely(options)
    levels = LEVELS if options.level == "both" else (options.level,)
    seeds = range(options.first, options.first + options.seeds)
    # The two levels take turns, so that a run that is cut short has seen both.
    jobs = [(seed, levels[seed % len(levels)], options.mutation) for seed in seeds]
    began = time.monotonic()
    failures = _run_many(jobs, options.jobs, options.keep_going)
    print(f"{len(jobs)} seeds asked for, {len(failures)} failed, {time.monotonic() - began:.0f} s")
    return _exit_code(failures)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m raftkeeper.testing.sim",
        description="Simulate ensembles and all their bad luck.",
    )
    parser.add_argument("--seeds", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default: 1)")
    parser.add_argument("--seed", type=int, help="only this one: prints its options and the end")
    parser.add_argument("--trace", type=Path, help="with --seed: where to write the whole trace")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--level", choices=(*LEVELS, "both"), default="both")
    parser.add_argument("--mutation", choices=sorted(MUTATIONS), default="", metavar="NAME")
    parser.add_argument("--mutations", action="store_true", help="list the deliberate bugs")
    parser.add_argument("--keep-going", action="store_true", help=f"beyond {FAILURES_MAX} failures")
    options = parser.parse_args(arguments)
    if options.seed is not None and options.level == "both":
        options.level = LEVELS[options.seed % len(LEVELS)]
    return options


def _look_closely(options: argparse.Namespace) -> int:
    keep = "all" if options.trace else "last"
    outcome = run_seed(options.seed, level=options.level, mutation=options.mutation, keep=keep)
    print("\n".join(outcome.options))
    if options.trace:
        options.trace.write_text("\n".join(outcome.lines) + "\n", encoding="utf-8")
        print(f"trace of {len(outcome.lines)} lines in {options.trace}, sha256 {outcome.digest}")
    else:
        print("\n".join(outcome.lines))
    print(f"{outcome.summary}; {outcome.simulated_ms} ms simulated in {outcome.took_s:.2f} s")
    return _exit_code([outcome] if outcome.failure else [])


def _run_many(jobs: list[Job], processes: int, keep_going: bool) -> list[Outcome]:
    """Those that failed."""
    failures: list[Outcome] = []
    counts: Counter[str] = Counter()
    done, told_at = 0, time.monotonic()
    with closing(_outcomes(jobs, processes)) as outcomes:
        for outcome in outcomes:
            done += 1
            counts.update(outcome.counts)
            if outcome.failure is not None:
                failures.append(outcome)
                _tell(outcome)
                if len(failures) >= FAILURES_MAX and not keep_going:
                    print(f"stopped after {FAILURES_MAX} failures")
                    break
            if time.monotonic() - told_at > PROGRESS_S:
                told_at = time.monotonic()
                print(f"  {done} of {len(jobs)}, {len(failures)} failed", flush=True)
    told = "becomes crashes wiped cuts stalls fills rots refuses changes transfers restores raises".split()
    print("in all: " + ", ".join(f"{what} {counts[what]}" for what in told))
    return failures


def _outcomes(jobs: Iterable[Job], processes: int) -> Generator[Outcome, None, None]:
    if processes <= 1:
        yield from map(_run_one, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_run_one, jobs, chunksize=4)


def _run_one(job: Job) -> Outcome:
    seed, level, mutation = job
    return run_seed(seed, level=level, mutation=mutation, keep="none")


def _tell(outcome: Outcome) -> None:
    print(outcome.summary)
    print(
        f"  again: python -m raftkeeper.testing.sim --seed {outcome.seed} --level {outcome.level}"
        " --trace trace.txt",
        flush=True,
    )


def _exit_code(failures: list[Outcome]) -> int:
    kinds = {outcome.failure.kind for outcome in failures if outcome.failure is not None}
    return next((int(kind) for kind in _GRAVITY if kind in kinds), 0)


if __name__ == "__main__":
    sys.exit(main())
