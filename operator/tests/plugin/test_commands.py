"""`kubectl raftkeeper`: what it shows of a status, what it asks for, and how it says no."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from raftkeeper_operator.plugin import commands
from raftkeeper_operator.plugin.commands import GaveUp, Scene
from raftkeeper_operator.plugin.main import build_parser, run
from raftkeeper_operator.plugin.resources_api import CLUSTERS, Object, Refused

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

STATUS: Object = {
    "observedGeneration": 3,
    "phase": "Upgrading",
    "ready": "3/3",
    "version": "0.1.0",
    "targetVersion": "0.2.0",
    "revision": "new",
    "zonesSummary": "a:1 b:2",
    "leader": {"id": 2, "pod": "zoo-1"},
    "members": [
        {"id": 2, "pod": "zoo-1", "role": "leader", "state": "Healthy", "revision": "old"},
        {"id": 1, "pod": "zoo-0", "role": "follower", "state": "Lagging", "lag": 7, "zone": "a"},
    ],
    "zones": [
        {"name": "a", "voters": 1, "canLose": True},
        {"name": "b", "voters": 2, "canLose": False},
    ],
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "QuorumAvailable",
            "message": "a leader serves",
            "lastTransitionTime": "2026-05-01T11:00:00Z",
        },
        {
            "type": "Upgraded",
            "status": "False",
            "reason": "RollingOut",
            "message": "1 of 3 pods runs the new revision",
            "lastTransitionTime": "2026-05-01T11:59:00Z",
        },
    ],
    "plan": {
        "reason": "DisruptionBlocked",
        "message": "zoo-1 is next",
        "blockedBy": ["zoo-0 must catch up"],
        "since": "2026-05-01T11:57:00Z",
    },
    "retiredVolumes": [{"claim": "data-zoo-3", "memberId": 4}],
    "endpoints": {"client": "zoo.default.svc:2181"},
}


class Resources:
    """Resources in memory; `answers` are the statuses that the operator writes, one a look."""

    namespace = "default"

    def __init__(self, status: Object | None = None, answers: list[Object] | None = None) -> None:
        self.clusters: dict[str, Object] = {
            "zoo": {
                "metadata": {"name": "zoo", "generation": 3},
                "spec": {"replicas": 3},
                "status": status,
            }
        }
        self.answers = answers or []
        self.annotated: dict[str, str] = {}
        self.created: list[tuple[str, Object]] = []
        self.backup_status: Object = {}

    def get(self, plural: str, name: str) -> Object:
        if plural != CLUSTERS:
            return {"spec": {"destination": {"s3": {"bucket": "b"}}}, "status": self.backup_status}
        if name not in self.clusters:
            raise Refused(f"{name} not found")
        if self.annotated and self.answers:
            self.clusters[name]["status"] = self.answers.pop(0)
        return self.clusters[name]

    def list_all(self, plural: str) -> list[Object]:
        assert plural == CLUSTERS
        return list(self.clusters.values())

    def annotate(self, plural: str, name: str, annotations: dict[str, str]) -> None:
        assert (plural, name) == (CLUSTERS, "zoo")
        self.annotated |= annotations

    def create(self, plural: str, body: Object) -> Object:
        self.created.append((plural, body))
        return body


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def scene_of(api: Resources) -> tuple[Scene, Console]:
    console = Console(record=True, width=160, force_terminal=False, highlight=False)
    clock = Clock()
    scene = Scene(api, console, lambda: clock.seconds, clock.sleep, lambda: NOW, lambda: "t1")
    return scene, console


def shown(api: Resources, *line: str) -> str:
    """What a command line prints."""
    scene, console = scene_of(api)
    with console.capture() as captured:
        run(build_parser().parse_args(line), scene)
    return captured.get()


def test_status_shows_members_zones_conditions_and_plan() -> None:
    """Everything one needs at night is on one page."""
    text = shown(Resources(STATUS), "status", "zoo")
    for words in (
        "Upgrading",
        "3/3 ready",
        "0.1.0 → 0.2.0",
        "zoo.default.svc:2181",
        "quorum lost",
        "DisruptionBlocked",
        "for 3m",
        "waits for: zoo-0 must catch up",
        "data-zoo-3",
    ):
        assert words in text, words
    rows = text.splitlines()
    assert next(row for row in rows if row.startswith("1 ")).split()[1:6] == [
        "zoo-0",
        "a",
        "follower",
        "Lagging",
        "7",
    ]


def test_status_shows_who_is_left_of_a_lost_majority_and_the_last_recovery() -> None:
    """Whom to name as the survivor, without reading JSON at night."""
    evidence = [
        {"pod": "zoo-2", "memberId": 3, "term": 7, "lastIndex": 90, "reachable": True},
        {"pod": "zoo-0", "memberId": 1, "term": 0, "lastIndex": 0, "reachable": False},
    ]
    lost = {"recovery": {"proposedSurvivor": "zoo-2", "evidence": evidence}}
    rows = shown(Resources(STATUS | lost), "status", "zoo").splitlines()
    cells = {row.split()[0]: row.split()[1:] for row in rows if row.startswith(("zoo-2", "zoo-0"))}
    assert cells == {"zoo-2": ["3", "7", "90", "yes"], "zoo-0": ["1", "-", "-", "no"]}
    assert "knows most: zoo-2" in rows
    order = {"order": "2@zoo-2.zoo-members.ns.svc:2888", "observedEpoch": 1}
    assert "recovery 2 of zoo-2: under way" in shown(
        Resources(STATUS | {"recovery": order}), "status", "zoo"
    )
    order["observedEpoch"] = 2
    assert "recovery 2 of zoo-2: done" in shown(
        Resources(STATUS | {"recovery": order}), "status", "zoo"
    )


def test_what_is_wrong_comes_first() -> None:
    """Conditions that are not as they should be stand above the others."""
    text = shown(Resources(STATUS), "status", "zoo")
    assert text.index("RollingOut") < text.index("QuorumAvailable")
    assert "docs/runbook/rolling-out.md" in text
    assert "quorum-available.md" not in text, "what is well needs no page"


def test_status_of_a_cluster_that_nobody_saw() -> None:
    """Without an operator the status is empty, and the page says so."""
    assert "no operator has looked at it" in shown(Resources(None), "status", "zoo")


def test_status_is_shown_of_a_spec_that_cannot_be_used() -> None:
    """That is when somebody looks."""
    api = Resources(STATUS)
    api.clusters["zoo"]["spec"] = {"replicas": "many"}
    text = shown(api, "status", "zoo")
    assert "3/3 ready, many wanted" in text
    assert "RollingOut" in text


def test_status_of_a_newer_operator_is_refused_in_a_sentence() -> None:
    """What it does not know it names, without a stack trace."""
    with pytest.raises(Refused, match=r"status of zoo is not understood at phase: .* plugin older"):
        shown(Resources(STATUS | {"phase": "Teleporting"}), "status", "zoo")


def test_status_of_all_is_a_table() -> None:
    """Without a name there is one line for each cluster."""
    rows = shown(Resources(STATUS), "status").splitlines()
    assert rows[1].split()[:4] == ["zoo", "3/3", "zoo-1", "0.1.0"]


def test_members_are_listed_by_id() -> None:
    """The order is that of the ids, whatever the status has."""
    rows = shown(Resources(STATUS), "members", "zoo").splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["1", "2"]


def test_plan_is_shown_until_nothing_is_left() -> None:
    """Watching prints each plan once, and ends when the cluster has settled."""
    busy = STATUS | {"plan": {"action": "Evict", "reason": "RestartingPod", "message": "zoo-1"}}
    idle = STATUS | {"plan": {"reason": "Settled", "message": "everything is as the spec has it"}}
    api = Resources(STATUS, [STATUS, busy, busy, idle])
    api.annotated["x"] = "y"
    text = shown(api, "plan", "zoo", "--watch")
    assert text.count("Evict") == 1
    assert text.rstrip().endswith("everything is as the spec has it")


def test_waiting_has_an_end() -> None:
    """A cluster that does not settle ends the wait, and the message says that it may still do so."""
    with pytest.raises(GaveUp, match="may still happen"):
        shown(Resources(STATUS), "plan", "zoo", "--watch", "--timeout", "5")


def test_transfer_asks_once_and_tells_the_outcome() -> None:
    """The annotation bears a token, and the answer is that to this token."""
    other = {"name": "transfer-leader", "token": "t0", "outcome": "an old answer"}
    mine = {"name": "transfer-leader", "token": "t1", "outcome": "zoo-0 leads"}
    api = Resources(STATUS, [STATUS | {"requests": [other]}, STATUS | {"requests": [mine]}])
    assert shown(api, "transfer", "zoo", "--to", "zoo-0").strip() == "zoo-0 leads"
    assert api.annotated == {"raftkeeper.io/transfer-leader": "t1/zoo-0"}


def test_transfer_to_a_stranger_is_refused() -> None:
    """Who is no member cannot be asked to lead, and nothing is asked."""
    api = Resources(STATUS)
    with pytest.raises(Refused, match=r"no member of zoo; its members: zoo-1 \(2\), zoo-0 \(1\)"):
        shown(api, "transfer", "zoo", "--to", "zoo-7")
    assert api.annotated == {}


def test_restart_is_an_annotation() -> None:
    """A new token is a new revision of the pods."""
    api = Resources(STATUS)
    assert "one by one" in shown(api, "restart", "zoo")
    assert api.annotated == {"raftkeeper.io/restart": "t1"}


@pytest.mark.parametrize(
    ("flags", "destination"),
    [
        (["--to-claim", "c", "--path", "zoo"], {"volume": {"claimName": "c", "path": "zoo"}}),
        (
            ["--to-bucket", "b", "--region", "r", "--credentials-secret", "s"],
            {"s3": {"bucket": "b", "prefix": "", "region": "r", "credentialsSecret": "s"}},
        ),
        (["--like", "nightly"], {"s3": {"bucket": "b"}}),
    ],
)
def test_backup_is_a_resource(flags: list[str], destination: dict[str, Any]) -> None:
    """A backup is asked for by making one, with a name that tells cluster and time."""
    api = Resources(STATUS)
    shown(api, "backup", "zoo", *flags, "--no-wait")
    ((plural, body),) = api.created
    assert plural == "raftkeeperbackups"
    assert body["metadata"]["name"] == "zoo-20260501-120000"
    assert body["spec"] == {"cluster": "zoo", "destination": destination}


def test_backup_waits_for_its_end() -> None:
    """What was stored is told; a failure is a refusal with the operator's reason."""
    api = Resources(STATUS)
    api.backup_status = {"phase": "Succeeded", "znodes": 5, "bytes": 100, "location": "s3://b/x"}
    text = shown(api, "backup", "zoo", "--to-claim", "c")
    assert "5 znodes, 100 bytes at s3://b/x" in " ".join(text.split())
    api.backup_status = {"phase": "Failed", "message": "the bucket refused"}
    with pytest.raises(Refused, match="the bucket refused"):
        shown(api, "backup", "zoo", "--to-claim", "c")


def test_backup_of_no_cluster_is_refused() -> None:
    """Nothing is made for a cluster that is not there."""
    api = Resources(STATUS)
    with pytest.raises(Refused):
        shown(api, "backup", "zo", "--to-claim", "c")
    assert api.created == []


def test_tokens_differ() -> None:
    """Two requests of one person are two requests."""
    scene = Scene(Resources(STATUS), Console())
    assert scene.token() != scene.token()
    assert commands.TRANSFER == "transfer-leader"


def test_namespace_may_stand_before_or_behind() -> None:
    """As with kubectl itself."""
    parser = build_parser()
    assert parser.parse_args(["-n", "a", "status"]).namespace == "a"
    assert parser.parse_args(["status", "zoo", "-n", "b"]).namespace == "b"
    assert parser.parse_args(["status"]).namespace is None
