"""A small client of the Kubernetes API: JSON over HTTP, each call with a deadline.

The tests ask often and for little; a kubectl for each question would cost more CPU than the cluster has
to spare. It knows paths of resources and nothing about what they mean.
"""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

# The API server answers in milliseconds; on a loaded machine in seconds.
TIMEOUT_S = 30.0
MERGE = "application/merge-patch+json"
JSON = "application/json"
# A field that does not exist is an error, as kubectl has it.
STRICTLY = {"fieldValidation": "Strict"}

Object = dict[str, Any]

# kind → where its objects are found. Only what the tests use.
PATHS = {
    "nodes": ("/api/v1", False),
    "namespaces": ("/api/v1", False),
    "persistentvolumes": ("/api/v1", False),
    "pods": ("/api/v1", True),
    "events": ("/api/v1", True),
    "services": ("/api/v1", True),
    "secrets": ("/api/v1", True),
    "configmaps": ("/api/v1", True),
    "serviceaccounts": ("/api/v1", True),
    "endpoints": ("/api/v1", True),
    "persistentvolumeclaims": ("/api/v1", True),
    "deployments": ("/apis/apps/v1", True),
    "statefulsets": ("/apis/apps/v1", True),
    "daemonsets": ("/apis/apps/v1", True),
    "jobs": ("/apis/batch/v1", True),
    "leases": ("/apis/coordination.k8s.io/v1", True),
    "poddisruptionbudgets": ("/apis/policy/v1", True),
    "networkpolicies": ("/apis/networking.k8s.io/v1", True),
    "storageclasses": ("/apis/storage.k8s.io/v1", False),
    "raftkeeperclusters": ("/apis/raftkeeper.io/v1", True),
    "raftkeeperbackups": ("/apis/raftkeeper.io/v1", True),
    "raftkeeperbackupschedules": ("/apis/raftkeeper.io/v1", True),
}


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


def path_of(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """Where a kind, one namespace's of it, or one object is found."""
    base, namespaced = PATHS[kind]
    if namespace is not None and not namespaced:
        raise ValueError(f"{kind} belong to no namespace")
    path = base + (f"/namespaces/{namespace}" if namespace is not None else "") + f"/{kind}"
    return path if name is None else f"{path}/{name}"


class Api:
    """One API server. May be used by several threads; each has its own connection."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._url = urlsplit(url)
        self._context = context
        self._of_thread = threading.local()

    def close(self) -> None:
        """End the connection of this thread."""
        kept: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        self._of_thread.connection = None
        if kept is not None:
            kept.close()

    def get(self, kind: str, namespace: str | None, name: str) -> Object:
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind: str, namespace: str | None, name: str) -> Object | None:
        """The object, or None when there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """All of a kind; `selector` is one of labels."""
        query = {"labelSelector": selector} if selector else {}
        items: list[Object] = self.call("GET", path_of(kind, namespace), query=query)["items"]
        return items

    def create(self, kind: str, namespace: str | None, body: Object) -> Object:
        return self.call("POST", path_of(kind, namespace), body, query=STRICTLY)

    def patch(
        self, kind: str, namespace: str | None, name: str, body: Object, part: str = ""
    ) -> Object:
        """A merge patch; `part` is a subresource."""
        path = path_of(kind, namespace, name) + (f"/{part}" if part else "")
        return self.call("PATCH", path, body, query=STRICTLY, content=MERGE)

    def delete(
        self, kind: str, namespace: str | None, name: str, *, grace_s: int | None = None
    ) -> None:
        """Ask for the deletion; what is not there any more is fine."""
        query = {} if grace_s is None else {"gracePeriodSeconds": str(grace_s)}
        try:
            self.call("DELETE", path_of(kind, namespace, name), query=query)
        except ApiError as error:
            if error.status != 404:
                raise

    def watch(self, kind: str, version: str, *, seconds: int) -> Iterator[Object]:
        """Events of all objects of a kind after `version`, for so long at most."""
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        connection = self._connect(seconds + TIMEOUT_S)
        try:
            connection.request("GET", f"{path_of(kind)}?{urlencode(query)}")
            response = connection.getresponse()
            if response.status != 200:
                _fail(response.status, response.read())
            for line in response:
                event: Object = json.loads(line)
                yield event
        finally:
            connection.close()

    def text(self, path: str, query: dict[str, str] | None = None) -> str:
        """What a path answers that is no JSON: logs, health."""
        return self._answer("GET", path, None, query or {}, JSON).decode(errors="replace")

    def post_text(self, path: str, body: str) -> str:
        """A text to something behind the API server's proxy, and its answer."""
        return self._answer("POST", path, body, {}, "text/plain").decode(errors="replace")

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content: str = JSON,
    ) -> Object:
        """Any call with JSON both ways; ApiError when it is refused."""
        answer: Object = json.loads(self._answer(method, path, body, query or {}, content))
        return answer

    def _answer(
        self, method: str, path: str, body: Object | str | None, query: dict[str, str], content: str
    ) -> bytes:
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body) if isinstance(body, dict) else body
        for attempt in (1, 2):
            connection, fresh = self._connection()
            try:
                connection.request(method, target, data, {"Content-Type": content})
                response = connection.getresponse()
                said = response.read()
            except (http.client.HTTPException, OSError):
                self._of_thread.connection = None
                connection.close()
                # An idle connection may have been closed by the other side; a new one is tried once.
                if fresh or attempt == 2:
                    raise
                continue
            if response.status >= 300:
                _fail(response.status, said)
            return said
        raise AssertionError("the second attempt returns or raises")

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        kept: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if kept is not None:
            return kept, False
        self._of_thread.connection = fresh = self._connect(TIMEOUT_S)
        return fresh, True

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._context)


def _fail(status: int, said: bytes) -> None:
    try:
        answer = json.loads(said)
    except ValueError:
        answer = {"reason": "", "message": said[:1000].decode(errors="replace")}
    raise ApiError(status, answer.get("reason", ""), answer.get("message", ""))
