"""Real nodes in network namespaces, under load, with everything that goes wrong around them.

`make faults` runs it. It knows the client protocol, the admin API and the kernel; of the server's
inside it knows nothing.
"""
