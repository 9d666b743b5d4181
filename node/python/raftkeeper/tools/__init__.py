"""The `raftkeeper` command and what stands behind its verbs. Nothing may import this package."""
