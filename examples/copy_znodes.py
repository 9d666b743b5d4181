"""Copies every persistent znode from one ZooKeeper or RaftKeeper to another: data, ACLs, sequence counters.

    pip install kazoo
    python copy_znodes.py zookeeper-1:2181 keeper-1:2181 [--root /clickhouse] [--auth digest:admin:secret]

Whoever writes to the source must be stopped. It may be run again: what is there is overwritten, and
nothing is deleted. Not copied: ephemerals, sessions, versions, times, TTLs, and /zookeeper.
"""

import argparse
from collections.abc import Iterator

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError, NoNodeError
from kazoo.protocol.states import ZnodeStat

# Creations and deletions that share a request, to move a counter: far below the longest request.
PAIRS_PER_REQUEST = 500
COUNTER_CHILD = "counter-of-copied-znodes"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", help="host:port,host:port")
    parser.add_argument("target", help="host:port,host:port")
    parser.add_argument("--root", default="/", help="only what is at or below this znode")
    parser.add_argument(
        "--auth", action="append", default=[], help="scheme:credential, on both sides"
    )
    arguments = parser.parse_args()
    auth = [tuple(item.split(":", 1)) for item in arguments.auth]
    source = KazooClient(arguments.source, auth_data=auth, read_only=True)
    target = KazooClient(arguments.target, auth_data=auth)
    source.start()
    target.start()
    try:
        copied = copy(source, target, arguments.root)
    finally:
        source.stop()
        target.stop()
    print(f"{copied} znodes copied")
    return 0


def copy(source: KazooClient, target: KazooClient, root: str) -> int:
    """How many were copied. Parents before children, and a parent's counter after all of its children."""
    found = list(walk(source, root))
    if root != "/":
        target.ensure_path(root)
    for path, data, _ in found:
        acls, _ = source.get_acls(path)
        try:
            target.create(path, data, acl=acls)
        except NodeExistsError:
            target.set(path, data)
            target.set_acls(path, acls)
    for path, _, stat in found:
        move_counter(target, path, creations(stat))
    return len(found)


def walk(client: KazooClient, path: str) -> Iterator[tuple[str, bytes, ZnodeStat]]:
    """Persistent znodes, parents first; the root itself only for its children."""
    waiting = [path]
    while waiting:
        path = waiting.pop()
        try:
            data, stat = client.get(path)
            names = client.get_children(path)
        except NoNodeError:
            continue  # an ephemeral that went away meanwhile
        if stat.ephemeralOwner:
            continue
        if path != "/":
            yield path, data, stat
        below = (f"{path.rstrip('/')}/{name}" for name in names)
        waiting += [child for child in below if child != "/zookeeper"]


def creations(stat: ZnodeStat) -> int:
    """How many children were ever created, which is what the next sequential one is numbered by.
    A deletion counts in cversion too, and takes a child away.
    """
    return (stat.cversion + stat.children_count) // 2


def move_counter(target: KazooClient, path: str, wanted: int) -> None:
    """Creates and deletes a child until the counter stands where it stood."""
    _, stat = target.get(path)
    missing = wanted - creations(stat)
    while missing > 0:
        pairs = min(missing, PAIRS_PER_REQUEST)
        request = target.transaction()
        for _ in range(pairs):
            request.create(f"{path}/{COUNTER_CHILD}")
            request.delete(f"{path}/{COUNTER_CHILD}")
        for result in request.commit():
            if isinstance(result, Exception):
                raise result
        missing -= pairs


if __name__ == "__main__":
    raise SystemExit(main())
