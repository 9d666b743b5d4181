"""Composition root: builds a node from a configuration, runs it, and ends it in order.

The order of the start: log lines, port bound, folder locked, metrics up, data read, log replayed,
clients let in. A port that is taken or a folder in use is thus found before anything is touched.
"""

import asyncio
import gc
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from raftkeeper._engine import EngineError
from raftkeeper.raft import AcknowledgedLost, MembershipTooNew
from raftkeeper.server import limits
from raftkeeper.server.client_ports import ClientPorts
from raftkeeper.server.client_protocol import ClientProtocol, Clients
from raftkeeper.server.clock import SystemClock
from raftkeeper.server.door import Door
from raftkeeper.server.driver import Driver
from raftkeeper.server.ensemble.founding import say_other_details
from raftkeeper.server.ensemble.operations import Operations
from raftkeeper.server.errors import EXIT_FAILED, EXIT_OK, DamagedData, NodeError
from raftkeeper.server.first_bytes import Acceptor, FourLetterCommands
from raftkeeper.server.listening import bind
from raftkeeper.server.logs import LogBudget, get_logger, set_up_logging
from raftkeeper.server.node_settings import build_settings, build_transport, raise_open_files
from raftkeeper.server.opening import (
    OpenData,
    build_first_entry,
    condemn_data,
    lock_data,
    open_data,
)
from raftkeeper.server.peers import PeerTransport
from raftkeeper.server.shutdown import StopRequest, drain
from raftkeeper.server.snapshots_in_thread import SnapshotsInThread
from raftkeeper.server.snapshotter import Snapshotter
from raftkeeper.server.view import NodeParts, NodeView
from raftkeeper.storage import DataDirectory, StorageError, Writer

if TYPE_CHECKING:
    from raftkeeper.server.config import Config

log = get_logger(__name__)


ReconfigDoor = Callable[[bytes, Callable[[int], None]], None]
"""Carries out a client's reconfig: its body, and whom to tell the error code."""


class HttpSurface(Protocol):
    """The HTTP port, or that of the admin API, as the admin package implements it."""

    async def start(self, sock: socket.socket) -> None:
        """Serves on this bound socket."""

    async def stop(self) -> None:
        """Closes it."""


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What the admin package gives to a node; handed in, so that this package knows none of it."""

    commands: Callable[[NodeView], FourLetterCommands]
    http: Callable[[NodeView], HttpSurface] | None
    admin: Callable[[NodeView], HttpSurface] | None = None
    reconfig: Callable[[NodeView], ReconfigDoor] | None = None


def run(config: "Config", surfaces: Surfaces) -> int:
    """Runs a node until it is told to stop; the exit code of the process."""
    set_up_logging(config.log)
    try:
        return _run_loop(Node(config, surfaces).run())
    except NodeError as error:
        log.error("node.failed", reason=str(error))
        return EXIT_FAILED


def _run_loop(main: Awaitable[int]) -> int:
    import uvloop  # here, so that reading the schema does not load it

    async def body() -> int:
        return await main

    return uvloop.run(body())


class Node:
    """One node, once."""

    def __init__(self, config: "Config", surfaces: Surfaces) -> None:
        self._config = config
        self._surfaces = surfaces
        self._clock = SystemClock()
        self._view = NodeView(config, self._clock)
        self._budget = LogBudget(20, self._clock.now_us)
        self._fatal: BaseException | None = None
        self._acceptor: Acceptor | None = None
        self._notify_fd = -1

    async def run(self) -> int:
        """From start to stop."""
        config, view = self._config, self._view
        view.started_us, view.started_ms = self._clock.now_us(), self._clock.wall_ms()
        stop = StopRequest()
        connections_max = raise_open_files(config.client.connections_max)
        client_ports = ClientPorts(config.client)
        surfaces = self._bind_surfaces()
        peer_socket = None
        if config.talks_to_members:
            peer_socket = bind(config.peer.listen, config.peer.port, "peer")
        try:
            directory = view.directory = lock_data(config)
        except DamagedData as error:
            return await self._stay(error, surfaces, stop)
        transport = build_transport(config, self._clock) if peer_socket is not None else None
        started: list[HttpSurface] = []
        try:
            for surface, sock in surfaces:
                await surface.start(sock)
                started.append(surface)
            if transport is not None and peer_socket is not None:
                await transport.start(peer_socket)
            data = await self._read(directory, transport, stop)
            if data is None:
                return EXIT_OK
            parts = self._build(directory, data, connections_max, stop, transport)
            if await self._serve(parts, client_ports, stop):
                await self._work(parts, stop)
            client_ports.close()
            return await self._end(parts)
        except DamagedData as error:
            return await self._stay(error, [], stop)
        finally:
            await client_ports.stop()
            if transport is not None:
                await transport.stop()
            for surface in started:
                await surface.stop()
            directory.close()

    def _bind_surfaces(self) -> list[tuple[HttpSurface, socket.socket]]:
        """The ports of the admin package, bound before anything is touched."""
        config, view = self._config, self._view
        bound: list[tuple[HttpSurface, socket.socket]] = []
        if self._surfaces.http is not None and config.http.enabled:
            sock = bind(config.http.listen, config.http.port, "http")
            bound.append((self._surfaces.http(view), sock))
        if self._surfaces.admin is not None and config.admin.enabled:
            sock = bind(config.admin.listen, config.admin.port, "admin")
            bound.append((self._surfaces.admin(view), sock))
        return bound

    # ---- start -----------------------------------------------------------------------------------

    async def _read(
        self, directory: DataDirectory, transport: PeerTransport | None, stop: StopRequest
    ) -> OpenData | None:
        """The data, once there are some that are this node's; None when it was stopped before."""
        identity = directory.identity
        bound = identity is not None and not identity.is_waiting
        ensemble = self._config.ensemble
        waits = not bound and bool(ensemble.members or ensemble.join or ensemble.recovery)
        self._view.state = "waiting for an ensemble" if waits else "reading the data"
        reading = asyncio.ensure_future(open_data(self._config, directory, transport))
        return await stop.unless_stopped(reading)

    def _build(
        self,
        directory: DataDirectory,
        data: OpenData,
        connections_max: int,
        stop: StopRequest,
        transport: PeerTransport | None,
    ) -> NodeParts:
        config, clock = self._config, self._clock
        self._view.member_id = data.identity.member_id
        self._notify_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        writer = directory.start_writer(self._notify_fd)
        driver = self._make_driver(directory, data, writer, stop, transport)
        driver.installer.remember(directory)
        door = Door(connections_max, config.client.connections_per_address_max)
        clients = Clients(
            data.engine,
            now_us=clock.now_us,
            wake=driver.wake,
            unsent_bytes_max=config.client.unsent_bytes_max,
            unsent_stall_ms=config.client.unsent_stall_ms,
            on_lost=lambda client, reason: self._on_lost(door, client, reason),
            super_subject=config.auth.super_subject,
        )
        driver.clients = clients
        if self._surfaces.reconfig is not None:
            driver.membership_door.on_request = self._surfaces.reconfig(self._view)
        snapshotter = self._make_snapshotter(directory, data, writer, driver)
        if transport is not None:
            transport.serve(
                data.identity,
                driver.peers,
                directory.snapshots,
                on_missing=snapshotter.start_for_another,
                why_no_snapshot=lambda: driver.installer.diverged,
            )
        parts = NodeParts(
            engine=data.engine,
            core=data.core,
            driver=driver,
            writer=writer,
            clients=clients,
            door=door,
            snapshotter=snapshotter,
            data=directory,
            operations=Operations(driver),
            links=transport,
        )
        self._view.parts = parts
        return parts

    def _make_snapshotter(
        self, directory: DataDirectory, data: OpenData, writer: Writer, driver: Driver
    ) -> Snapshotter:
        snapshotter = Snapshotter(
            engine=data.engine,
            core=data.core,
            writer=writer,
            data=directory,
            cluster_id=data.identity.cluster_id,
            settings=self._config.snapshot,
            clock=self._clock,
            figures=driver.figures,
            restored=data.snapshot,
            why_held=driver.admission.why_no_snapshot,
            on_fatal=driver.fail,
        )
        driver.installer.on_reload = snapshotter.follow_install
        return snapshotter

    def _make_driver(
        self,
        directory: DataDirectory,
        data: OpenData,
        writer: Writer,
        stop: StopRequest,
        transport: PeerTransport | None,
    ) -> Driver:
        config, clock = self._config, self._clock

        def on_fatal(error: BaseException) -> None:
            self._fatal = error
            stop.request("failure")

        return Driver(
            engine=data.engine,
            core=data.core,
            writer=writer,
            clock=clock,
            loop=asyncio.get_running_loop(),
            links=transport,
            snapshots=SnapshotsInThread(directory.snapshots),
            settings=build_settings(config),
            record_bytes_max=config.record_bytes_max,
            first_entry=lambda: build_first_entry(data.engine, data.identity, clock),
            on_fatal=on_fatal,
        )

    async def _serve(self, parts: NodeParts, client_ports: ClientPorts, stop: StopRequest) -> bool:
        """Replays the log, then lets clients in; False when it was stopped before."""
        asyncio.get_running_loop().add_reader(self._notify_fd, parts.driver.on_durable)
        parts.driver.start()
        if not await stop.wait_unless(parts.driver.serving):
            return False
        # A full collection walks everything that was imported, 13 ms in which nobody is served; none
        # of that is ever garbage, so it is left out from now on.
        gc.collect()
        gc.freeze()
        acceptor = Acceptor(
            clients=parts.clients,
            door=parts.door,
            is_open=parts.driver.serving.is_set,
            commands=self._surfaces.commands(self._view),
            on_refused=self._on_refused,
        )
        self._acceptor = acceptor
        await client_ports.open(acceptor)
        self._view.state = "serving"
        self._view.serving_us = self._clock.now_us()
        log.info(
            "node.serving",
            version=self._view.version,
            **self._config.open_addresses,
            data=str(self._config.storage.data_dir),
            applied_index=parts.engine.applied_index,
            zxid=f"0x{parts.engine.last_zxid:x}",
            start_ms=(self._view.serving_us - self._view.started_us) // 1000,
        )
        say_other_details(self._config, parts.core.membership.member(self._view.member_id))
        return True

    async def _stay(
        self,
        damage: DamagedData,
        surfaces: list[tuple[HttpSurface, socket.socket]],
        stop: StopRequest,
    ) -> int:
        """A member with damaged files serves nothing and says so until it is stopped: to end would
        only lead to the next start, and nobody could ask it what is wrong. A node that is alone ends.
        """
        config = self._config
        if not config.talks_to_members or not (config.admin.enabled or config.http.enabled):
            raise damage
        self._view.damage = str(damage)
        try:
            for surface, sock in surfaces:
                await surface.start(sock)
            log.error("node.damaged", reason=str(damage), effect="it serves nothing until stopped")
            await stop.wait_for_ever()
        finally:
            for surface, _ in surfaces:
                await surface.stop()
        return EXIT_FAILED

    # ---- while it runs ---------------------------------------------------------------------------

    async def _work(self, parts: NodeParts, stop: StopRequest) -> None:
        """Slow periodic work, until the node is told to stop."""
        collect_us = self._config.features.collect_interval_ms * 1000
        collect_at_us = self._clock.now_us() + collect_us
        wait_s = min(limits.HOUSEKEEPING_EVERY_S, collect_us / 1_000_000)
        while not await stop.wait(wait_s):
            parts.snapshotter.maybe()
            parts.clients.sweep()
            if self._acceptor is not None:
                self._acceptor.sweep()
            if self._clock.now_us() >= collect_at_us:
                collect_at_us = self._clock.now_us() + collect_us
                parts.driver.propose_collection()

    def _on_lost(self, door: Door, client: ClientProtocol, reason: str) -> None:
        door.leave(client.address)
        if reason and self._budget.allows():
            log.info(
                "client.closed",
                peer=client.peer,
                reason=reason,
                suppressed=self._budget.take_suppressed(),
            )

    def _on_refused(self, address: str, reason: str) -> None:
        if self._budget.allows():
            log.warning(
                "client.refused",
                address=address,
                reason=reason,
                suppressed=self._budget.take_suppressed(),
            )

    # ---- end -------------------------------------------------------------------------------------

    async def _end(self, parts: NodeParts) -> int:
        """Stops in order; what is acknowledged is durable by then in any case."""
        self._view.stopping = "stopping"
        failure = self._fatal
        if failure is None:
            await drain(parts, self._acceptor, snapshot=self._config.snapshot.on_exit)
        else:
            self._view.failure = str(failure)
            parts.clients.abort_all()
            if isinstance(failure, AcknowledgedLost):
                failure = condemn_data(parts.data, failure)
        await parts.snapshotter.close()
        parts.driver.stop()
        asyncio.get_running_loop().remove_reader(self._notify_fd)
        try:
            parts.writer.close()
        except StorageError as error:
            failure = failure or error
        if failure is None:
            log.info("node.stopped", applied_index=parts.engine.applied_index)
            return EXIT_OK
        if isinstance(failure, (NodeError, StorageError, EngineError, MembershipTooNew, OSError)):
            log.error("node.failed", reason=str(failure), effect="the node stops")
        else:
            log.critical("node.failed", reason=repr(failure), exc_info=failure)
        return EXIT_FAILED
