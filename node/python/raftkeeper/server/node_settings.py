"""What the parts of a node take of its configuration, and of the limits of its process."""

import resource
from pathlib import Path
from typing import TYPE_CHECKING

from raftkeeper.server import limits
from raftkeeper.server.clock import SystemClock
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import PeerSettings, PeerTransport, TlsSettings
from raftkeeper.server.view import node_version

if TYPE_CHECKING:
    from raftkeeper.server.config import Config

log = get_logger(__name__)


def build_transport(config: "Config", clock: SystemClock) -> PeerTransport:
    """The links to other members, as configured."""
    peer = config.peer
    tls = None
    if peer.tls_certificate:
        tls = TlsSettings(
            certificate_file=Path(peer.tls_certificate),
            key_file=Path(peer.tls_key or peer.tls_certificate),
            ca_file=Path(peer.tls_ca),
            peer_names=peer.tls_names,
        )
    settings = PeerSettings(
        frame_bytes_max=max(limits.PEER_FRAME_BYTES_MIN, config.record_bytes_max * 2),
        snapshot_bytes_per_s=peer.snapshot_bytes_per_s,
        tls=tls,
        address=config.peer_address,
        zone=config.ensemble.zone,
        priority=config.ensemble.priority,
        software=f"raftkeeper {node_version()}",
        feature_level=config.ensemble.feature_level_max,
    )
    return PeerTransport(settings, clock=clock)


def build_settings(config: "Config") -> EnsembleSettings:
    """What the driver takes of the configuration."""
    return EnsembleSettings(
        tick_s=config.ensemble.tick_ms / 1000,
        election_ticks=config.ensemble.election_ticks,
        batch_bytes_max=config.storage.batch_bytes_max,
        catch_up_bytes_per_s=config.peer.catch_up_bytes_per_s,
        enforce_quotas=config.features.enforce_quotas,
    )


def raise_open_files(connections_max: int) -> int:
    """Raises the limit of open files as far as needed; the bound on connections that fits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + limits.SPARE_DESCRIPTORS
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    fitting = min(connections_max, soft - limits.SPARE_DESCRIPTORS)
    if fitting < connections_max:
        log.warning("client.connections_max_lowered", wanted=connections_max, allowed=fitting)
    return fitting
