"""The membership as ZooKeeper writes it: the data of /zookeeper/config.

One line a member, `server.<id>=<host>:<port>:<port>:<role>`, then `version=<hex>`: the log index of
the membership. There is one port between members here; it stands for both of ZooKeeper's. Learners
are `observer`. Clients' addresses are each node's own business and are not told.
"""

from raftkeeper.raft import Index, Membership


def render_config(membership: Membership, config_index: Index) -> bytes:
    """The same bytes on every member for the same membership."""
    lines = []
    for member in membership.members:
        host, _, port = member.address.rpartition(":")
        role = "observer" if member.id in membership.learners else "participant"
        lines.append(f"server.{member.id}={host}:{port}:{port}:{role}\n")
    return ("".join(lines) + f"version={config_index:x}").encode()
