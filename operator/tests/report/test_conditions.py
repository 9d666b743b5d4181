"""Conditions and phase: each says what is there, with a reason that has its page in the runbook."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    GIB,
    LONG_AGO,
    NOW,
    add_member,
    add_pod,
    break_pod,
    change_ensemble,
    change_member,
    change_node,
    change_pod,
    change_volume,
    drop_member,
    drop_pod,
    drop_volume,
    empty,
    leaderless,
    make_member,
    make_pod,
    make_waiting,
    want,
    well,
    with_logs,
)

from raftkeeper_operator.api.conditions import REASONS, ConditionType, Reason
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.observe.snapshot import Budget, Certificate, Snapshot
from raftkeeper_operator.report.conditions import judge, merge_conditions

FOREIGN = change_ensemble(well(), cluster_id="f" * 32)
ZONED = well(zones=("a", "b", "c"))
BAD_V2 = break_pod(
    change_pod(want(well(), revision="v2"), "x-2", revision="v2"), "x-2", "ImagePull"
)

LOGS = with_logs(well())
FULL_LOG = change_node(LOGS, "x-1", free_bytes=GIB, log_free_bytes=GIB // 100)
TOO_NEW = change_node(want(well(), revision="v2", version="1.3.0"), "x-1", version="1.1.0")
FOREIGN_V2 = change_node(
    change_node(
        change_pod(want(well(), revision="v2"), "x-2", revision="v2"), "x-2", feature_level=3
    ),
    "x-0",
    feature_level=1,
)
NO_NODE_V2 = change_pod(BAD_V2, "x-2", unschedulable="no node", trouble="")


def with_certificate(**changes: int | bool) -> Snapshot:
    values = {"renew_ms": NOW + 1, "not_after_ms": NOW + 2, "covers_all": True} | changes
    certificate = Certificate("x-tls", **values)  # type: ignore[arg-type]
    return replace(well(), certificates=(certificate,))


CASES: list[tuple[str, Snapshot, str, str]] = [
    ("Ready", well(), "True", "QuorumAvailable"),
    ("Ready", want(well(), hibernate=True), "False", "Hibernated"),
    ("Ready", empty(), "False", "Bootstrapping"),
    ("Ready", leaderless(well(), NOW - 1), "False", "NoLeader"),
    ("Ready", leaderless(well()), "False", "QuorumLost"),
    ("Ready", FOREIGN, "False", "ForeignEnsemble"),
    ("Progressing", well(), "False", "Settled"),
    ("Progressing", want(well(), paused=True), "False", "Paused"),
    ("Progressing", want(well(), replicas=5), "True", "Working"),
    ("Progressing", leaderless(well()), "True", "Blocked"),
    ("FullyReplicated", well(), "True", "AllCaughtUp"),
    ("FullyReplicated", break_pod(well(), "x-1"), "False", "MemberDown"),
    ("FullyReplicated", change_member(well(), 2, caught_up=False), "False", "MemberLagging"),
    ("FullyReplicated", leaderless(well()), "Unknown", "NoLeader"),
    ("FullyReplicated", empty(), "Unknown", "Bootstrapping"),
    ("FullyReplicated", want(leaderless(well()), hibernate=True), "Unknown", "Hibernated"),
    ("SizeAligned", well(), "True", "SizeReached"),
    ("SizeAligned", want(well(), replicas=5), "False", "ScalingUp"),
    ("SizeAligned", want(well(), replicas=1), "False", "ScalingDown"),
    ("SizeAligned", leaderless(well()), "Unknown", "NoLeader"),
    (
        "SizeAligned",
        add_member(
            add_pod(want(well(), replicas=5), make_pod("x-3", make_waiting("life-4"))),
            make_member(4, "x-3", "learner", caught_up=False),
        ),
        "False",
        "LearnerStalled",
    ),
    ("Upgraded", well(), "True", "UpToDate"),
    ("Upgraded", want(well(), revision="v2"), "False", "RollingOut"),
    ("Upgraded", BAD_V2, "False", "UpgradeStalled"),
    ("StorageHealthy", FULL_LOG, "False", "NearlyFull"),
    ("StorageHealthy", change_volume(LOGS, "log-x-1", lost=True), "False", "DiskLost"),
    ("StorageHealthy", change_volume(LOGS, "log-x-1", capacity_bytes=1), "False", "Resizing"),
    ("Upgraded", TOO_NEW, "False", "VersionSkew"),
    ("Upgraded", FOREIGN_V2, "False", "VersionSkew"),
    ("Upgraded", NO_NODE_V2, "False", "PodHeldUp"),
    (
        "Upgraded",
        replace(BAD_V2, revisions=replace(BAD_V2.revisions, rejected="v2")),
        "False",
        "RolledBack",
    ),
    ("DisruptionAllowed", well(), "True", "OneMayGo"),
    ("DisruptionAllowed", change_ensemble(well(), is_joint=True), "False", "ChangeInProgress"),
    (
        "DisruptionAllowed",
        change_ensemble(well(), leader_since_ms=NOW),
        "True",
        "OneMayGo",
    ),
    ("DisruptionAllowed", change_pod(well(), "x-0", terminating=True), "False", "MemberDown"),
    ("DisruptionAllowed", replace(well(), budget=Budget(2, 0)), "False", "ChangeInProgress"),
    ("DisruptionAllowed", well(replicas=1), "False", "NoSpareMember"),
    ("DisruptionAllowed", break_pod(well(), "x-1"), "False", "MemberDown"),
    ("DisruptionAllowed", change_member(well(), 2, caught_up=False), "False", "MemberLagging"),
    ("DisruptionAllowed", leaderless(well()), "Unknown", "NoLeader"),
    ("ZoneFaultTolerant", ZONED, "True", "AnyZoneMayFail"),
    ("ZoneFaultTolerant", well(), "False", "TooFewZones"),
    ("ZoneFaultTolerant", well(zones=("a", "b")), "False", "TooFewZones"),
    (
        "ZoneFaultTolerant",
        change_member(
            change_member(well(replicas=5, zones=("a", "b", "c")), 2, zone="a"), 3, zone="c"
        ),
        "False",
        "Skewed",
    ),
    ("ZoneFaultTolerant", leaderless(ZONED), "Unknown", "NoLeader"),
    ("StorageHealthy", well(), "True", "VolumesHealthy"),
    ("StorageHealthy", leaderless(well()), "True", "VolumesHealthy"),
    ("StorageHealthy", change_node(well(), "x-1", damage="bad CRC"), "False", "DiskLost"),
    (
        "StorageHealthy",
        change_node(well(), "x-1", member_id=9, incarnation="other"),
        "False",
        "DiskLost",
    ),
    ("StorageHealthy", change_volume(well(), "data-x-1", lost=True), "False", "DiskLost"),
    ("StorageHealthy", change_node(well(), "x-1", diverged="at 7"), "False", "StateDiverged"),
    ("StorageHealthy", change_node(well(), "x-1", writes_refused="full"), "False", "WritesRefused"),
    ("StorageHealthy", change_node(well(), "x-1", free_bytes=1), "False", "NearlyFull"),
    (
        "StorageHealthy",
        drop_volume(change_node(well(), "x-1", free_bytes=1), "data-x-1"),
        "True",
        "VolumesHealthy",
    ),
    (
        "StorageHealthy",
        change_volume(well(), "data-x-1", resize_trouble="no"),
        "False",
        "ResizeFailed",
    ),
    (
        "StorageHealthy",
        change_volume(want(well(), storage_bytes=2 * GIB), "data-x-0", expandable=False),
        "False",
        "ResizeFailed",
    ),
    ("StorageHealthy", want(well(), storage_bytes=2 * GIB), "False", "Resizing"),
    (
        "StorageHealthy",
        change_volume(well(), "data-x-1", retired_ms=LONG_AGO, capacity_bytes=1),
        "True",
        "VolumesHealthy",
    ),
    ("CertificatesValid", with_certificate(), "True", "CertificatesCurrent"),
    ("CertificatesValid", with_certificate(renew_ms=NOW), "True", "RenewalDue"),
    ("CertificatesValid", with_certificate(covers_all=False), "True", "RenewalDue"),
    ("CertificatesValid", with_certificate(not_after_ms=NOW), "False", "CertificateExpired"),
    ("RecoveryRequired", well(), "False", "NoRecoveryNeeded"),
    ("RecoveryRequired", leaderless(well()), "False", "NoRecoveryNeeded"),
    (
        "RecoveryRequired",
        drop_volume(
            drop_volume(drop_pod(drop_pod(leaderless(well()), "x-1"), "x-2"), "data-x-1"),
            "data-x-2",
        ),
        "True",
        "MajorityLost",
    ),
]


@pytest.mark.parametrize(
    ("kind", "snapshot", "status", "reason"),
    CASES,
    ids=[f"{kind}-{reason}-{at}" for at, (kind, _, _, reason) in enumerate(CASES)],
)
def test_condition_says_what_is_there(
    kind: str, snapshot: Snapshot, status: str, reason: str
) -> None:
    """Each reason of each condition, with a picture that leads to it."""
    _, verdicts = judge(snapshot, decide(snapshot))
    found = {verdict[0]: verdict[1:] for verdict in verdicts}
    assert found[kind][:2] == (status, reason)
    assert found[kind][2], "a condition has a message"


def test_reasons_are_those_with_a_page() -> None:
    """Every reason that a condition gets is one of its own; without a leader it says why not known."""
    why_unknown = {Reason.NO_LEADER, Reason.BOOTSTRAPPING, Reason.HIBERNATED}
    for _, snapshot, _, _ in CASES:
        for kind, status, reason, _ in judge(snapshot, decide(snapshot))[1]:
            allowed = why_unknown if status == "Unknown" else set(REASONS[ConditionType(kind)])
            assert Reason(reason) in allowed, kind


PHASES = [
    (replace(well(), deleting=True), "Deleting"),
    (want(well(), paused=True), "Paused"),
    (want(well(), hibernate=True), "Hibernated"),
    (empty(), "Pending"),
    (replace(empty(), pods=well().pods), "Bootstrapping"),
    (leaderless(well(), NOW - 1), "Repairing"),
    (leaderless(well()), "QuorumLost"),
    (want(well(), replicas=5), "Scaling"),
    (break_pod(well(), "x-1"), "Repairing"),
    (want(well(), revision="v2"), "Upgrading"),
    (BAD_V2, "Upgrading"),
    (well(), "Running"),
    (FOREIGN, "Blocked"),
]


@pytest.mark.parametrize(("snapshot", "phase"), PHASES, ids=[phase for _, phase in PHASES])
def test_phase_is_one_word_for_it(snapshot: Snapshot, phase: str) -> None:
    """The column of `kubectl get`."""
    assert judge(snapshot, decide(snapshot))[0] == phase


def test_a_certificate_that_waits_for_the_end_of_a_pause_says_so() -> None:
    """Nobody renews it, and one day members do not find each other any more."""
    due = with_certificate(renew_ms=NOW)
    for snapshot, words in (
        (due, "is being renewed"),
        (want(due, paused=True), "not renewed while"),
    ):
        verdicts = {v[0]: v for v in judge(snapshot, decide(snapshot))[1]}
        assert verdicts["CertificatesValid"][2] == "RenewalDue"
        assert words in verdicts["CertificatesValid"][3]
        assert "expire" in verdicts["CertificatesValid"][3]


def test_skewed_message_names_zone_and_numbers() -> None:
    """Who reads it knows what a failure of which zone would mean."""
    snapshot = change_member(well(zones=("a", "b", "c")), 3, zone="a")
    snapshot = drop_member(add_member(snapshot, make_member(4, "x-d-0", zone="d")), 9)
    verdicts = {v[0]: v for v in judge(snapshot, decide(snapshot))[1]}
    assert "a (2 of 4 voters)" in verdicts["ZoneFaultTolerant"][3]


def test_transition_time_moves_with_the_status_only() -> None:
    """Another reason is no transition; another status is."""
    first = merge_conditions([], [("Ready", "False", "NoLeader", "m")], 1, 0)
    second = merge_conditions(first, [("Ready", "False", "QuorumLost", "n")], 2, 60_000)
    third = merge_conditions(second, [("Ready", "True", "QuorumAvailable", "o")], 2, 120_000)
    times = [rows[0]["lastTransitionTime"] for rows in (first, second, third)]
    assert times == ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:02:00Z"]
    assert second[0]["observedGeneration"] == 2


def test_waking_is_a_transition() -> None:
    """Else a cluster that slept for a week would seem leaderless for a week."""
    asleep = merge_conditions([], [("Ready", "False", "Hibernated", "m")], 1, 0)
    woken = merge_conditions(asleep, [("Ready", "False", "NoLeader", "n")], 1, 60_000)
    assert woken[0]["lastTransitionTime"] == "1970-01-01T00:01:00Z"
