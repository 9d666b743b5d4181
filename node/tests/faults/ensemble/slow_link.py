"""A bad line between two slots, in user space: late, with jitter, with losses, narrow.

The kernel here has no means for it, so the packets between the two are routed through a tunnel
device on each side, and this carries them from one to the other. Connections that are there already
take the new way too. On the event loop of the run.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import struct
from dataclasses import dataclass
from typing import Self

from .lab import address_of, namespace_of, run

_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_PACKET_BYTES_MAX = 65_536
_QUEUE_BYTES_MAX = 256 << 10
"""What a line holds before it loses packets, as a router's buffer does."""


@dataclass(frozen=True, slots=True)
class Badness:
    """How bad the line is, in each direction."""

    delay_s: float
    jitter_s: float = 0.0
    loss: float = 0.0
    bytes_per_s: float = 0.0
    """0: no bound."""

    def __str__(self) -> str:
        parts = [f"{self.delay_s * 1000:.0f}±{self.jitter_s * 1000:.0f} ms"]
        if self.loss:
            parts.append(f"{self.loss:.1%} lost")
        if self.bytes_per_s:
            parts.append(f"{self.bytes_per_s / 1000:.0f} kB/s")
        return ", ".join(parts)


class SlowLink:
    """Between two slots, as long as the `async with` lasts."""

    def __init__(self, one: int, other: int, badness: Badness, rng: random.Random) -> None:
        self._slots = (one, other)
        self._badness = badness
        self._rng = rng
        self._devices: list[tuple[int, str, int]] = []
        self._free_at = {one: 0.0, other: 0.0}
        self._queued = {one: 0, other: 0}
        self.carried = 0
        self.lost = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for slot in self._slots:
            self._open(slot)
        files = [file for _, _, file in self._devices]
        for slot, source, sink in zip(self._slots, files, reversed(files), strict=True):
            loop.add_reader(source, self._carry, slot, source, sink)
        # The routes come last: until then packets go the straight way.
        for slot, peer in zip(self._slots, reversed(self._slots), strict=True):
            device = next(name for at, name, _ in self._devices if at == slot)
            run(
                *("ip", "-n", namespace_of(slot), "route", "add", f"{address_of(peer)}/32"),
                *("dev", device, "src", address_of(slot)),
            )
        return self

    async def __aexit__(self, *_error: object) -> None:
        loop = asyncio.get_running_loop()
        for slot, device, file in self._devices:
            run("ip", "-n", namespace_of(slot), "link", "delete", device)
            loop.remove_reader(file)
            os.close(file)
        self._devices.clear()

    def _open(self, slot: int) -> None:
        """The device belongs to this process and stands in the slot's namespace."""
        name = f"slow{self._slots[0]}{self._slots[1]}at{slot}"
        file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _TUN_WITHOUT_HEADER))
        self._devices.append((slot, name, file))
        namespace = namespace_of(slot)
        run("ip", "link", "set", name, "netns", namespace)
        run("ip", "-n", namespace, "link", "set", name, "up")

    def _carry(self, slot: int, source: int, sink: int) -> None:
        loop = asyncio.get_running_loop()
        bad = self._badness
        while True:
            try:
                packet = os.read(source, _PACKET_BYTES_MAX)
            except OSError:
                return
            size = len(packet)
            if self._rng.random() < bad.loss or self._queued[slot] + size > _QUEUE_BYTES_MAX:
                self.lost += 1
                continue
            start = max(loop.time(), self._free_at[slot])
            self._free_at[slot] = start + (size / bad.bytes_per_s if bad.bytes_per_s else 0.0)
            self._queued[slot] += size
            late = bad.delay_s + self._rng.uniform(-bad.jitter_s, bad.jitter_s)
            loop.call_at(self._free_at[slot] + max(late, 0.0), self._put, slot, sink, packet)

    def _put(self, slot: int, sink: int, packet: bytes) -> None:
        self._queued[slot] -= len(packet)
        self.carried += 1
        try:
            os.write(sink, packet)
        except OSError:
            # The link has been taken away meanwhile, or the far side takes no more.
            self.lost += 1
