"""How a folder without an ensemble gets one: found it alone, found it with others, or wait.

Founding happens once. The founder of a list asks every other member who it is, and founds only when
all of them wait and belong to nobody; then it names the incarnation of each disk in the first entry.
So a founder whose disk was wiped finds members that belong to an ensemble already, and waits instead
of making a second one; and a disk that was wiped later is not the one that is named any more.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from raftkeeper.raft import Member, Membership
from raftkeeper.server import limits
from raftkeeper.server.feature_level import level_of_all
from raftkeeper.server.logs import get_logger
from raftkeeper.server.recovery_order import parse_order
from raftkeeper.storage import DataDirectory, Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftkeeper.server.config import Config

log = get_logger(__name__)

FIRST_MEMBER_ID = 1

NO_PRIORITY = 1
"""The default of the configuration: nothing is asked for."""


class Surveyed(Protocol):
    """What a node says of itself to a stranger."""

    @property
    def cluster_id(self) -> bytes: ...
    @property
    def member_id(self) -> int: ...
    @property
    def incarnation(self) -> bytes: ...
    @property
    def feature_level(self) -> int: ...
    @property
    def zone(self) -> str: ...
    @property
    def priority(self) -> int: ...


class Surveyor(Protocol):
    """The transport, before there are links."""

    def wait(self, incarnation: bytes, on_adopted: "Callable[[bytes, int], None]") -> None:
        """Lets a member of an ensemble adopt this node."""

    async def survey(self, address: str, timeout_s: float) -> Surveyed | None:
        """Who is there; None when nobody answers."""


async def find_identity(
    config: "Config", directory: DataDirectory, transport: Surveyor | None
) -> tuple[Identity, Membership | None]:
    """Binds the folder; and the membership to found with, where it was just bound to found.

    Waits without bound where this node is to be adopted; the caller stops it.
    """
    identity = directory.identity
    if identity is not None and not identity.is_waiting:
        return identity, None
    settings = config.ensemble
    order = parse_order(settings.recovery)
    if transport is None or not (settings.members or settings.join or order):
        return _found_alone(config, directory, identity)
    identity = _as_waiting(directory, identity, order.epoch if order else 0)
    listed = parse_members(settings.members)
    me = config.listed_as
    # An ensemble that was recovered exists: an empty disk never founds a second one beside it.
    founds = bool(listed) and settings.bootstrap and me == min(listed) and order is None
    adopted: asyncio.Future[Identity] = asyncio.get_running_loop().create_future()
    incarnation, epoch = identity.incarnation, identity.recovery_epoch

    def on_adopted(cluster_id: bytes, member_id: int) -> None:
        if not adopted.done():
            adopted.set_result(Identity(cluster_id, member_id, incarnation, recovery_epoch=epoch))

    transport.wait(incarnation, on_adopted)
    log.info(
        "node.waiting",
        incarnation=incarnation.hex(),
        address=config.peer_address,
        listed_as=me,
        reason="to found an ensemble with all of ensemble.members" if founds else "to be taken in",
    )
    if founds:
        membership = await _gather(config, listed, incarnation, transport, adopted)
        if membership is not None:
            founder = Identity(os.urandom(16), me, incarnation, founds=True, recovery_epoch=epoch)
            directory.create(founder)
            log.info("ensemble.founded", cluster=founder.cluster_id.hex(), members=sorted(listed))
            return founder, membership
    bound = await adopted
    directory.create(bound)
    log.info("ensemble.joined", cluster=bound.cluster_id.hex(), member=bound.member_id)
    return bound, None


async def found_again(
    config: "Config", identity: Identity, transport: Surveyor | None
) -> Membership | None:
    """The first membership for a founder that was stopped before it was durable.

    Nobody has heard of that ensemble, because a founder speaks only when its log holds the first
    entry. None where somebody has become another's member meanwhile.
    """
    if transport is None or not config.ensemble.members:
        return Membership.found(
            [describe_self(config, identity)], config.ensemble.feature_level_max
        )
    never: asyncio.Future[Identity] = asyncio.get_running_loop().create_future()
    listed = parse_members(config.ensemble.members)
    return await _gather(config, listed, identity.incarnation, transport, never)


def parse_members(items: tuple[str, ...]) -> dict[int, str]:
    """The addresses of `ensemble.members`, by id."""
    pairs = (item.split("=", 1) for item in items)
    return {int(number): address for number, address in pairs}


def _as_waiting(directory: DataDirectory, known: Identity | None, epoch: int) -> Identity:
    """Bound to wait, by an identity that has passed the recovery there was: what such a node will
    hold comes from the ensemble that was recovered, and must not be set aside at its next start.
    """
    incarnation = known.incarnation if known else os.urandom(16)
    waiting = Identity.waiting(incarnation, max(epoch, known.recovery_epoch if known else 0))
    if waiting != known:
        directory.create(waiting)
    return waiting


def _found_alone(
    config: "Config", directory: DataDirectory, waiting: Identity | None
) -> tuple[Identity, Membership | None]:
    incarnation = waiting.incarnation if waiting else os.urandom(16)
    epoch = waiting.recovery_epoch if waiting else 0
    identity = Identity(
        os.urandom(16), FIRST_MEMBER_ID, incarnation, founds=True, recovery_epoch=epoch
    )
    directory.create(identity)
    log.info("node.created", cluster=identity.cluster_id.hex(), member=identity.member_id)
    members = [describe_self(config, identity)]
    return identity, Membership.found(members, config.ensemble.feature_level_max)


def describe_self(config: "Config", identity: Identity) -> Member:
    """This member, as the others are to know it."""
    settings = config.ensemble
    address = config.peer_address if config.talks_to_members else ""
    return Member(
        identity.member_id, identity.incarnation, address, settings.zone, settings.priority
    )


def say_other_details(config: "Config", member: Member | None) -> None:
    """In the log, where the configuration says something else of this member than the membership,
    which counts. What a person or the operator has set there must not be undone by each restart.
    """
    settings = config.ensemble
    if member is None:
        return
    is_other_zone = bool(settings.zone) and settings.zone != member.zone
    is_other_priority = settings.priority not in {NO_PRIORITY, member.priority}
    if is_other_zone or is_other_priority:
        log.warning(
            "ensemble.details_differ",
            configured=f"zone {settings.zone!r}, priority {settings.priority}",
            counts=f"zone {member.zone!r}, priority {member.priority}, of the membership",
            advice=f"change it by `raftkeeper admin update {member.id} --zone … --priority …`, or "
            "correct the configuration",
        )


async def _gather(
    config: "Config",
    listed: dict[int, str],
    incarnation: bytes,
    transport: Surveyor,
    adopted: "asyncio.Future[Identity]",
) -> Membership | None:
    """Until all are there; None when one of them belongs to an ensemble, or somebody took us in."""
    me = config.listed_as
    said = _Missing()
    while not adopted.done():
        others = sorted(member for member in listed if member != me)
        answers = await asyncio.gather(
            *(transport.survey(listed[member], limits.SURVEY_TIMEOUT_S) for member in others)
        )
        found = dict(zip(others, answers, strict=True))
        taken = {member: answer for member, answer in found.items() if answer and answer.member_id}
        if taken:
            member, answer = next(iter(taken.items()))
            log.error(
                "ensemble.exists",
                reason=f"member {member} belongs to cluster {answer.cluster_id.hex()} already, as "
                f"member {answer.member_id}",
                effect="this node founds nothing; it waits to be added as a new member",
            )
            return None
        missing = tuple(listed[member] for member, answer in found.items() if answer is None)
        if not missing:
            own = Identity(bytes(16), me, incarnation)
            spoken = (answer.feature_level for answer in answers if answer)
            return Membership.found(
                [
                    describe_self(config, own),
                    *(
                        Member(
                            member,
                            answer.incarnation,
                            listed[member],
                            answer.zone,
                            answer.priority,
                        )
                        for member, answer in found.items()
                        if answer
                    ),
                ],
                level_of_all(config.ensemble.feature_level_max, spoken),
            )
        said.tell(missing, asyncio.get_running_loop().time())
        await asyncio.wait({adopted}, timeout=limits.SURVEY_EVERY_S)
    return None


class _Missing:
    """Who has not come yet, in the log: at once when that changes, and from time to time."""

    def __init__(self) -> None:
        self._told: tuple[str, ...] = ()
        self._told_at_s = self._since_s = 0.0

    def tell(self, missing: tuple[str, ...], now_s: float) -> None:
        """At each look; `now_s` is the loop's."""
        names = ", ".join(missing)
        if missing != self._told:
            log.info("ensemble.gathering", missing=names)
            self._told, self._told_at_s, self._since_s = missing, now_s, now_s
        elif now_s - self._told_at_s >= limits.GATHERING_SAID_EVERY_S:
            log.warning(
                "ensemble.gathering",
                missing=names,
                for_s=round(now_s - self._since_s),
                effect="the ensemble is founded when all of ensemble.members are there; until then this "
                "node serves nobody",
                advice="start those that are missing, and see that their addresses can be reached from here",
            )
            self._told_at_s = now_s
