"""The harness that is shipped with the product: disks that fail, for tests and the simulator."""
