"""Members' admin APIs in one process: a membership with compare-and-swap, and a server for each pod.

No Raft: the leader is whoever was made it, as long as a majority of the voters runs. What counts here is
what the operator may lean on: config indexes, operation ids, incarnations, ids that are never used again.
"""

import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

ADMIN_PORT = 8081


@dataclass
class Disk:
    """What a volume holds."""

    incarnation: str
    member_id: int = 0
    cluster_id: str = ""
    recovery_epoch: int = 0


@dataclass
class Node:
    """A running container."""

    pod: str
    address: str
    disk: Disk
    founding: dict[str, str]
    draining: bool = False


@dataclass
class Row:
    """A member."""

    id: int
    address: str
    incarnation: str
    role: str
    zone: str = ""


class Refused(Exception):
    """As the admin API says it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass
class Keepers:
    """The ensemble, and the nodes that run."""

    token: str = ""
    rows: list[Row] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    config_index: int = 0
    next_id: int = 1
    leader_id: int = 0
    term: int = 1
    founded: int = 0
    operations: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    cluster_id: str = "c" * 32
    recovery_epoch: int = 0

    # ---- the ensemble ----------------------------------------------------------------------------

    def running(self, row: Row) -> Node | None:
        return next((n for n in self.nodes.values() if n.disk.incarnation == row.incarnation), None)

    def voters(self) -> list[Row]:
        return [row for row in self.rows if row.role == "voter"]

    def tick(self) -> None:
        """Found, catch up, elect."""
        self._found()
        voters = self.voters()
        alive = [row for row in voters if self.running(row)]
        if len(alive) * 2 <= len(voters):
            self.leader_id = 0
        elif self.leader_id not in {row.id for row in alive}:
            self.leader_id, self.term = alive[0].id, self.term + 1

    def _found(self) -> None:
        openers = [n for n in self.nodes.values() if n.founding.get("bootstrap") == "true"]
        if self.rows or not openers:
            return
        listed = dict(item.split("=", 1) for item in openers[0].founding["members"].split(","))
        by_address = {node.address: node for node in openers}
        if all(a in by_address and not by_address[a].disk.member_id for a in listed.values()):
            self.founded += 1
            assert self.founded == 1, "founded twice"
            for number, address in listed.items():
                node = by_address[address]
                node.disk.member_id, node.disk.cluster_id = int(number), self.cluster_id
                self.rows.append(Row(int(number), address, node.disk.incarnation, "voter"))
            self.next_id, self.config_index = len(self.rows) + 1, 1

    def obey(self, node: Node) -> None:
        """As a node does with `ensemble.recovery` before it speaks to anybody."""
        epoch, _, survivor = node.founding.get("recovery", "").partition("@")
        disk = node.disk
        if not epoch or disk.recovery_epoch >= int(epoch):
            return
        disk.recovery_epoch = int(epoch)
        disk.incarnation = f"{int(epoch):08x}{disk.incarnation[8:]}"
        if survivor != node.address or not disk.member_id:
            disk.member_id, disk.cluster_id = 0, ""
            return
        self.recovery_epoch, self.cluster_id = int(epoch), f"{int(epoch):032x}"
        disk.member_id, disk.cluster_id = self.next_id, self.cluster_id
        self.rows = [Row(self.next_id, node.address, disk.incarnation, "voter")]
        self.next_id, self.config_index, self.leader_id = self.next_id + 1, 50, 0

    def serves(self, pod: str) -> bool:
        node = self.nodes.get(pod)
        mine = node is not None and any(r.incarnation == node.disk.incarnation for r in self.rows)
        return bool(self.leader_id) and mine

    # ---- requests --------------------------------------------------------------------------------

    def status(self, node: Node) -> dict[str, Any]:
        row = next((r for r in self.rows if r.incarnation == node.disk.incarnation), None)
        leads = row is not None and row.id == self.leader_id
        role = "waiting" if row is None else "leader" if leads else "follower"
        return {
            "version": "1.0.0",
            "role": role,
            "term": self.term,
            "leader_id": self.leader_id,
            "draining": node.draining,
            "reason": "" if self.serves(node.pod) else "waits",
            "identity": {
                "state": "member" if node.disk.member_id else "waiting",
                "member_id": node.disk.member_id,
                "cluster_id": node.disk.cluster_id,
                "incarnation": node.disk.incarnation,
                "recovery_epoch": node.disk.recovery_epoch,
            },
            "config_index": self.config_index,
            "config": self._config() if row is not None else [],
            "transferring_to": 0,
            "disk": {"writes_refused": "", "free_bytes": 1 << 30},
        }

    def _config(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row.id,
                "role": row.role,
                "address": row.address,
                "incarnation": row.incarnation,
                "zone": row.zone,
                "priority": 1,
            }
            for row in self.rows
        ]

    def members(self, node: Node) -> dict[str, Any]:
        if self.status(node)["role"] != "leader":
            raise Refused(421, "NOT_LEADER")
        rows = [
            {
                "id": row.id,
                "role": "leader" if row.id == self.leader_id else row.role,
                "address": row.address,
                "incarnation": row.incarnation,
                "zone": row.zone,
                "priority": 1,
                "match_index": 100,
                "caught_up": self.running(row) is not None,
                "active": self.running(row) is not None,
                "last_contact_ms": 5,
            }
            for row in self.rows
        ]
        return {
            "leader_id": self.leader_id,
            "term": self.term,
            "config_index": self.config_index,
            "commit_index": 100,
            "is_joint": False,
            "next_id": self.next_id,
            "members": rows,
        }

    def change(self, what: str, index: int, operation: str, body: dict[str, Any]) -> None:
        """One membership change, if it was decided on this membership."""
        asked = f"{what} {json.dumps(body, sort_keys=True)}"
        if self.operations.setdefault(operation, asked) != asked:
            raise Refused(409, "OPERATION_ID_REUSED")
        if operation in self.done:
            return
        if index != self.config_index:
            del self.operations[operation]
            raise Refused(412, "CONFIG_INDEX_STALE")
        getattr(self, f"_{what}")(body)
        self.config_index += 1
        self.done.append(operation)

    def _add(self, body: dict[str, Any]) -> None:
        node = next(n for n in self.nodes.values() if n.address == body["address"])
        assert node.disk.incarnation == body["incarnation"]
        node.disk.member_id, node.disk.cluster_id = self.next_id, self.cluster_id
        new = Row(self.next_id, node.address, node.disk.incarnation, "learner", body["zone"])
        self.rows.append(new)
        self.next_id += 1

    def _promote(self, body: dict[str, Any]) -> None:
        self.row(body["id"]).role = "voter"

    def _remove(self, body: dict[str, Any]) -> None:
        self.rows.remove(self.row(body["id"]))

    def _replace(self, body: dict[str, Any]) -> None:
        self.rows.remove(self.row(body["old"]))
        self.row(body["new"]).role = "voter"

    def _update(self, body: dict[str, Any]) -> None:
        self.row(body["id"]).zone = body["zone"]

    def row(self, member: int) -> Row:
        found = next((row for row in self.rows if row.id == member), None)
        if found is None:
            raise Refused(404, "UNKNOWN_MEMBER")
        return found

    def transfer(self, leaving: int, to: int) -> None:
        if leaving == self.leader_id:
            self.leader_id, self.term = to or self.leader_id, self.term + 1


class KeeperServers:
    """The HTTP servers of the nodes that run, with the certificate that the operator made."""

    def __init__(self, keepers: Keepers, directory: Path) -> None:
        self.keepers = keepers
        self._directory = directory
        self._runners: dict[str, web.AppRunner] = {}

    async def start(
        self, ip: str, node: Node, certificate: dict[str, str], port: int = ADMIN_PORT
    ) -> None:
        """A container starts."""
        self.keepers.obey(node)
        pair = self._directory / "pair.pem"
        pair.write_text(certificate["tls.crt"] + certificate["tls.key"])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair)
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._handler(node))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, ip, port, ssl_context=context, reuse_address=True).start()
        self._runners[node.pod] = runner
        self.keepers.nodes[node.pod] = node

    def endpoint(self, pod: str) -> str:
        host, port = self._runners[pod].addresses[0][:2]
        return f"{host}:{port}"

    async def stop(self, pod: str) -> None:
        """It stops."""
        self.keepers.nodes.pop(pod, None)
        runner = self._runners.pop(pod, None)
        if runner is not None:
            await runner.cleanup()

    async def stop_all(self) -> None:
        for pod in list(self._runners):
            await self.stop(pod)

    def _handler(self, node: Node) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            text = await request.text()
            body = json.loads(text) if text else {}
            body.pop("timeout_ms", None)
            try:
                if request.headers.get("Authorization") != f"Bearer {self.keepers.token}":
                    raise Refused(401, "UNAUTHENTICATED")
                return web.json_response(self._answer(request, node, body))
            except Refused as refusal:
                error = {"code": refusal.code, "message": refusal.code, "hint": ""}
                return web.json_response({"error": error}, status=refusal.status)

        return handle

    def _answer(self, request: web.Request, node: Node, body: dict[str, Any]) -> dict[str, Any]:
        keepers = self.keepers
        index = int(request.headers.get("If-Config-Index", 0))
        operation = request.headers.get("Op-Id", "")
        match request.method, request.path.split("/")[2:]:
            case "GET", ["status"]:
                return keepers.status(node)
            case "GET", ["members"]:
                return keepers.members(node)
            case "POST", ["members"]:
                keepers.change("add", index, operation, body)
            case "POST", ["members", "replace"]:
                keepers.change("replace", index, operation, body)
            case "POST", ["members", number, "promote"]:
                keepers.change("promote", index, operation, {"id": int(number)})
            case "DELETE", ["members", number]:
                keepers.change("remove", index, operation, {"id": int(number)})
            case "PATCH", ["members", number]:
                keepers.change("update", index, operation, {"id": int(number), **body})
            case "POST", ["leader", "transfer"]:
                keepers.transfer(body["from"], body["to"])
            case ("POST" | "DELETE") as method, ["drain"]:
                node.draining = method == "POST"
            case _:
                raise Refused(404, "NOT_FOUND")
        return {"changed": True}
