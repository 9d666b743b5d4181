"""Links between members: TCP, TLS, handshakes, messages, snapshots. Knows no Raft, decides nothing.

`transport` is what the driver and `app` use; below it `neighbours` (who has a link), `link` (one
connection), `dialing` and `listener` (both ways to get one), `handshake` and `codec` (what is said),
`snapshot_server` and `snapshot_fetch`.
"""

from raftkeeper.server.peers.figures import PeerFigures, PeerView
from raftkeeper.server.peers.tls import TlsSettings
from raftkeeper.server.peers.transport import PeerSettings, PeerTransport, Survey

__all__ = [
    "PeerFigures",
    "PeerSettings",
    "PeerTransport",
    "PeerView",
    "Survey",
    "TlsSettings",
]
