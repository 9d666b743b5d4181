"""Writes down everything that can be asked of some namespaces, for who looks at a failure later; and tells
in a few lines how their pods are, for who has no more than what the run has printed.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from e2e.api import Api, ApiError, Object, path_of
from e2e.ensemble import is_ready, name_of

KINDS = (
    *("raftkeeperclusters", "raftkeeperbackups", "raftkeeperbackupschedules", "pods"),
    *("statefulsets", "deployments", "services", "configmaps", "persistentvolumeclaims"),
    *("poddisruptionbudgets", "leases", "jobs", "events"),
)
# The end of a log is where the reason stands; more than this of each container hides the next one's.
LOG_LINES_TOLD = 15
EVENTS_TOLD = 15


def collect(api: Api, namespaces: list[str], target: Path) -> None:
    """A file for each kind, and one for each container's log. No Secrets."""
    target.mkdir(parents=True, exist_ok=True)
    for kind in ("nodes", "persistentvolumes"):
        _write_kind(api, kind, None, target / f"{kind}.json")
    for namespace in namespaces:
        folder = target / namespace
        folder.mkdir(exist_ok=True)
        for kind in KINDS:
            _write_kind(api, kind, namespace, folder / f"{kind}.json")
        try:
            pods = api.list("pods", namespace)
        except (ApiError, OSError):
            continue
        for pod in pods:
            _write_logs(api, namespace, name_of(pod), folder)


def outline(api: Api, namespaces: list[str]) -> Iterator[str]:
    """A line for each pod, the ends of the logs of those that are not Ready, and the last warnings."""
    for namespace in namespaces:
        try:
            pods, events = api.list("pods", namespace), api.list("events", namespace)
        except (ApiError, OSError) as error:
            yield f"{namespace}: {error}"
            continue
        for pod in pods:
            yield f"{namespace}/{name_of(pod)}: {_state_of(pod)}"
            if not is_ready(pod):
                yield from _log_end(api, namespace, name_of(pod))
        warnings = [event for event in events if event.get("type") == "Warning"]
        for event in sorted(warnings, key=_last_seen)[-EVENTS_TOLD:]:
            about = event["involvedObject"].get("name", "")
            yield f"{namespace}: {event.get('reason')} {about}: {event.get('message')}"


def _state_of(pod: Object) -> str:
    """`Running on node2, not Ready; raftkeeper: waiting CrashLoopBackOff, restarted 3 times`."""
    status = pod.get("status", {})
    ready = "Ready" if is_ready(pod) else "not Ready"
    said = [f"{status.get('phase')} on {pod['spec'].get('nodeName', 'no node')}, {ready}"]
    for item in status.get("containerStatuses", []):
        [(state, detail)] = item.get("state", {}).items() or [("unknown", {})]
        why = detail.get("reason") or detail.get("exitCode", "")
        said.append(f"{item['name']}: {state} {why}, restarted {item['restartCount']} times")
    unmet = [c for c in status.get("conditions", []) if c["type"] == "PodScheduled"]
    said += [c["message"] for c in unmet if c["status"] != "True" and "message" in c]
    return "; ".join(said)


def _log_end(api: Api, namespace: str, pod: str) -> Iterator[str]:
    for previous in ("true", "false"):
        query = {"previous": previous, "tailLines": str(LOG_LINES_TOLD)}
        try:
            said = api.text(f"{path_of('pods', namespace, pod)}/log", query)
        except (ApiError, OSError):
            continue
        yield from (f"    {line}" for line in said.splitlines())


def _last_seen(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _write_kind(api: Api, kind: str, namespace: str | None, path: Path) -> None:
    try:
        path.write_text(json.dumps(api.list(kind, namespace), indent=1))
    except (ApiError, OSError) as error:
        path.write_text(str(error))


def _write_logs(api: Api, namespace: str, pod: str, folder: Path) -> None:
    """The last and the present run of its container."""
    for previous in ("true", "false"):
        suffix = ".before.log" if previous == "true" else ".log"
        query = {"previous": previous, "timestamps": "true"}
        try:
            said = api.text(f"{path_of('pods', namespace, pod)}/log", query)
        except (ApiError, OSError):
            continue  # there was no run before, or none yet
        (folder / f"{pod}{suffix}").write_text(said)
