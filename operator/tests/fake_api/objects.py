"""The objects of the fake API server, and what the real one promises about changing them.

Resource versions, generations, preconditions, server-side apply with removal of what is not applied any
more, status as a part of its own, finalizers, owner references. Lists are replaced whole.
"""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

Object = dict[str, Any]
Key = tuple[str, str, str]
"""(plural, namespace, name)"""


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Change:
    """One event, for watches."""

    version: int
    kind: str
    """ADDED, MODIFIED, DELETED"""
    key: Key
    body: Object


@dataclass
class Objects:
    """Every object there is."""

    by_key: dict[Key, Object] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    version: int = 0
    applied: dict[tuple[Key, bool], Object] = field(default_factory=dict)
    """What the last apply of an object, or of its status, said."""
    _uids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    on_change: list[Callable[[], None]] = field(default_factory=list)

    def get(self, key: Key) -> Object:
        """The object, for a test to look at or to change before `touch`."""
        try:
            return self.by_key[key]
        except KeyError:
            raise Refusal(404, "NotFound", f'{key[0]} "{key[2]}" not found') from None

    def create(self, key: Key, body: Object) -> Object:
        """A new one."""
        if key in self.by_key:
            raise Refusal(409, "AlreadyExists", f'{key[0]} "{key[2]}" already exists')
        body = copy.deepcopy(body)
        meta = body.setdefault("metadata", {})
        meta |= {
            "name": key[2],
            "uid": f"00000000-0000-0000-0000-{next(self._uids):012d}",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
        if key[1]:
            meta["namespace"] = key[1]
        self.by_key[key] = body
        self._changed("ADDED", key)
        return body

    def apply(self, key: Key, desired: Object, *, status: bool = False) -> Object:
        """Server-side apply by the one manager there is; of a status only to what is there."""
        if key not in self.by_key:
            if status:
                self.get(key)
            self.applied[key, status] = copy.deepcopy(desired)
            return self.create(key, desired)
        body = copy.deepcopy(self.by_key[key])
        wanted_uid = desired["metadata"].get("uid", body["metadata"]["uid"])
        if wanted_uid != body["metadata"]["uid"]:
            raise Refusal(409, "Conflict", f"the uid is {body['metadata']['uid']}")
        self._check_version(body, str(desired["metadata"].get("resourceVersion", "")))
        before = self.applied.get((key, status))
        self.applied[key, status] = copy.deepcopy(desired)
        if before is not None:
            _remove_unapplied(body, before, desired)
        _merge(body, desired)
        return self._store(key, body, status=status or None)

    def put(self, key: Key, body: Object, *, status: bool) -> Object:
        """The whole object, or its status only, if its resource version is the newest."""
        now = self.get(key)
        self._check_version(now, str(body.get("metadata", {}).get("resourceVersion", "")))
        return self._store(key, copy.deepcopy(body), status=status)

    def merge(self, key: Key, patch: Object, *, status: bool) -> Object:
        """A merge patch."""
        now = self.get(key)
        self._check_version(now, str(patch.get("metadata", {}).get("resourceVersion", "")))
        body = copy.deepcopy(now)
        _merge(body, patch, remove_null=True)
        return self._store(key, body, status=status)

    def change(self, key: Key, patch: list[Object], *, status: bool) -> Object:
        """A JSON patch; one whose test fails is refused as the real server does it."""
        try:
            body = jsonpatch.apply_patch(self.get(key), patch)
        except jsonpatch.JsonPatchException as error:
            raise Refusal(422, "Invalid", str(error)) from error
        return self._store(key, body, status=status)

    def delete(self, key: Key, options: Object) -> Object:
        """Under its preconditions; a finalizer keeps the object."""
        now = self.get(key)
        wanted = options.get("preconditions") or {}
        meta = now["metadata"]
        for name, value in wanted.items():
            if meta[name] != value:
                raise Refusal(409, "Conflict", f"the {name} is {meta[name]}, not {value}")
        if meta.get("finalizers"):
            meta.setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
            self._changed("MODIFIED", key)
            return now
        self._remove(key, orphan=options.get("propagationPolicy") == "Orphan")
        return now

    def touch(self, key: Key) -> None:
        """After a test has changed an object in place."""
        self._changed("MODIFIED", key)

    def of(self, plural: str, namespace: str = "") -> list[Object]:
        """All of a kind, by name."""
        return [
            body
            for (kind, space, _), body in sorted(self.by_key.items())
            if kind == plural and namespace in {"", space}
        ]

    def _store(self, key: Key, body: Object, *, status: bool | None = None) -> Object:
        now = self.by_key[key]
        if status is True:
            body = {**copy.deepcopy(now), "status": body.get("status", {})}
        elif "status" in now:
            body["status"] = copy.deepcopy(now["status"])
        else:
            body.pop("status", None)
        meta = body["metadata"]
        for name in ("uid", "creationTimestamp", "resourceVersion", "generation"):
            meta[name] = now["metadata"][name]
        if body == now:
            return now
        if body.get("spec") != now.get("spec"):
            meta["generation"] += 1
        self.by_key[key] = body
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._remove(key, orphan=False)
        else:
            self._changed("MODIFIED", key)
        return body

    def _remove(self, key: Key, *, orphan: bool) -> None:
        body = self.by_key.pop(key)
        self.applied.pop((key, False), None)
        self.applied.pop((key, True), None)
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self._tell(Change(self.version, "DELETED", key, copy.deepcopy(body)))
        uid = body["metadata"]["uid"]
        for other, owned in list(self.by_key.items()):
            owners = owned["metadata"].get("ownerReferences") or []
            if not any(owner.get("uid") == uid for owner in owners) or other not in self.by_key:
                continue
            if orphan:
                rest = [owner for owner in owners if owner.get("uid") != uid]
                owned["metadata"]["ownerReferences"] = rest
                self._changed("MODIFIED", other)
            else:
                self._remove(other, orphan=False)

    def _changed(self, kind: str, key: Key) -> None:
        self.version += 1
        body = self.by_key[key]
        body["metadata"]["resourceVersion"] = str(self.version)
        self._tell(Change(self.version, kind, key, copy.deepcopy(body)))

    def _tell(self, change: Change) -> None:
        self.history.append(change)
        for listener in self.on_change:
            listener()

    @staticmethod
    def _check_version(now: Object, wanted: str) -> None:
        version = now["metadata"]["resourceVersion"]
        if wanted and wanted != version:
            raise Refusal(409, "Conflict", f"the object has been modified: {version}, not {wanted}")


def _merge(body: Object, patch: Object, *, remove_null: bool = False) -> None:
    for name, value in patch.items():
        if value is None and remove_null:
            body.pop(name, None)
        elif isinstance(value, dict) and isinstance(body.get(name), dict):
            _merge(body[name], value, remove_null=remove_null)
        else:
            body[name] = copy.deepcopy(value)


def _remove_unapplied(body: Object, before: Object, now: Object) -> None:
    for name, value in before.items():
        if name not in now:
            body.pop(name, None)
        elif isinstance(value, dict) and isinstance(now[name], dict):
            inner = body.get(name)
            if isinstance(inner, dict):
                _remove_unapplied(inner, value, now[name])
