"""What the command that runs the suite and the plugin inside it agree on."""

PLUGIN = "tests.compat.kazoo_suite.plugin"

PEER_VARIABLE = "RAFTKEEPER_SUITE_PEER"
"""Which server, by its name in `peers.PEERS`."""

OUTCOMES_VARIABLE = "RAFTKEEPER_SUITE_OUTCOMES"
"""Where the plugin writes the outcome of each test, as JSON."""
