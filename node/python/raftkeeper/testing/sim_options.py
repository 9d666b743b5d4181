"""What one simulation is like: all of it drawn from the seed, all of it printed.

Each kind of fault is switched off in about half of the seeds: faults that never stop hide what only
happens between two of them. `0` as a pause means never.
"""

from dataclasses import dataclass, fields, replace

from raftkeeper.storage import StorageOptions
from raftkeeper.testing.sim_chance import Chance
from raftkeeper.testing.sim_disk import DiskOptions
from raftkeeper.testing.sim_network import NetworkOptions

TICK_US = 25_000
ELECTION_TICKS = 10

SEGMENT_BYTES = 8192
RECORD_BYTES_MAX = 1500
"""Small, so that a short life has many segments, snapshots and purges in it."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Mean time between two faults of a kind, in milliseconds of simulated time."""

    crash: int = 0
    crash_at_step: int = 0
    partition: int = 0
    one_way: int = 0
    stall: int = 0
    wipe: int = 0
    clock_jump: int = 0
    disk_error: int = 0
    transfer: int = 0
    change: int = 0
    snapshot: int = 0
    leader_fault: int = 0
    """A crash, cut or stall that picks the leader on purpose."""
    full_disk: int = 0
    rot: int = 0
    wrong_state: int = 0
    """Only where whole nodes are simulated: they compare their states."""


@dataclass(frozen=True, slots=True)
class Options:
    """One simulation."""

    seed: int
    voters: int
    spares: int
    """Machines that belong to nobody at the beginning."""
    faults_ms: int
    network: NetworkOptions
    disk: DiskOptions
    pauses: Pauses
    write_pause_us: int
    read_pause_us: int
    payload_bytes_max: int
    snapshot_every: int
    tail_entries: int
    tail_bytes: int
    catch_up_bytes_per_s: int
    hot_bytes_max: int
    append_bytes_max: int
    window_count: int
    clients: int
    """Sessions, where the whole node is simulated."""
    linearizable_reads: bool
    mixed_releases: bool
    """Some machines begin with the release before and are updated; only where the whole node is simulated."""
    quiet_ticks: int
    """Of the writer, until it says how far the log is durable; 0 for never."""
    compare_every: int
    """Entries between two comparisons of states; 0 for never."""

    @property
    def storage(self) -> StorageOptions:
        """Where the core is simulated."""
        return self.storage_of(SEGMENT_BYTES, RECORD_BYTES_MAX)

    def storage_of(self, segment_bytes: int, record_bytes_max: int) -> StorageOptions:
        """With segments of another size."""
        return StorageOptions(
            segment_bytes=segment_bytes,
            record_bytes_max=record_bytes_max,
            snapshots_kept=2,
            tail_entries=self.tail_entries,
            tail_bytes=self.tail_bytes,
            quiet_ticks=self.quiet_ticks,
        )

    def lines(self) -> list[str]:
        """All of them, for people."""
        return [f"{field.name:<20} {getattr(self, field.name)}" for field in fields(self)]


def draw_options(seed: int) -> Options:
    """The same for the same seed."""
    chance = Chance(seed).stream("options")
    catching_up = Chance(seed).stream("options of catching up")
    compare_every, wrong_state = _draw_comparing(Chance(seed).stream("toss of unequal state"))
    voters = chance.pick([1, 3, 3, 3, 3, 5])
    return Options(
        seed=seed,
        voters=voters,
        spares=chance.pick([0, 1, 1, 2]),
        faults_ms=chance.between(2_000, 5_000),
        network=_draw_network(chance),
        disk=_draw_disk(chance),
        pauses=replace(
            _add_disk_faults(_draw_pauses(chance, voters), seed, voters),
            wrong_state=wrong_state if voters >= 3 else 0,
        ),
        write_pause_us=chance.pick([3_000, 10_000, 30_000]),
        read_pause_us=chance.pick([10_000, 40_000]),
        payload_bytes_max=chance.pick([20, 200, RECORD_BYTES_MAX]),
        snapshot_every=chance.pick([15, 40, 120]),
        tail_entries=chance.pick([0, 5, 40]),
        # From a stream of their own, as they came later: the other draws stay as they were.
        tail_bytes=catching_up.pick([2_000, 20_000, 1 << 20]),
        catch_up_bytes_per_s=catching_up.pick([0, 1 << 20, 16 << 20]),
        hot_bytes_max=chance.pick([300, 3_000, 1 << 20]),
        append_bytes_max=chance.pick([500, 4_000, 1 << 18]),
        window_count=chance.pick([1, 3, 64]),
        clients=chance.between(2, 6),
        linearizable_reads=chance.happens(250),
        # The same; seeds with a story in regressions.toml live as they did before.
        mixed_releases=Chance(seed).stream("draw of neighbouring releases").happens(200),
        quiet_ticks=Chance(seed).stream("options of quiet logs").pick([0, 0, 1, 4]),
        compare_every=compare_every,
    )


def _draw_comparing(chance: Chance) -> tuple[int, int]:
    """Entries between two comparisons, and the pause between two states that go wrong."""
    if not chance.happens(200):
        return 0, 0
    return chance.pick([10, 40]), chance.pick([0, 500, 1_500])


def _add_disk_faults(pauses: Pauses, seed: int, voters: int) -> Pauses:
    """From a stream of their own, as they came later: seeds without them live as they did before."""
    chance = Chance(seed).stream("options of disk faults")
    return replace(
        pauses,
        full_disk=chance.pick([0, 0, 0, 600, 2_000]),
        rot=chance.pick([0, 0, 0, 500, 1_500]) if voters >= 3 else 0,
    )


def _draw_network(chance: Chance) -> NetworkOptions:
    return NetworkOptions(
        delay_min_us=chance.pick([50, 500, 3_000]),
        delay_jitter_us=chance.pick([100, 2_000, 10_000]),
        loss_per_mille=chance.pick([0, 0, 10, 100]),
        repeat_per_mille=chance.pick([0, 0, 20, 150]),
        late_per_mille=chance.pick([0, 0, 10, 60]),
        late_us=chance.pick([30_000, 300_000]),
    )


def _draw_disk(chance: Chance) -> DiskOptions:
    return DiskOptions(
        sync_min_us=chance.pick([50, 500]),
        sync_jitter_us=chance.pick([100, 1_000, 8_000]),
        slow_per_mille=chance.pick([0, 0, 10, 50]),
        slow_us=chance.pick([50_000, 400_000]),
        file_us=chance.pick([500, 5_000]),
    )


def _draw_pauses(chance: Chance, voters: int) -> Pauses:
    def now_and_then(*means_ms: int) -> int:
        mean_ms = chance.pick(means_ms)
        return mean_ms if chance.happens(500) else 0

    return Pauses(
        crash=now_and_then(400, 1_500),
        crash_at_step=now_and_then(300, 1_000),
        partition=now_and_then(500, 1_500),
        one_way=now_and_then(500, 1_500),
        stall=now_and_then(400, 1_500),
        wipe=now_and_then(1_000, 2_500) if voters >= 3 else 0,
        clock_jump=now_and_then(500),
        disk_error=now_and_then(1_500),
        transfer=now_and_then(250, 1_000),
        change=now_and_then(250, 1_000),
        snapshot=now_and_then(300, 1_000),
        leader_fault=now_and_then(400, 1_200),
    )
