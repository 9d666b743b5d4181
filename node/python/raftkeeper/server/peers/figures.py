"""What the links count and show: for metrics and the admin views. No behaviour."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PeerFigures:
    """Of the whole node, since its start."""

    messages_sent: int = 0
    messages_received: int = 0
    messages_unlinked: int = 0
    """Not sent because there was no link."""
    messages_dropped: int = 0
    """Not sent because the link's queue was full."""
    frames_too_long: int = 0
    """Not sent because the receiver would refuse them."""
    links_made: int = 0
    links_lost: int = 0
    links_reset_full: int = 0
    """Ended by us because a group found the queue full."""
    links_reset_garbage: int = 0
    """Ended by us because of what came over them."""
    connects_failed: int = 0
    handshakes_failed: int = 0
    """Incoming ones that broke off: garbage, silence, TLS."""
    handshakes_overflowed: int = 0
    """Closed unseen, because too many strangers were in the door."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Handshakes that ended with a no, ours and theirs, by cause."""
    snapshots_sent: int = 0
    snapshot_bytes_sent: int = 0
    snapshots_fetched: int = 0
    snapshots_given_up: int = 0
    snapshot_bytes_fetched: int = 0


@dataclass(frozen=True, slots=True)
class PeerView:
    """How one member is reached, now."""

    member_id: int
    address: str
    up: bool
    dialed_by_us: bool
    age_s: float
    """Of the link."""
    silent_s: float
    """Since something came over it."""
    software: str
    protocol: int
    feature_level: int
    unsent_bytes: int
    sent_bytes: int
    received_bytes: int
    links: int
    """How many there were."""
    trouble: str
    """Why there is no link; empty when there is one."""
