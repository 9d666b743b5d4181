"""Deliberate bugs in the decisions, each a change of a line, and for each a seed that catches it.

PYTHONPATH=. python -P -m tests.model.mutants    looks for seeds anew and prints what mutations.toml should say
    … NAME…                                      only for these
"""

import importlib
import random
import sys
import tomllib
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

from tests.model.ensemble import Broken
from tests.model.run import RECOVERY_KINDS, Decide, Move, play
from tests.model.world import World, first_desired

PACKAGE = "raftkeeper_operator.decide"
SHARED = f"{PACKAGE}.plan"
"""Actions are the same for all, or the world would not know them."""
LIST = Path(__file__).with_name("mutations.toml")
SEEDS_TRIED = 1_500
MOVES_MAX = 200
LOG_VOLUMES_SHARE = 0.3
RELEASES_SHARE = 0.3

KINDS = (
    *("step",) * 8,
    *("tick",) * 8,
    *("die", "stale", "stale", "late", "late", "crash", "delete pod", "lose volume"),
    *("zone", "spec", "spec", "lose change", "apply again", "full"),
    *("drain", "drain", "lose node", "node back", "refuse"),
)


@dataclass(frozen=True)
class Mutation:
    """One bug."""

    name: str
    file: str
    old: str
    new: str
    seed: int
    says: str
    losses: bool = False
    """Its stories are those in which a majority is lost."""


def read_mutations() -> list[Mutation]:
    """All of them."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Mutation(name, **row) for name, row in table.items()]


class _Loader(SourceFileLoader):
    """Reads a module with one piece of its text replaced, wherever it occurs exactly once."""

    def __init__(self, fullname: str, path: str, mutation: Mutation) -> None:
        super().__init__(fullname, path)
        self._mutation = mutation

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if Path(path).name != self._mutation.file:
            return data
        text = data.decode()
        if text.count(self._mutation.old) != 1:
            raise LookupError(f"{self._mutation.name}: its text is in {path} not exactly once")
        return text.replace(self._mutation.old, self._mutation.new).encode()

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError(f"no cached bytecode for {path}")


class _Finder:
    """Finds the decisions' modules for the time of one import."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE}.") or name == SHARED:
            return None
        folder = Path(str(sys.modules[PACKAGE].__file__)).parent
        source = folder / f"{name.rpartition('.')[2]}.py"
        loader = _Loader(name, str(source), self._mutation)
        return ModuleSpec(name, loader, origin=str(source))


def load_decide(mutation: Mutation) -> Decide:
    """`decide` with the bug in it; the real one is as before afterwards."""
    importlib.import_module(f"{PACKAGE}.decide")
    mine = [name for name in sys.modules if name.startswith(f"{PACKAGE}.") and name != SHARED]
    real = {name: sys.modules.pop(name) for name in mine}
    finder = _Finder(mutation)
    sys.meta_path.insert(0, finder)
    try:
        module = importlib.import_module(f"{PACKAGE}.decide")
        decide: Decide = module.decide
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]:
            if name != SHARED:
                del sys.modules[name]
        sys.modules.update(real)
        for name, module in real.items():
            setattr(sys.modules[PACKAGE], name.rpartition(".")[2], module)
    return decide


def play_seed(decide: Decide, seed: int, *, losses: bool = False) -> None:
    """A world, and moves, from one number."""
    chance = random.Random(seed)
    kinds = RECOVERY_KINDS if losses else KINDS
    size, zones = chance.choice([1, 3, 5]), chance.choice([(), ("a", "b", "c")])
    budget = chance.random() < 0.5
    count = chance.randrange(MOVES_MAX)
    moves: list[Move] = [(chance.choice(kinds), chance.randrange(1_000)) for _ in range(count)]
    log = chance.random() < LOG_VOLUMES_SHARE and not losses
    has_releases = chance.random() < RELEASES_SHARE and not losses
    desired = first_desired(size, zones, budget=budget, log=log)
    world = World(desired, has_releases=has_releases)
    play(decide, world, moves)


def what_catches(decide: Decide, seed: int, *, losses: bool = False) -> str:
    """The first line of the broken promise; '' when all is kept."""
    try:
        play_seed(decide, seed, losses=losses)
    except Broken as broken:
        return str(broken).splitlines()[0]
    return ""


def _look_for_seeds() -> None:
    for mutation in read_mutations():
        if len(sys.argv) > 1 and mutation.name not in sys.argv[1:]:
            continue
        decide = load_decide(mutation)
        for seed in [mutation.seed, *range(SEEDS_TRIED)]:
            if says := what_catches(decide, seed, losses=mutation.losses):
                print(f"{mutation.name}: seed = {seed}, says {says[:110]!r}", flush=True)
                break
        else:
            print(f"{mutation.name}: SURVIVES", flush=True)


if __name__ == "__main__":
    _look_for_seeds()
