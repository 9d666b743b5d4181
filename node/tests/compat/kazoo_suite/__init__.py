"""kazoo's own test suite, run against ZooKeeper and against a node by the same command."""
