"""Claims about what commands, metrics and health say of a node's place in an ensemble."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.admin.fake_ensemble import FakeEnsemble, member
from tests.unit.admin.fake_node import build_view

from raftkeeper.admin.ensemble_report import DRAINING, NO_LEADER, why_not_ready
from raftkeeper.admin.four_letter import FourLetter
from raftkeeper.admin.http_commands import COMMANDS
from raftkeeper.admin.metrics import build_page
from raftkeeper.raft import Membership, Role, TimeoutNow, TransferRefused
from raftkeeper.server.view import NodeView


class Core(SimpleNamespace):
    """A Raft core that notes what it is told."""

    def step(self, message: object) -> None:
        self.told.append(message)

    def transfer(self) -> None:
        if self.refuses:
            raise TransferRefused("no other voter is in contact")
        self.told.append("transfer")


def view_of(ensemble: FakeEnsemble, **core: Any) -> NodeView:
    """The member `own` of an ensemble."""
    view = build_view()
    view.member_id = ensemble.own
    parts = cast("Any", view.parts)
    facts = {
        **vars(parts.core),
        "membership": ensemble.membership,
        "members": ensemble.membership.everyone - {ensemble.own},
        "leader_id": ensemble.leader,
        "role": Role.LEADER if ensemble.own == ensemble.leader else Role.FOLLOWER,
        "config": SimpleNamespace(member_id=ensemble.own),
        "persisted_index": 9,
        "told": [],
        "refuses": False,
    }
    driver = parts.driver
    driver.status, driver.members, driver.look = ensemble.status, ensemble.members, lambda: None
    view.parts = cast("Any", SimpleNamespace(**{**_fields(parts), "core": Core(**facts | core)}))
    return view


def _fields(parts: Any) -> dict[str, Any]:
    return {name: getattr(parts, name) for name in type(parts).__dataclass_fields__}


def told(view: NodeView) -> list[Any]:
    """What the core was told."""
    return cast("Any", view.parts).core.told


def monitor(view: NodeView) -> dict[str, str]:
    """The answer to mntr."""
    text = FourLetter(view).answer(b"mntr") or ""
    return dict(line.split("\t") for line in text.splitlines())


def test_leader_counts_its_followers() -> None:
    """Those in contact, and those that have all."""
    membership = Membership.of([1, 2, 3], [4], details=[member(number) for number in range(1, 5)])
    ensemble = FakeEnsemble(membership=membership, silent={3}, lagging={3})
    values = monitor(view_of(ensemble))
    assert (values["zk_server_state"], values["zk_peer_state"]) == ("leader", "leading - broadcast")
    assert (values["zk_followers"], values["zk_learners"]) == ("1", "2")
    assert (values["zk_synced_followers"], values["zk_synced_observers"]) == ("1", "1")
    assert values["zk_quorum_size"] == "3"


def test_follower_and_learner_say_what_they_are() -> None:
    """In srvr and mntr; only a leader counts others."""
    values = monitor(view_of(FakeEnsemble(own=2)))
    assert values["zk_server_state"] == "follower"
    assert "zk_followers" not in values
    ensemble = FakeEnsemble(own=2)
    ensemble.status_role = "learner"
    assert "Mode: observer\n" in (FourLetter(view_of(ensemble)).answer(b"srvr") or "")


def test_node_without_a_leader_is_read_only_and_not_ready() -> None:
    """Its clients go elsewhere."""
    view = view_of(FakeEnsemble(own=2, leader=0))
    assert why_not_ready(view) == NO_LEADER
    assert why_not_ready(view_of(FakeEnsemble(own=2))) == ""
    cast("Any", view.parts).engine.read_only = True
    assert FourLetter(view).answer(b"isro") == "ro"
    lines = (FourLetter(view).answer(b"srvr") or "").splitlines()
    assert lines[1] == "READ-ONLY mode; serving only read-only clients"
    assert "Mode: read-only" in lines


def test_node_that_is_drained_is_not_ready() -> None:
    """New clients are sent to the others."""
    view = view_of(FakeEnsemble(own=2))
    cast("Any", view.parts).driver.draining = True
    assert why_not_ready(view) == DRAINING


def test_leader_command_names_the_leader() -> None:
    """Asked of a follower."""
    view = view_of(FakeEnsemble(own=2))
    _, report, _ = COMMANDS["leader"]
    fields = report(view, cast("Any", view.parts))
    assert fields == {"is_leader": False, "leader_id": 1, "leader_ip": "10.0.0.1"}


def test_metrics_show_how_far_each_member_is() -> None:
    """By its id."""
    page = build_page(view_of(FakeEnsemble(config_index=7))).decode()
    assert 'raft_member_match_index{member="2"} 7.0' in page
    assert 'raft_member_behind_entries{member="3"} 2.0' in page
    assert 'member="1"' not in page


def test_leadership_is_asked_for_by_those_who_have_everything() -> None:
    """rqld: as if the leader had handed over."""
    view = view_of(FakeEnsemble(own=2))
    assert FourLetter(view).answer(b"rqld") == "Sent leadership request to leader.\n"
    assert told(view) == [TimeoutNow(1, 2, 3)]
    leader = view_of(FakeEnsemble(own=1))
    assert FourLetter(leader).answer(b"rqld") == "Sent leadership request to leader.\n"
    assert told(leader) == []


@pytest.mark.parametrize("core", [{"persisted_index": 8}, {"last_index": 10}, {"leader_id": 0}])
def test_leadership_is_not_asked_for_by_those_who_lag(core: dict[str, Any]) -> None:
    """Nor without a leader to take it from, nor by a learner."""
    learner = FakeEnsemble(own=4, membership=Membership.of([1, 2], [4]))
    for view in (view_of(FakeEnsemble(own=2), **core), view_of(learner)):
        assert FourLetter(view).answer(b"rqld") == "Failed to send leadership request to leader.\n"
        assert told(view) == []


def test_leadership_is_given_away() -> None:
    """ydld, and nothing happens where nobody can take it."""
    view = view_of(FakeEnsemble())
    assert FourLetter(view).answer(b"ydld") == "Sent yield leadership request.\n"
    assert told(view) == ["transfer"]
    alone = view_of(FakeEnsemble(), refuses=True)
    assert FourLetter(alone).answer(b"ydld") == "Sent yield leadership request.\n"
