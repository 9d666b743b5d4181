"""What an operator may set of an ensemble, as the driver takes it. Values only."""

from dataclasses import dataclass

from raftkeeper.raft import longest_timeout_ticks
from raftkeeper.server import limits


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """Times in ticks of the Raft core, as long as `tick_s` says."""

    tick_s: float = 0.025
    """A killed leader is seen by its closed connection, so ticks matter for a frozen one only."""

    election_ticks: int = 10
    """The shortest election timeout; the longest is nearly twice that. A quarter of a second: stalls of a
    loaded machine (garbage, a slow disk's neighbour) are shorter."""

    group_bytes_kept: int = 4 * 1024 * 1024
    """Own groups that the ensemble has not answered yet; then clients wait."""

    batch_bytes_max: int = 1024 * 1024
    """Groups that share one entry, beyond the first of them."""

    catch_up_bytes_per_s: int = 16 * 1024 * 1024
    """Old entries of the log sent to members that are far behind, in all; 0 for no bound."""

    compare_every_entries: int = limits.DIGEST_EVERY_ENTRIES
    """At multiples of this index members compare their states; 0 for never at all."""

    compare_every_s: float = limits.DIGEST_EVERY_S
    """And so often where nothing goes on."""

    enforce_quotas: bool = False
    """As the leader, hard limits of quotas are enforced, once the feature level in use allows it."""

    @property
    def election_ticks_longest(self) -> int:
        """What a member draws its election timeout up to."""
        return longest_timeout_ticks(self.election_ticks)
