"""`ensemble.recovery`: which forced recovery this ensemble has been through, and who survived it.

A value only. What follows from it is decided in `opening` and `ensemble.founding`.
"""

from dataclasses import dataclass

EPOCH_MAX = (1 << 31) - 1
"""As many as an integer of the Kubernetes API; nobody recovers so often."""


@dataclass(frozen=True, slots=True)
class RecoveryOrder:
    """Data that have not passed this epoch belong to an ensemble that was given up."""

    epoch: int
    survivor: str
    """host:port for members; its data are the beginning of the ensemble that counts."""


def parse_order(text: str) -> RecoveryOrder | None:
    """From `1@host:2888`; None for ''. ValueError with the right form otherwise."""
    if not text:
        return None
    epoch, _, survivor = text.partition("@")
    host, colon, port = survivor.rpartition(":")
    if not (epoch.isascii() and epoch.isdigit() and host and colon and port.isdigit()):
        raise ValueError(f"{text!r} must look like 1@host:2888")
    if not 1 <= int(epoch) <= EPOCH_MAX or not 1 <= int(port) <= 65535:
        raise ValueError(
            f"{text!r}: the epoch is a number from 1 to {EPOCH_MAX}, the port one to 65535"
        )
    return RecoveryOrder(int(epoch), survivor)
