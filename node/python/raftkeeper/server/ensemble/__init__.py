"""What a node does because there are others: groups, barriers, digests, leadership, founding.

Everything but `founding` and `operations` is synchronous and owns no socket, clock or randomness:
they come through `ports`, so that the simulator runs the very same code. Each part is driven by
`server.driver`; the parts must not know each other.
"""
