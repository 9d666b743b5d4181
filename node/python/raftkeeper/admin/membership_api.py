"""HTTP in front of `membership`: paths, headers, bodies. What is allowed is decided there.

    GET    /v1/members                 ?linearizable=1 asks the leader, by a read index
    POST   /v1/members                 {address, incarnation?, zone?, priority?}: a new learner
    POST   /v1/members/{id}/promote    {force?}
    DELETE /v1/members/{id}            ?force=1
    PATCH  /v1/members/{id}            {address?, zone?, priority?}
    POST   /v1/members/replace         {old, new, force?}
    POST   /v1/leader/transfer         {to?, from?}

Changes need If-Config-Index and take an Op-Id; each may have a timeout_ms.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from raftkeeper.admin.membership import INCARNATION_BYTES, MembershipChanges, NewMember
from raftkeeper.admin.node_port import NodePort
from raftkeeper.admin.operation_ids import OperationIds
from raftkeeper.admin.refusals import not_leader
from raftkeeper.admin.replies import reply
from raftkeeper.admin.requests import (
    TIMEOUT_FIELD,
    UNSAID,
    bad_request,
    config_index_of,
    is_set,
    member_id_of,
    read_body,
)
from raftkeeper.admin.status_report import build_members
from raftkeeper.raft import NotLeader
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

READ_TIMEOUT_S = 5.0

Answer = dict[str, Any]


class MembershipApi:
    """The handlers of one node."""

    def __init__(self, port: NodePort) -> None:
        self._port = port
        self._operations = OperationIds()

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        return [
            web.get("/v1/members", self._members),
            web.post("/v1/members", self._add),
            web.post("/v1/members/replace", self._replace),
            web.post("/v1/members/{id}/promote", self._promote),
            web.delete("/v1/members/{id}", self._remove),
            web.patch("/v1/members/{id}", self._update),
            web.post("/v1/leader/transfer", self._transfer),
        ]

    def changes(self) -> MembershipChanges:
        """The rules, on the parts as they are now."""
        port = self._port
        return MembershipChanges(port, port.operations(), port.surveyor())

    async def _members(self, request: web.Request) -> web.Response:
        port = self._port
        if is_set(request, "linearizable"):
            status = port.status()
            if status.leader_id != status.member_id:
                addresses = {m.id: m.address for m in port.members()}
                raise not_leader(status.leader_id, addresses.get(status.leader_id, ""))
            try:
                await port.operations().barrier(timeout_s=READ_TIMEOUT_S)
            except (NotLeader, TimeoutError) as error:
                raise not_leader(0) from error
        return reply(build_members(port))

    async def _add(self, request: web.Request) -> web.Response:
        body = await read_body(
            request,
            {
                "address": (str, None),
                "role": (str, "learner"),
                "incarnation": (str, ""),
                "zone": (str, UNSAID),
                "priority": (int, UNSAID),
                **TIMEOUT_FIELD,
            },
        )
        if body["role"] != "learner":
            raise bad_request("a new member is a learner first", "add it, then promote it")
        new = NewMember(
            body["address"],
            _incarnation(body["incarnation"]),
            body.get("zone"),
            body.get("priority"),
        )
        index = config_index_of(request)
        identity = self._port.view.identity
        cluster_id = identity.cluster_id if identity is not None else b""
        changes = self.changes()
        return await self._run(
            request,
            body,
            lambda: changes.add_learner(
                new, index, cluster_id=cluster_id, timeout_s=body["timeout_ms"] / 1000
            ),
        )

    async def _promote(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"force": (bool, False), **TIMEOUT_FIELD})
        member, index, changes = member_id_of(request), config_index_of(request), self.changes()
        return await self._run(
            request,
            body,
            lambda: changes.promote(
                member, index, force=body["force"], timeout_s=body["timeout_ms"] / 1000
            ),
        )

    async def _remove(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"force": (bool, False), **TIMEOUT_FIELD})
        member, index, changes = member_id_of(request), config_index_of(request), self.changes()
        force = body["force"] or is_set(request, "force")
        return await self._run(
            request,
            {**body, "force": force},
            lambda: changes.remove(member, index, force=force, timeout_s=body["timeout_ms"] / 1000),
        )

    async def _replace(self, request: web.Request) -> web.Response:
        fields = {"old": (int, None), "new": (int, None), "force": (bool, False), **TIMEOUT_FIELD}
        body = await read_body(request, fields)
        index, changes = config_index_of(request), self.changes()
        return await self._run(
            request,
            body,
            lambda: changes.replace(
                body["old"],
                body["new"],
                index,
                force=body["force"],
                timeout_s=body["timeout_ms"] / 1000,
            ),
        )

    async def _update(self, request: web.Request) -> web.Response:
        member, index = member_id_of(request), config_index_of(request)
        fields = {"address": (str, UNSAID), "zone": (str, UNSAID), "priority": (int, UNSAID)}
        body = await read_body(request, {**fields, **TIMEOUT_FIELD})
        details = {name: body[name] for name in fields if name in body}
        changes = self.changes()
        return await self._run(
            request,
            body,
            lambda: changes.update(member, index, details, timeout_s=body["timeout_ms"] / 1000),
        )

    async def _transfer(self, request: web.Request) -> web.Response:
        body = await read_body(request, {"to": (int, 0), "from": (int, 0), **TIMEOUT_FIELD})
        changes = self.changes()
        return await self._run(
            request,
            body,
            lambda: changes.transfer(
                body["to"], leaving=body["from"], timeout_s=body["timeout_ms"] / 1000
            ),
        )

    async def _run(
        self, request: web.Request, body: Answer, work: Callable[[], Awaitable[Answer]]
    ) -> web.Response:
        """Once for each Op-Id. How long the caller waits is no part of what it asks for."""
        asked = {name: value for name, value in body.items() if name != "timeout_ms"}
        fingerprint = f"{request.method} {request.path} {sorted(asked.items())}"
        operation_id = request.headers.get("Op-Id", "")
        answer, replayed = await self._operations.run(operation_id, fingerprint, work)
        log.info("admin.operation", operation_id=operation_id, replayed=replayed, **answer)
        return reply(answer, headers={"Op-Replayed": "1"} if replayed else {})


def _incarnation(text: str) -> bytes:
    if not text:
        return b""
    try:
        incarnation = bytes.fromhex(text)
    except ValueError:
        incarnation = b""
    if len(incarnation) != INCARNATION_BYTES:
        raise bad_request(
            f"{text!r} is no incarnation",
            "copy the 32 hexadecimal digits from the new node's own /v1/status",
        )
    return incarnation
