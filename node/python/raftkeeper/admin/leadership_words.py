"""Leadership by four-letter commands: ask for it (rqld), give it away (ydld). Neither waits.

The admin API does the same with an answer; these are for those who know them from other keepers.
"""

from raftkeeper.raft import NotLeader, Role, TimeoutNow, TransferRefused
from raftkeeper.server.logs import get_logger
from raftkeeper.server.view import NodeParts

log = get_logger(__name__)


def request_leadership(parts: NodeParts) -> bool:
    """Stands for election as if the leader had handed over; whether that was possible.

    Only a voter that has everything it knows of does: whoever stands with an older log disturbs the
    leader and loses. What the leader had not committed by then its followers send again.
    """
    core = parts.core
    me = core.config.member_id
    if core.role is Role.LEADER:
        return True
    has_all = core.persisted_index == core.last_index == core.commit_index
    if not core.leader_id or me not in core.membership.voters or not has_all:
        return False
    log.info("leadership.requested", leader=core.leader_id)
    core.step(TimeoutNow(core.leader_id, me, core.term))
    parts.driver.look()
    return True


def yield_leadership(parts: NodeParts) -> bool:
    """Begins a handover to the best of the others; whether there is one."""
    try:
        parts.core.transfer()
    except (NotLeader, TransferRefused) as error:
        log.info("leadership.kept", reason=str(error))
        return False
    parts.driver.look()
    return True
