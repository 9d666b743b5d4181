"""What the engine wants of the sockets: answers written, connections closed, held or read again.

One write for each socket. It decides nothing.
"""

from raftkeeper._engine import Engine
from raftkeeper.server.ensemble.ports import ClientSockets

CLOSE, ABORT, STOP_READING, READ_AGAIN = 1, 2, 3, 4


def write_replies(engine: Engine, clients: ClientSockets) -> None:
    """Everything that is answered by now, and what watches say."""
    writes = clients.writes
    for conn, data in engine.take_replies():
        write = writes.get(conn)
        if write is not None:
            write(data)


def obey_actions(engine: Engine, clients: ClientSockets) -> None:
    """What was answered before the order to close must leave before it."""
    write_replies(engine, clients)
    for conn, action, reason in engine.take_actions():
        client = clients.by_conn.get(conn)
        if client is None:
            continue
        if action == CLOSE:
            client.close(reason)
        elif action == ABORT:
            client.abort(reason)
        elif action == STOP_READING:
            client.hold()
        elif action == READ_AGAIN:
            client.release()
