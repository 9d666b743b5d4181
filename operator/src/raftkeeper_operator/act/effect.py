"""What every effect is given and what it may say: done, or not done and why. Decides nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from raftkeeper_operator.clients.keeper import KeeperClient
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.resources import Applied


class NotDone(Exception):
    """The condition of an action does not hold (any more): nothing was done. Look again."""


class ForeignObject(NotDone):
    """An object of a name that the cluster needs belongs to somebody else: a person must decide."""


@dataclass(frozen=True, slots=True)
class Hands:
    """The clients, and what is remembered about applies."""

    kube: Kube
    keeper: KeeperClient
    applied: Applied
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What an effect acts on: the look that its action was decided from."""

    seen: Observation
    hands: Hands

    @property
    def namespace(self) -> str:
        return self.seen.blueprint.namespace
