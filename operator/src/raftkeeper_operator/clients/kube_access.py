"""The way to the API server: address, credentials, one blocking request. The only import of `kubernetes`.

Objects go in and out as plain JSON; the library's models are not used. Everything here blocks, so it is
called from threads (`clients.kube`, the Lease, the watch streams), each with its own deadlines.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3
from kubernetes import client, config

from raftkeeper_operator.clients.errors import KubeError, Unreachable, from_status

FIELD_MANAGER = "raftkeeper-operator"
CONNECT_TIMEOUT_S = 5.0
"""The API server is near; a connection that takes longer is to a machine that is gone."""
MESSAGE_CHARACTERS_MAX = 500
"""Of an answer that is no Status object: enough to see what answered (a proxy's page, say)."""

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Count = Callable[[str, str, float], None]
"""Hears of each request: method, how it ended, seconds."""

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as data."""

    method: str
    path: str
    query: Query = ()
    body: Any = None
    content_type: str = JSON


class KubeAccess:
    """Requests with the credentials of a kubeconfig or of the pod's service account."""

    def __init__(self, configuration: Any, *, connections: int, count: Count | None = None) -> None:
        # The control loop repeats what failed; the library must not do so behind its back.
        configuration.retries = urllib3.Retry(total=False)
        configuration.connection_pool_maxsize = connections
        self._count = count
        self._client: Any = client.ApiClient(configuration)
        self._client.user_agent = FIELD_MANAGER

    @classmethod
    def from_environment(
        cls, kubeconfig: str = "", *, connections: int = 16, count: Count | None = None
    ) -> "KubeAccess":
        """The given kubeconfig; else the pod's service account; else the user's own kubeconfig."""
        configuration: Any = client.Configuration()
        load: Any = config
        try:
            if kubeconfig:
                load.load_kube_config(kubeconfig, client_configuration=configuration)
            else:
                try:
                    load.load_incluster_config(client_configuration=configuration)
                except config.ConfigException:
                    load.load_kube_config(client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise KubeError(
                0,
                "NoConfiguration",
                f"no way to an API server: {error}; run in a pod with a service account, "
                "or set KUBECONFIG to the path of a kubeconfig",
            ) from error
        return cls(configuration, connections=connections, count=count)

    @classmethod
    def to_address(cls, url: str) -> "KubeAccess":
        """Without credentials, for tests."""
        configuration = client.Configuration()
        configuration.host = url
        return cls(configuration, connections=16)

    def request(self, call: Call, deadline_s: float) -> Any:
        """The answer's JSON; a KubeError when it is none of success. Blocks."""
        started, result = time.monotonic(), "ok"
        try:
            return self._answer(call, deadline_s)
        except KubeError as error:
            result = str(error.status or "unreachable")
            raise
        finally:
            if self._count is not None:
                self._count(call.method, result, time.monotonic() - started)

    def _answer(self, call: Call, deadline_s: float) -> Any:
        response = self._send(call, deadline_s)
        try:
            body = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _no_answer(call, error) from error
        return _checked(call, response.status, body)

    def lines(self, call: Call, idle_s: float) -> Iterator[bytes]:
        """The lines of an answer that goes on, as a watch does; none for `idle_s` is an error. Blocks."""
        response = self._send(call, idle_s)
        raw = response.response
        try:
            if response.status != 200:
                _checked(call, response.status, response.read())
            rest = b""
            for piece in raw.stream(None):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _no_answer(call, error) from error
        finally:
            # What is left of the answer is not read, so the connection cannot be used again.
            raw.close()

    def connection(self) -> Mapping[str, Any]:
        """What another client needs to reach the same server with the same credentials."""
        configuration = self._client.configuration
        headers: dict[str, str] = {}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        return {
            "server": configuration.host,
            "ca_path": configuration.ssl_ca_cert,
            "insecure": not configuration.verify_ssl,
            "certificate_path": configuration.cert_file,
            "private_key_path": configuration.key_file,
            "authorization": headers.get("authorization", ""),
        }

    def close(self) -> None:
        self._client.close()

    def _send(self, call: Call, deadline_s: float) -> Any:
        headers = {"Accept": JSON, "Content-Type": call.content_type}
        try:
            request = self._client.param_serialize(
                call.method,
                call.path,
                query_params=list(call.query),
                header_params=headers,
                body=call.body,
                auth_settings=["BearerToken"],
            )
            return self._client.call_api(
                *request, _request_timeout=(min(CONNECT_TIMEOUT_S, deadline_s), deadline_s)
            )
        except (
            urllib3.exceptions.HTTPError,
            client.ApiException,
            # Of credentials, which are read anew now and then: the token's file may be away for a moment.
            config.ConfigException,
            OSError,
        ) as error:
            raise _no_answer(call, error) from error


def _checked(call: Call, status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body) if body else {}
    except ValueError:
        answer = {"message": body[:MESSAGE_CHARACTERS_MAX].decode(errors="replace")}
    if 200 <= status < 300:
        return answer
    message = str(answer.get("message", "")) or f"HTTP status {status}"
    where = f"{call.method} {call.path}: {message}"
    raise from_status(status, str(answer.get("reason", "")), where)


def _no_answer(call: Call, error: Exception) -> Unreachable:
    return Unreachable(0, "Unreachable", f"{call.method} {call.path}: {error}")
