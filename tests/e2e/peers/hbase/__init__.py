"""HBase in one pod: a master, a region server and a client that share a folder as their filesystem.

They find each other through the service under test only. Its jars come from Maven Central once; they need
`mvn` and `javac` on the machine.
"""

import functools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from e2e import archive, debian
from e2e.api import Api, Object
from e2e.deadline import wait_for
from e2e.home import built_once, say
from e2e.provider import Provider
from e2e.shell import CommandFailed, need, run

HERE = Path(__file__).resolve().parent
IMAGE = "localhost/hbase:2.5"
POD = "hbase"
PACKAGES = ("openjdk-17-jre-headless", "tini")
FETCH_TIMEOUT_S = 600
COMPILE_TIMEOUT_S = 120
# A master that is started waits for its region server and assigns regions of its own: half a minute, and
# some minutes where two cores have much else to do.
READY_TIMEOUT_S = 420
CLIENT_TIMEOUT_S = 120
# What kubectl adds to what it runs in a container.
EXEC_TIMEOUT_S = 30

# Hadoop looks its user up by name, so it is one that Debian has: nobody.
USER = 65534
# Two heaps that hold a few hundred rows; beside them a JVM takes about as much again.
SERVER_HEAP = "512m"
CLIENT_HEAP = "128m"
MEMORY_LIMITS = {"master": "1Gi", "region": "1Gi", "client": "384Mi"}
# Said where Kubernetes keeps it, for who looks at a failure.
LOGGING = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""

# Nothing here runs long enough to earn back what the better compiler and collector cost at the start.
QUICK = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
OPENED = [
    *("--add-opens", "java.base/java.lang=ALL-UNNAMED"),
    *("--add-opens", "java.base/java.nio=ALL-UNNAMED"),
]
PROPERTIES = {
    "hbase.cluster.distributed": "true",
    "hbase.rootdir": "file:///data/hbase",
    "hbase.tmp.dir": "/data/tmp",
    "hbase.unsafe.stream.capability.enforce": "false",
    "hbase.wal.provider": "filesystem",
    # Their web pages are not among the jars.
    "hbase.master.info.port": "-1",
    "hbase.regionserver.info.port": "-1",
    "hbase.master.hostname": "localhost",
    "hbase.regionserver.hostname": "localhost",
    "zookeeper.session.timeout": "30000",
    "hbase.client.retries.number": "8",
    "hbase.rpc.timeout": "20000",
    "hbase.client.operation.timeout": "60000",
}


def image() -> Path:
    """Its image's archive: a Debian with Java, and a layer with HBase and the client."""
    root = debian.root("java", PACKAGES)
    sources = [HERE / "pom.xml", HERE / "Table.java"]
    inputs = b"".join(path.read_bytes() for path in sources)
    inputs += f"{root.name} {USER}".encode()

    def write(target: Path) -> None:
        folder = jars()
        classes = target.with_suffix(".classes")
        need(["javac"], ["openjdk-17-jdk-headless"])
        run(
            *["javac", "-cp", f"{folder}/*", "-d", classes, HERE / "Table.java"],
            timeout_s=COMPILE_TIMEOUT_S,
        )
        files = {f"/hbase/jars/{path.name}": path for path in folder.glob("*.jar")}
        files |= {f"/hbase/classes/{path.name}": path for path in classes.glob("*.class")}
        layer = archive.layer_of(target, files)
        archive.write_layers(target, IMAGE, [root, layer], ["tini", "--"], user=str(USER))
        run("rm", "-rf", classes)

    return built_once("images", "hbase.tar", inputs, write)


def jars() -> Path:
    """The folder with HBase's jars."""

    def fetch(target: Path) -> None:
        say("fetching HBase, once for this version")
        need(["mvn"], ["maven"])
        words = ["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies"]
        words += [f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
        run(*words, timeout_s=FETCH_TIMEOUT_S)

    return built_once("peers", "hbase-jars", (HERE / "pom.xml").read_bytes(), fetch)


class HBase:
    """The pod."""

    def __init__(self, provider: Provider, api: Api, namespace: str) -> None:
        self._kubectl = [*provider.kubectl, f"--kubeconfig={provider.kubeconfig}", "-n", namespace]
        self._api = api
        self._namespace = namespace

    def start(self, host: str) -> None:
        """With `host` as its quorum; the first table is made by `create`."""
        properties = {**PROPERTIES, "hbase.zookeeper.quorum": host}
        lines = [
            f"<property><name>{name}</name><value>{value}</value></property>"
            for name, value in properties.items()
        ]
        site = f"<configuration>{''.join(lines)}</configuration>"
        files = {"hbase-site.xml": site, "log4j.properties": LOGGING}
        config = {"metadata": {"name": POD}, "data": files}
        self._api.create("configmaps", self._namespace, config)
        self._api.create("pods", self._namespace, _pod())

    def create(self, table: str) -> None:
        """Returns when the table is there: the master works."""
        self._client("create", table)

    def put(self, table: str, first: int, end: int) -> None:
        """Rows from `first` to before `end`; the same ones again change nothing."""
        self._client("put", table, str(first), str(end))

    def get(self, table: str, first: int, end: int) -> None:
        """Each of these rows is there, with its value."""
        self._client("get", table, str(first), str(end))

    def kill_master(self) -> None:
        """SIGKILL to it; returns when its container has been started again."""
        before = self._restarts("master")
        with suppress(CommandFailed):  # the container may end before the one who killed it
            self._exec("master", "sh", "-c", "kill -KILL -1")
        wait_for(
            "the master's container is started again",
            lambda: self._restarts("master") > before,
            timeout_s=CLIENT_TIMEOUT_S,
        )

    def _client(self, *words: str) -> None:
        attempt = functools.partial(self._try, words)
        wait_for(f"HBase does {' '.join(words)}", attempt, timeout_s=READY_TIMEOUT_S, step_s=2)

    def _try(self, words: Sequence[str]) -> bool:
        # Ended in the pod too: what kubectl leaves behind would take the next one's memory.
        command = ["timeout", "--signal=KILL", str(CLIENT_TIMEOUT_S)]
        command += [
            "java",
            f"-Xmx{CLIENT_HEAP}",
            *QUICK,
            *OPENED,
            "-cp",
            _class_path(),
            "Table",
            *words,
        ]
        try:
            said = self._exec("client", *command)
        except CommandFailed as error:
            raise AssertionError(str(error)[-1500:]) from error
        return said.strip().endswith("done")

    def _exec(self, container: str, *words: str) -> str:
        command = [*self._kubectl, "exec", POD, "-c", container, "--", *words]
        return run(*command, timeout_s=CLIENT_TIMEOUT_S + EXEC_TIMEOUT_S)

    def _restarts(self, container: str) -> int:
        statuses = self._api.get("pods", self._namespace, POD)["status"]["containerStatuses"]
        return sum(int(s["restartCount"]) for s in statuses if s["name"] == container)


def _class_path() -> str:
    return "/config:/hbase/classes:/hbase/jars/*"


def _pod() -> Object:
    master = _server("master", "org.apache.hadoop.hbase.master.HMaster")
    region = _server("region", "org.apache.hadoop.hbase.regionserver.HRegionServer")
    client = _container("client", ["sleep", "infinity"])
    return {
        "metadata": {"name": POD, "labels": {"app": POD}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [master, region, client],
            "volumes": [
                {"name": "config", "configMap": {"name": POD}},
                {"name": "data", "emptyDir": {}},
            ],
        },
    }


def _server(name: str, main: str) -> Object:
    return _container(
        name, ["java", f"-Xmx{SERVER_HEAP}", *QUICK, *OPENED, "-cp", _class_path(), main, "start"]
    )


def _container(name: str, args: list[str]) -> Object:
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": args,
        "env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Djava.io.tmpdir=/data"}],
        "resources": {
            "requests": {"cpu": "20m", "memory": "64Mi"},
            "limits": {"memory": MEMORY_LIMITS[name]},
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
