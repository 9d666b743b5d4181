"""What the restricted Pod Security Standard asks for. Every pod that the operator makes has it."""

from typing import Final

from raftkeeper_operator.build.blueprint import Object

USER: Final = 10_001
"""Of the image; no process of any pod is root."""


def pod_security() -> Object:
    """Of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """Of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
