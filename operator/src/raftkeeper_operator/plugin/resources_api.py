"""The plugin's access to the API server: the user's kubeconfig, our three resources, nothing else."""

from typing import Any, Protocol

from raftkeeper_operator.api.labels import GROUP, VERSION

REQUEST_TIMEOUT_S = 15.0
"""A person waits; longer than this the API server is as good as away."""

Object = dict[str, Any]

CLUSTERS = "raftkeeperclusters"
BACKUPS = "raftkeeperbackups"
SCHEDULES = "raftkeeperbackupschedules"


class Refused(Exception):
    """The API server said no, or did not answer. The text is for people."""


class ResourcesApi(Protocol):
    """What the commands need."""

    @property
    def namespace(self) -> str: ...

    def get(self, plural: str, name: str) -> Object: ...

    def list_all(self, plural: str) -> list[Object]: ...

    def annotate(self, plural: str, name: str, annotations: dict[str, str]) -> None: ...

    def create(self, plural: str, body: Object) -> Object: ...


class KubeconfigApi:
    """By the official client."""

    def __init__(self, kubeconfig: str | None, context: str | None, namespace: str | None) -> None:
        # Slow to import: `--help` does without.
        import kubernetes

        client: Any = kubernetes.client
        config: Any = kubernetes.config
        try:
            config.load_kube_config(config_file=kubeconfig, context=context)
            _, active = config.list_kube_config_contexts(config_file=kubeconfig)
            if context is not None:
                known, _ = config.list_kube_config_contexts(config_file=kubeconfig)
                active = next(item for item in known if item["name"] == context)
        except (config.ConfigException, StopIteration) as error:
            raise Refused(f"the kubeconfig cannot be used: {error}") from error
        self._namespace = namespace or active["context"].get("namespace") or "default"
        self._objects = client.CustomObjectsApi()
        self._error = client.ApiException

    @property
    def namespace(self) -> str:
        return self._namespace

    def get(self, plural: str, name: str) -> Object:
        return self._call("get_namespaced_custom_object", plural, name)

    def list_all(self, plural: str) -> list[Object]:
        found: list[Object] = self._call("list_namespaced_custom_object", plural)["items"]
        return found

    def annotate(self, plural: str, name: str, annotations: dict[str, str]) -> None:
        body = {"metadata": {"annotations": annotations}}
        self._call("patch_namespaced_custom_object", plural, name, body)

    def create(self, plural: str, body: Object) -> Object:
        return self._call("create_namespaced_custom_object", plural, body)

    def _call(self, function: str, plural: str, *more: Any) -> Object:
        from urllib3.exceptions import HTTPError

        call = getattr(self._objects, function)
        at = (GROUP, VERSION, self._namespace, plural)
        try:
            answer: Object = call(*at, *more, _request_timeout=REQUEST_TIMEOUT_S)
        except self._error as error:
            raise Refused(_explain(error, plural, self._namespace)) from error
        except HTTPError as error:
            raise Refused(f"the API server cannot be reached: {error}") from error
        return answer


def _explain(error: Any, plural: str, namespace: str) -> str:
    """One line; the API server's own sentence where it has one."""
    import json

    if error.status == 403:
        return f"you may not do that with {plural} in namespace {namespace}"
    try:
        message = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        message = f"{error.status} {error.reason}"
    if error.status == 404 and "could not find the requested resource" in message:
        return f"{plural} are not known here: are RaftKeeper's CRDs installed?"
    return f"{message} (namespace {namespace})" if error.status == 404 else str(message)
