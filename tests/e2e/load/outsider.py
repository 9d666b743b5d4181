"""A pod that tries ports as somebody would who has no business there; `probe.py` is its program."""

import json
from pathlib import Path

from e2e.api import Api, Object, path_of
from e2e.deadline import wait_for
from e2e.images import NODE_IMAGE

PROGRAM = Path(__file__).resolve().parent / "probe.py"
PROBE_TIMEOUT_S = 90


def outcomes(
    api: Api, namespace: str, name: str, labels: dict[str, str], targets: list[str]
) -> dict[str, str]:
    """What came of each target, as a pod with these labels found it."""
    api.create("pods", namespace, _pod(name, labels, targets))

    def ended() -> bool:
        phase = api.get("pods", namespace, name).get("status", {}).get("phase")
        assert phase in {"Succeeded", "Failed"}, f"the pod {name} is {phase}"
        return True

    wait_for(f"the pod {name} has tried all ports", ended, timeout_s=PROBE_TIMEOUT_S)
    said = api.text(f"{path_of('pods', namespace, name)}/log")
    try:
        found: dict[str, str] = json.loads(said)
    except ValueError as error:
        raise AssertionError(f"the pod {name} says {said!r}") from error
    return found


def _pod(name: str, labels: dict[str, str], targets: list[str]) -> Object:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "probe",
                    "image": NODE_IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", PROGRAM.read_text(), *targets],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
