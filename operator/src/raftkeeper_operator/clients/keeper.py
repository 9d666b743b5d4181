"""The members' admin API for the control loop: one request to one member, with a deadline.

Decides nothing, keeps nothing and repeats nothing: what is repeated carries the same operation id, and
that is the caller's to choose. TLS checks the member's certificate against the cluster's CA under the
name of its headless Service, because pods are reached by address.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

STATUS_DEADLINE_S = 2.0
"""Status is answered from memory. A member that needs longer counts as one that does not answer."""
OPERATION_DEADLINE_S = 10.0
"""What a member is given to carry an operation out; it answers by then, if only that it does not know."""
GRACE_S = 2.0
"""For the way, on top of the operation's own deadline."""
ANSWER_BYTES_MAX = 1024 * 1024
"""Of an answer; nine members need some kilobytes. What is not a member may send anything."""
CONNECTIONS_MAX = 64
"""Of all clusters together: each step asks at most nine members at once."""

UNREACHABLE = "UNREACHABLE"
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"

Answer = dict[str, Any]


class KeeperError(Exception):
    """The member refused (its stable code), or did not answer (UNREACHABLE)."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class KeeperAccess:
    """How the members of one cluster are spoken to."""

    token: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    """None: plain HTTP."""
    server_name: str = ""
    """The name that the certificate must bear."""


@dataclass(frozen=True, slots=True)
class Change:
    """What makes a membership change safe to repeat: what it was decided on, and its name."""

    config_index: int
    operation_id: str


def trust(ca_pem: str) -> ssl.SSLContext:
    """Verifies members by the cluster's CA, or by its old and its new one."""
    context = ssl.create_default_context(cadata=ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def open_session() -> aiohttp.ClientSession:
    """For a KeeperClient; to be closed by who opened it."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False)


class KeeperClient:
    """Requests to members. An endpoint is host:port of an admin port. One for all clusters."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    # ---- reading ---------------------------------------------------------------------------------

    async def status(self, access: KeeperAccess, endpoint: str) -> Answer:
        """What the member says of itself; without a quorum too."""
        return await self._ask(access, endpoint, "GET", "/v1/status", deadline_s=STATUS_DEADLINE_S)

    async def members(self, access: KeeperAccess, endpoint: str) -> Answer:
        """The membership from the leader, which makes sure first that it still leads."""
        path = "/v1/members?linearizable=1"
        return await self._ask(access, endpoint, "GET", path, deadline_s=STATUS_DEADLINE_S)

    # ---- membership ------------------------------------------------------------------------------

    async def add_learner(
        self,
        access: KeeperAccess,
        endpoint: str,
        change: Change,
        *,
        address: str,
        incarnation: str,
        zone: str,
        priority: int = 1,
    ) -> Answer:
        """A node that waits at this address, in this life of its disk, becomes a learner."""
        body = {
            "address": address,
            "incarnation": incarnation,
            "zone": zone,
            "priority": priority,
        }
        return await self._operate(
            access, endpoint, "POST", "/v1/members", body=body, change=change
        )

    async def promote(
        self, access: KeeperAccess, endpoint: str, change: Change, member: int
    ) -> Answer:
        """A learner that has caught up becomes a voter."""
        path = f"/v1/members/{member}/promote"
        return await self._operate(access, endpoint, "POST", path, body={}, change=change)

    async def remove(
        self, access: KeeperAccess, endpoint: str, change: Change, member: int
    ) -> Answer:
        """For ever: its id is not given out again."""
        path = f"/v1/members/{member}"
        return await self._operate(access, endpoint, "DELETE", path, body={}, change=change)

    async def replace(
        self, access: KeeperAccess, endpoint: str, change: Change, old: int, new: int
    ) -> Answer:
        """A learner that has caught up takes a voter's place, in one joint step."""
        body = {"old": old, "new": new}
        return await self._operate(
            access, endpoint, "POST", "/v1/members/replace", body=body, change=change
        )

    async def update(
        self,
        access: KeeperAccess,
        endpoint: str,
        change: Change,
        member: int,
        details: Mapping[str, Any],
    ) -> Answer:
        """Address, zone or priority of a member."""
        path = f"/v1/members/{member}"
        return await self._operate(
            access, endpoint, "PATCH", path, body=dict(details), change=change
        )

    # ---- leadership, clients, snapshots ----------------------------------------------------------

    async def transfer(
        self, access: KeeperAccess, endpoint: str, *, leaving: int, to: int = 0, operation_id: str
    ) -> Answer:
        """Leadership from one member to another (0: to the best), if that one still leads."""
        body = {"from": leaving, "to": to}
        change = Change(0, operation_id)
        return await self._operate(
            access, endpoint, "POST", "/v1/leader/transfer", body=body, change=change
        )

    async def drain(self, access: KeeperAccess, endpoint: str) -> Answer:
        """The member hands leadership over and sends its clients to the others."""
        return await self._operate(access, endpoint, "POST", "/v1/drain", body={})

    async def undrain(self, access: KeeperAccess, endpoint: str) -> Answer:
        """It lets clients in again."""
        return await self._operate(access, endpoint, "DELETE", "/v1/drain")

    async def snapshot(self, access: KeeperAccess, endpoint: str) -> Answer:
        """Takes one now."""
        return await self._operate(access, endpoint, "POST", "/v1/snapshot", body={})

    # ---- one request -----------------------------------------------------------------------------

    async def _operate(
        self,
        access: KeeperAccess,
        endpoint: str,
        method: str,
        path: str,
        *,
        body: Answer | None = None,
        change: Change | None = None,
    ) -> Answer:
        headers = {}
        if change is not None:
            headers["Op-Id"] = change.operation_id
            if change.config_index:
                headers["If-Config-Index"] = str(change.config_index)
        if body is not None:
            body = {**body, "timeout_ms": round(OPERATION_DEADLINE_S * 1000)}
        return await self._ask(
            access,
            endpoint,
            method,
            path,
            deadline_s=OPERATION_DEADLINE_S + GRACE_S,
            body=body,
            headers=headers,
        )

    async def _ask(
        self,
        access: KeeperAccess,
        endpoint: str,
        method: str,
        path: str,
        *,
        deadline_s: float,
        body: Answer | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        scheme = "http" if access.tls is None else "https"
        try:
            async with self._session.request(
                method,
                f"{scheme}://{endpoint}{path}",
                json=body,
                headers={"Authorization": f"Bearer {access.token}", **(headers or {})},
                ssl=access.tls if access.tls is not None else True,
                server_hostname=access.server_name or None,
                timeout=aiohttp.ClientTimeout(total=deadline_s),
                allow_redirects=False,
            ) as response:
                text = await _bounded(response)
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = str(error) or f"no answer in {deadline_s:g} s"
            raise KeeperError(UNREACHABLE, f"{endpoint}: {why}") from error
        return _checked(endpoint, status, text)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body; a longer one than any member sends is cut, and then no JSON any more."""
    text = b""
    while len(text) < ANSWER_BYTES_MAX and (piece := await response.content.readany()):
        text += piece
    return text


def _checked(endpoint: str, status: int, text: bytes) -> Answer:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise KeeperError(UNREACHABLE, f"{endpoint}: what answers is no admin API ({status})")
    if status < 300:
        return answer
    error = answer.get("error")
    fields = error if isinstance(error, dict) else {}
    code = str(fields.get("code", UNREACHABLE))
    message = str(fields.get("message", f"HTTP status {status}"))
    raise KeeperError(code, f"{endpoint}: {message}", str(fields.get("hint", "")))
