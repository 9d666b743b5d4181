"""One member among others: what arrives over the links, whom it follows, and what it tells them.

It turns the core's view (role, leader, term) into who seals, which groups go out again, and what
the engine is told about leadership. The driver calls it; it must not apply, persist or wait.
"""

from raftkeeper._engine import Engine
from raftkeeper.raft import (
    NOBODY,
    Append,
    Member,
    MemberId,
    Membership,
    Message,
    RaftCore,
    Ready,
    Role,
    certain_members,
    mark_unfit,
)
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.commit_words import CommitWords
from raftkeeper.server.ensemble.groups import Arrivals, OwnGroups
from raftkeeper.server.ensemble.levels import Levels
from raftkeeper.server.ensemble.ports import Draw, PeerLinks
from raftkeeper.server.ensemble.sealing import (
    SealAlone,
    Sealer,
    SealFollowing,
    SealLeading,
    SealNothing,
)
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import Writer

log = get_logger(__name__)


class Peering:
    """The parts of a driver that exist because there may be others."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        writer: Writer,
        clock: Clock,
        links: PeerLinks,
        words: CommitWords,
        draw: Draw,
        settings: EnsembleSettings,
        record_bytes_max: int,
    ) -> None:
        self.links = links
        self.own = OwnGroups(engine, settings.group_bytes_kept)
        self.arrivals = Arrivals()
        self.levels = Levels(
            engine=engine,
            core=core,
            writer=writer,
            links=links,
            enforce_quotas=settings.enforce_quotas,
        )
        self.sealer: Sealer = SealNothing()
        self.may_serve = False
        """This node's state is known to be as new as it must be; then its groups may go out."""
        self.has_others = False
        """Whether there are other members, kept because it is asked with every batch."""
        self.lost = False
        """No leader was heard of for an election timeout."""
        self._engine = engine
        self._core = core
        self._writer = writer
        self._clock = clock
        self._draw = draw
        self._settings = settings
        self._nothing = SealNothing()
        self._alone = SealAlone(engine, core, writer, clock, record_bytes_max)
        self._following = SealFollowing(core, clock, links, self.own)
        self._leading = SealLeading(
            engine=engine,
            core=core,
            writer=writer,
            clock=clock,
            links=links,
            words=words,
            own=self.own,
            arrivals=self.arrivals,
            batch_bytes_max=settings.batch_bytes_max,
            record_bytes_max=record_bytes_max,
        )
        self._followed: tuple[Role, MemberId, int] | None = None
        self._leaderless_ticks = 0
        self._told: dict[MemberId, Member] = {}
        self._joining = False
        self._departed: dict[MemberId, tuple[Member, int]] = {}

    @property
    def is_alone(self) -> bool:
        """The only member there is."""
        return not self.has_others and bool(self._core.membership.voters)

    # ---- at the start, and when things change ---------------------------------------------------

    def start(self) -> None:
        """Before the first tick."""
        self._draw_timeout()
        self._follow_membership(self._core.membership)
        if not self.is_alone:
            self._engine.lead(False, self._clock.now_us())

    def allow_own(self, *, allowed: bool) -> None:
        """This node's state is new enough for clients, or (False) is being replaced."""
        self.may_serve = self.own.enabled = allowed
        self._choose_sealer()

    def on_ready(self, ready: Ready) -> None:
        """The rare parts of a Ready, those that need a link or chance."""
        if ready.redraw_timeout:
            self._draw_timeout()
        if ready.membership is not None:
            self._follow_membership(ready.membership)
        if ready.snapshot_fetch is not None:
            fetch = ready.snapshot_fetch
            self.links.fetch_snapshot(fetch.sender, fetch.covers_index)

    def follow_role(self) -> bool:
        """Looks whether role, leader or term have changed, and does what that means."""
        core = self._core
        now = (core.role, core.leader_id, core.term)
        if now == self._followed:
            return False
        led = self._followed is not None and self._followed[0] is Role.LEADER
        told = self._followed[1:] if self._followed else (NOBODY, 0)
        self._followed = now
        leads = core.role is Role.LEADER
        if leads != led:
            self._on_leading(leads=leads)
        if core.leader_id != NOBODY:
            self._on_leader_known()
            if told != now[1:] and not self.is_alone:
                log.info("ensemble.leader", leader=core.leader_id, term=core.term)
        self._choose_sealer()
        if self.sealer is self._following:
            self._following.send_again()
        return True

    def tick(self) -> None:
        """By each Raft tick."""
        if self._core.leader_id != NOBODY:
            return
        self._leaderless_ticks += 1
        if self._leaderless_ticks == self._settings.election_ticks and not self.is_alone:
            self.lost = True
            log.warning("ensemble.no_leader", effect="no writes until there is one again")
            self._engine.no_leader(True, self._clock.now_us())

    def tell_leader(self) -> None:
        """By each slow tick: which sessions this follower has heard of."""
        if not self._has_leader_to_tell:
            return  # they are gathered until there is somebody to tell
        touches = self._engine.take_touches()
        if touches:
            self.links.send_touches(self._core.leader_id, self._core.term, touches)

    def tell_fitness(self, unfit: str) -> None:
        """By each slow tick: whether this follower should lead. Again and again, because any word may
        be lost, and leaders change.
        """
        if self._has_leader_to_tell:
            self.links.send_fitness(self._core.leader_id, self._core.term, unfit)

    def meet(self) -> None:
        """By each look at the core: dials a new member as soon as its id is its own for good. A node
        that waits is bound to the id by the first word to it, and no entry that is cut off takes
        that back.
        """
        if self._joining and self._choose_told() != self._told:
            self._follow_links()

    def let_go(self) -> None:
        """By each slow tick: ends links to those whose removal is committed since a while."""
        core = self._core
        if not self._departed or core.commit_index < core.config_index:
            return
        now_us = self._clock.now_us()
        for member in [m for m, (_, until_us) in self._departed.items() if now_us >= until_us]:
            del self._departed[member]
            self._tell_links()

    # ---- what arrives ---------------------------------------------------------------------------

    def step(self, message: Message) -> None:
        """A message for the core. A full disk takes no entries: they count as lost on their way."""
        if isinstance(message, Append) and message.entries and self._writer.full:
            return
        self._core.step(message)

    def take_group(self, sender: MemberId, term: int, number: int, group: bytes) -> bool:
        """A follower's group; whether there is something to seal now."""
        core = self._core
        if core.role is not Role.LEADER or term != core.term:
            return False  # it goes to the right one when its node hears who that is
        if not self.arrivals.add(sender, number, group):
            log.error("group.gap", member=sender, number=number)
            self.links.drop(sender, "a group before this one is missing")
            return False
        return True

    def take_touches(self, sender: MemberId, term: int, touches: bytes) -> None:
        """A follower's sessions."""
        if self._core.role is not Role.LEADER or term != self._core.term:
            return
        try:
            self._engine.merge_touches(touches, self._clock.now_us())
        except ValueError as error:
            log.error("touches.malformed", member=sender, reason=str(error))
            self.links.drop(sender, f"sent malformed touches: {error}")

    def take_fitness(self, sender: MemberId, term: int, unfit: str) -> None:
        """Whether a follower should lead."""
        if term == self._core.term:
            mark_unfit(self._core, sender, unfit)

    def link_up(self, member: MemberId) -> None:
        """It knows nothing of what was sent over an earlier one."""
        self.arrivals.forget_link(member)
        if member == self._core.leader_id and self.sealer is self._following:
            self._following.send_again()

    def link_lost(self, member: MemberId, *, reset: bool) -> None:
        """A process that is gone is no reason to wait for a timeout."""
        self.arrivals.forget_link(member)
        if reset:
            self._core.leader_unreachable(member)

    # ---- inside ---------------------------------------------------------------------------------

    @property
    def _has_leader_to_tell(self) -> bool:
        leader = self._core.leader_id
        return self._core.role is not Role.LEADER and leader != NOBODY and self.links.is_up(leader)

    def _on_leading(self, *, leads: bool) -> None:
        self._engine.lead(leads, self._clock.now_us())
        self.arrivals.clear()
        if leads:
            for group in self.own.kept:
                self.arrivals.add_own(self._core.config.member_id, group)

    def _on_leader_known(self) -> None:
        self._leaderless_ticks = 0
        self.lost = False
        self._engine.no_leader(False, self._clock.now_us())

    def _choose_sealer(self) -> None:
        core = self._core
        if core.role is Role.LEADER:
            if not self.is_alone or self.arrivals.queue:
                self.sealer = self._leading
            else:
                self.sealer = self._alone if self.may_serve else self._nothing
        elif core.leader_id == NOBODY:
            self.sealer = self._nothing
        else:
            self.sealer = self._following

    def _follow_membership(self, membership: Membership) -> None:
        me = self._core.config.member_id
        others = membership.everyone - {me}
        self.has_others = bool(others)
        self.levels.follow(membership)
        self._follow_links()
        for member in [known for known in self.arrivals.expected if known not in others]:
            self.arrivals.forget_link(member)
        self._choose_sealer()

    def _choose_told(self) -> dict[MemberId, Member]:
        """All others, but for those that are not certain to become members under their ids."""
        core = self._core
        known = certain_members(core) - {core.config.member_id}
        return {member.id: member for member in core.membership.members if member.id in known}

    def _follow_links(self) -> None:
        told = self._choose_told()
        until_us = self._clock.now_us() + int(limits.DEPARTED_LINK_S * 1_000_000)
        for member in self._told.keys() - told.keys():
            self._departed[member] = (self._told[member], until_us)
        for member in told.keys() & self._departed.keys():
            del self._departed[member]
        self._told = told
        self._joining = told.keys() != self._core.members
        self._tell_links()

    def _tell_links(self) -> None:
        """A leader that is removed leads until that is committed, so its link must stay."""
        departed = {member: known for member, (known, _) in self._departed.items()}
        self.links.set_members(self._told | departed, self._core.membership.level)

    def _draw_timeout(self) -> None:
        shortest, longest = self._settings.election_ticks, self._settings.election_ticks_longest
        self._core.set_election_timeout(self._draw(shortest, longest))
