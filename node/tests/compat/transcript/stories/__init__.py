"""The stories, in the order they are told. Each has its own part of the tree and its own clients."""

from types import ModuleType

from . import (
    acl,
    admin,
    auth,
    bursts,
    chance,
    children,
    containers_ttl,
    create,
    delete,
    ephemeral,
    frames,
    malformed,
    multi,
    multi_read,
    order,
    paths,
    persistent_watches,
    quota,
    reads,
    restart,
    root,
    sequential,
    sessions,
    set_data,
    set_watches,
    system_nodes,
    watch_removal,
    watches,
)

STORIES: tuple[ModuleType, ...] = (
    *(
        root,
        create,
        paths,
        reads,
        set_data,
        delete,
        children,
        sequential,
        ephemeral,
        containers_ttl,
    ),
    *(acl, auth, multi, multi_read, watches, persistent_watches, watch_removal, set_watches),
    *(order, sessions, admin, malformed, frames, system_nodes, quota, chance, bursts, restart),
)
