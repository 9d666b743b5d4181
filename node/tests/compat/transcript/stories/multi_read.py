"""MultiRead: each result for itself, failures among successes, and what has no place in it."""

from __future__ import annotations

from ..operations import SubRequest
from ..run import Run
from ..verbs import check_op, create_op, get_children_op, get_data_op, set_data_op


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/multiread", b"data")
    a.create("/multiread/child", b"c")
    a.create("/multiread/null", None)
    a.create("/multiread/secret", b"s")
    a.set_acl("/multiread/secret", [(16, "world", "anyone")])
    a.multi_read()
    a.multi_read(get_data_op("/multiread"))
    a.multi_read(get_children_op("/multiread"))
    a.multi_read(
        get_data_op("/multiread"),
        get_children_op("/multiread"),
        get_data_op("/multiread/null"),
        get_data_op("/multiread/none"),
        get_children_op("/multiread/none"),
        get_data_op("/multiread/secret"),
        get_children_op("/multiread/secret"),
        get_data_op("/multiread/child"),
    )
    a.multi_read(get_data_op("/multiread/none"))
    a.multi_read(get_data_op("multiread"), get_data_op("/multiread/"))
    # The watch flag of an operation inside counts, or does not.
    a.multi_read(
        get_data_op("/multiread", watch=True),
        get_children_op("/multiread", watch=True),
        get_data_op("/multiread/none", watch=True),
    )
    a.create("/multiread/another", b"")
    a.set_data("/multiread", b"changed")
    a.ping()
    others: tuple[SubRequest, ...] = (
        ("exists", {"path": "/multiread", "watch": False}),
        ("getChildren2", {"path": "/multiread", "watch": False}),
        ("getACL", {"path": "/multiread"}),
        create_op("/multiread/never"),
        set_data_op("/multiread", b"never"),
        check_op("/multiread"),
    )
    for number, operation in enumerate(others):
        client = run.client(f"n{number}")
        client.multi_read(operation)
        client.ping()
        mixed = run.client(f"m{number}")
        mixed.multi_read(get_data_op("/multiread"), operation)
        mixed.ping()
    a.exists("/multiread/never")
    a.get_data("/multiread")
