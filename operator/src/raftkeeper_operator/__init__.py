"""The Kubernetes operator of RaftKeeper: turns a cluster's description into pods and members.

It talks to nodes over their documented network interfaces only and must never import `raftkeeper`:
the two are shipped in different images, at different versions.
"""

__version__ = "0.1.0"
