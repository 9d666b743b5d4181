"""RaftKeeper: a coordination service that speaks the ZooKeeper protocol.

This file imports nothing, so that every command loads only what it needs.
"""
