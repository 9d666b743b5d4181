"""What the command that runs the suite and the plugin inside it agree on."""

PLUGIN = "tests.compat.kazoo_suite.plugin"

PEER_VARIABLE = "RAFTKEEPER_SUITE_PEER"
"""Which server, by its name in `peers.PEERS`."""

OUTCOMES_VARIABLE = "RAFTKEEPER_SUITE_OUTCOMES"
"""Where the plugin writes the outcome of each test, as JSON."""

ONLY_VARIABLE = "RAFTKEEPER_SUITE_ONLY"
"""The tests to run, one a line; all if it is empty."""

NODES_VARIABLE = "RAFTKEEPER_SUITE_NODES"
"""How many servers: 1, or the size of an ensemble."""
