"""What a story is given: clients by name, on a server with known settings."""

from __future__ import annotations

from typing import Any

from ..peers import Ensemble, Peer, PeerSettings
from .recording import Recording
from .verbs import Verbs

SUPER_PASSWORD = "super:secret"
SUPER_DIGEST = "super:lK75jTNcA+U9vtVEw5vB51mj/w4="

SETTINGS = PeerSettings(
    min_session_timeout_ms=1_000,
    max_session_timeout_ms=40_000,
    tick_ms=500,
    collect_interval_ms=500,
    super_digest=SUPER_DIGEST,
    enforce_quotas=True,
    java_heap="512m",
)
"""What the stories assume of the server: sessions that expire soon, containers that go soon, quotas that hold."""


class Run:
    """The clients of one story; `finish` closes those it left open."""

    def __init__(self, peer: Peer | Ensemble, recording: Recording) -> None:
        self.recording = recording
        self._peer = peer
        self._clients: list[Verbs] = []
        self._opened_zxid = 0
        """Of the newest session that was opened: no reply shows it, and the next one may be later."""

    def client(self, name: str, **handshake: Any) -> Verbs:
        """Connects and opens a session (or takes one up again, with session= and password=)."""
        client = self.connection(name).handshake(**handshake)
        self._opened_zxid = max(self._opened_zxid, self._peer.reached(client.address))
        return client

    def connection(self, name: str) -> Verbs:
        """Connects only: the story does its own handshake, or none."""
        endpoint = self._peer.next_endpoint()

        def catch_up() -> None:
            newest = max(self._opened_zxid, self.recording.masks.newest_zxid)
            self._peer.catch_up(endpoint, newest)

        catch_up()
        client = Verbs(name, endpoint, self.recording, catch_up)
        self._clients.append(client)
        return client

    def reconnect(self, name: str, before: Verbs, **handshake: Any) -> Verbs:
        """A new connection that takes up the session of another client."""
        taken = {"session": before.session, "password": before.password, **handshake}
        return self.client(name, **taken)

    def restart(self, *, orderly: bool) -> None:
        """Ends the server, with a word or without, and starts it again on its data."""
        self.recording.begin("the server is " + ("restarted" if orderly else "killed and started"))
        if orderly:
            self._peer.stop()
        else:
            self._peer.kill()
        self._peer.start()

    def finish(self) -> None:
        for client in self._clients:
            client.discard()
