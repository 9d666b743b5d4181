"""Effects on ordinary objects: apply what is wanted, delete what is not; Secrets, certificates, budget."""

import secrets as randomness

from raftkeeper_operator.act.effect import NotDone, Scene
from raftkeeper_operator.act.ownership import own
from raftkeeper_operator.build.credentials import (
    build_admin_secret,
    build_authority_secret,
    build_certificate_secret,
)
from raftkeeper_operator.build.disruption import build_disruption_budget
from raftkeeper_operator.clients.resources import BUDGETS, SECRETS, Resource, resource_of
from raftkeeper_operator.decide.plan import ApplyResource, RenewCertificate, SetBudget
from raftkeeper_operator.observe.credentials import decode, token_of
from raftkeeper_operator.observe.differences import with_digest
from raftkeeper_operator.observe.fields import Object, is_owned, name_of, uid_of, version_of
from raftkeeper_operator.observe.resources import find_wanted
from raftkeeper_operator.tls.rotation import renew_authority, renew_leaf

TOKEN_BYTES = 32
"""256 bits: it is never typed, and guards the membership."""


async def apply_resource(scene: Scene, action: ApplyResource) -> None:
    """As the spec has it, or not at all."""
    resource = resource_of(action.kind)
    if action.unwanted:
        await _remove(scene, resource, action.name)
    elif (resource, action.name) == (SECRETS, scene.seen.blueprint.names.admin_secret):
        await _make_token(scene)
    else:
        for desired in find_wanted(scene.seen.blueprint, scene.seen.objects):
            if (desired["kind"], name_of(desired)) == (action.kind, action.name):
                await apply_owned(scene, desired)
                return
        raise NotDone(f"{action.kind} {action.name} is not wanted any more")


async def apply_owned(scene: Scene, desired: Object) -> None:
    """Applies an object unless one of its name belongs to somebody else."""
    resource, name = resource_of(desired["kind"]), name_of(desired)
    await own(scene, resource, name)
    scene.hands.applied.remember(await scene.hands.kube.apply(with_digest(desired)))


async def set_budget(scene: Scene, action: SetBudget) -> None:
    """From the committed voters, and in the place of the one that was seen."""
    blueprint, version = scene.seen.blueprint, action.resource_version
    name = blueprint.names.disruption_budget
    if action.min_available is None:
        await _remove(scene, BUDGETS, name, version)
        return
    if version_of(await own(scene, BUDGETS, name) or {}) != version:
        raise NotDone(f"PodDisruptionBudget {name} is another one by now")
    desired = with_digest(build_disruption_budget(blueprint, action.min_available))
    if version:
        desired["metadata"]["resourceVersion"] = version
    await scene.hands.kube.apply(desired)


async def renew_certificate(scene: Scene, action: RenewCertificate) -> None:
    """The next step of the CA's or the leaf's life, from the Secrets as they are now."""
    blueprint, kube = scene.seen.blueprint, scene.hands.kube
    names, now_ms = blueprint.names, scene.hands.clock_ms()
    authority_now = await own(scene, SECRETS, names.ca_secret)
    authority = decode(authority_now)
    if action.secret == names.ca_secret:
        common_name = f"{blueprint.name}.{blueprint.namespace} CA"
        leaf = decode(await own(scene, SECRETS, names.tls_secret))
        made = renew_authority(authority, leaf, common_name, now_ms)
        desired = build_authority_secret(blueprint, made)
        before = authority_now
    elif action.secret == names.tls_secret:
        before = await own(scene, SECRETS, names.tls_secret)
        made = renew_leaf(decode(before), authority, names.certificate_names(), now_ms)
        desired = build_certificate_secret(blueprint, made)
    else:
        raise NotDone(f"the operator makes no certificate for Secret {action.secret}")
    if before is None:
        # Created, not applied: of two operators that make a CA at a time one must win as a whole.
        await kube.create(desired)
    elif decode(before) != made:
        desired["metadata"]["resourceVersion"] = version_of(before)
        await kube.replace(desired)


async def _make_token(scene: Scene) -> None:
    """A new one only where there is none: members and operator know each other by it."""
    blueprint, kube = scene.seen.blueprint, scene.hands.kube
    before = await own(scene, SECRETS, blueprint.names.admin_secret)
    desired = build_admin_secret(blueprint, randomness.token_urlsafe(TOKEN_BYTES))
    if before is None:
        await kube.create(desired)
    elif not token_of(before):
        desired["metadata"]["resourceVersion"] = version_of(before)
        await kube.replace(desired)


async def _remove(scene: Scene, resource: Resource, name: str, version: str = "") -> None:
    kube = scene.hands.kube
    found = await kube.get(resource, scene.namespace, name)
    if found is not None and is_owned(found, scene.seen.blueprint.uid):
        await kube.delete(resource, scene.namespace, name, uid=uid_of(found), version=version)
