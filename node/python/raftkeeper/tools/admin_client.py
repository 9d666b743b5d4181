"""The admin API as the command line speaks it: finds the leader among several endpoints.

It uses the standard library only and keeps nothing; what it was answered with is printed by
`admin_tables`.
"""

import hashlib
import http.client
import json
import os
import ssl
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_ENDPOINT = "127.0.0.1:8081"

LEADER_POLL_S = 0.1
"""Between two looks for a leader that is just being elected: elections take a fifth of a second."""

PIECE_BYTES = 1024 * 1024

ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""More than any answer but a snapshot; whoever sends more is no admin API."""


class AdminError(Exception):
    """It was refused, or nobody could be asked."""

    def __init__(self, message: str, *, code: str = "", hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.details = details


@dataclass(frozen=True, slots=True)
class Access:
    """Where the members are, and how to prove that one may."""

    endpoints: tuple[str, ...]
    token: str = ""
    tls: ssl.SSLContext | None = None
    timeout_s: float = 10.0


def build_tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """None for plain HTTP."""
    if ca is None and certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise AdminError(f"the certificates cannot be used: {error}") from error
    return context


def read_token(file: Path | None, environment: str) -> str:
    """The first token of the file, or the environment's."""
    if file is None:
        return environment
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise AdminError(f"the token file {file} cannot be read: {error.strerror}") from error
    token = next((line.strip() for line in lines if line.strip()), "")
    if not token:
        raise AdminError(f"the token file {file} has no token in it")
    return token


class AdminClient:
    """Asks the members."""

    def __init__(self, access: Access) -> None:
        self._access = access

    # ---- requests --------------------------------------------------------------------------------

    def ask(
        self,
        endpoint: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON of one member's answer; AdminError otherwise."""
        connection, response = self._send(endpoint, method, path, body, headers or {})
        try:
            answer = self._parse(endpoint, _read_whole(response))
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(endpoint, error) from error
        finally:
            connection.close()
        if response.status >= 300:
            raise _refusal(endpoint, response.status, answer)
        return answer

    def _send(
        self,
        endpoint: str,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        access = self._access
        tls = access.tls
        scheme, separator, place = endpoint.rpartition("://")
        if separator and scheme not in {"http", "https"}:
            raise AdminError(
                f"{endpoint!r} is not host:port, http://host:port or https://host:port"
            )
        if scheme == "https" and tls is None:
            tls = ssl.create_default_context()
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            raise AdminError(f"{endpoint!r} is not host:port")
        host = host.strip("[]")
        # The operation's own deadline, and a little for the way.
        timeout_s = access.timeout_s + 2.0
        connection: http.client.HTTPConnection
        if tls is not None and scheme != "http":
            connection = http.client.HTTPSConnection(
                host, int(port), timeout=timeout_s, context=tls
            )
        else:
            connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
        if access.token:
            headers = {**headers, "Authorization": f"Bearer {access.token}"}
        text = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, body=text, headers=headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _unreachable(endpoint, error) from error

    @staticmethod
    def _parse(endpoint: str, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AdminError(
                f"{endpoint} answers what is no admin API",
                hint="admin.port is another one than the client port and that of metrics",
            )
        return answer

    # ---- the ensemble ----------------------------------------------------------------------------

    def statuses(self) -> dict[str, dict[str, Any] | AdminError]:
        """The status of each endpoint, or why there is none."""
        found: dict[str, dict[str, Any] | AdminError] = {}
        for endpoint in self._access.endpoints:
            try:
                found[endpoint] = self.ask(endpoint, "GET", "/v1/status")
            except AdminError as error:
                if error.code == "UNAUTHENTICATED":
                    raise
                found[endpoint] = error
        return found

    def find_leader(self) -> str:
        """The endpoint of the leader; waits for an election to end."""
        deadline = time.monotonic() + self._access.timeout_s
        while True:
            statuses = self.statuses()
            for endpoint, status in statuses.items():
                if isinstance(status, dict) and _leads(status):
                    return endpoint
            if time.monotonic() > deadline:
                raise _no_leader(statuses)
            time.sleep(LEADER_POLL_S)

    def members(self) -> dict[str, Any]:
        """The members as the leader knows them, once it is sure that it still leads."""
        return self.ask(self.find_leader(), "GET", "/v1/members?linearizable=1")

    def change(
        self, method: str, path: str, body: dict[str, Any], config_index: int | None
    ) -> dict[str, Any]:
        """A change of the membership, at the leader; over a change of leader it is asked for again,
        which is safe: it names the membership it was decided on, and an id of its own.
        """
        operation_id = str(uuid.uuid4())
        deadline = time.monotonic() + self._access.timeout_s
        while True:
            leader = self.find_leader()
            try:
                if config_index is None:
                    config_index = int(self.ask(leader, "GET", "/v1/members")["config_index"])
                headers = {"If-Config-Index": str(config_index), "Op-Id": operation_id}
                return self.ask(leader, method, path, self._timed(body), headers)
            except AdminError as error:
                passing = {"NOT_LEADER", "NO_LEADER", "CHANGE_IN_PROGRESS", "UNREACHABLE"}
                if error.code not in passing or time.monotonic() > deadline:
                    raise
            time.sleep(LEADER_POLL_S)

    def transfer(self, to: int) -> dict[str, Any]:
        """Leadership to `to`, 0 for the best one."""
        leader = self.find_leader()
        status = self.ask(leader, "GET", "/v1/status")
        body = {"to": to, "from": status["identity"]["member_id"]}
        return self.ask(leader, "POST", "/v1/leader/transfer", self._timed(body))

    def drain(self, endpoint: str, *, leadership: bool, undo: bool) -> dict[str, Any]:
        """One member's clients."""
        if undo:
            return self.ask(endpoint, "DELETE", "/v1/drain")
        return self.ask(endpoint, "POST", "/v1/drain", self._timed({"leadership": leadership}))

    def take_snapshot(self, endpoint: str) -> dict[str, Any]:
        """One member's state as it is now."""
        return self.ask(endpoint, "POST", "/v1/snapshot", self._timed({}))

    def download(self, endpoint: str, snapshot: str, target: Path) -> dict[str, Any]:
        """Into a file that has its name only once it is whole and its digest agrees."""
        connection, response = self._send(endpoint, "GET", f"/v1/snapshot/{snapshot}", None, {})
        try:
            if response.status != 200:
                answer = self._parse(endpoint, _read_whole(response))
                raise _refusal(endpoint, response.status, answer)
            return _save(endpoint, response, target)
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(f"the download from {endpoint} broke off: {error}") from error
        finally:
            connection.close()

    def _timed(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "timeout_ms": max(1, int(self._access.timeout_s * 1000))}


def _read_whole(response: http.client.HTTPResponse) -> bytes:
    data = response.read(ANSWER_BYTES_MAX)
    if response.length:  # a bounded read ends early without a word
        raise http.client.IncompleteRead(data, response.length)
    return data


def _save(endpoint: str, response: http.client.HTTPResponse, target: Path) -> dict[str, Any]:
    expected = response.headers.get("Snapshot-SHA256", "")
    size = int(response.headers.get("Snapshot-Bytes", "-1"))
    part = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            while piece := response.read(PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
            length = file.tell()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if length != size or digest.hexdigest() != expected:
        part.unlink()
        raise AdminError(
            f"the snapshot from {endpoint} arrived damaged: {length} of {size} bytes",
            hint="download it again",
        )
    part.replace(target)
    return {
        "id": response.headers.get("Snapshot-Id", ""),
        "bytes": length,
        "sha256": expected,
        "file": str(target),
    }


def _leads(status: dict[str, Any]) -> bool:
    own = status["identity"]["member_id"]
    return bool(own) and status.get("leader_id") == own


def _no_leader(statuses: dict[str, dict[str, Any] | AdminError]) -> AdminError:
    answers = {e: s for e, s in statuses.items() if isinstance(s, dict)}
    if not answers:
        reasons = "; ".join(str(error) for error in statuses.values())
        return AdminError(
            reasons, code="UNREACHABLE", hint="give the admin addresses by --endpoints"
        )
    known = {status.get("leader_id", 0) for status in answers.values()} - {0}
    if known:
        return AdminError(
            f"member {min(known)} leads, and none of the given endpoints is its",
            code="NOT_LEADER",
            hint="give the admin addresses of all members: --endpoints a:8081,b:8081,c:8081",
        )
    return AdminError(
        "there is no leader",
        code="NO_LEADER",
        hint="`raftkeeper admin status` shows who is there; a majority of the voters must be",
    )


def _refusal(endpoint: str, status: int, answer: dict[str, Any]) -> AdminError:
    error = answer.get("error")
    if not isinstance(error, dict):
        return AdminError(f"{endpoint} answers HTTP {status}")
    details = {name: value for name, value in error.items() if name not in _SHOWN}
    return AdminError(
        str(error.get("message")),
        code=str(error.get("code")),
        hint=str(error.get("hint")),
        **details,
    )


_SHOWN = frozenset(("message", "code", "hint"))


def _unreachable(endpoint: str, error: Exception) -> AdminError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return AdminError(
        f"cannot ask {endpoint}: {reason}",
        code="UNREACHABLE",
        hint="does the node run, and is admin.token_file set? Its log says where the port is",
    )
