"""Java clients: ZooKeeper's own shell and Curator, against both servers."""
