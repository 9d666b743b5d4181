"""The running node: the event loop, sockets, timers and threads live here and nowhere else.

`app` builds and runs a node, `driver` moves writes through log and engine, `client_protocol`
moves bytes. Admin surfaces are handed in from above; this package must not import them.
"""
