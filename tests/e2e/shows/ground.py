"""A namespace for a show, as strict as those of the stories, and gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from e2e.api import Api, ApiError
from e2e.deadline import wait_for
from e2e.ensemble import KIND, name_of

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
GONE_TIMEOUT_S = 300


@contextmanager
def fresh_namespace(api: Api, name: str) -> Iterator[None]:
    """Made anew; at the end its clusters go first, while their operator lives."""
    _remove(api, name)
    api.create("namespaces", None, {"metadata": {"name": name, "labels": RESTRICTED}})
    yield
    _remove(api, name)


def _remove(api: Api, name: str) -> None:
    if api.find("namespaces", None, name) is None:
        return
    try:
        for cluster in api.list(KIND, name):
            api.delete(KIND, name, name_of(cluster))
    except ApiError as error:
        if error.status != 404:  # the CRDs are not there yet
            raise
    api.delete("namespaces", None, name)

    def gone() -> bool:
        return api.find("namespaces", None, name) is None

    wait_for(f"the namespace {name} is gone", gone, timeout_s=GONE_TIMEOUT_S)
