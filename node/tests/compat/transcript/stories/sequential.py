"""Sequential names: the parent's counter, who moves it, who does not, and odd prefixes."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL_SEQUENTIAL, SEQUENTIAL, create_op, delete_op


def story(run: Run) -> None:
    a = run.client("a")
    b = run.client("b")
    a.create("/seq", b"")
    a.create("/seq/n", b"", flags=SEQUENTIAL)
    b.create("/seq/n", b"", flags=SEQUENTIAL)
    a.create("/seq/m", b"", flags=EPHEMERAL_SEQUENTIAL)
    # Every create moves the counter, deletes do not, failed creates do not.
    a.create("/seq/plain", b"")
    a.create("/seq/n", b"", flags=SEQUENTIAL)
    a.delete("/seq/plain")
    a.create("/seq/plain/none", b"")
    a.create("/seq/n", b"", flags=SEQUENTIAL)
    a.create("/seq/plain", b"")
    a.create("/seq/plain", b"")
    a.create("/seq/n", b"", flags=SEQUENTIAL)
    a.exists("/seq")
    a.set_data("/seq", b"counter stays")
    a.create2("/seq/n", b"", flags=SEQUENTIAL)
    # The prefix may be empty or end in anything; only the whole name must be a path.
    a.create("/seq/", b"", flags=SEQUENTIAL)
    a.create("/seq/", b"", flags=EPHEMERAL_SEQUENTIAL)
    a.create("/seq/-", b"", flags=SEQUENTIAL)
    a.create("/seq/.", b"", flags=SEQUENTIAL)
    a.create("/seq/..", b"", flags=SEQUENTIAL)
    a.create("/seq//", b"", flags=SEQUENTIAL)
    a.create("seq/n", b"", flags=SEQUENTIAL)
    a.create("", b"", flags=SEQUENTIAL)
    a.create("/seq/none/n", b"", flags=SEQUENTIAL)
    # The name it would get may be taken already.
    a.create("/seq/taken", b"")
    a.create("/seq/taken/x0000000001", b"")
    a.create("/seq/taken/x", b"", flags=SEQUENTIAL)
    a.create("/seq/taken/x", b"", flags=SEQUENTIAL)
    # Inside a multi each sees the one before.
    a.multi(
        create_op("/seq/multi-", flags=SEQUENTIAL),
        create_op("/seq/multi-", flags=SEQUENTIAL),
        create_op("/seq/multi-", flags=EPHEMERAL_SEQUENTIAL),
        delete_op("/seq/plain"),
        create_op("/seq/multi-", flags=SEQUENTIAL),
    )
    a.multi(create_op("/seq/multi-", flags=SEQUENTIAL), delete_op("/seq/none"))
    a.create("/seq/after-a-failed-multi-", b"", flags=SEQUENTIAL)
    a.get_children2("/seq")
