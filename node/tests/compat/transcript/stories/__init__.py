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
    extremes,
    frames,
    malformed,
    multi,
    multi_read,
    order,
    paths,
    persistent_watches,
    quota,
    quota_enforced,
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
    # First, on a server where nobody has been before.
    root,
    # The tree.
    *(create, paths, reads, set_data, delete, children, sequential, ephemeral, containers_ttl),
    *(acl, auth, multi, multi_read, system_nodes, quota),
    # Watches, sessions and the wire.
    *(watches, persistent_watches, watch_removal, set_watches, order, sessions, admin),
    *(malformed, frames, extremes),
    # What nobody wrote down; and the end.
    *(chance, bursts, quota_enforced, restart),
)
