"""From a resource to what a terminal shows: tables and lines. Pure; prints nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from raftkeeper_operator.api.conditions import Condition, ConditionType, runbook_page
from raftkeeper_operator.api.status import (
    ClusterStatus,
    MemberStatus,
    PlanStatus,
    RecoveryStatus,
)
from raftkeeper_operator.plugin.resources_api import Object, Refused

GOOD, WARNING, BAD, DIM = "green", "yellow", "red", "dim"
PHASE_STYLES = {
    "Running": GOOD,
    "QuorumLost": BAD,
    "Blocked": BAD,
    "Paused": DIM,
    "Hibernated": DIM,
}
STATE_STYLES = {"Healthy": GOOD, "Unreachable": BAD, "DiskLost": BAD}
GOOD_WHEN_FALSE = frozenset({ConditionType.RECOVERY_REQUIRED, ConditionType.PROGRESSING})
NONE = "-"


def read_status(body: Object) -> ClusterStatus:
    """Empty before the first look. The spec is not read: one that cannot be used must not hide why."""
    try:
        return ClusterStatus.model_validate(body.get("status") or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refused(
            f"the status of {body['metadata']['name']} is not understood at {place}: "
            f"{first['msg']}; is this plugin older than the operator?"
        ) from error


def show_clusters(bodies: Iterable[Object]) -> RenderableType:
    """All clusters, one a line."""
    table = _table("NAME", "READY", "LEADER", "VERSION", "ZONES", "PHASE", "PLAN")
    for body in sorted(bodies, key=lambda body: str(body["metadata"]["name"])):
        status = read_status(body)
        table.add_row(
            body["metadata"]["name"],
            status.ready or NONE,
            status.leader.pod if status.leader else NONE,
            status.version or NONE,
            status.zones_summary or NONE,
            Text(status.phase or "Pending", PHASE_STYLES.get(status.phase or "", WARNING)),
            status.plan.message if status.plan else NONE,
        )
    return table


def show_status(body: Object, now: datetime) -> RenderableType:
    """One cluster: what it is, its members, what is not as it should be, what comes next."""
    status = read_status(body)
    phase = status.phase or "Pending"
    wanted = (body.get("spec") or {}).get("replicas", NONE)
    head = Text.assemble(
        (str(body["metadata"]["name"]), "bold"),
        "  ",
        (phase, PHASE_STYLES.get(phase, WARNING)),
        f"  {status.ready or NONE} ready, {wanted} wanted",
        f"  version {status.version or NONE}",
    )
    if status.target_version and status.target_version != status.version:
        head.append(f" → {status.target_version}", WARNING)
    parts: list[RenderableType] = [head]
    if observed := _not_yet_seen(body, status):
        parts.append(observed)
    if status.endpoints and status.endpoints.client:
        parts.append(Text(f"clients connect to {status.endpoints.client}", DIM))
    parts += ["", show_members(body)]
    if status.zones:
        parts += ["", _zones(status)]
    parts += ["", show_conditions(status.conditions)]
    if status.retired_volumes:
        parts += ["", _retired(status)]
    if status.recovery and (status.recovery.evidence or status.recovery.order):
        parts += ["", _recovery(status.recovery)]
    parts += ["", show_plan(status.plan, now)]
    return Group(*parts)


def _not_yet_seen(body: Object, status: ClusterStatus) -> Text | None:
    generation = body["metadata"].get("generation")
    if status.observed_generation is None:
        return Text("no operator has looked at it yet; is one running?", BAD)
    if generation is not None and generation > status.observed_generation:
        return Text("the operator has not seen the newest change of the spec yet", WARNING)
    return None


def show_members(body: Object) -> RenderableType:
    """The membership, as the leader knew it at the last look."""
    status = read_status(body)
    table = _table("ID", "POD", "ZONE", "ROLE", "STATE", "LAG", "CLIENTS", "VERSION", "REVISION")
    for member in sorted(status.members, key=lambda member: member.id):
        table.add_row(*_member_cells(member, status))
    return table if status.members else Text("no members yet", DIM)


def _member_cells(member: MemberStatus, status: ClusterStatus) -> tuple[RenderableType, ...]:
    is_old = status.revision and member.revision and member.revision != status.revision
    return (
        str(member.id),
        member.pod,
        member.zone or NONE,
        Text(member.role, "bold" if member.role == "leader" else ""),
        Text(member.state, STATE_STYLES.get(member.state, WARNING)),
        _number(member.lag),
        _number(member.clients),
        member.version or NONE,
        Text(member.revision or NONE, WARNING if is_old else ""),
    )


def show_plan(plan: PlanStatus | None, now: datetime) -> RenderableType:
    """The next step, or what it waits for."""
    if plan is None:
        return Text("no plan yet", DIM)
    if plan.action is None and not plan.blocked_by:
        return Text.assemble(("next: ", "bold"), ("nothing ", GOOD), plan.message)
    name = plan.action or "waiting"
    line = Text.assemble(
        ("next: ", "bold"),
        (name, WARNING if plan.action is None else ""),
        f" {plan.target}" if plan.target else "",
        f" ({plan.reason})",
    )
    if since := _ago(plan.since, now):
        line.append(f", for {since}", DIM)
    lines: list[RenderableType] = [line, Text(f"  {plan.message}")]
    lines += [
        Text(f"  waits for: {blocker}", WARNING)
        for blocker in plan.blocked_by
        if blocker != plan.message
    ]
    return Group(*lines)


def show_conditions(conditions: Iterable[Condition]) -> RenderableType:
    """What is not as it should be first, with its runbook page."""
    table = _table("CONDITION", "STATUS", "REASON", "MESSAGE", "RUNBOOK")
    for condition in sorted(conditions, key=lambda item: (_is_good(item), item.type)):
        good = _is_good(condition)
        table.add_row(
            condition.type,
            Text(condition.status, GOOD if good else WARNING),
            condition.reason,
            condition.message,
            Text("" if good else f"docs/runbook/{runbook_page(condition.reason)}", DIM),
        )
    return table


def _is_good(condition: Condition) -> bool:
    wanted = "False" if condition.type in GOOD_WHEN_FALSE else "True"
    return condition.status == wanted


def _zones(status: ClusterStatus) -> RenderableType:
    table = _table("ZONE", "VOTERS", "IF IT FAILS")
    for zone in status.zones:
        outcome = Text("a quorum is left", GOOD) if zone.can_lose else Text("quorum lost", BAD)
        table.add_row(zone.name, str(zone.voters), outcome)
    return table


def _retired(status: ClusterStatus) -> RenderableType:
    table = _table("RETIRED VOLUME", "MEMBER", "DELETED AFTER")
    for volume in status.retired_volumes:
        table.add_row(volume.claim, _number(volume.member_id), volume.delete_after or "never")
    return table


def _recovery(recovery: RecoveryStatus) -> RenderableType:
    """What each voter that is left knows, while a majority is lost; and the last recovery."""
    lines: list[RenderableType] = []
    if recovery.evidence:
        table = _table("LEFT OF THE VOTERS", "MEMBER", "LAST TERM", "LAST INDEX", "ANSWERS")
        for one in recovery.evidence:
            name = Text(one.pod, "bold" if one.pod == recovery.proposed_survivor else "")
            known = [
                _number(value) if one.reachable else NONE for value in (one.term, one.last_index)
            ]
            answers = Text("yes", GOOD) if one.reachable else Text("no", BAD)
            table.add_row(name, _number(one.member_id), *known, answers)
        lines.append(table)
        lines.append(Text(f"knows most: {recovery.proposed_survivor or 'nobody can be asked'}"))
    if recovery.order:
        epoch, _, survivor = recovery.order.partition("@")
        done = int(epoch) <= recovery.observed_epoch
        outcome = Text("done", GOOD) if done else Text("under way", WARNING)
        lines.append(Text.assemble(f"recovery {epoch} of {survivor.partition('.')[0]}: ", outcome))
    return Group(*lines)


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    return table


def _number(value: int | None) -> str:
    return NONE if value is None else str(value)


def _ago(since: str | None, now: datetime) -> str:
    """How long ago, as `3m` or `2h5m`; nothing for what is no time."""
    try:
        then = datetime.fromisoformat(since or "")
    except ValueError:
        return ""
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}h{minutes}m" if hours else f"{minutes}m"
