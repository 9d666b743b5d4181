"""The admin API's view of a running node: the one place that knows where each part is found.

A node that still reads its data, or waits to be added to an ensemble, has few parts; what is asked
of those it lacks is refused with a sentence.
"""

from collections.abc import Sequence

from raftkeeper.admin.ports import MemberView, Operations, Status, Surveyor
from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.raft import MemberId
from raftkeeper.server.view import NodeParts, NodeView


class NodePort:
    """Views, operations and the surveyor of one node."""

    def __init__(self, view: NodeView) -> None:
        self.view = view

    def parts(self) -> NodeParts:
        """The parts; AdminRefusal while there are none."""
        parts = self.view.parts
        if parts is None:
            raise AdminRefusal(
                Code.NOT_SERVING,
                f"this node is not ready for it: {self.view.not_serving()}",
                "wait until /v1/status shows it as a member",
            )
        return parts

    def status(self) -> Status:
        return self.parts().driver.status()

    def members(self) -> Sequence[MemberView]:
        return self.parts().driver.members()

    def next_id(self) -> MemberId:
        return self.parts().core.membership.next_id

    def operations(self) -> Operations:
        return self.parts().operations

    def surveyor(self) -> Surveyor | None:
        return self.parts().links
