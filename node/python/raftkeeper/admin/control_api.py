"""Status, drain and snapshots over HTTP.

GET    /v1/status             without a quorum, and before the node serves
POST   /v1/drain              {leadership?, timeout_ms?}: leadership and clients go elsewhere
DELETE /v1/drain              clients may come again
POST   /v1/snapshot           takes one now; the answer has its id
GET    /v1/snapshot           those on disk
GET    /v1/snapshot/{id}      its bytes, from `Range: bytes=N-` on; `newest` for the newest
"""

import asyncio
import re
from typing import Any

from aiohttp import web

from raftkeeper.admin.membership import MembershipChanges
from raftkeeper.admin.node_port import NodePort
from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.admin.replies import reply
from raftkeeper.admin.requests import TIMEOUT_FIELD, bad_request, read_body
from raftkeeper.admin.snapshot_files import OpenSnapshot, list_snapshots, open_snapshot
from raftkeeper.admin.status_report import build_status
from raftkeeper.server.logs import get_logger
from raftkeeper.server.view import NodeParts

log = get_logger(__name__)

DOWNLOADS_MAX = 4
"""At a time. Each reads the disk as fast as its client takes it, beside the log's fsyncs."""

_RANGE = re.compile(r"bytes=([0-9]{1,19})-")


class ControlApi:
    """The handlers of one node."""

    def __init__(self, port: NodePort) -> None:
        self._port = port
        self._downloads = 0

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        return [
            web.get("/v1/status", self._status),
            web.post("/v1/drain", self._drain),
            web.delete("/v1/drain", self._undrain),
            web.post("/v1/snapshot", self._take),
            web.get("/v1/snapshot", self._list),
            web.get("/v1/snapshot/{id}", self._download),
        ]

    async def _status(self, _request: web.Request) -> web.Response:
        return reply(build_status(self._port))

    # ---- drain -----------------------------------------------------------------------------------

    async def _drain(self, request: web.Request) -> web.Response:
        """Leadership first: a leader without clients would still be in everybody's way."""
        body = await read_body(request, {"leadership": (bool, True), **TIMEOUT_FIELD})
        timeout_s = body["timeout_ms"] / 1000
        operations = self._port.operations()
        answer: dict[str, Any] = {"operation": "drain", "leadership": ""}
        if body["leadership"]:
            answer["leadership"] = await self._hand_over(timeout_s)
        try:
            answer["clients_left"] = await operations.drain(
                leadership=body["leadership"], timeout_s=timeout_s
            )
        except TimeoutError:
            answer["clients_left"] = len(self._port.parts().clients.by_conn)
        answer["leader_id"] = self._port.status().leader_id
        log.info("admin.drain", **answer)
        return reply(answer)

    async def _hand_over(self, timeout_s: float) -> str:
        """'' when this member does not lead (any more), else why it still does."""
        status = self._port.status()
        if status.leader_id != status.member_id:
            return ""
        changes = MembershipChanges(self._port, self._port.operations(), None)
        try:
            await changes.transfer(0, leaving=status.member_id, timeout_s=timeout_s)
        except AdminRefusal as error:
            return f"kept: {error}"
        return ""

    async def _undrain(self, _request: web.Request) -> web.Response:
        self._port.operations().undrain()
        log.info("admin.undrain")
        return reply({"operation": "undrain"})

    # ---- snapshots -------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.Response:
        body = await read_body(request, dict(TIMEOUT_FIELD))
        parts = self._port.parts()
        if not parts.engine.applied_index:
            raise AdminRefusal(
                Code.NOT_SERVING, "there is no data yet", "wait until /v1/status shows it as ready"
            )
        if not await _take_snapshot(parts, body["timeout_ms"] / 1000):
            raise AdminRefusal(
                Code.SNAPSHOT_FAILED,
                f"no snapshot is on disk after {body['timeout_ms']} ms",
                "see the node's log for snapshot.failed; with much data allow more by timeout_ms: "
                "one that is under way goes on, ask again for the same",
            )
        newest = (await self._names())[0]
        return reply({**newest, "zxid": f"0x{parts.snapshotter.last_zxid:x}"})

    async def _list(self, _request: web.Request) -> web.Response:
        return reply({"snapshots": await self._names()})

    async def _names(self) -> list[dict[str, Any]]:
        data = self._port.view.config.storage.data_dir
        return [
            {"id": found.id, "index": found.index, "term": found.term, "bytes": found.size}
            for found in await asyncio.to_thread(list_snapshots, data)
        ]

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if self._downloads >= DOWNLOADS_MAX:
            raise AdminRefusal(
                Code.TOO_MANY_OPERATIONS,
                f"{DOWNLOADS_MAX} downloads are under way",
                "wait for one to end, or ask another member",
            )
        self._downloads += 1
        try:
            snapshot = await self._open(request.match_info["id"])
            try:
                return await _stream(request, snapshot)
            finally:
                snapshot.close()
        finally:
            self._downloads -= 1

    async def _open(self, wanted: str) -> OpenSnapshot:
        data = self._port.view.config.storage.data_dir
        snapshot = await asyncio.to_thread(open_snapshot, data, wanted)
        if snapshot is not None:
            return snapshot
        raise AdminRefusal(
            Code.NOT_FOUND,
            f"there is no snapshot {wanted} here",
            "take one with POST /v1/snapshot; GET /v1/snapshot lists those that are kept",
        )


async def _take_snapshot(parts: NodeParts, timeout_s: float) -> bool:
    """Whether one is on disk that has everything applied by now.

    One that was under way already may be older, and then another one is taken.
    """
    wanted = parts.engine.applied_index
    try:
        async with asyncio.timeout(timeout_s):
            while parts.snapshotter.last_index < wanted:
                if not await parts.snapshotter.take(timeout_s):
                    return False
    except TimeoutError:
        return False
    return True


async def _stream(request: web.Request, snapshot: OpenSnapshot) -> web.StreamResponse:
    """The file from an offset on. The digest is of the whole file, also of a part's download."""
    offset, size = _offset(request, snapshot.name.size), snapshot.name.size
    digest = await asyncio.to_thread(snapshot.digest)
    response = web.StreamResponse(
        status=206 if offset else 200,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size - offset),
            "Content-Disposition": f'attachment; filename="{snapshot.name.id}.snap"',
            "Accept-Ranges": "bytes",
            "Snapshot-Id": snapshot.name.id,
            "Snapshot-Bytes": str(size),
            "Snapshot-SHA256": digest,
        },
    )
    if offset:
        response.headers["Content-Range"] = f"bytes {offset}-{size - 1}/{size}"
    await response.prepare(request)
    while piece := await asyncio.to_thread(snapshot.read, offset):
        await response.write(piece)
        offset += len(piece)
    await response.write_eof()
    return response


def _offset(request: web.Request, size: int) -> int:
    text = request.headers.get("Range")
    if text is None:
        return 0
    match = _RANGE.fullmatch(text.strip())
    if match is None or int(match[1]) >= size:
        raise bad_request(f"Range: {text[:40]!r} is not `bytes=N-` with N below {size}")
    return int(match[1])
