"""Where backups lie, as the node's commands take it: an address, variables and volumes of a pod."""

from dataclasses import dataclass
from typing import Final

from raftkeeper_operator.api.backup import BackupDestination, BackupSource, S3Place, VolumePlace
from raftkeeper_operator.build.blueprint import Object

MOUNT: Final = "/backups"
VOLUME: Final = "backups"
CREDENTIALS: Final = (
    ("AWS_ACCESS_KEY_ID", False),
    ("AWS_SECRET_ACCESS_KEY", False),
    ("AWS_SESSION_TOKEN", True),
)
"""Variables of the S3 client, which are the keys of the Secret, and whether each may be missing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place, ready to be put into a pod."""

    address: str
    """`file:///…` or `s3://…`: the folder or prefix."""
    environment: tuple[Object, ...] = ()
    mounts: tuple[Object, ...] = ()
    volumes: tuple[Object, ...] = ()


def place_of(where: BackupDestination | BackupSource, *, read_only: bool = False) -> Place:
    """The API server has seen to it that exactly one kind of place is given."""
    if where.s3 is not None:
        return _bucket(where.s3)
    if where.volume is not None:
        return _volume(where.volume, read_only=read_only)
    raise ValueError("neither volume nor s3 is given")


def _volume(place: VolumePlace, *, read_only: bool) -> Place:
    mount: Object = {"name": VOLUME, "mountPath": MOUNT}
    claim: Object = {"claimName": place.claim_name}
    if read_only:
        mount["readOnly"] = True
    return Place(
        "/".join(["file://" + MOUNT, *filter(None, [place.path])]),
        mounts=(mount,),
        volumes=({"name": VOLUME, "persistentVolumeClaim": claim},),
    )


def _bucket(place: S3Place) -> Place:
    environment: list[Object] = []
    for variable, optional in CREDENTIALS:
        reference: Object = {"name": place.credentials_secret, "key": variable}
        if optional:
            reference["optional"] = True
        environment.append({"name": variable, "valueFrom": {"secretKeyRef": reference}})
    if place.region:
        environment.append({"name": "AWS_REGION", "value": place.region})
    if place.endpoint:
        environment.append({"name": "AWS_ENDPOINT_URL_S3", "value": place.endpoint})
    prefix = place.prefix.strip("/")
    return Place(
        "/".join([f"s3://{place.bucket}", *filter(None, [prefix])]), environment=tuple(environment)
    )
