"""What a server has from the start: /zookeeper and below, and quota nodes made by hand."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, create_op, set_data_op

QUOTA = "/zookeeper/quota/limited"


def story(run: Run) -> None:
    a = run.client("a")
    a.get_children("/zookeeper")
    a.get_data("/zookeeper")
    a.get_data("/zookeeper/quota")
    a.get_data("/zookeeper/config")
    a.get_children("/zookeeper/config")
    a.get_children("/zookeeper/quota")
    a.set_data("/zookeeper", b"x")
    a.set_data("/zookeeper", b"")
    a.create("/zookeeper/mine", b"")
    a.create("/zookeeper/mine/e", b"", flags=EPHEMERAL)
    a.delete("/zookeeper/mine/e")
    a.delete("/zookeeper/mine")
    # Quotas as the command line tool makes them; soft ones only warn.
    a.create("/limited", b"12345")
    a.create("/limited/a", b"12345")
    a.create(QUOTA, None)
    a.create(f"{QUOTA}/zookeeper_limits", b"count=2,bytes=10")
    a.create(f"{QUOTA}/zookeeper_stats", b"count=0,bytes=0")
    a.get_data(f"{QUOTA}/zookeeper_limits")
    a.get_data(f"{QUOTA}/zookeeper_stats")
    a.create("/limited/b", b"12345")
    a.get_data(f"{QUOTA}/zookeeper_stats")
    a.create("/limited/c", b"12345")
    a.set_data("/limited/c", b"longer than the limit")
    a.multi(create_op("/limited/d", b"m"), set_data_op("/limited/a", b""))
    a.get_data(f"{QUOTA}/zookeeper_stats")
    a.delete("/limited/c")
    a.get_data(f"{QUOTA}/zookeeper_stats")
    a.set_data(f"{QUOTA}/zookeeper_limits", b"count=1,bytes=1=;byteHardLimit=1;countHardLimit=1")
    a.create("/limited/f", b"beyond the hard limit")
    a.delete(f"{QUOTA}/zookeeper_limits")
    a.create("/limited/e", b"")
    a.delete(f"{QUOTA}/zookeeper_stats")
    a.delete(QUOTA)
    a.get_children2("/limited")
