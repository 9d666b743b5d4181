"""The process: composition, kopf, the Lease, health, metrics, wake-ups."""
