"""Command line of the fault run: prints the seed, then a line for each fault, then the verdict.

    cd node && python -m tests.faults.ensemble --minutes 20 [--seed N]

Ends with 0 when nothing was wrong, 1 when something was (nodes' logs and the history stay then), and
3 when this machine cannot run it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import lab, report, second_judge
from .faults import FAULTS
from .run import Outcome, Run
from .sabotage import SABOTAGE

RATE = 1_500.0
"""Operations a second that the load asks for: enough to be in the middle of something at any moment,
little enough for two processors to carry it with five nodes."""


def main() -> int:
    arguments = _arguments()
    try:
        lab.enter()
    except lab.UnableError as error:
        print(f"faults: this machine cannot run them: {error}", file=sys.stderr)
        return lab.EXIT_UNABLE
    # It warns of each write to a connection that has just broken, which is what happens here.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    directory = Path(tempfile.mkdtemp(prefix="raftkeeper-faults-", dir=arguments.directory))
    print(f"seed {seed}, logs in {directory}", flush=True)
    faults = SABOTAGE if arguments.sabotage else FAULTS
    run = Run(directory, seed, arguments.minutes, arguments.rate, _say, faults=faults)
    outcome = asyncio.run(run.go())
    print(report.summary(outcome), flush=True)
    if arguments.docs:
        # The date of a report is the calendar's.
        report.write_docs(outcome, arguments.docs, time.strftime("%Y-%m-%d", time.gmtime()))
    good = outcome.good
    if arguments.second_judge:
        good &= _ask_second_judge(outcome, directory)
    if arguments.history:
        outcome.board.history.save(arguments.history)
    if not good:
        outcome.board.history.save(directory / "history.bin")
        print(f"nodes' logs and the history stay in {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


def _ask_second_judge(outcome: Outcome, directory: Path) -> bool:
    """False when it finds something; that it cannot decide is said, and is no finding."""
    history = directory / "history.bin"
    outcome.board.history.save(history)
    try:
        good, said = second_judge.ask(second_judge.build(directory), history)
    except second_judge.NoSecondJudgeError as error:
        print(f"the second judge was not heard: {error}")
        return True
    print(said)
    return good


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rate", type=float, default=RATE, help="operations a second")
    parser.add_argument("--directory", type=Path, help="where logs and disks go; default: /tmp")
    parser.add_argument("--docs", type=Path, help="write the picture and the page's figures there")
    parser.add_argument("--second-judge", action="store_true", help="ask porcupine too (needs Go)")
    parser.add_argument(
        "--sabotage", action="store_true", help="a majority forgets: the judge must find it"
    )
    parser.add_argument("--history", type=Path, help="save the history there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
