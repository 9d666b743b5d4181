"""Writes down everything that can be asked of some namespaces, for who looks at a failure later."""

import json
from pathlib import Path

from e2e.api import Api, ApiError, path_of
from e2e.ensemble import name_of

KINDS = (
    *("raftkeeperclusters", "raftkeeperbackups", "raftkeeperbackupschedules", "pods"),
    *("statefulsets", "deployments", "services", "configmaps", "persistentvolumeclaims"),
    *("poddisruptionbudgets", "leases", "jobs", "events"),
)


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
