"""The operator-made CA of a cluster and the certificates it signs. No I/O, no clock."""
