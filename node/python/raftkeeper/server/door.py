"""Who may come in: the bounds on connections, in all and per address; TLS handshakes.

It counts; it holds no socket. What is refused is closed without a word, as ZooKeeper does, because
a client that has not shaken hands cannot be told anything.
"""

from collections import Counter


class Door:
    """Counts connections against the bounds."""

    def __init__(self, connections_max: int, per_address_max: int) -> None:
        self.connections_max = connections_max
        self.per_address_max = per_address_max
        self.open = 0
        self.rejected = 0
        self.handshakes = 0
        """TLS handshakes under way; they count among those that are open."""
        self.handshakes_failed = 0
        self.handshakes_waited = 0
        """How often nobody was accepted because too many were under way."""
        self._by_address: Counter[str] = Counter()

    def admit(self, address: str) -> str:
        """Counts a connection in; the reason why not, '' when it is in."""
        if self.open >= self.connections_max:
            self.rejected += 1
            return f"{self.open} connections are open, client.connections_max"
        here = self._by_address[address]
        if self.per_address_max and here >= self.per_address_max:
            self.rejected += 1
            return f"{here} connections from {address}, client.connections_per_address_max"
        self.open += 1
        self._by_address[address] = here + 1
        return ""

    def leave(self, address: str) -> None:
        """A connection that was admitted is gone."""
        self.open -= 1
        here = self._by_address[address] - 1
        if here:
            self._by_address[address] = here
        else:
            del self._by_address[address]
