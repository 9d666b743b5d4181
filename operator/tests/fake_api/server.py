"""HTTP in front of the fake API server's objects: paths, verbs, lists, watches, discovery.

It runs on a loop in a thread of its own, because the operator's client blocks threads. Tests look at
`objects` directly; `requests` has what was asked, `faults` decides which requests are refused.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from tests.fake_api.objects import Key, Object, Objects, Refusal
from tests.fake_api.rights import Right, needed

from raftkeeper_operator.clients import resources
from raftkeeper_operator.clients.kube_access import KubeAccess

Fault = Callable[[str, str], Refusal | None]
"""(method, path) → why it is refused."""

_BY_PLURAL = {resource.plural: resource for resource in resources.ALL}


class FakeApi:
    """As a context: a server on a loopback port."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.rights: frozenset[Right] | None = None
        """Those that requests may use; None for all there are."""
        self.used: set[Right] = set()
        self.url = ""
        self._dropping = False
        self._loop = asyncio.new_event_loop()
        self._changed: asyncio.Event | None = None
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def access(self) -> KubeAccess:
        return KubeAccess.to_address(self.url)

    def put(self, body: Object, *, status: Object | None = None) -> Object:
        """An object made by somebody else."""
        key = key_of(body)
        if key in self.objects.by_key:
            self.objects.by_key[key] |= {k: v for k, v in body.items() if k != "metadata"}
            self.objects.touch(key)
        else:
            self.objects.create(key, body)
        if status is not None:
            self.objects.by_key[key]["status"] = status
        return self.objects.by_key[key]

    def drop_watches(self) -> None:
        """Every stream ends, as it does when the server is restarted."""
        self._dropping = True
        self._wake()

    def writes(self) -> list[tuple[str, str]]:
        """Every request that was to change something."""
        return [(method, path) for method, path in self.requests if method != "GET"]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._changed = asyncio.Event()
        self.objects.on_change.append(self._wake)
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _close(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        # Watches of clients that were killed are still waiting.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _wake(self) -> None:
        """May be called from a test's thread."""
        self._loop.call_soon_threadsafe(self._swap)

    def _swap(self) -> None:
        assert self._changed is not None
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        try:
            for fault in self.faults:
                if (refusal := fault(request.method, request.path)) is not None:
                    raise refusal
            known = _discover(request.path)
            if known is not None:
                return web.json_response(known)
            return await self._serve(request)
        except Refusal as refusal:
            body = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "code": refusal.status,
                "reason": refusal.reason,
                "message": str(refusal),
            }
            return web.json_response(body, status=refusal.status)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        plural, namespace, name, part = _parse(request.path)
        self._authorize(request, (plural, namespace, name), part)
        if request.method == "GET" and not name:
            if request.query.get("watch") in {"true", "1"}:
                return await self._watch(request)
            return web.json_response(self._list(request, plural, namespace))
        key = (plural, namespace, name)
        text = await request.text()
        body = json.loads(text) if text else {}
        return web.json_response(self._act(request, key, part, body))

    def _authorize(self, request: web.Request, key: Key, part: str) -> None:
        is_apply = request.content_type == "application/apply-patch+yaml"
        rights = needed(
            request.method,
            key,
            part,
            watch=request.query.get("watch") in {"true", "1"},
            applies_new=is_apply and not part and key not in self.objects.by_key,
        )
        self.used |= rights
        if self.rights is not None and not rights <= self.rights:
            raise Refusal(403, "Forbidden", f"the operator's role lacks {rights - self.rights}")

    def _act(self, request: web.Request, key: Key, part: str, body: Any) -> Object:
        objects, status = self.objects, part == "status"
        match request.method:
            case "GET":
                return objects.get(key)
            case "POST" if part == "eviction":
                return self._evict(key, body)
            case "POST":
                plural, namespace, _ = key
                return objects.create((plural, namespace, body["metadata"]["name"]), body)
            case "PUT":
                return objects.put(key, body, status=status)
            case "DELETE":
                return objects.delete(key, body)
            case "PATCH" if request.content_type == "application/apply-patch+yaml":
                return objects.apply(key, body, status=status)
            case "PATCH" if request.content_type == "application/merge-patch+json":
                return objects.merge(key, body, status=status)
            case "PATCH" if request.content_type == "application/json-patch+json":
                return objects.change(key, body, status=status)
        raise Refusal(415, "UnsupportedMediaType", f"{request.method} {request.content_type}")

    def _evict(self, key: Key, body: Object) -> Object:
        """Refused while a budget of the namespace allows no disruption."""
        for budget in self.objects.of("poddisruptionbudgets", key[1]):
            if not budget.get("status", {}).get("disruptionsAllowed", 1):
                raise Refusal(429, "TooManyRequests", "the disruption budget forbids it")
        self.objects.delete(key, body.get("deleteOptions") or {})
        return {"kind": "Status", "status": "Success"}

    def _list(self, request: web.Request, plural: str, namespace: str) -> Object:
        found = [
            body
            for body in self.objects.of(plural, namespace)
            if _matches(body, request.query.get("labelSelector", ""))
        ]
        start, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", 0))
        page = found[start : start + limit] if limit else found[start:]
        more = start + len(page) < len(found)
        meta = {"resourceVersion": str(self.objects.version)}
        if more:
            meta["continue"] = str(start + len(page))
        resource = _BY_PLURAL[plural]
        return {
            "apiVersion": resource.api_version,
            "kind": f"{resource.kind}List",
            "metadata": meta,
            "items": page,
        }

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self._dropping = False
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        after = int(request.query.get("resourceVersion") or 0)
        try:
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", 300))):
                while True:
                    changed = self._changed
                    assert changed is not None
                    after = await self._tell(request, response, after)
                    await changed.wait()
                    if self._dropping:
                        return response
        except TimeoutError:
            return response

    async def _tell(self, request: web.Request, response: web.StreamResponse, after: int) -> int:
        """Writes what has changed behind a version; the version reached."""
        plural, namespace, _, _ = _parse(request.path)
        selector = request.query.get("labelSelector", "")
        for change in [c for c in self.objects.history if c.version > after]:
            after = change.version
            kind, space, _ = change.key
            if kind == plural and namespace in {"", space} and _matches(change.body, selector):
                event = {"type": change.kind, "object": change.body}
                await response.write(json.dumps(event).encode() + b"\n")
        return after


def key_of(body: Object) -> Key:
    """Where an object is kept."""
    meta = body["metadata"]
    return resources.resource_of(body["kind"]).plural, meta.get("namespace", ""), meta["name"]


def _parse(path: str) -> tuple[str, str, str, str]:
    """(plural, namespace, name, subresource)"""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, part = (*rest, "", "")[:3]
    if plural not in _BY_PLURAL:
        raise Refusal(404, "NotFound", f"there is no {path}")
    return plural, namespace, name, part


def _matches(body: Object, selector: str) -> bool:
    labels = body["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        name, equals, value = term.partition("=")
        if (labels.get(name) != value) if equals else (name not in labels):
            return False
    return True


def _discover(path: str) -> Object | None:
    """What clients ask to learn which kinds there are."""
    groups = sorted({(r.group, r.version) for r in resources.ALL if r.group})
    match path.strip("/").split("/"):
        case ["version"]:
            return {"major": "1", "minor": "34"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            versions = [(g, {"groupVersion": f"{g}/{v}", "version": v}) for g, v in groups]
            named = [{"name": g, "versions": [v], "preferredVersion": v} for g, v in versions]
            return {"kind": "APIGroupList", "groups": named}
        case ["api", "v1"]:
            return _kinds("", "v1")
        case ["apis", group, version]:
            return _kinds(group, version)
    return None


def _kinds(group: str, version: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    found = [
        {
            "name": r.plural,
            "singularName": r.kind.lower(),
            "kind": r.kind,
            "namespaced": r.namespaced,
            "verbs": verbs,
        }
        for r in resources.ALL
        if (r.group, r.version) == (group, version)
    ]
    status = [{**item, "name": f"{item['name']}/status"} for item in found]
    if not group:
        # Nobody asks for one, but kopf wants to know that there are such things.
        spaces = {"name": "namespaces", "singularName": "namespace", "kind": "Namespace"}
        found.append({**spaces, "namespaced": False, "verbs": verbs})
    where = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "groupVersion": where, "resources": [*found, *status]}
