"""The API server for the control loop: objects as JSON, each call with a deadline, none blocks the loop.

Decides nothing. Reads are never from a cache. Writes are server-side applies of whole objects, or carry
the preconditions they are given.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from raftkeeper_operator.clients.errors import NotFound, Unreachable
from raftkeeper_operator.clients.kube_access import (
    APPLY_PATCH,
    FIELD_MANAGER,
    JSON_PATCH,
    MERGE_PATCH,
    Call,
    KubeAccess,
)
from raftkeeper_operator.clients.resources import PODS, Resource, resource_of

Object = dict[str, Any]

WORKERS = 8
"""Calls at a time. The API server gives each client its share; more would only queue there."""
DEADLINE_S = 10.0
"""Of a call. The API server answers in milliseconds; one that needs longer is in trouble."""
THREAD_GRACE_S = 5.0
"""How much longer the loop waits for the thread, whose own timeouts should have ended it."""
PAGE_OBJECTS = 500
PAGES_MAX = 200
"""A list ends: 100,000 objects with the labels of one cluster are an error of ours."""


class Kube:
    """Reads and writes of objects. Safe to use from many tasks of one loop."""

    def __init__(self, access: KubeAccess) -> None:
        self._access = access
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="kube")

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object as it is now; None when there is none."""
        try:
            return await self._object(Call("GET", resource.path(namespace, name)))
        except NotFound:
            return None

    async def list_objects(
        self, resource: Resource, namespace: str = "", *, labels: str = ""
    ) -> list[Object]:
        """All that match. '' as namespace is all of them."""
        found: list[Object] = []
        async for page in self.pages(resource, namespace, labels=labels):
            found += page
        return found

    async def pages(
        self, resource: Resource, namespace: str = "", *, labels: str = "", objects: int = 0
    ) -> AsyncIterator[list[Object]]:
        """The same, page by page, for who keeps little of each: `objects` of them at a time at most."""
        limit = objects or PAGE_OBJECTS
        query = [("limit", str(limit))]
        query += [("labelSelector", labels)] if labels else []
        path, after = resource.path(namespace), ""
        for _ in range(PAGES_MAX):
            more = [("continue", after)] if after else []
            page = await self._call(Call("GET", path, [*query, *more]))
            yield page.get("items") or []
            after = page.get("metadata", {}).get("continue", "")
            if not after:
                return
        raise Unreachable(0, "TooMany", f"{path} has more than {PAGES_MAX * limit} objects")

    async def apply(self, desired: Object, *, subresource: str = "") -> Object:
        """Server-side apply: what the operator set before and does not set now goes away."""
        resource, (namespace, name) = resource_of(desired["kind"]), _key(desired)
        query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        path = resource.path(namespace, name, subresource)
        return await self._object(Call("PATCH", path, query, desired, APPLY_PATCH))

    async def create(self, desired: Object) -> Object:
        """A new object; Conflict when one of its name is there."""
        resource, (namespace, _) = resource_of(desired["kind"]), _key(desired)
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._object(Call("POST", resource.path(namespace), query, desired))

    async def replace(self, changed: Object) -> Object:
        """The whole object; Conflict unless its metadata.resourceVersion is still the newest."""
        resource, (namespace, name) = resource_of(changed["kind"]), _key(changed)
        if not changed["metadata"].get("resourceVersion"):
            raise ValueError("a replacement without resourceVersion would undo what others did")
        path = resource.path(namespace, name)
        return await self._object(Call("PUT", path, [("fieldManager", FIELD_MANAGER)], changed))

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any] | list[Any],
    ) -> Object:
        """A merge patch (an object) or a JSON patch (a list, which may test before it changes)."""
        kind = JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
        path = resource.path(namespace, name)
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._object(Call("PATCH", path, query, patch, kind))

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, version: str = ""
    ) -> bool:
        """Deletes this very object, and with `version` only as it was seen; whether it was there.

        What it owns goes as well.
        """
        return await self._delete("Background", resource.path(namespace, name), uid, version)

    async def orphan(
        self, resource: Resource, namespace: str, name: str, *, uid: str, version: str = ""
    ) -> bool:
        """As `delete`, and leaves what it owns alone (a StatefulSet without its pods and volumes)."""
        return await self._delete("Orphan", resource.path(namespace, name), uid, version)

    async def evict(self, namespace: str, pod: str, *, uid: str) -> bool:
        """Through the Eviction API, so under the disruption budget; TooManyRequests when it forbids."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        try:
            await self._call(Call("POST", PODS.path(namespace, pod, "eviction"), (), body))
        except NotFound:
            return False
        return True

    async def close(self) -> None:
        """Waits for calls under way, which end by their deadlines."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._access.close()

    async def _delete(self, policy: str, path: str, uid: str, version: str) -> bool:
        preconditions = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body = {"propagationPolicy": policy, "preconditions": preconditions}
        try:
            await self._call(Call("DELETE", path, (), body))
        except NotFound:
            return False
        return True

    async def _object(self, call: Call) -> Object:
        answer = await self._call(call)
        if not isinstance(answer, dict):
            raise Unreachable(0, "NoObject", f"{call.method} {call.path}: the answer is no object")
        return answer

    async def _call(self, call: Call) -> Any:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._access.request, call, DEADLINE_S)
        try:
            return await asyncio.wait_for(work, DEADLINE_S + THREAD_GRACE_S)
        except TimeoutError as error:
            what = f"{call.method} {call.path}: no answer in {DEADLINE_S:g} s"
            raise Unreachable(0, "Unreachable", what) from error


def _key(desired: Object) -> tuple[str, str]:
    meta = desired["metadata"]
    return meta.get("namespace", ""), meta["name"]
