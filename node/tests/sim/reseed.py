"""Finds new seeds for the deliberate bugs that their old ones no longer catch, and writes mutations.toml.

Any change of timing leads every seed to another life, so this is run after one:

    cd node && ../.venv/bin/python -m tests.sim.reseed [SEEDS_TRIED]

It looks for the same checker as before. A bug that no seed catches stays as it is and is named at the end:
then the change may have made it harmless, or a checker deaf, and a person has to find out which.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from raftkeeper.testing.sim_mutations import MUTATIONS
from raftkeeper.testing.sim_run import run_seed

LIST = Path(__file__).parent / "mutations.toml"
SEEDS_TRIED = 5_000
"""Without a word on the command line: a good quarter of an hour for a bug that nothing catches."""
STRETCH = 100
"""Seeds that one process tries before another bug has its turn."""
SAYS_MAX = 100
"""Characters of what the checker says that are kept."""


class Catch(NamedTuple):
    """A seed, and what its checker says."""

    seed: int
    says: str


def catch(name: str, seed: int, checker: str) -> Catch | None:
    """Whether this seed shows the bug to this checker, and is well without it."""
    level = MUTATIONS[name].level
    failure = run_seed(seed, level=level, mutation=name).failure
    if failure is None or failure.checker != checker or run_seed(seed, level=level).failure:
        return None
    return Catch(seed, failure.sentence)


def seek(name: str, seeds: Iterable[int], checker: str) -> tuple[str, Catch | None]:
    return name, next((found for seed in seeds if (found := catch(name, seed, checker))), None)


def rewrite(text: str, name: str, found: Catch) -> str:
    """The list with this bug's seed and words."""
    block = re.search(rf"^\[{name}\]\n(?:.+\n)*", text, flags=re.MULTILINE)
    if block is None:
        raise LookupError(f"{LIST} has no {name}")
    says = found.says[:SAYS_MAX].replace("\\", "\\\\").replace('"', '\\"')
    changed = re.sub(r"^seed = .*$", f"seed = {found.seed}", block[0], flags=re.MULTILINE)
    changed = re.sub(r"^says = .*$", lambda _: f'says = "{says}"', changed, flags=re.MULTILINE)
    return text.replace(block[0], changed)


def main() -> int:
    tried = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS_TRIED
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    checkers = {name: str(entry["checker"]) for name, entry in listed.items()}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        now = [pool.submit(seek, name, [listed[name]["seed"]], checkers[name]) for name in listed]
        left = {name for name, found in (one.result() for one in now) if found is None}
        for first in range(1, tried, STRETCH):
            seeds = range(first, first + STRETCH)
            looking = [pool.submit(seek, name, seeds, checkers[name]) for name in sorted(left)]
            for one in as_completed(looking):
                name, found = one.result()
                if found is not None:
                    left.discard(name)
                    LIST.write_text(
                        rewrite(LIST.read_text(encoding="utf-8"), name, found), encoding="utf-8"
                    )
                    print(f"{name}: seed {found.seed}: {found.says}", flush=True)
    for name in sorted(left):
        print(f"{name}: none of {tried} seeds catches it", flush=True)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
