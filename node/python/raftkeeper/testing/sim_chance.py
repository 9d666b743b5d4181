"""Chance for the simulator: one seed, many independent streams, integers only.

A seed must mean the same for years: only `getrandbits` of the Mersenne Twister is used, and each part
of the simulation has a stream of its own, so that one more draw here moves nothing there.
"""

import random
import zlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

PER_MILLE = 1000


class Chance:
    """One stream."""

    __slots__ = ("_seed", "bits")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.bits = random.Random(seed).getrandbits

    def stream(self, name: str) -> "Chance":
        """An independent stream; the same name gives the same stream again."""
        return Chance((self._seed << 32) ^ zlib.crc32(name.encode()) ^ 0x5EED)

    def below(self, count: int) -> int:
        """0 to `count` - 1."""
        return self.bits(62) % count

    def between(self, low: int, high: int) -> int:
        """`low` to `high`, both included."""
        return low + self.bits(62) % (high - low + 1)

    def happens(self, per_mille: int) -> bool:
        return per_mille > 0 and self.bits(30) % PER_MILLE < per_mille

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different ones, in a random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(min(count, len(rest)))]

    def octets(self, count: int) -> bytes:
        return self.bits(8 * count).to_bytes(count, "little") if count else b""

    def twister(self) -> random.Random:
        """For the faulty files, which tear with `random()`: that one is stable too."""
        return random.Random(self.bits(62))
