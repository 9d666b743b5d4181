"""Carries out one action: finds its effect, passes the failpoints, and says how it went.

What is refused because the world has moved on is no error: the next look decides anew.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from raftkeeper_operator.act import founding, members, ordinary, pods, pools
from raftkeeper_operator.act.effect import ForeignObject, Hands, NotDone, Scene
from raftkeeper_operator.app.failpoints import ANNOTATION, Failpoints
from raftkeeper_operator.clients.errors import Conflict, KubeError, NotFound, TooManyRequests
from raftkeeper_operator.clients.keeper import KeeperError
from raftkeeper_operator.decide import plan as plans
from raftkeeper_operator.decide.plan import Action
from raftkeeper_operator.observe.fields import annotation
from raftkeeper_operator.observe.observer import Observation

log = structlog.get_logger(__name__)


class Result(Enum):
    """How an effect went."""

    DONE = "done"
    STALE = "stale"
    """Nothing was done, because something has changed since the look; look again at once."""
    REFUSED = "refused"
    """Nothing was done, and it has to wait: the message says for what."""
    FAILED = "failed"
    """It is not known whether anything was done; looking again shows it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Of one effect."""

    result: Result
    message: str = ""
    foreign: bool = False
    """Refused, because an object of a name that is needed belongs to somebody else."""


Effect = Callable[[Scene, Any], Awaitable[None]]


async def _nothing(_scene: Scene, _action: Action) -> None:
    """Release: there is nothing left to do."""


EFFECTS: dict[type, Effect] = {
    plans.ApplyResource: ordinary.apply_resource,
    plans.RenewCertificate: ordinary.renew_certificate,
    plans.SetBudget: ordinary.set_budget,
    plans.CreateFounding: founding.create_founding,
    plans.OpenFounding: founding.open_founding,
    plans.CloseFounding: founding.close_founding,
    plans.OrderRecovery: founding.order_recovery,
    plans.CreatePool: pools.create_pool,
    plans.UpdatePool: pools.update_pool,
    plans.SetPoolReplicas: pools.set_replicas,
    plans.KeepVolumes: pools.keep_volumes,
    plans.SetTemplate: pools.set_template,
    plans.OrphanPool: pools.orphan_pool,
    plans.DeletePool: pools.delete_pool,
    plans.RecordGood: pools.record_good,
    plans.RejectRevision: pools.reject_revision,
    plans.Evict: pods.evict,
    plans.DeletePod: pods.delete_pod,
    plans.RetireVolume: pods.retire_volume,
    plans.DeleteVolume: pods.delete_volume,
    plans.AdoptVolume: pods.adopt_volume,
    plans.UntieVolume: pods.untie_volume,
    plans.GrowVolume: pods.grow_volume,
    plans.AddLearner: members.add_learner,
    plans.Promote: members.promote,
    plans.Replace: members.replace,
    plans.RemoveMember: members.remove,
    plans.UpdateMember: members.update,
    plans.Transfer: members.transfer,
    plans.Drain: members.drain,
    plans.Undrain: members.undrain,
    plans.Release: _nothing,
}

STALE_CODES = frozenset({"CONFIG_INDEX_STALE", "NOT_LEADER", "UNKNOWN_MEMBER"})
"""Refusals of a member that mean: decided on what is not so any more."""
WAIT_CODES = frozenset(
    {
        "CHANGE_IN_PROGRESS",
        "NO_LEADER",
        "NOT_SERVING",
        "NOT_CAUGHT_UP",
        "QUORUM_AT_RISK",
        "TRANSFER_REFUSED",
        "TOO_MANY_OPERATIONS",
        "MEMBER_UNREACHABLE",
        "WRONG_ROLE",
        "LAST_VOTER",
    }
)
"""Refusals that mean: not now."""


class Executor:
    """One action at a time."""

    def __init__(self, hands: Hands, failpoints: Failpoints) -> None:
        self._hands = hands
        self._failpoints = failpoints

    async def act(self, seen: Observation, action: Action) -> Report:
        """Does it, if its condition holds."""
        name = type(action).__name__
        failpoint = annotation(seen.body, ANNOTATION)
        self._failpoints.pass_by("before", name, failpoint)
        report = await self._try(seen, action)
        self._failpoints.pass_by("after", name, failpoint)
        log.info(
            "step.acted",
            namespace=seen.blueprint.namespace,
            cluster=seen.blueprint.name,
            action=repr(action),
            result=report.result.value,
            message=report.message,
        )
        return report

    async def _try(self, seen: Observation, action: Action) -> Report:
        try:
            await EFFECTS[type(action)](Scene(seen, self._hands), action)
        except ForeignObject as error:
            return Report(Result.REFUSED, str(error), foreign=True)
        except (NotDone, Conflict, NotFound) as error:
            return Report(Result.STALE, str(error))
        except TooManyRequests as error:
            return Report(Result.REFUSED, str(error))
        except KubeError as error:
            return Report(Result.FAILED, str(error))
        except KeeperError as error:
            return _judge(error)
        return Report(Result.DONE)


def _judge(error: KeeperError) -> Report:
    message = f"{error.code}: {error}" + (f" ({error.hint})" if error.hint else "")
    if error.code in STALE_CODES:
        return Report(Result.STALE, message)
    if error.code in WAIT_CODES:
        return Report(Result.REFUSED, message)
    return Report(Result.FAILED, message)
