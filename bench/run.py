"""`make bench`: RaftKeeper and ZooKeeper side by side on this machine, one server each and three each.

Prints what it measures as it goes, and writes docs/benchmarks.md and docs/benchmarks.json (not with
--quick: two minutes are for finding out whether anything is far off, not for figures to quote).
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import behind
import idle
import load
import machine
import million
import report
import throughput
from plan import Plan, plan_all, plan_default, plan_quick
from rich.console import Console
from rich.markdown import Markdown
from servers import REPOSITORY

PARTS: dict[str, Callable[[Path, Path, Plan, Callable[[str], None]], Any]] = {
    "throughput": throughput.measure,
    "ensemble": throughput.measure_ensembles,
    "behind": behind.measure,
    "million": million.measure,
    "idle": idle.measure,
}
"""What can be measured by itself, in the order in which it is."""
WIDTH_WITHOUT_TERMINAL = 160


def main() -> int:
    arguments = _arguments()
    plan = _plan(arguments)
    # Without a terminal the tables would be cut to 80 columns.
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH_WITHOUT_TERMINAL)
    directory: Path = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    console.print("building the load generator")
    program = load.build()
    started = time.monotonic()

    def say(line: str) -> None:
        console.print(
            f"[{time.monotonic() - started:6.1f} s] {line}", markup=False, highlight=False
        )

    asked = [part for part in PARTS if part in (arguments.only or PARTS)]
    described = machine.describe(directory)
    command = shlex.join(["python", "bench/run.py", *sys.argv[1:]])
    parts: dict[str, report.Measured] = {}
    figures: dict[str, Any] = {}
    for part in asked:
        date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        figures[report.FIELDS[part]] = PARTS[part](program, directory, plan, say)
        parts[part] = report.Measured.by(plan, date=date, command=command, machine=described)
    result = report.Report(parts=parts, **figures)
    console.print(Markdown(report.render_markdown(result)))
    if arguments.output:
        report.write(result, arguments.output)
        console.print(f"written to {arguments.output}")
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    if arguments.quick:
        return plan_quick()
    return plan_all() if arguments.all else plan_default()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="two minutes, nothing is written")
    size.add_argument("--all", action="store_true", help="the whole grid (about an hour)")
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="only this part (may be repeated)"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=REPOSITORY / "build" / "bench",
        help="where the servers keep their data: on the disk that is to be measured",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="where the report goes (docs/; none with --quick or --only), other parts kept as they are",
    )
    arguments = parser.parse_args()
    arguments.directory = arguments.directory.resolve()
    whole = not arguments.quick and not arguments.only
    if arguments.output is None and whole:
        arguments.output = REPOSITORY / "docs"
    return arguments


if __name__ == "__main__":
    sys.exit(main())
