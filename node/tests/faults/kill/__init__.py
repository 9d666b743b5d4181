"""The kill checker: a write load, a server that is killed under it, and a memory of what was acknowledged.

It knows the protocol and nothing of the server's inside; ZooKeeper passes it as well.
"""
