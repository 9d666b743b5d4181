"""ClickHouse, Debian's, in one pod: two replicas of a table whose only connection is the service under test.

Both replicas are tables of one server. What they tell each other goes through the service all the same.
"""

import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from e2e import archive, debian
from e2e.api import Api, ApiError, Object
from e2e.deadline import wait_for
from e2e.home import REPOSITORY, built_once

IMAGE = "localhost/clickhouse:debian"
POD = "clickhouse"
HTTP_PORT = 8123
PACKAGES = ("clickhouse-server", "tini")
START_TIMEOUT_S = 120
ROWS = 100
REPLICAS = ("first", "second")
# What a batch may take while the ensemble is restarted under it, sessions that expire included.
INSERT_TIMEOUT_S = 120
SESSION_TIMEOUT_MS = 15_000
# Each batch is a part that has to be merged; without a pause there are soon too many to be taken.
PAUSE_S = 0.2
# So many show that it goes on: both replicas have had one at least.
MORE_BATCHES = 4

# The same as for a server without Kubernetes: what is asked of the service must not differ.
CONFIGURATION = REPOSITORY / "node" / "tests" / "compat" / "clickhouse"


def image() -> Path:
    """Its image's archive."""
    root = debian.root("clickhouse", PACKAGES)
    command = ["tini", "--", "clickhouse-server", "--config-file=/config/config.xml"]

    def write(target: Path) -> None:
        archive.write_layers(target, IMAGE, [root], command, user="10001")

    return built_once("images", "clickhouse.tar", " ".join([root.name, *command]).encode(), write)


class QueryFailed(Exception):
    """ClickHouse refused a query, in its own words."""


class ClickHouse:
    """The pod."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def start(self, host: str) -> None:
        """With `host` as its ZooKeeper; returns when it answers and both tables are made."""
        files = _configuration(host)
        self._api.create("configmaps", self._namespace, {"metadata": {"name": POD}, "data": files})
        self._api.create("pods", self._namespace, _pod())

        def answers() -> bool:
            return self.query("SELECT 1") == "1"

        self._retry("ClickHouse answers", answers, START_TIMEOUT_S)
        for replica in REPLICAS:
            create = (
                f"CREATE TABLE IF NOT EXISTS {replica} (day Date, number UInt64) ENGINE = "
                f"ReplicatedMergeTree('/clickhouse/numbers', '{replica}', day, (number), 8192)"
            )
            done = functools.partial(self._done, create)
            self._retry(f"table {replica} is made", done, START_TIMEOUT_S)

    def insert(self, batch: int) -> None:
        """ROWS numbers into one of the replicas. The same batch again changes nothing."""
        text = (
            f"INSERT INTO {REPLICAS[batch % 2]} (day, number) "
            f"SELECT toDate('2026-01-01'), number FROM system.numbers LIMIT {batch * ROWS}, {ROWS}"
        )
        self._retry(f"batch {batch} is inserted", lambda: self._done(text), INSERT_TIMEOUT_S)

    def check(self, batches: int) -> None:
        """Both replicas have exactly these batches, by what the service knows of them.

        An insert that loses its connection may leave a part in its table that the service knows
        nothing of. ClickHouse sets it aside after five minutes, or when the table is opened anew.
        """
        for replica in REPLICAS:
            for text in (
                f"DETACH TABLE IF EXISTS {replica}",
                f"ATTACH TABLE IF NOT EXISTS {replica}",
            ):
                self._retry(text, functools.partial(self._done, text), START_TIMEOUT_S)
        count = batches * ROWS
        wanted = f"{count}\t{count}\t{count * (count - 1) // 2}"
        for replica in REPLICAS:
            text = f"SELECT count(), uniqExact(number), sum(number) FROM {replica}"

            def holds(text: str = text) -> bool:
                found = self.query(text)
                assert found == wanted, f"{found!r}, not {wanted!r}"
                return True

            self._retry(f"{replica} has {count} rows", holds, INSERT_TIMEOUT_S)

    def query(self, text: str) -> str:
        """What it answers."""
        path = f"/api/v1/namespaces/{self._namespace}/pods/{POD}:{HTTP_PORT}/proxy/"
        try:
            return self._api.post_text(path, text).strip()
        except (ApiError, OSError) as error:
            raise QueryFailed(str(error)) from error

    def _done(self, text: str) -> bool:
        self.query(text)
        return True

    def _retry(self, what: str, attempt: Callable[[], bool], timeout_s: float) -> None:
        def tried() -> bool:
            try:
                return attempt()
            except QueryFailed as error:
                raise AssertionError(str(error)) from error

        wait_for(what, tried, timeout_s=timeout_s, step_s=0.5)


class Inserter:
    """Inserts batch after batch while it is open; `batches` is how many were accepted.

    A batch that is refused is sent again until it is accepted, so that it is there once in the end.
    """

    def __init__(self, server: ClickHouse, api: Api) -> None:
        self._server = server
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None
        self.batches = 0
        self.longest_s = 0.0
        """What the slowest batch took, with all its attempts."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def goes_on(self, timeout_s: float = INSERT_TIMEOUT_S) -> None:
        """Returns when some more have been accepted."""
        before = self.batches

        def more() -> bool:
            if self._failure is not None:
                raise self._failure
            return self.batches >= before + MORE_BATCHES

        wait_for("ClickHouse inserts", more, timeout_s=timeout_s)

    def _run(self) -> None:
        try:
            while not self._stop.wait(PAUSE_S):
                started = time.monotonic()
                self._server.insert(self.batches)
                self.batches += 1
                self.longest_s = max(self.longest_s, time.monotonic() - started)
        except BaseException as error:
            self._failure = error
        finally:
            self._api.close()


def _configuration(host: str) -> dict[str, str]:
    """Its files by name."""
    text = (CONFIGURATION / "config.xml").read_text()
    configuration = text.format(
        listen_host="0.0.0.0",
        own_host="localhost",
        tcp_port=9000,
        http_port=HTTP_PORT,
        interserver_port=9009,
        data="/data",
        keeper_host=host,
        keeper_port=2181,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        replica=POD,
    )
    return {"config.xml": configuration, "users.xml": (CONFIGURATION / "users.xml").read_text()}


def _pod() -> Object:
    return {
        "metadata": {"name": POD, "labels": {"app": POD}},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": POD,
                    "image": IMAGE,
                    "imagePullPolicy": "Never",
                    "env": [{"name": "TZ", "value": "UTC"}],
                    "resources": {
                        "requests": {"cpu": "20m", "memory": "128Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "config", "mountPath": "/config"},
                        {"name": "data", "mountPath": "/data"},
                    ],
                }
            ],
            "volumes": [
                {"name": "config", "configMap": {"name": POD}},
                {"name": "data", "emptyDir": {}},
            ],
        },
    }
