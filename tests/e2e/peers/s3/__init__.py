"""An object store that speaks S3, in one pod: one bucket, and a signature that has to be right.

It is built from its Go module, as the programs of the local cluster are, and keeps objects as files.
"""

from pathlib import Path

from e2e import archive
from e2e.api import Api, Object
from e2e.deadline import wait_for
from e2e.ensemble import is_ready
from e2e.home import built_once
from e2e.local.binaries import Program, binary

IMAGE = "localhost/s3:rclone"
SERVER = Program("s3", ".", root=Path(__file__).resolve().parents[1])
POD = "s3"
PORT = 9000
BUCKET = "backups"
CREDENTIALS = "s3-credentials"
KEY_ID = "AWS_ACCESS_KEY_ID"
SECRET = "AWS_SECRET_ACCESS_KEY"
START_TIMEOUT_S = 60


def image() -> Path:
    """Its image's archive."""
    program = binary(SERVER)

    def write(target: Path) -> None:
        archive.write(target, IMAGE, {"/s3": program}, ["/s3"], user="10001")

    return built_once("images", "s3.tar", program.name.encode(), write)


class ObjectStore:
    """The pod, its Service, and the Secret with its credentials."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def start(self) -> None:
        """Returns when it serves."""
        credentials = {KEY_ID: "keeper", SECRET: "not-a-secret-beyond-this-test"}
        self.make_secret(CREDENTIALS, credentials)
        self._api.create("pods", self._namespace, _pod())
        service = {
            "metadata": {"name": POD},
            "spec": {"selector": {"app": POD}, "ports": [{"port": PORT}]},
        }
        self._api.create("services", self._namespace, service)

        def serves() -> bool:
            return is_ready(self._api.get("pods", self._namespace, POD))

        wait_for("the object store serves", serves, timeout_s=START_TIMEOUT_S)

    def make_secret(self, name: str, values: dict[str, str]) -> None:
        """Credentials, the right ones or others."""
        body = {"metadata": {"name": name}, "stringData": values}
        self._api.create("secrets", self._namespace, body)

    def place(self, prefix: str, secret: str = CREDENTIALS) -> Object:
        """A destination, as a RaftKeeperBackup's spec names it."""
        endpoint = f"http://{POD}.{self._namespace}.svc:{PORT}"
        return {
            "s3": {
                "bucket": BUCKET,
                "prefix": prefix,
                "endpoint": endpoint,
                "credentialsSecret": secret,
            }
        }


def _pod() -> Object:
    # Folders below /data are buckets; the server's own files must be elsewhere.
    words = ["serve", "s3", "/data", f"--addr=:{PORT}", "--config=/dev/null", "--cache-dir=/cache"]
    words.append(f"--auth-key=$({KEY_ID}),$({SECRET})")
    environment = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": CREDENTIALS, "key": name}}}
        for name in (KEY_ID, SECRET)
    ]
    return {
        "metadata": {"name": POD, "labels": {"app": POD}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
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
                    "args": words,
                    "env": environment,
                    "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "bucket", "mountPath": f"/data/{BUCKET}"},
                        {"name": "cache", "mountPath": "/cache"},
                    ],
                }
            ],
            "volumes": [{"name": "bucket", "emptyDir": {}}, {"name": "cache", "emptyDir": {}}],
        },
    }
