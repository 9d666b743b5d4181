"""How long writes stand still when the leader goes: RaftKeeper and ZooKeeper, three nodes each.

`make failover` measures it and writes docs/failover.md.
"""
