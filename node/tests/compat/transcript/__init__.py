"""A/B transcript: the same scripted requests to ZooKeeper and to a node, compared field by field."""
