"""A walk by chance: three sessions do anything to a small tree, always the same from the same seed.

What nobody thought of writing down as a story is found here. Left out is what has no order of its own:
containers are collected at any time, and the ephemerals of a session go in any order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from ..jute import Acl
from ..operations import SubRequest
from ..run import Run
from ..verbs import (
    EPHEMERAL,
    EPHEMERAL_SEQUENTIAL,
    OPEN,
    PERSISTENT,
    SEQUENTIAL,
    SEQUENTIAL_TTL,
    TTL,
    Verbs,
    check_op,
    create2_op,
    create_op,
    delete_op,
    get_children_op,
    get_data_op,
    set_data_op,
    ttl_op,
)

GOLDEN_SEED = 1
GOLDEN_STEPS = 300

BURST_STEPS = 12
"""Few enough that the answers can be read beside the requests."""

TTL_MS = 3_600_000

FLAGS = (PERSISTENT,) * 10 + (EPHEMERAL,) * 3 + (SEQUENTIAL, EPHEMERAL_SEQUENTIAL, TTL)

ACLS: tuple[list[Acl] | None, ...] = (
    *(OPEN,) * 20,
    [(31, "auth", "")],
    [(1, "world", "anyone"), (31, "digest", "walker:vvprWFJ4L8l45mMtxfBC2aGjzMc=")],
    [(15, "world", "anyone")],
    [(30, "world", "anyone")],
    [(27, "world", "anyone")],
    [(31, "ip", "127.0.0.1")],
    [],
)


def story(run: Run) -> None:
    Walk(run, GOLDEN_SEED).go(GOLDEN_STEPS)


def explore(run: Run, seed: int, steps: int) -> None:
    """About `steps` steps from any seed, in a part of the tree of their own: one by one and at once."""
    way = Walk(run, seed)
    for _ in range(steps // (2 * BURST_STEPS)):
        way.go(BURST_STEPS)
        way.burst(BURST_STEPS)


Action = Callable[[Verbs], None]


class Walk:
    """Chooses; the same choices for the same seed, whatever the server answers."""

    def __init__(self, run: Run, seed: int, *, below: str = "") -> None:
        self._run = run
        self._chance = random.Random(seed)
        self._root = f"{below}/chance{seed}"
        self._clients = [run.client(name) for name in ("x", "y", "z")]
        self._clients[0].create(self._root, b"")
        self._actions: list[tuple[int, Action]] = [
            (16, self._create),
            (5, self._delete),
            (5, self._set_data),
            (10, self._read),
            (6, self._multi),
            (2, self._multi_read),
            (3, self._set_acl),
            (3, self._persistent_watch),
            (2, self._remove_watch),
            (2, self._ask_about_itself),
            (1, self._come_back),
            (1, self._authenticate),
        ]

    def burst(self, steps: int) -> None:
        """One session asks so many things at once, and then waits for all the replies.

        Left out are a new connection; auth packets, which ZooKeeper answers out of turn; and setACL,
        since ZooKeeper judges the writes behind it by the former ACL for as long as it is on its way.
        """
        actor = self._chance.randrange(len(self._clients))
        client = self._clients[actor]
        client.piped = True
        alone = {self._come_back, self._authenticate, self._set_acl}
        actions = [row for row in self._actions if row[1] not in alone]
        for _ in range(steps):
            self._choose(actions)(client)
        client.piped = False
        client.settle()
        self._clients[(actor + 1) % len(self._clients)].ping()

    def go(self, steps: int) -> None:
        """One request after the other."""
        for _ in range(steps):
            action = self._choose(self._actions)
            actor = self._chance.randrange(len(self._clients))
            action(self._clients[actor])
            # Whoever else may have been told something says so now.
            self._clients[(actor + 1) % len(self._clients)].ping()

    # ---- choices

    def _choose(self, actions: Sequence[tuple[int, Action]]) -> Action:
        ((_, action),) = self._chance.choices(actions, [weight for weight, _ in actions])
        return action

    def _path(self) -> str:
        depth = self._chance.choice((0, *(1,) * 6, *(2,) * 4, 3))
        return "/".join([self._root, *self._chance.choices("abc", k=depth)])

    def _version(self) -> int:
        return self._chance.choice((*(-1,) * 6, 0, 0, 1, 2))

    def _data(self) -> bytes | None:
        return self._chance.choice((None, b"", b"1", b"some data"))

    def _watch(self) -> bool:
        return self._chance.random() < 0.5

    # ---- actions

    def _create(self, client: Verbs) -> None:
        flags, path, acl = self._chance.choice(FLAGS), self._path(), self._chance.choice(ACLS)
        match self._chance.randrange(6):
            case 0 | 1 | 2:
                client.create(path, self._data(), acl=acl, flags=flags)
            case 3 | 4:
                client.create2(path, self._data(), acl=acl, flags=flags)
            case _:
                mode = self._chance.choice((TTL, SEQUENTIAL_TTL))
                client.create_ttl(path, TTL_MS, flags=mode)

    def _delete(self, client: Verbs) -> None:
        client.delete(self._path(), self._version())

    def _set_data(self, client: Verbs) -> None:
        client.set_data(self._path(), self._data(), self._version())

    def _set_acl(self, client: Verbs) -> None:
        client.set_acl(self._path(), self._chance.choice(ACLS), self._version())

    def _read(self, client: Verbs) -> None:
        path = self._path()
        match self._chance.randrange(6):
            case 0:
                client.exists(path, watch=self._watch())
            case 1:
                client.get_data(path, watch=self._watch())
            case 2:
                client.get_children(path, watch=self._watch())
            case 3:
                client.get_children2(path, watch=self._watch())
            case 4:
                client.get_acl(path)
            case _:
                client.get_all_children_number(path)

    def _multi(self, client: Verbs) -> None:
        client.multi(*(self._sub_request() for _ in range(self._chance.choice((1, 1, 2, 2, 3)))))

    def _sub_request(self) -> SubRequest:
        path = self._path()
        match self._chance.randrange(6):
            case 0:
                return create_op(path, self._data(), flags=self._chance.choice((0, 0, 1, 2, 3)))
            case 1:
                return create2_op(path, self._data(), flags=self._chance.choice((0, 0, 1, 2, 3)))
            case 2:
                return delete_op(path, self._version())
            case 3:
                return set_data_op(path, self._data(), self._version())
            case 4:
                return check_op(path, self._version())
            case _:
                return ttl_op(path, TTL_MS)

    def _multi_read(self, client: Verbs) -> None:
        kinds = (get_data_op, get_children_op)
        count = self._chance.randrange(1, 4)
        client.multi_read(*(self._chance.choice(kinds)(self._path()) for _ in range(count)))

    def _persistent_watch(self, client: Verbs) -> None:
        client.add_watch(self._path(), self._chance.randrange(2))

    def _remove_watch(self, client: Verbs) -> None:
        path, kind = self._path(), self._chance.randrange(1, 6)
        if self._chance.random() < 0.5:
            client.check_watches(path, kind)
        else:
            client.remove_watches(path, kind)

    def _ask_about_itself(self, client: Verbs) -> None:
        match self._chance.randrange(3):
            case 0:
                client.get_ephemerals(self._path())
            case 1:
                client.who_am_i()
            case _:
                client.sync(self._path())

    def _come_back(self, client: Verbs) -> None:
        """Drops the connection, takes up the session, and arms some watches again."""
        at = self._clients.index(client)
        seen = client.last_zxid
        client.drop()
        back = self._run.reconnect(client.name + "'", client)
        self._clients[at] = back
        back.set_watches2(
            seen,
            data=[self._path(), self._path()],
            exist=[self._path()],
            child=[self._path()],
            persistent=[self._path()],
            recursive=[self._path()],
        )

    def _authenticate(self, client: Verbs) -> None:
        client.auth("digest", b"walker:walker")
